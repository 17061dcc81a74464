#include "filter_scan.h"

#include "fault_collector.h"
#include "function_index.h"
#include "values.h"

namespace mishap::spec {
namespace {

/// Follows a test's functions through names and through values that hold functions.
class Walk {
 public:
  Walk(const World& world, const FunctionIndex& index) : world_(world), index_(index) {}

  Reached from(const std::vector<Value>& entries) {
    for (const Value& entry : entries) reach(entry);
    while (!frontier_.empty()) {
      const FunctionText* text = frontier_.back();
      frontier_.pop_back();
      reached_.hands_on = reached_.hands_on || text->hands_on;
      reached_.hands_on_partition = reached_.hands_on_partition || text->hands_on_partition;
      for (const auto& name : text->mentions) reach_name(name);
    }
    return std::move(reached_);
  }

 private:
  void reach(const FunctionText* text) {
    if (text != nullptr && reached_.texts.insert(text).second) frontier_.push_back(text);
  }

  void reach_name(const std::string& name) {
    auto [first, last] = index_.by_name.equal_range(name);
    for (auto at = first; at != last; ++at) reach(at->second);
    auto [global, last_global] = world_.globals.equal_range(name);
    for (; global != last_global; ++global) reach(global->second);
    auto [origin, last_origin] = index_.renamed.equal_range(name);
    for (; origin != last_origin; ++origin) {
      if (names_.insert(origin->second).second) reach_name(origin->second);
    }
  }

  /// Functions, and what holds some: lists, dicts, structs, closures.
  void reach(const Value& value) {
    std::vector<Value> open = {value};
    while (!open.empty()) {
      Value next = open.back();
      open.pop_back();
      if (!next.is_object() || !seen_.insert(next.object()).second) continue;
      // A function refers to its whole file, which its names are looked up in anyway.
      if (starlark::host_cast<starlark::LoadedModule>(next) != nullptr) continue;
      if (next.kind() == starlark::Kind::kFunction) {
        reach(index_.find(next.as<starlark::FunctionObject>()));
      }
      if (next.kind() == starlark::Kind::kBuiltin) {
        std::string_view name = next.as<starlark::Builtin>().name();
        reached_.hands_on = reached_.hands_on || is_fault_builtin(name);
        reached_.hands_on_partition = reached_.hands_on_partition || is_partition_builtin(name);
      }
      if (const auto* assumption = starlark::host_cast<AssumptionValue>(next)) {
        reached_.assumptions.push_back(assumption);
      }
      next.object()->visit_children([&](Value& child) { open.push_back(child); });
    }
  }

  const World& world_;
  const FunctionIndex& index_;
  Reached reached_;
  std::vector<const FunctionText*> frontier_;
  std::set<const starlark::Object*> seen_;
  std::set<std::string> names_;
};

}  // namespace

FilterScan::FilterScan(const World& world)
    : world_(world), index_(std::make_unique<FunctionIndex>(world)) {}

FilterScan::~FilterScan() = default;

ScanResult FilterScan::scan(const std::vector<Value>& entries) const {
  return collect(world_, *index_, Walk(world_, *index_).from(entries));
}

}  // namespace mishap::spec
