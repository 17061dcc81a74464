#include "mishap/starlark/function.h"

#include <algorithm>
#include <atomic>

#include "mishap/starlark/module.h"

#include "code.h"

namespace mishap::starlark {

ast::Position Code::position_at(size_t instruction) const {
  ast::Position found = pos;
  size_t low = 0;
  size_t high = positions.size();
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (positions[middle].from <= instruction) {
      found = positions[middle].pos;
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return found;
}

ast::Position Code::operand_position(size_t instruction) const {
  const auto found = std::lower_bound(
      operand_positions.begin(), operand_positions.end(), instruction,
      [](const OperandPosition& each, size_t wanted) { return each.instruction < wanted; });
  const bool known = found != operand_positions.end() && found->instruction == instruction;
  return known ? found->pos : position_at(instruction);
}

uint64_t Code::next_serial() {
  static std::atomic<uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

SourcePos Code::source_pos(ast::Position at) const { return {program->name, at.line, at.column}; }

FunctionObject::FunctionObject(const Code& code, LoadedModule& module, std::vector<Value> defaults,
                               std::vector<Value> cells)
    : Container(Kind::kFunction),
      program_(module.program_),
      code_(&code),
      module_(&module),
      module_reference_(&module),
      defaults_(std::move(defaults)),
      cells_(std::move(cells)) {}

FunctionObject::~FunctionObject() = default;

std::string_view FunctionObject::name() const { return code_->name; }
SourcePos FunctionObject::pos() const { return code_->source_pos(code_->pos); }
std::string_view FunctionObject::doc() const { return code_->doc; }
bool FunctionObject::has_varargs() const { return code_->has_varargs; }
bool FunctionObject::has_kwargs() const { return code_->has_kwargs; }

std::vector<FunctionObject::Param> FunctionObject::params() const {
  std::vector<Param> params;
  const size_t first_default = code_->param_count - code_->default_count;
  for (size_t i = 0; i < code_->param_count; ++i) {
    Param param{code_->local_names[i], i >= code_->positional_count(), Value()};
    if (i >= first_default && i - first_default < defaults_.size())
      param.default_value = defaults_[i - first_default];
    params.push_back(std::move(param));
  }
  return params;
}

void FunctionObject::visit_children(const ValueVisitor& visit) {
  visit(module_reference_);
  for (Value& value : defaults_) visit(value);
  for (Value& value : cells_) visit(value);
}

}  // namespace mishap::starlark
