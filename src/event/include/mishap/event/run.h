// A run as reporters see it: what was planned, what each test came to, in one stream of calls.
//
// A reporter never asks a live session anything: everything it prints comes from here, so a saved
// run gives the same report as a live one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mishap/base/json.h"
#include "mishap/base/source_pos.h"
#include "mishap/event/event.h"

namespace mishap::event {

/// What a test came to. Order is of severity for the exit code where it matters (exit_code in
/// run.cpp has the table).
enum class Verdict {
  passed,
  vacuous,  ///< expectation held, but a declared fault never took effect
  failed,   ///< an assertion in the body, or a monitor
  expectation_violated,
  errored,       ///< a service or the spec broke
  inconclusive,  ///< a deadline hit with something pending, or a source broke
  halted,
  tool_error,  ///< Mishap could not do its job
  not_run,     ///< interrupted before it started
};
std::string_view to_string(Verdict verdict);  ///< "passed", "expectation_violated", …
/// The reference's `result` string: pass, fail, error, inconclusive, halted; "not_run" for not_run.
std::string_view result_word(Verdict verdict);

/// One declared rule of a test and what became of it.
struct FaultCount {
  std::string service;
  std::string interface;  ///< "" for syscall rules and partitions
  std::string text;       ///< as written: "write=deny(ENOSPC)"
  std::string assumption;
  std::string label;
  std::string action;  ///< deny delay trace error respond drop partition …
  std::string detail;  ///< errno name, duration, or direction of a partition
  uint64_t matched = 0;
  uint64_t applied = 0;
  bool may_not_fire = false;
  std::string instead;  ///< when applied == 0: the nearest thing that did happen, a sentence
  SourcePos pos;
};

/// The fault and where it is: "write=deny(EIO) on db", "drop() on db.pg", "partition(api, db)".
std::string placed_text(const FaultCount& fault);

/// An assertion that failed, as recorded by the assertion itself.
struct AssertionFailure {
  std::string func;              ///< "assert_eq"
  std::string expected, actual;  ///< reprs, may be empty
  std::string message;
  SourcePos pos;
};

/// What became of an eventually() or always() of a test.
struct PropertyResult {
  std::string name;     ///< "eventually(settled)"
  std::string verdict;  ///< "pass", "fail", "pending"
  std::string why;      ///< of what did not pass
  std::string vacuous;  ///< why it holds only because it was never asked; "" elsewhere
};

struct Diagnostic {
  std::string level;  ///< "info", "warning"
  std::string code;   ///< "TEST_NO_ASSERTIONS"
  std::string message;
  std::string suggestion;
  std::string service;
};

/// So many lines of a service's output a report shows; the run saves what is longer.
inline constexpr size_t kShownOutputLines = 10;

/// What a service printed, for red tests: short text whole, long text saved to a file.
struct ServiceOutput {
  std::string service;
  std::string tail;      ///< last lines, stdout and stderr as they came, redacted
  std::string saved_to;  ///< path of the whole output when it was longer; "" otherwise
};

struct TestResult {
  std::string name;             ///< "test_matrix_create_user_db_down"
  std::string kind;             ///< test, scenario, fault_scenario, matrix
  std::string scenario, fault;  ///< of a matrix cell
  Verdict verdict = Verdict::passed;
  std::string reason;        ///< why not passed, for people
  std::string failure_type;  ///< assertion monitor property timeout service_start error; or ""
  std::string backtrace;     ///< rendered call stack with source lines; may be empty
  SourcePos pos;             ///< where the reason arose in the spec, or the test's declaration
  std::string source_line;   ///< text of that line
  uint64_t seed = 0;
  int run = 0;  ///< index among --runs
  std::chrono::milliseconds duration{0};
  std::chrono::milliseconds startup{0};  ///< of which services took to be ready
  std::optional<std::string> return_value;
  std::string replay_command;
  std::string expectation;  ///< name of the expectation, "" when none
  std::optional<AssertionFailure> assertion;
  uint64_t assertions = 0;                 ///< evaluated
  std::vector<PropertyResult> properties;  ///< in order of their registration
  bool drain_limit_hit = false;
  bool require_faults_fire = false;  ///< when vacuous, the run fails
  std::vector<FaultCount> faults;
  std::vector<Diagnostic> diagnostics;
  std::vector<std::string>
      notes;  ///< information: which program answers an image, overlay missing, …
  std::vector<ServiceOutput> outputs;  ///< of red tests
  std::string kept;                    ///< directory left by --keep
  std::vector<Event> events;
};

/// What a run is going to do.
struct RunPlan {
  std::string spec;       ///< path as typed
  std::string spec_hash;  ///< SHA-256 of all files read
  std::string tool_version;
  uint64_t seed = 0;
  std::string seed_origin;  ///< cli, cached, generated
  int jobs = 1;
  int runs = 1;
  struct Test {
    std::string name, kind, scenario, fault;
  };
  std::vector<Test> tests;  ///< in order of names
  struct Matrix {
    std::vector<std::string> scenarios, faults;
    std::vector<std::pair<std::string, std::string>> excluded;
  };
  std::vector<Matrix> matrices;
  /// Service name -> what answers for it, for people: "postgres:16 → PostgreSQL 15 from …
  /// (catalogue)".
  std::vector<std::pair<std::string, std::string>> services;
};

struct RunSummary {
  std::chrono::milliseconds duration{0};
  bool interrupted = false;
  std::vector<Diagnostic> diagnostics;  ///< of the suite
};

/// Receives a run. Calls come on one thread, in this order: plan, (started, finished)*, summary.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  virtual void on_plan(const RunPlan&) {}
  virtual void on_started(const std::string& /*test*/, int /*run*/) {}
  virtual void on_finished(const TestResult&) {}
  virtual void on_summary(const RunSummary&) {}
};

/// 1 if any tool_error, else 2 if any failed/violated/errored (or vacuous with `strict`), else 3 if
/// any inconclusive, else 0.
int exit_code(const std::vector<Verdict>& verdicts, bool strict);

/// The form in which a worker hands its result to the coordinator, and the bundle keeps it.
/// `events` travel inside.
Json to_json(const TestResult& result);
Result<TestResult> test_result_from_json(const Json& json);

}  // namespace mishap::event
