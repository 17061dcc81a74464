// Two texts as the arguments of whatever in the library reads text: formats, numbers, JSON, times,
// searching and splitting. What comes out of JSON agrees with the parser that the rest of Mishap
// uses.
#include "mishap/base/testing/fuzz.h"
#include "mishap/starlark/convert.h"
#include "mishap/starlark/starlark.h"

#include "json_decoder.h"
#include "running.h"

namespace mishap::testing {
namespace {

using namespace starlark;

constexpr uint64_t kMemoryBytes = 16U << 20;
constexpr int kJsonDepth = 100;

constexpr std::string_view kExpressions[] = {"a % b",
                                             "a % (b, 1, 2.5, [a])",
                                             "a % {b: 7}",
                                             "a.format(b, 1.5, x = b)",
                                             "int(a)",
                                             "int(a, 0)",
                                             "int(a, 36)",
                                             "float(a)",
                                             "json.decode(a)",
                                             "json.indent(a, prefix = b)",
                                             "json.encode(a)",
                                             "time.parse_duration(a)",
                                             "time.parse_time(a)",
                                             "time.parse_time(a, format = b)",
                                             "time.from_timestamp(0).format(a)",
                                             "a.split(b)",
                                             "a.rsplit(b, 2)",
                                             "a.splitlines(True)",
                                             "a.replace(b, a, 10)",
                                             "a.partition(b)",
                                             "a.find(b)",
                                             "a.count(b)",
                                             "a.strip(b)",
                                             "a.title()",
                                             "a.capitalize() + a.upper() + a.lower()",
                                             "a.isalpha() or a.istitle() or a.isspace()",
                                             "list(a.elems())",
                                             "list(a.codepoints())",
                                             "repr(a) + str(bytes(a)) + repr(bytes(a))",
                                             "a[1:-1] + a[::-1]",
                                             "a < b",
                                             "hash(a)",
                                             "ord(a)",
                                             "sorted([a, b])",
                                             "a * 3",
                                             "b in a"};

/// What both readers of JSON accept means the same to both.
void json_agrees(std::string_view text) {
  Heap heap;
  auto value = decode_json(heap, text, kJsonDepth);
  MISHAP_CHECK(value || !value.error().message.empty());
  auto other = parse_json(text);
  if (!value || !other) return;
  auto converted = starlark::to_json(*value);
  MISHAP_CHECK(converted, "{}", converted.error().message);
  MISHAP_CHECK(to_text(*converted) == to_text(*other), "{} {}", to_text(*converted),
               to_text(*other));
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  return {"%s %d %r %x %o %e %g %% %c %(key)s",
          "{} {0} {x!r} {{}}\nb",
          "0x1F\n0b101",
          "[1, 2.5e3, \"\\ud83d\\ude00\", {\"a\": null}]\n  ",
          "1h30m2.5s",
          "2024-01-02T03:04:05.678+02:00",
          "Mon Jan 2 15:04:05 2006\nMon Jan _2 15:04:05 2006",
          "a,b,,c\n,",
          "ǅungla straße ﬁ\nß",
          "123456789012345678901234567890.5e-3"};
}

/// Two lines.
void fuzz_one(std::string_view input) {
  FuzzInput in(input);
  const std::string_view a = in.until('\n');
  json_agrees(a);
  testing_support::Running running;
  Heap& heap = running.interpreter.heap();
  running.interpreter.predeclare("json", make_json_module(heap));
  running.interpreter.predeclare("time", make_time_module(heap));
  running.interpreter.predeclare("a", heap.string(a));
  running.interpreter.predeclare("b", heap.string(in.until('\n')));
  heap.set_limit(heap.used() + kMemoryBytes);
  for (std::string_view expression : kExpressions) {
    const Outcome outcome =
        running.interpreter.evaluate(running.thread, {"fuzz.star", std::string(expression)});
    if (outcome) {
      repr(*outcome);
    } else {
      MISHAP_CHECK(!outcome.error().message.empty(), "{}", expression);
    }
  }
}

}  // namespace mishap::testing
