// Runs Starlark programs from standard input, each alone and within limits, for
// tests/differential.py.
//
// Programs are separated by lines that are exactly "---". What a program prints is written as it
// is; after each program comes a line "\1ok", or "\1failed: " and the error on one line.
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>

#include "mishap/starlark/starlark.h"

namespace {

using namespace mishap::starlark;

constexpr uint64_t kSteps = 1'000'000;
constexpr uint64_t kMemoryBytes = 256U << 20;
constexpr std::string_view kSeparator = "\n---\n";

Dialect everything() {
  Dialect dialect;
  dialect.allow_while = true;
  dialect.allow_set = true;
  dialect.allow_top_level_control = true;
  dialect.allow_global_reassign = true;
  dialect.allow_recursion = true;
  return dialect;
}

void run(std::string_view text) {
  Interpreter interpreter(everything());
  interpreter.print = [](Thread&, std::string_view line) { std::cout << line << '\n'; };
  interpreter.heap().set_limit(interpreter.heap().used() + kMemoryBytes);
  Thread thread(interpreter);
  thread.set_step_limit(kSteps);
  const ModuleOutcome module = interpreter.execute(thread, {"chunk.star", std::string(text)});
  if (module) {
    std::cout << "\1ok\n";
    return;
  }
  std::string message = module.error().message;
  for (char& c : message) {
    if (c == '\n') c = ' ';
  }
  std::cout << "\1failed: " << module.error().pos.line << ": " << message << '\n';
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  const std::string all(std::istreambuf_iterator<char>(std::cin), {});
  for (size_t begin = 0; begin < all.size();) {
    const size_t end = std::min(all.find(kSeparator, begin), all.size());
    run(std::string_view(all).substr(begin, end - begin));
    begin = end + kSeparator.size();
  }
}
