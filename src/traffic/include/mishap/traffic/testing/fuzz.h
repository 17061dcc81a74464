// Drives a filter with an arbitrary conversation. Needs neither gtest nor sockets.
//
// Input: one byte that says which of the given rules are open (bit i: rule i; 0: none), then steps.
// A step is a control byte c: bit 0 is the direction, and c >> 1 up to 119 the number of bytes that
// follow, 120 to 123 the end of that direction's stream, 124 to 127 a second that passes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mishap/base/random.h"
#include "mishap/base/testing/fuzz.h"
#include "mishap/traffic/testing/fake_sink.h"

namespace mishap::traffic::testing {

struct FilterFuzz {
  std::function<std::unique_ptr<Filter>()> make;
  Rules rules;  ///< at most eight
  /// Whether what comes out under rules may depend on how the bytes were cut, as it must where a
  /// protocol has no messages.
  bool cuts_matter = false;
  /// How many bytes at the start of what a client said the filter may answer by itself, always.
  std::function<size_t(std::string_view)> answered = [](std::string_view) { return size_t{0}; };
  /// The filter may change numbers in what a server says, always; nothing gets longer or shorter.
  bool lowers_numbers = false;
};

inline constexpr size_t kLongestFuzzChunk = 119;
inline constexpr size_t kFuzzTime = 124;

/// The steps that bring `bytes` from one end, as a part of an input.
inline std::string fuzz_chunks(Direction direction, std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const size_t count = std::min(bytes.size(), kLongestFuzzChunk);
    out += static_cast<char>(count << 1 | (direction == Direction::to_server ? 1 : 0));
    out += bytes.substr(0, count);
    bytes.remove_prefix(count);
  }
  return out;
}
inline std::string fuzz_client(std::string_view bytes) {
  return fuzz_chunks(Direction::to_server, bytes);
}
inline std::string fuzz_server(std::string_view bytes) {
  return fuzz_chunks(Direction::to_client, bytes);
}
inline std::string fuzz_second() { return std::string(1, static_cast<char>(kFuzzTime << 1)); }

/// The same conversations without rules, under each rule alone, and under all.
inline std::vector<std::string> fuzz_conversations(const std::vector<std::string>& conversations,
                                                   size_t rule_count) {
  std::vector<std::string> seeds;
  for (const std::string& conversation : conversations) {
    seeds.push_back('\0' + conversation);
    seeds.push_back('\xff' + conversation);
    for (size_t i = 0; i < rule_count; ++i)
      seeds.push_back(static_cast<char>(1 << i) + conversation);
  }
  return seeds;
}

/// Plays the steps of `input`, each chunk in the cuts that `next_cut` gives, then ends both streams
/// and lets every timer fire. `came` gets what came from each side.
inline Outcome play_fuzz(const FilterFuzz& fuzz, std::string_view input,
                         const std::function<size_t(size_t)>& next_cut, std::string (&came)[2]) {
  mishap::testing::FuzzInput in(input);
  FakeSink sink;
  const uint8_t open = in.byte();
  for (size_t i = 0; i < fuzz.rules.size(); ++i) {
    if (open >> i & 1) sink.rules.push_back(fuzz.rules[i]);
  }
  const std::unique_ptr<Filter> filter = fuzz.make();
  bool over[2] = {false, false};
  auto end_stream = [&](bool client) {
    if (sink.outcome.ended || std::exchange(over[client], true)) return;
    filter->on_eof(client ? Direction::to_server : Direction::to_client, sink);
  };
  while (!in.empty() && !sink.outcome.ended) {
    const uint8_t control = in.byte();
    const bool client = control & 1;
    const size_t kind = control >> 1;
    if (kind >= kFuzzTime) {
      sink.advance(std::chrono::seconds(1), *filter);
    } else if (kind > kLongestFuzzChunk) {
      end_stream(client);
    } else {
      std::string_view chunk = in.take(kind);
      if (over[client]) continue;
      came[client].append(chunk);
      while (!chunk.empty() && !sink.outcome.ended) {
        const size_t count = std::min(std::max<size_t>(next_cut(chunk.size()), 1), chunk.size());
        // A copy of its own, so that a sanitizer sees what is read beyond it.
        const std::vector<char> bytes(chunk.begin(), chunk.begin() + count);
        filter->on_bytes(client ? Direction::to_server : Direction::to_client,
                         {bytes.data(), count}, sink);
        chunk.remove_prefix(count);
      }
    }
  }
  const bool client_first = open & 1;
  end_stream(client_first);
  end_stream(!client_first);
  for (int i = 0; i < 100 && !sink.outcome.ended && sink.timer_count() > 0; ++i)
    sink.advance(std::chrono::hours(1), *filter);
  return sink.outcome;
}

/// Whatever comes: nothing is sent after an end (FakeSink sees to it), without rules the bytes that
/// came go out and nothing else does, and how the bytes are cut makes no difference.
inline void fuzz_filter(const FilterFuzz& fuzz, std::string_view input) {
  std::string came[2];
  std::string ignored[2];
  const Outcome whole = play_fuzz(fuzz, input, [](size_t left) { return left; }, came);
  const Outcome single = play_fuzz(fuzz, input, [](size_t) { return 1; }, ignored);
  Random random(input.size());
  const Outcome cut =
      play_fuzz(fuzz, input, [&](size_t left) { return 1 + random.below(left); }, ignored);
  const bool without_rules = input.empty() || input[0] == 0;
  if (without_rules) {
    MISHAP_CHECK(!whole.ended);
    MISHAP_CHECK(came[1].ends_with(whole.to_server), "\"{}\" became \"{}\"", came[1],
                 whole.to_server);
    const size_t kept = came[1].size() - whole.to_server.size();
    MISHAP_CHECK(fuzz.answered(std::string_view(came[1]).substr(0, kept)) == kept,
                 "\"{}\" became \"{}\"", came[1], whole.to_server);
    const bool unchanged = whole.to_client == came[0] ||
                           (fuzz.lowers_numbers && whole.to_client.size() == came[0].size());
    MISHAP_CHECK(kept > 0 || unchanged, "\"{}\" became \"{}\"", came[0], whole.to_client);
    MISHAP_CHECK(whole.eof_to_server && whole.eof_to_client);
  }
  if (fuzz.cuts_matter && !without_rules) return;
  for (const Outcome* other : {&single, &cut}) {
    MISHAP_CHECK(whole.to_server == other->to_server, "\"{}\" but in pieces \"{}\"",
                 whole.to_server, other->to_server);
    MISHAP_CHECK(whole.to_client == other->to_client, "\"{}\" but in pieces \"{}\"",
                 whole.to_client, other->to_client);
    MISHAP_CHECK(whole == *other, "ended, ends of streams or reports differ in pieces");
  }
}

}  // namespace mishap::traffic::testing
