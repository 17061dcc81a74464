// A sink for trying filters without a socket, and the rules to try them under. Needs neither gtest
// nor sockets: a filter that breaks its promises is a failed MISHAP_CHECK.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mishap/base/check.h"
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

/// A Sink that keeps everything. Its clock stands still until `advance`. Rules are asked in order
/// as the real decider asks them (delays add up, a terminal rule ends the scan), but their triggers
/// are ignored: every match fires.
class FakeSink : public Sink {
 public:
  Rules rules;
  Outcome outcome;
  bool paused_to_server = false;
  bool paused_to_client = false;
  bool gated = false;                                   ///< nobody has leave at once
  std::vector<std::pair<std::string, uint64_t>> asked;  ///< for leave, with the timer's token

  void send(Direction direction, std::string_view bytes) override {
    MISHAP_CHECK(!outcome.ended, "sent after the end: {}", bytes);
    MISHAP_CHECK(bytes.empty() || !eof_sent(direction), "sent after end of stream: {}", bytes);
    (direction == Direction::to_server ? outcome.to_server : outcome.to_client).append(bytes);
  }
  void send_eof(Direction direction) override {
    MISHAP_CHECK(!outcome.ended, "end of stream sent after the end");
    MISHAP_CHECK(!eof_sent(direction), "end of stream sent twice");
    eof_sent(direction) = true;
  }
  void end(Ending ending) override {
    MISHAP_CHECK(!outcome.ended, "ended twice");
    outcome.ended = ending;
  }
  void start_timer(Nanoseconds delay, uint64_t token) override {
    timers_.push_back({now_ + delay, token});
  }
  bool ask_leave(const std::string& part, uint64_t token) override {
    asked.emplace_back(part, token);
    return !gated;
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
