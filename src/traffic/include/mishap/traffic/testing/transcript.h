// Replaying conversations through a filter without a socket, for the tests of protocols (needs
// gtest).
//
//   Outcome out = replay_all_ways([] { return make_filter(); },
//                                 Transcript().client("GET / HTTP/1.1\r\n\r\n").server("HTTP/1.1
//                                 200 OK…"), {rule});
//   EXPECT_EQ(out.to_client, "…");
//
// The transcript is replayed whole, byte by byte, and in seeded random cuts; what came out must be
// the same each time.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "mishap/base/random.h"
#include "mishap/traffic/filter.h"

namespace mishap::traffic::testing {

using Rules = std::vector<fault::ProtocolRule>;

/// One `proxy` event as the filter reported it.
struct Report {
  std::string action;
  event::Fields fields;
  bool operator==(const Report&) const = default;
  /// "error method=GET path=/x"
  std::string text() const {
    std::string out = action;
    for (const auto& [name, value] : fields) out.append(" ").append(name).append("=").append(value);
    return out;
  }
};
inline void PrintTo(const Report& report, std::ostream* out) { *out << report.text(); }

/// What came out of a replay.
struct Outcome {
  std::string to_server;
  std::string to_client;
  bool eof_to_server = false;
  bool eof_to_client = false;
  std::optional<Ending> ended;
  std::vector<Report> reports;
  bool operator==(const Outcome&) const = default;
};
inline void PrintTo(const Outcome& o, std::ostream* out) {
  auto quoted = [](std::string_view bytes) { return ::testing::PrintToString(std::string(bytes)); };
  *out << "to_server " << quoted(o.to_server) << (o.eof_to_server ? " eof" : "") << "\nto_client "
       << quoted(o.to_client) << (o.eof_to_client ? " eof" : "");
  if (o.ended) *out << (*o.ended == Ending::reset ? "\nreset" : "\nfinished");
  for (const Report& report : o.reports) *out << "\nreport " << report.text();
}

/// A Sink that keeps everything. Its clock stands still until `advance`. Rules are asked in order
/// as the real decider asks them (delays add up, a terminal rule ends the scan), but their triggers
/// are ignored: every match fires.
class FakeSink : public Sink {
 public:
  Rules rules;
  Outcome outcome;
  bool paused_to_server = false;
  bool paused_to_client = false;

  void send(Direction direction, std::string_view bytes) override {
    EXPECT_FALSE(outcome.ended) << "sent after the end";
    EXPECT_FALSE(eof_sent(direction)) << "sent after end of stream: " << bytes;
    (direction == Direction::to_server ? outcome.to_server : outcome.to_client).append(bytes);
  }
  void send_eof(Direction direction) override { eof_sent(direction) = true; }
  void end(Ending ending) override {
    EXPECT_FALSE(outcome.ended) << "ended twice";
    outcome.ended = ending;
  }
  void start_timer(Nanoseconds delay, uint64_t token) override {
    timers_.push_back({now_ + delay, token});
  }
  void pause(Direction direction, bool paused) override {
    (direction == Direction::to_server ? paused_to_server : paused_to_client) = paused;
  }
  fault::ProtocolDecision decide(
      const std::function<bool(const fault::ProtocolRule&)>& matches) override {
    fault::ProtocolDecision decision;
    for (const fault::ProtocolRule& rule : rules) {
      if (!matches(rule)) continue;
      if (rule.action == fault::ProtocolAction::delay) {
        decision.delay += rule.delay;
      } else if (rule.action == fault::ProtocolAction::duplicate) {
        decision.duplicate = true;
      } else {
        decision.terminal = rule;
        break;
      }
    }
    return decision;
  }
  bool has_rules() const override { return !rules.empty(); }
  void report(std::string_view action, event::Fields fields) override {
    outcome.reports.push_back({std::string(action), std::move(fields)});
  }

  /// Moves the clock and calls `filter` for each timer that is due, in order of time.
  void advance(Nanoseconds time, Filter& filter) {
    Nanoseconds until = now_ + time;
    while (!outcome.ended) {
      auto next = std::min_element(timers_.begin(), timers_.end(),
                                   [](const Due& a, const Due& b) { return a.when < b.when; });
      if (next == timers_.end() || next->when > until) break;
      Due due = *next;
      timers_.erase(next);
      now_ = due.when;
      filter.on_timer(due.token, *this);
    }
    now_ = until;
  }
  size_t timer_count() const { return timers_.size(); }

 private:
  struct Due {
    Nanoseconds when;
    uint64_t token;
  };
  bool& eof_sent(Direction direction) {
    return direction == Direction::to_server ? outcome.eof_to_server : outcome.eof_to_client;
  }

  Nanoseconds now_{0};
  std::vector<Due> timers_;
};

/// What the two ends and the clock do, in order.
class Transcript {
 public:
  Transcript& client(std::string_view bytes) {
    return add(Kind::bytes, Direction::to_server, bytes);
  }
  Transcript& server(std::string_view bytes) {
    return add(Kind::bytes, Direction::to_client, bytes);
  }
  Transcript& client_eof() { return add(Kind::eof, Direction::to_server, {}); }
  Transcript& server_eof() { return add(Kind::eof, Direction::to_client, {}); }
  /// Lets time pass; timers that are due fire.
  Transcript& advance(Nanoseconds time) {
    steps_.push_back({Kind::time, Direction::to_server, {}, time, {}});
    return *this;
  }
  /// Replaces the open rules from here on.
  Transcript& rules(Rules rules) {
    steps_.push_back({Kind::rules, Direction::to_server, {}, {}, std::move(rules)});
    return *this;
  }

  /// Plays to `filter`; `next_cut` says how many of the remaining bytes come at a time (at least
  /// 1).
  void play(Filter& filter, FakeSink& sink, const std::function<size_t(size_t)>& next_cut) const {
    for (const Step& step : steps_) {
      if (sink.outcome.ended) return;
      switch (step.kind) {
        case Kind::bytes:
          play_bytes(step, filter, sink, next_cut);
          break;
        case Kind::eof:
          filter.on_eof(step.direction, sink);
          break;
        case Kind::time:
          sink.advance(step.time, filter);
          break;
        case Kind::rules:
          sink.rules = step.rules;
          break;
      }
    }
  }

 private:
  enum class Kind { bytes, eof, time, rules };
  struct Step {
    Kind kind;
    Direction direction;
    std::string bytes;
    Nanoseconds time{0};
    Rules rules;
  };
  Transcript& add(Kind kind, Direction direction, std::string_view bytes) {
    steps_.push_back({kind, direction, std::string(bytes), {}, {}});
    return *this;
  }
  static void play_bytes(const Step& step, Filter& filter, FakeSink& sink,
                         const std::function<size_t(size_t)>& next_cut) {
    std::string_view rest = step.bytes;
    while (!rest.empty() && !sink.outcome.ended) {
      size_t count = std::min(std::max<size_t>(next_cut(rest.size()), 1), rest.size());
      filter.on_bytes(step.direction, std::string(rest.substr(0, count)), sink);
      rest.remove_prefix(count);
    }
  }

  std::vector<Step> steps_;
};

using FilterFactory = std::function<std::unique_ptr<Filter>()>;

/// Replays once, in the cuts that `next_cut` gives.
inline Outcome replay(const FilterFactory& make, const Transcript& transcript, const Rules& rules,
                      const std::function<size_t(size_t)>& next_cut) {
  std::unique_ptr<Filter> filter = make();
  FakeSink sink;
  sink.rules = rules;
  transcript.play(*filter, sink, next_cut);
  return sink.outcome;
}

/// Replays whole, byte by byte and in random cuts; expects the same outcome each time and returns
/// it.
inline Outcome replay_all_ways(const FilterFactory& make, const Transcript& transcript,
                               const Rules& rules = {}) {
  Outcome whole = replay(make, transcript, rules, [](size_t left) { return left; });
  EXPECT_EQ(whole, replay(make, transcript, rules, [](size_t) { return 1; })) << "byte by byte";
  for (uint64_t seed = 0; seed < 8; ++seed) {
    Random random(seed);
    auto cut = [&](size_t left) { return 1 + random.below(std::min<size_t>(left, 40)); };
    EXPECT_EQ(whole, replay(make, transcript, rules, cut)) << "in random cuts, seed " << seed;
  }
  return whole;
}

/// A rule to test with: `rule(ProtocolAction::error, {{"path", "/x*"}}, "boom")`.
inline fault::ProtocolRule rule(fault::ProtocolAction action,
                                std::map<std::string, std::string> matchers = {},
                                std::string message = {}) {
  fault::ProtocolRule out;
  out.action = action;
  out.matchers = std::move(matchers);
  out.message = std::move(message);
  return out;
}
inline fault::ProtocolRule delay_rule(Nanoseconds delay,
                                      std::map<std::string, std::string> matchers = {}) {
  fault::ProtocolRule out = rule(fault::ProtocolAction::delay, std::move(matchers));
  out.delay = delay;
  return out;
}

}  // namespace mishap::traffic::testing
