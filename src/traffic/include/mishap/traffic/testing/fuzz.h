// Drives a filter with arbitrary input. Needs neither gtest nor sockets.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "mishap/base/check.h"
#include "mishap/traffic/filter.h"

namespace mishap::traffic::testing {

/// A Sink that checks what a filter must keep to, whatever comes in. Which rule fires is taken from
/// the input.
class FuzzSink final : public Sink {
 public:
  uint8_t choice = 0;
  bool ended = false;
  std::vector<uint64_t> timers;

  void send(Direction direction, std::string_view bytes) override {
    MISHAP_CHECK(!ended, "sent after the end");
    MISHAP_CHECK(bytes.empty() || !eof_[direction == Direction::to_client], "sent after eof");
  }
  void send_eof(Direction direction) override { eof_[direction == Direction::to_client] = true; }
  void end(Ending) override {
    MISHAP_CHECK(!ended, "ended twice");
    ended = true;
  }
  void start_timer(Nanoseconds, uint64_t token) override { timers.push_back(token); }
  void pause(Direction, bool) override {}
  fault::ProtocolDecision decide(
      const std::function<bool(const fault::ProtocolRule&)>& matches) override {
    fault::ProtocolRule rule;
    rule.action = static_cast<fault::ProtocolAction>(choice % 5);
    fault::ProtocolDecision decision;
    if ((choice & 8) == 0 || !matches(rule)) return decision;
    if ((choice & 16) != 0) decision.delay = Nanoseconds(1);
    bool terminal = rule.action != fault::ProtocolAction::delay &&
                    rule.action != fault::ProtocolAction::duplicate;
    if (terminal) decision.terminal = rule;
    return decision;
  }
  bool has_rules() const override { return (choice & 32) == 0; }
  void report(std::string_view, event::Fields) override {}

 private:
  bool eof_[2] = {false, false};
};

/// Input: pairs of a control byte (direction, length, end of stream, timers) and that many bytes.
inline void fuzz_filter(Filter& filter, const uint8_t* data, size_t size) {
  FuzzSink sink;
  bool eof[2] = {false, false};
  std::string_view input(reinterpret_cast<const char*>(data), size);
  while (input.size() >= 2 && !sink.ended) {
    auto control = static_cast<uint8_t>(input[0]);
    sink.choice = static_cast<uint8_t>(input[1]);
    input.remove_prefix(2);
    Direction direction = (control & 1) != 0 ? Direction::to_server : Direction::to_client;
    bool& over = eof[control & 1];
    if ((control & 2) != 0 && !sink.timers.empty()) {
      uint64_t token = sink.timers.front();
      sink.timers.erase(sink.timers.begin());
      filter.on_timer(token, sink);
    } else if (over) {
      continue;
    } else if (control >= 0xf8) {
      over = true;
      filter.on_eof(direction, sink);
    } else {
      size_t count = std::min<size_t>(control >> 2, input.size());
      if (count > 0) filter.on_bytes(direction, input.substr(0, count), sink);
      input.remove_prefix(count);
    }
  }
}

}  // namespace mishap::traffic::testing
