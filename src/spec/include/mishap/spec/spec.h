// A loaded spec: its declarations as plain values, and the way into its Starlark code.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mishap/base/result.h"
#include "mishap/cell/plan.h"
#include "mishap/cell/script.h"
#include "mishap/engine/service.h"

namespace mishap::spec {

/// One message of loading or checking: an error stops, an information ("newer spelling: …") does
/// not.
struct LoadMessage {
  enum class Level { error, warning, info } level = Level::error;
  std::string code;     ///< "SPEC_SYNTAX", "SPEC_LOAD_FAILED", …
  std::string message;  ///< one line, without position
  std::string hint;     ///< what to do, when that is not in the message; "" elsewhere
  SourcePos pos;
  std::string
      rendered;  ///< several lines: position, source line with caret, call stack, remedy; no colour
};

struct TestInfo {
  std::string name;  ///< "test_matrix_create_user_db_down"
  std::string kind;  ///< test, scenario, fault_scenario, matrix
  std::string scenario, fault;
  SourcePos pos;
};

struct MatrixInfo {
  std::vector<std::string> scenarios, faults;
  std::vector<std::pair<std::string, std::string>> excluded;
};

/// Everything a spec declared. Loading starts nothing. One thread; after a fork the child owns its
/// own copy.
class Spec {
 public:
  virtual ~Spec() = default;
  virtual const std::filesystem::path& path() const = 0;
  virtual const std::vector<engine::Service>& services() const = 0;
  /// Sorted bytewise by name.
  virtual const std::vector<TestInfo>& tests() const = 0;
  virtual const std::vector<MatrixInfo>& matrices() const = 0;
  virtual size_t assumption_count() const = 0;
  /// Files that loading read, with their contents, keyed by path: the snapshot that a run is about.
  virtual const std::map<std::string, std::string>& files() const = 0;
  virtual const std::vector<LoadMessage>& messages() const = 0;  ///< warnings and infos

  /// What the cell of a test is to do, `seed` and `run` included.
  virtual cell::CellPlan plan(const TestInfo& test, uint64_t seed, int run) const = 0;
  /// The test's Starlark, to be run once, in the worker. The spec outlives it.
  virtual std::unique_ptr<cell::Script> script(const TestInfo& test) = 0;
};

struct LoadOutcome {
  std::unique_ptr<Spec> spec;         ///< null when there are errors
  std::vector<LoadMessage> messages;  ///< errors first when it failed; else warnings and infos
};

/// Loads and validates. `print` lines of the spec go to stderr.
LoadOutcome load(const std::filesystem::path& path);

}  // namespace mishap::spec
