#include "mishap/event/event.h"

#include <gtest/gtest.h>

#include "mishap/event/filter.h"
#include "mishap/event/run.h"

namespace mishap::event {
namespace {

using namespace std::chrono_literals;

TEST(Fields, SetReplacesOrAppends) {
  Fields fields{{"a", "1"}, {"b", "2"}};
  fields.set("a", "3");
  fields.set("c", "4");
  EXPECT_EQ(fields, (Fields{{"a", "3"}, {"b", "2"}, {"c", "4"}}));
  EXPECT_EQ(fields.get("x"), "");
  EXPECT_EQ(fields.find("x"), nullptr);
}

TEST(Event, DottedTypes) {
  EXPECT_EQ(dotted_type("syscall", {{"syscall", "write"}}), "syscall.write");
  EXPECT_EQ(dotted_type("unmediated_io", {{"syscall", "getrandom"}}), "unmediated_io.getrandom");
  EXPECT_EQ(dotted_type("service_started", {}), "lifecycle.started");
  EXPECT_EQ(dotted_type("service_ready", {{"kind", "mock"}}), "lifecycle.ready");
  EXPECT_EQ(dotted_type("step_send", {{"target", "db"}}), "step_send.db");
  EXPECT_EQ(dotted_type("client_return", {{"target", "api"}}), "client_return.api");
  EXPECT_EQ(dotted_type("stdout", {{"syscall", "x"}}), "stdout");
  EXPECT_EQ(dotted_type("proxy", {{"target", "x"}}), "proxy");
}

TEST(VectorClock, KnowsAndMerges) {
  VectorClock clock{{"web", 2}, {"api", 5}};
  EXPECT_EQ(clock.known("api"), 5u);
  EXPECT_EQ(clock.known("db"), 0u);
  EXPECT_EQ(clock, (VectorClock{{"api", 5}, {"web", 2}}));  // whatever the order of naming
  clock.merge({{"api", 4}, {"db", 7}, {"web", 3}});
  EXPECT_EQ(clock, (VectorClock{{"api", 5}, {"db", 7}, {"web", 3}}));
  ++clock["db"];
  EXPECT_EQ(clock.known("db"), 8u);
  EXPECT_FALSE(clock.empty());
  EXPECT_TRUE(VectorClock().empty());
}

TEST(Event, HappensBefore) {
  auto with = [](VectorClock clock) {
    Event event;
    event.clock = std::move(clock);
    return event;
  };
  EXPECT_TRUE(happens_before(with({{"a", 1}}), with({{"a", 2}})));
  EXPECT_TRUE(happens_before(with({{"a", 1}}), with({{"a", 1}, {"b", 1}})));
  EXPECT_FALSE(happens_before(with({{"a", 1}, {"b", 1}}), with({{"a", 2}})));
  EXPECT_FALSE(happens_before(with({{"a", 1}}), with({{"a", 1}})));
  EXPECT_FALSE(happens_before(with({}), with({})));
  EXPECT_TRUE(happens_before(with({}), with({{"a", 1}})));
}

Event sample() {
  Event event;
  event.seq = 7;
  event.timestamp =
      Timestamp(std::chrono::sys_days(std::chrono::year(2024) / 2 / 29) + 3h + 4min + 5s + 678ns);
  event.type = "syscall";
  event.event_type = "syscall.write";
  event.service = "db";
  event.fields = {{"syscall", "write"}, {"path", "/data/x"}};
  event.clock = {{"db", 3}, {"test", 1}};
  return event;
}

TEST(EventJson, HasTheReferencesForm) {
  EXPECT_EQ(
      to_text(to_json(sample())),
      R"({"seq":7,"timestamp":"2024-02-29T03:04:05.000000678Z","type":"syscall","event_type":"syscall.write",)"
      R"("partition_key":"db","service":"db","fields":{"syscall":"write","path":"/data/x"},)"
      R"("vector_clock":{"db":3,"test":1}})");
}

TEST(EventJson, ReadsBackUnchanged) {
  Event event = sample();
  event.data = Json{{"n", 1}, {"list", {1, 2}}};
  event.value = Json(2.5);
  Json json = to_json(event);
  auto back = from_json(json);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(to_json(*back), json);
  EXPECT_EQ(back->timestamp, event.timestamp);
}

TEST(EventJson, AcceptsOtherZonesAndFewerKeys) {
  auto event =
      from_json(*parse_json(R"({"seq":1,"timestamp":"1969-12-31T23:59:59.5-01:30","type":"syscall",
                                         "fields":{"syscall":"read"}})"));
  ASSERT_TRUE(event) << event.error().message;
  EXPECT_EQ(format_timestamp(event->timestamp), "1970-01-01T01:29:59.500000000Z");
  EXPECT_EQ(event->event_type, "syscall.read");
}

TEST(EventJson, NamesTheKeyThatIsWrong) {
  struct Case {
    const char* key;
    Json value;
    const char* message;
  };
  const Case cases[] = {
      {"seq", 0, "event: key \"seq\" must be a positive integer"},
      {"seq", -1, "event: key \"seq\" must be a positive integer"},
      {"timestamp", 5, "event: key \"timestamp\" must be text"},
      {"timestamp", "2024-02-30T00:00:00Z",
       "event: key \"timestamp\" must be a time such as 2024-01-02T03:04:05.678Z"},
      {"type", nullptr, "event: key \"type\" must be text"},
      {"service", 1, "event: key \"service\" must be text"},
      {"fields", Json::array(), "event: key \"fields\" must be an object"},
      {"fields", {{"n", 1}}, "event: key \"fields.n\" must be text"},
      {"vector_clock", {{"db", "1"}}, "event: key \"vector_clock.db\" must be a number of events"},
      {"vector_clock", 1, "event: key \"vector_clock\" must be an object"},
  };
  for (const Case& c : cases) {
    Json json = to_json(sample());
    json[c.key] = c.value;
    auto event = from_json(json);
    ASSERT_FALSE(event) << c.message;
    EXPECT_EQ(event.error().message, c.message);
  }
  EXPECT_EQ(from_json(Json(1)).error().message, "event: must be an object");
}

TEST(ResultJson, ReadsBackUnchanged) {
  TestResult result;
  result.name = "test_x";
  result.verdict = Verdict::failed;
  result.pos = {"spec.star", 3, 4};
  result.faults.push_back({.service = "db", .text = "write=deny(ENOSPC)", .matched = 2});
  result.properties = {{"eventually(f)", "fail", "not satisfied", ""},
                       {"always(g)", "pass", "", "its window never opened"}};
  const Json json = to_json(result);
  auto read = test_result_from_json(json);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(to_json(*read), json);
  ASSERT_EQ(read->properties.size(), 2u);
  EXPECT_EQ(read->properties[1].vacuous, "its window never opened");
}

TEST(ResultJson, NamesTheKeyWhoseNumberIsNotWhole) {
  Json json = to_json(TestResult());
  json["pos"]["line"] = 1e300;
  EXPECT_EQ(test_result_from_json(json).error().message,
            "bad test result: \"pos\" holds a number that is not whole");
  json["pos"]["line"] = 1;
  json["duration_ms"] = 0.5;
  EXPECT_EQ(test_result_from_json(json).error().message,
            "bad test result: \"duration_ms\" holds a number that is not whole");
}

TEST(Filter, MatchesRecordAndFields) {
  const Event event = sample();
  struct Case {
    Filter filter;
    bool matches;
  };
  const Case cases[] = {
      {{}, true},
      {{{{"service", "db"}, {"syscall", "write"}}}, true},
      {{{{"service", "db"}, {"syscall", "read"}}}, false},
      {{{{"type", "sys*"}, {"event_type", "syscall.write"}, {"seq", "7"}}}, true},
      {{{{"path", "/data/*"}}}, true},
      {{{{"label", ""}}}, true},
      {{{{"label", "x"}}}, false},
      {{{{"label", "*"}}}, true},
  };
  for (const Case& c : cases) EXPECT_EQ(c.filter.matches(event), c.matches) << c.filter.text();
}

TEST(Filter, TextAndTypes) {
  Filter filter{{{"service", "db"}, {"syscall", "write"}}};
  EXPECT_EQ(filter.text(), "service=\"db\" syscall=\"write\"");
  EXPECT_FALSE(filter.names_type());
  EXPECT_TRUE((Filter{{{"event_type", "x"}}}.names_type()));
  EXPECT_TRUE(in_assertion_default("wal"));
  EXPECT_FALSE(in_assertion_default("stderr"));
  EXPECT_FALSE(in_assertion_default("client_call"));
  EXPECT_TRUE(in_events_default("client_call"));
  EXPECT_TRUE(in_events_default("syscall"));
}

}  // namespace
}  // namespace mishap::event
