#include "mishap/starlark/module.h"

#include <deque>

#include <fmt/format.h>

#include "mishap/starlark/operations.h"

#include "code.h"
#include "utf8.h"

namespace mishap::starlark {

LoadedModule::LoadedModule(std::shared_ptr<const Program> program)
    : program_(std::move(program)), globals_(program_->global_names.size()) {}

LoadedModule::~LoadedModule() = default;

const std::string& LoadedModule::name() const { return program_->name; }
std::string_view LoadedModule::doc() const { return program_->doc; }

std::vector<LoadedModule::Global> LoadedModule::globals() const {
  std::vector<Global> result;
  for (size_t i = 0; i < globals_.size(); ++i) {
    if (globals_[i].is_valid() && !program_->global_is_loaded[i]) {
      result.push_back({program_->global_names[i], globals_[i]});
    }
  }
  return result;
}

Value LoadedModule::global(std::string_view name) const {
  for (size_t i = 0; i < globals_.size(); ++i) {
    if (!program_->global_is_loaded[i] && program_->global_names[i] == name) return globals_[i];
  }
  return {};
}

void LoadedModule::append_repr(std::string& out) const {
  out += fmt::format("<module {}>", quote(name()));
}

void LoadedModule::visit_children(const ValueVisitor& visit) {
  for (Value& value : globals_) visit(value);
}

// By a work list: values may be nested deeper than the C++ stack.
void freeze(const Value& value) {
  std::deque<Object*> work;
  const auto add = [&](const Value& next) {
    if (!next.is_object() || next.object()->frozen_) return;
    // A function refers to its module, whose variables are frozen when its file has ended, not
    // before.
    if (host_cast<LoadedModule>(next) != nullptr) return;
    next.object()->frozen_ = true;
    work.push_back(next.object());
  };
  add(value);
  while (!work.empty()) {
    Object* object = work.front();
    work.pop_front();
    object->visit_children([&](Value& child) { add(child); });
  }
}

}  // namespace mishap::starlark
