// What all builtins of a spec share: the interpreter, what has been declared so far, and the cell
// that runs, if one does.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mishap/cell/session.h"
#include "mishap/spec/spec.h"
#include "mishap/starlark/starlark.h"

#include "baton.h"

namespace mishap::spec {

using starlark::CallContext;
using starlark::Heap;
using starlark::Thread;
using starlark::Value;

/// Error codes by which a failed assertion and its like are told from other errors when they come
/// out of the interpreter.
inline constexpr int kAssertionFailed = -2001;
inline constexpr int kHalted = -2002;
inline constexpr int kWaitCancelled = -2003;
inline constexpr int kFailCalled = -2004;  ///< fail(), where the message no longer begins with it

/// One test as declared; `info.kind` says which builtin made it.
struct TestDeclaration {
  TestInfo info;
  Value body;                      ///< the scenario or test function
  Value setup;                     ///< invalid: none
  Value expect;                    ///< invalid: none
  std::vector<Value> properties;   ///< PropertyValue, of test(expect=)
  Value terminate_when;            ///< PropertyValue; invalid: none
  std::vector<Value> assume;       ///< callables and truths
  std::vector<Value> assumptions;  ///< AssumptionValue, in order
  std::vector<Value> monitors;     ///< MonitorValue that this test claims
  std::optional<Nanoseconds> timeout;
  Nanoseconds drain = std::chrono::seconds(3);
  bool require_faults_fire = false;
};

struct ServiceHooks {
  Value seed, reset;  ///< invalid: none
};

struct Declarations {
  std::vector<engine::Service> services;
  std::map<std::string, ServiceHooks> hooks;
  std::map<std::string, Value> service_values;  ///< ServiceValue by name
  std::vector<TestDeclaration> tests;
  std::vector<MatrixInfo> matrices;
  std::map<std::string, Value> assumptions;   ///< by name; a later one replaces
  std::vector<Value> monitors;                ///< made at module level, in order
  std::set<const starlark::Object*> claimed;  ///< monitors that something lists
  std::vector<Value> properties;              ///< made at module level, in order
  std::set<const starlark::Object*> used;     ///< properties that a test lists
  /// Services that filters name, which may be declared below: looked up when all is loaded.
  std::vector<std::pair<std::string, SourcePos>> filtered;

  const engine::Service* find_service(std::string_view name) const;
};

/// What a running piece of Starlark is part of; decides which builtins it may call.
enum class TaskKind { load, seed, setup, body, expectation, monitor, predicate };

class World {
 public:
  explicit World(std::filesystem::path root);
  ~World();

  const std::filesystem::path root;       ///< the spec, as the user named it
  const std::filesystem::path directory;  ///< of the spec, absolute
  starlark::Interpreter interpreter;
  Declarations declarations;
  std::vector<LoadMessage> messages;         ///< warnings and infos
  std::map<std::string, std::string> files;  ///< what loading read: shown path → content
  std::set<std::string> modules;             ///< those of them that are Starlark
  /// Of all loaded files; a name that means several things has several entries.
  std::multimap<std::string, Value, std::less<>> globals;
  Baton baton;
  cell::Session* session = nullptr;  ///< set while a cell runs
  std::string running_test;
  uint64_t assertion_count = 0;
  std::optional<event::AssertionFailure> assertion;  ///< of the last assertion that failed
  bool hung = false;  ///< the scenario did not return in time (for expect_hang)
  std::map<uint64_t, std::vector<cell::WindowHandle>>
      started_windows;  ///< by service value: fault_start, trace_start
  /// By the two services, in order of their names: partition_start.
  std::map<std::pair<std::string, std::string>, cell::WindowHandle> started_partitions;

  std::vector<Value> kept;  ///< values that native code refers to beyond the call that made them

  void add_message(LoadMessage::Level level, const SourcePos& pos, std::string message);

 private:
  std::unique_ptr<starlark::ModuleLoader> loader_;
};

/// Per Thread: Thread::user points at one of these.
struct Task {
  World& world;
  TaskKind kind = TaskKind::load;
};

Task& task_of(const Thread& thread);
World& world_of(const CallContext& call);
World& world_of(const Thread& thread);

/// The running session. Error: "NAME() cannot be called while the spec loads; call it from a test",
/// or from a monitor or predicate.
Result<cell::Session*> session_of(const CallContext& call);
/// As above, for a builtin that waits or acts on services: also refused in monitors and predicates.
Result<cell::Session*> acting_session_of(const CallContext& call);
/// Error unless the spec is loading: "NAME() declares something; call it at the top level of the
/// spec".
Result<void> require_loading(const CallContext& call);

/// Adds every builtin and predeclared module (builtins_*.cpp).
void install_builtins(World& world);
void install_topology(World& world);
void install_parts(World& world);
void install_tls(World& world);
void install_observation(World& world);
void install_faults(World& world);
void install_tests(World& world);
void install_matrix(World& world);
void install_windows(World& world);
void install_partitions(World& world);
void install_links(World& world);
void install_assertions(World& world);
void install_monitors(World& world);
void install_temporal(World& world);
void install_waits(World& world);
void install_assumptions(World& world);
void install_files(World& world);

/// Predeclares a function.
void define(World& world, starlark::Signature signature, starlark::NativeFunction body);

/// A record the way evaluation errors become messages: rendered with source lines of the files that
/// were read.
LoadMessage render_error(const World& world, const starlark::Diagnostic& error, std::string code);
std::string render_backtrace(const World& world, const starlark::EvalError& error);
std::string source_line(const World& world, const SourcePos& pos);

}  // namespace mishap::spec
