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
#include "mishap/traffic/testing/fake_sink.h"

namespace mishap::traffic::testing {

inline void PrintTo(const Report& report, std::ostream* out) { *out << report.text(); }
inline void PrintTo(const Outcome& o, std::ostream* out) {
  auto quoted = [](std::string_view bytes) { return ::testing::PrintToString(std::string(bytes)); };
  *out << "to_server " << quoted(o.to_server) << (o.eof_to_server ? " eof" : "") << "\nto_client "
       << quoted(o.to_client) << (o.eof_to_client ? " eof" : "");
  if (o.ended) *out << (*o.ended == Ending::reset ? "\nreset" : "\nfinished");
  for (const Report& report : o.reports) *out << "\nreport " << report.text();
}

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

  /// What the two ends say.
  std::vector<std::pair<Direction, std::string>> bytes() const {
    std::vector<std::pair<Direction, std::string>> said;
    for (const Step& step : steps_)
      if (step.kind == Kind::bytes) said.emplace_back(step.direction, step.bytes);
    return said;
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

}  // namespace mishap::traffic::testing
