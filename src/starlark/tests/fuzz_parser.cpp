#include <cstdint>
#include <string>
#include <vector>

#include "mishap/starlark/parser.h"
#include "mishap/starlark/resolver.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mishap::starlark;
  if (size == 0) return 0;
  static const std::vector<std::string> kPredeclared = {"service", "fault"};
  static const std::vector<std::string> kUniversal = {"None", "len", "set"};
  Dialect dialect;
  dialect.allow_global_reassign = data[0] & 1;
  dialect.allow_top_level_control = data[0] & 2;
  dialect.allow_while = data[0] & 4;
  std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  for (auto* read : {&parse, &parse_expression}) {
    ParseOutcome outcome = read("fuzz.star", text, dialect, 1);
    if (outcome.diagnostics.size() > kMaxSyntaxErrors) __builtin_trap();
    if ((outcome.module != nullptr) != outcome.diagnostics.empty()) __builtin_trap();
    if (outcome.module) resolve(*outcome.module, {kPredeclared, kUniversal}, dialect);
  }
  wants_more(text);
  return 0;
}
