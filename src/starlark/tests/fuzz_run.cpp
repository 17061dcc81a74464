// Any program, run for a limited number of steps in limited memory: it ends, its errors have a text
// and a place, and a second run of it does the same.
#include "mishap/starlark/starlark.h"

#include "fuzzing.h"
#include "running.h"

namespace mishap::testing {
namespace {

using namespace starlark;

constexpr uint64_t kSteps = 2000;
constexpr uint64_t kMemoryBytes = 16U << 20;

struct Ran {
  std::string result;
  std::vector<std::string> printed;
  bool operator==(const Ran&) const = default;
};

Ran run(const std::string& text, const Dialect& dialect) {
  testing_support::Running running(dialect);
  Heap& heap = running.interpreter.heap();
  running.interpreter.predeclare("json", make_json_module(heap));
  running.interpreter.predeclare("math", make_math_module(heap));
  running.interpreter.predeclare("struct", make_struct_function(heap));
  heap.set_limit(heap.used() + kMemoryBytes);
  running.thread.set_step_limit(kSteps);
  Ran ran;
  const ModuleOutcome module = running.interpreter.execute(running.thread, {"fuzz.star", text});
  if (module) {
    for (const LoadedModule::Global& global : (*module)->globals())
      ran.result += global.name + " = " + repr(global.value) + "\n";
  } else {
    MISHAP_CHECK(!module.error().message.empty());
    ran.result = traceback(module.error());
  }
  MISHAP_CHECK(heap.used() <= heap.limit() + (8U << 20), "{} bytes", heap.used());
  ran.printed = std::move(running.printed);
  return ran;
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  return testing_support::script_seeds({testing_support::kEveryOption});
}

/// The first byte is the dialect.
void fuzz_one(std::string_view input) {
  FuzzInput in(input);
  const Dialect dialect = testing_support::read_dialect(in);
  const std::string text(in.rest());
  const Ran first = run(text, dialect);
  const Ran second = run(text, dialect);
  MISHAP_CHECK(first == second, "{}\n{}", first.result, second.result);
}

}  // namespace mishap::testing
