// Any JSON as an event and as a test's result: what was read once is written and read again without
// change.
#include "mishap/base/testing/fuzz.h"
#include "mishap/event/event.h"
#include "mishap/event/run.h"

namespace mishap::testing {
namespace {

event::Event an_event() {
  event::Event event;
  event.seq = 7;
  event.timestamp = event::Timestamp(std::chrono::nanoseconds(1'700'000'000'123'456'789));
  event.type = "syscall";
  event.fields = {{"syscall", "write"}, {"path", "/var/lib/x"}, {"result", "ENOSPC"}};
  event.event_type = event::dotted_type(event.type, event.fields);
  event.service = "db";
  event.data = Json{{"rows", {1, 2.5, nullptr}}};
  event.value = "text";
  event.clock = {{"db", 3}, {"test", 1}};
  return event;
}

event::TestResult a_result() {
  event::TestResult result;
  result.name = "test_matrix_create_user_disk_full";
  result.kind = "matrix";
  result.verdict = event::Verdict::expectation_violated;
  result.reason = "expected an error";
  result.pos = {"spec.star", 12, 3};
  result.seed = 42;
  result.duration = std::chrono::milliseconds(412);
  result.return_value = "None";
  result.assertion = event::AssertionFailure{"assert_eq", "1", "2", "", {"spec.star", 12, 3}};
  result.faults.push_back({.service = "db", .text = "write=deny(ENOSPC)", .matched = 3});
  result.diagnostics.push_back({"warning", "TEST_NO_ASSERTIONS", "no assertion", "add one", "db"});
  result.properties = {{"always(f)", "pass", "", "its window never opened"}};
  result.notes = {"overlay missing"};
  result.outputs.push_back({"db", "FATAL: no space\n", ""});
  result.events = {an_event()};
  return result;
}

template <class T, class Read>
void read_write_read(const T& read, Read from) {
  const Json written = to_json(read);
  auto again = from(written);
  MISHAP_CHECK(again, "{}: {}", to_text(written), again.error().message);
  MISHAP_CHECK(to_json(*again) == written, "{}\n{}", to_text(written), to_text(to_json(*again)));
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  return {to_text(to_json(an_event())), to_text(to_json(a_result()))};
}

void fuzz_one(std::string_view input) {
  auto json = parse_json(input);
  if (!json) return;
  if (auto read = event::from_json(*json)) read_write_read(*read, event::from_json);
  if (auto read = event::test_result_from_json(*json))
    read_write_read(*read, event::test_result_from_json);
}

}  // namespace mishap::testing
