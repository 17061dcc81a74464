#include "forbidden_names.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "mishap/starlark/ast.h"
#include "mishap/starlark/parser.h"
#include "mishap/starlark/resolver.h"

namespace mishap::spec {
namespace {

namespace ast = starlark::ast;

constexpr std::array<std::string_view, 30> kForMonitors = {"fault",
                                                           "fault_all",
                                                           "fault_start",
                                                           "fault_stop",
                                                           "fault_assumption",
                                                           "fault_scenario",
                                                           "fault_matrix",
                                                           "service",
                                                           "interface",
                                                           "mock_service",
                                                           "assert_true",
                                                           "assert_eq",
                                                           "assert_eventually",
                                                           "assert_never",
                                                           "assert_before",
                                                           "parallel",
                                                           "partition",
                                                           "nondet",
                                                           "scenario",
                                                           "eventually",
                                                           "always",
                                                           "monitor",
                                                           "await_stable",
                                                           "await_event",
                                                           "sleep",
                                                           "determinism",
                                                           "trace",
                                                           "trace_start",
                                                           "trace_stop",
                                                           "events"};

constexpr std::array<std::string_view, 24> kForAssumptions = {
    "fault",          "fault_all",         "fault_start",  "fault_stop",   "fault_assumption",
    "fault_scenario", "fault_matrix",      "service",      "interface",    "mock_service",
    "parallel",       "partition",         "halt",         "eventually",   "always",
    "monitor",        "await_stable",      "await_event",  "sleep",        "assert_true",
    "assert_eq",      "assert_eventually", "assert_never", "assert_before"};

/// A callback as written in a call, and what it must not mention.
struct Callback {
  const char* builtin;    ///< the call is spelled so
  const char* parameter;  ///< "": by position only
  size_t position;
  std::span<const std::string_view> forbidden;
  const char* sees;
};

constexpr const char* kOfMonitor =
    "update= and check= of a monitor only look at the event and the state";
constexpr const char* kOfAssume = "predicates of assume only look at the choices";

const std::array kCallbacks = {
    Callback{"monitor", "update", 3, kForMonitors, kOfMonitor},
    Callback{"monitor", "check", 4, kForMonitors, kOfMonitor},
    Callback{"assume", "", 0, kForAssumptions, kOfAssume},
    Callback{"test", "assume", 6, kForAssumptions, kOfAssume},
};

/// Every name in an expression, those of lambdas' parameters included.
class Names : public ast::Visitor {
 public:
  bool visit(const ast::Expr& expr) override {
    if (const auto* name = ast::if_a<const ast::Identifier>(&expr)) found.push_back(name);
    return true;
  }
  std::vector<const ast::Identifier*> found;
};

/// Looks through the calls of one file.
class Calls : public ast::Visitor {
 public:
  Calls(const World& world, std::string file, std::vector<LoadMessage>& errors)
      : world_(world), file_(std::move(file)), errors_(errors) {}

  bool visit(const ast::Expr& expr) override {
    if (const auto* call = ast::if_a<const ast::CallExpr>(&expr)) check(*call);
    return true;
  }

 private:
  void check(const ast::CallExpr& call) {
    const auto* callee =
        ast::if_a<const ast::Identifier>(static_cast<const ast::Expr*>(call.function));
    if (callee == nullptr || callee->binding.scope != ast::Scope::kPredeclared) return;
    for (const Callback& callback : kCallbacks) {
      if (callee->name != callback.builtin) continue;
      for (size_t i = 0; i < call.arguments.size(); ++i) {
        const ast::Argument& argument = call.arguments[i];
        bool meant =
            argument.kind == ast::ArgumentKind::kPositional
                ? i == callback.position
                : argument.kind == ast::ArgumentKind::kNamed && argument.name == callback.parameter;
        if (meant) check(*argument.value, callback);
      }
    }
  }

  void check(const ast::Expr& written, const Callback& callback) {
    Names names;
    ast::walk(written, names);
    for (const auto* name : names.found) {
      if (std::find(callback.forbidden.begin(), callback.forbidden.end(), name->name) ==
          callback.forbidden.end()) {
        continue;
      }
      starlark::Diagnostic error;
      error.message =
          fmt::format("[SPEC_FORBIDDEN_LAMBDA] {}: {}{}must not mention {}: {}", callback.builtin,
                      callback.parameter, *callback.parameter == 0 ? "its predicate " : "= ",
                      name->name, callback.sees);
      error.pos = {file_, static_cast<int>(name->span.begin.line),
                   static_cast<int>(name->span.begin.column)};
      errors_.push_back(render_error(world_, error, "SPEC_FORBIDDEN_LAMBDA"));
    }
  }

  const World& world_;
  const std::string file_;
  std::vector<LoadMessage>& errors_;
};

}  // namespace

std::vector<LoadMessage> check_callbacks(const World& world) {
  std::vector<std::string> predeclared, universal;
  for (const auto& [name, value] : world.interpreter.predeclared()) predeclared.push_back(name);
  for (const auto& [name, value] : world.interpreter.library().universe) {
    universal.emplace_back(name);
  }
  std::vector<LoadMessage> errors;
  for (const auto& file : world.modules) {
    auto parsed = starlark::parse(file, world.files.at(file), world.interpreter.dialect());
    if (!parsed.module) continue;
    starlark::resolve(*parsed.module, {predeclared, universal}, world.interpreter.dialect());
    Calls calls(world, file, errors);
    ast::walk(parsed.module->toplevel->body, calls);
  }
  return errors;
}

}  // namespace mishap::spec
