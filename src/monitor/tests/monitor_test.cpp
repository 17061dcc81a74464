#include "mishap/monitor/monitor.h"

#include <gtest/gtest.h>

namespace mishap::monitor {
namespace {

/// Holds while at most `limit` events were accepted; events of type "bad" raise.
class CountUpTo : public StreamMonitor {
 public:
  explicit CountUpTo(int limit) : limit_(limit) {}
  bool accepts(const event::Event& event) override { return event.type != "ignored"; }
  Judgement step(const event::Event& event) override {
    if (event.type == "bad") return Objection{.message = "no such key"};
    if (count_ == limit_) return Objection{};
    ++count_;
    return std::nullopt;
  }

 private:
  int limit_;
  int count_ = 0;
};

MonitorSpec stream(uint64_t id, std::string name, int limit, std::string service = "") {
  return {id,
          std::move(name),
          std::move(service),
          Kind::stream,
          [limit] { return std::make_unique<CountUpTo>(limit); },
          {}};
}

event::Draft draft(std::string type, std::string service) {
  event::Draft made;
  made.type = std::move(type);
  made.service = std::move(service);
  return made;
}

std::vector<std::string> messages(const MonitorSet& set) {
  std::vector<std::string> all;
  for (const Violation& violation : set.violations()) all.push_back(violation.message);
  return all;
}

TEST(StreamMonitors, RecordViolationsAndGoOn) {
  event::Log log;
  MonitorSet set(log);
  set.add(stream(1, "N", 1, "stock"));
  log.subscribe([&](const event::Event& event) { set.feed(event); });
  log.append(draft("stdout", "stock"));
  log.append(draft("stdout", "other"));
  log.append(draft("ignored", "stock"));
  log.append(draft("stdout", "stock"));
  log.append(draft("bad", "stock"));
  EXPECT_EQ(messages(set),
            (std::vector<std::string>{
                "monitor \"N\" violated at event seq=4 type=stdout service=stock",
                "monitor \"N\" violated at event seq=5 type=bad service=stock: no such key"}));
  EXPECT_EQ(set.violations()[0].monitor, "N");
  EXPECT_EQ(set.violations()[0].seq, 4u);
  EXPECT_EQ(set.violations()[0].type, "stdout");
  EXPECT_EQ(set.violations()[0].service, "stock");
}

TEST(StreamMonitors, ReachedTwiceRunOnceUntilBothLeft) {
  event::Log log;
  MonitorSet set(log);
  log.subscribe([&](const event::Event& event) { set.feed(event); });
  MonitorSpec spec = stream(1, "N", 0);
  set.add(spec);
  set.add(spec);
  log.append(draft("x", "s"));
  EXPECT_EQ(set.violation_count(), 1u);
  set.remove(1);
  log.append(draft("x", "s"));
  EXPECT_EQ(set.violation_count(), 2u);
  set.remove(1);
  log.append(draft("x", "s"));
  EXPECT_EQ(set.violation_count(), 2u);
  set.remove(1);
}

TEST(StreamMonitors, EachRegistrationStartsAfresh) {
  event::Log log;
  MonitorSet set(log);
  log.subscribe([&](const event::Event& event) { set.feed(event); });
  for (int i = 0; i < 2; ++i) {
    set.add(stream(1, "N", 1));
    log.append(draft("x", "s"));
    set.remove(1);
  }
  EXPECT_EQ(set.violation_count(), 0u);
}

TEST(StreamMonitors, BeginAndEndWhereTheLogWasHoweverLateTheyAreFed) {
  event::Log log;
  MonitorSet set(log);
  for (int turn = 0; turn < 2; ++turn) {  // the second is another registration
    log.append(draft("x", "before"));
    set.add(stream(1, "N", 0));
    log.append(draft("x", "within"));
    set.remove(1);
    log.append(draft("x", "after"));
  }
  EXPECT_TRUE(set.any());
  for (size_t i = 0; i < log.size(); ++i) set.feed(log.at(i));
  EXPECT_EQ(messages(set), (std::vector<std::string>{
                               "monitor \"N\" violated at event seq=2 type=x service=within",
                               "monitor \"N\" violated at event seq=5 type=x service=within"}));
  EXPECT_FALSE(set.any());
}

TEST(TraceMonitors, SeeTheWholeTraceAndNotWhatTheyCause) {
  event::Log log;
  MonitorSet set(log);
  int calls = 0;
  MonitorSpec spec;
  spec.id = 7;
  spec.name = "row_for_each_message";
  spec.service = "db";
  spec.kind = Kind::finished_trace;
  spec.on_event = [&](const event::Event& event) -> Judgement {
    ++calls;
    log.append(draft("caused", "db"));
    if (event.type == "topic") {
      return Objection{.message = "message without its row", .pos = {"spec.star", 4, 7}};
    }
    return std::nullopt;
  };
  set.add(spec);
  set.add(spec);
  log.append(draft("wal", "db"));
  log.append(draft("topic", "api"));
  log.append(draft("topic", "db"));
  set.feed(log.at(0));
  EXPECT_EQ(calls, 0);
  set.finish();
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(messages(set), (std::vector<std::string>{"message without its row (event seq=3)"}));
  EXPECT_EQ(set.violations().at(0).pos.line, 4);
}

TEST(Monitors, KeepTheFirstThousandViolationsAndCountAll) {
  event::Log log;
  MonitorSet set(log);
  set.add(stream(1, "N", 0));
  log.append(draft("x", "s"));
  const event::Event& event = log.at(0);
  for (int i = 0; i < 1500; ++i) set.feed(event);
  EXPECT_EQ(set.violations().size(), 1000u);
  EXPECT_EQ(set.violation_count(), 1500u);
}

TEST(Monitors, MayRegisterOthers) {
  event::Log log;
  MonitorSet set(log);
  MonitorSpec spec;
  spec.kind = Kind::finished_trace;
  spec.id = 1;
  spec.on_event = [&](const event::Event&) -> Judgement {
    set.add(stream(2, "late", 0));
    return std::nullopt;
  };
  set.add(spec);
  set.finish();
  log.append(draft("x", "s"));
  set.feed(log.at(0));
  set.finish();
  log.append(draft("x", "s"));
  set.feed(log.at(1));
  EXPECT_EQ(set.violation_count(), 1u);
}

}  // namespace
}  // namespace mishap::monitor
