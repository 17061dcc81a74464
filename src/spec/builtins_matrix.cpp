// fault_matrix: scenarios × faults, one test each.
#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/text.h"

#include "binding.h"
#include "test_arguments.h"
#include "values.h"
#include "world.h"

namespace mishap::spec {
namespace {

using starlark::Signature;
namespace types = starlark::types;

enum MatrixArg : size_t {
  kScenarios,
  kColumns,
  kDefaultExpect,
  kOverrides,
  kExclude,
  kMatrixMonitors,
  kRequireFire,
  kMatrixTimeout,
  kMatrixDrain
};

/// The matrix while it is being declared.
struct Matrix {
  std::vector<Value> scenarios, faults;
  MatrixInfo info;
  std::map<std::pair<size_t, size_t>, Value> overrides;
  std::set<std::pair<size_t, size_t>> excluded;
};

const std::string& assumption_name(const Value& value) {
  return starlark::host_cast<AssumptionValue>(value)->value.name;
}

/// (scenario, fault).
bool is_pair(const Value& key) {
  if (!key.is_tuple() || key.as<starlark::Tuple>().size() != 2) return false;
  const auto& pair = key.as<starlark::Tuple>();
  return starlark::is_callable(pair[0]) && starlark::host_cast<AssumptionValue>(pair[1]) != nullptr;
}

/// Row and column of a pair: by identity first, then by name. Nothing when it is
/// outside the product.
std::optional<std::pair<size_t, size_t>> locate(const Matrix& matrix, const Value& key) {
  const Value& scenario = key.as<starlark::Tuple>()[0];
  const Value& fault = key.as<starlark::Tuple>()[1];
  auto find = [](const std::vector<Value>& values, const Value& wanted,
                 auto name) -> std::optional<size_t> {
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i].identical(wanted)) return i;
    }
    for (size_t i = 0; i < values.size(); ++i) {
      if (name(values[i]) == name(wanted)) return i;
    }
    return std::nullopt;
  };
  auto row = find(matrix.scenarios, scenario, callable_name);
  auto column = find(matrix.faults, fault, assumption_name);
  if (!row || !column) return std::nullopt;
  return std::pair(*row, *column);
}

std::string pair_text(const Value& pair) {
  const auto& both = pair.as<starlark::Tuple>();
  return fmt::format("({}, {})", callable_name(both[0]), assumption_name(both[1]));
}

void warn_of_pair(CallContext& call, std::string_view argument, const Value& pair,
                  std::string_view why) {
  world_of(call).add_message(
      LoadMessage::Level::warning, call.thread().caller_pos(),
      fmt::format("fault_matrix: {} names {}, which {}", argument, pair_text(pair), why));
}

/// The cell that a key of overrides= or an item of exclude= means. Nothing, with a warning, when
/// the matrix has no such cell.
Result<std::optional<std::pair<size_t, size_t>>> cell_of(CallContext& call, const Matrix& matrix,
                                                         std::string_view argument,
                                                         const Value& key) {
  if (!is_pair(key)) {
    return call.error(
        fmt::format("{}: {} is no pair (scenario, fault) of a function and a "
                    "fault_assumption",
                    argument, starlark::repr(key)));
  }
  auto cell = locate(matrix, key);
  if (!cell) warn_of_pair(call, argument, key, "is not a cell of this matrix");
  return cell;
}

/// Rows and columns: what they are, and that none comes twice.
Result<void> read_axes(CallContext& call, Matrix& matrix) {
  auto scenarios = call.object<starlark::List>(kScenarios).items();
  matrix.scenarios.assign(scenarios.begin(), scenarios.end());
  MISHAP_ASSIGN(matrix.faults, assumption_list(call, call[kColumns]));
  if (matrix.scenarios.empty()) return call.error("scenarios is empty");
  if (matrix.faults.empty()) return call.error("faults is empty");
  auto add = [&](std::vector<std::string>& names, const char* list,
                 std::string name) -> Result<void> {
    if (std::find(names.begin(), names.end(), name) != names.end())
      return call.error(fmt::format("{}: two are called {}", list, name));
    names.push_back(std::move(name));
    return {};
  };
  for (const Value& scenario : matrix.scenarios) {
    std::string item = item_name("scenarios", matrix.info.scenarios.size());
    if (!starlark::is_callable(scenario))
      return wrong_type(call, item, scenario, types::kCallable.described("function"));
    MISHAP_TRY(require_arity(call, item, scenario, {}));
    MISHAP_TRY(add(matrix.info.scenarios, "scenarios", callable_name(scenario)));
  }
  for (const Value& fault : matrix.faults)
    MISHAP_TRY(add(matrix.info.faults, "faults", assumption_name(fault)));
  return {};
}

Result<void> read_overrides(CallContext& call, Matrix& matrix) {
  for (const auto& entry : call.object<starlark::Dict>(kOverrides).table().entries()) {
    if (!entry.key.is_valid()) continue;
    MISHAP_ASSIGN(auto cell, cell_of(call, matrix, "overrides", entry.key));
    std::string name = fmt::format("overrides[{}]", pair_text(entry.key));
    if (!starlark::is_callable(entry.value) && !entry.value.is_none())
      return wrong_type(call, name, entry.value, types::kCallable | types::kNone);
    MISHAP_TRY(require_arity(call, name, entry.value, kResult));
    if (cell && matrix.excluded.contains(*cell))
      warn_of_pair(call, "overrides", entry.key, "is excluded");
    else if (cell)
      matrix.overrides[*cell] = entry.value;
  }
  return {};
}

Result<Matrix> read_matrix(CallContext& call) {
  Matrix matrix;
  MISHAP_TRY(read_axes(call, matrix));
  if (call.has(kDefaultExpect))
    MISHAP_TRY(require_arity(call, "default_expect", call[kDefaultExpect], kResult));
  if (call.has(kExclude)) {
    for (const Value& key : call.object<starlark::List>(kExclude).items()) {
      MISHAP_ASSIGN(auto cell, cell_of(call, matrix, "exclude", key));
      if (cell) matrix.excluded.insert(*cell);
    }
  }
  if (call.has(kOverrides)) MISHAP_TRY(read_overrides(call, matrix));
  for (const auto& [row, column] : matrix.excluded) {
    matrix.info.excluded.emplace_back(matrix.info.scenarios[row], matrix.info.faults[column]);
  }
  if (matrix.excluded.size() == matrix.scenarios.size() * matrix.faults.size()) {
    world_of(call).add_message(LoadMessage::Level::warning, call.thread().caller_pos(),
                               "fault_matrix: every cell is excluded, so it has no test");
  }
  return matrix;
}

Result<Value> declare_matrix(CallContext& call) {
  MISHAP_TRY(require_loading(call));
  MISHAP_ASSIGN(Matrix matrix, read_matrix(call));
  TestDeclaration common;
  common.info.kind = "matrix";
  common.info.pos = call.thread().caller_pos();
  if (call.has(kMatrixMonitors)) {
    MISHAP_ASSIGN(common.monitors, claim_monitors(call, call[kMatrixMonitors]));
  }
  common.require_faults_fire = call.has(kRequireFire) && call.boolean(kRequireFire);
  MISHAP_ASSIGN(common.timeout, timeout_of(call, kMatrixTimeout));
  MISHAP_TRY(take_drain(call, kMatrixDrain, common));
  for (size_t row = 0; row < matrix.scenarios.size(); ++row) {
    for (size_t column = 0; column < matrix.faults.size(); ++column) {
      if (matrix.excluded.contains({row, column})) continue;
      TestDeclaration cell = common;
      cell.info.scenario = matrix.info.scenarios[row];
      cell.info.fault = matrix.info.faults[column];
      cell.info.name = fmt::format("test_matrix_{}_{}", cell.info.scenario, cell.info.fault);
      cell.body = matrix.scenarios[row];
      cell.assumptions = {matrix.faults[column]};
      if (call.has(kDefaultExpect)) cell.expect = call[kDefaultExpect];
      if (auto own = matrix.overrides.find({row, column}); own != matrix.overrides.end()) {
        cell.expect = own->second.is_none() ? Value() : own->second;
      }
      MISHAP_TRY(add_test(call, std::move(cell)));
    }
  }
  world_of(call).declarations.matrices.push_back(std::move(matrix.info));
  return Value::none();
}

}  // namespace

void install_matrix(World& world) {
  define(world,
         Signature("fault_matrix")
             .keyword_only()
             .required("scenarios", types::kList)
             .required("faults", types::kList)
             .nullable("default_expect", types::kCallable)
             .nullable("overrides", types::kDict)
             .nullable("exclude", types::kList)
             .nullable("monitors", types::kList)
             .nullable("require_faults_fire", types::kBool)
             .nullable("timeout", kDurationType)
             .nullable("drain", kDurationType),
         declare_matrix);
}

}  // namespace mishap::spec
