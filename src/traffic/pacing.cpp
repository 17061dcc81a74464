#include "mishap/traffic/pacing.h"

#include <algorithm>
#include <utility>

namespace mishap::traffic {
namespace {

constexpr uint64_t kSlicesPerSecond = 100;
constexpr size_t kLeastSlice = 1460;  // what a packet carries

/// Exact also where bytes × 10⁹ does not fit into 64 bits.
Nanoseconds time_for(size_t bytes, uint64_t rate) {
  constexpr uint64_t kBillion = 1'000'000'000;
  uint64_t seconds = bytes / rate;
  uint64_t rest = bytes % rate;
  double part = static_cast<double>(rest) / static_cast<double>(rate) * kBillion;
  return Nanoseconds(static_cast<int64_t>(seconds * kBillion + static_cast<uint64_t>(part)));
}

}  // namespace

std::string_view to_string(ShapeEffect effect) {
  switch (effect) {
    case ShapeEffect::slowed:
      return "slowed";
    case ShapeEffect::stalled:
      return "stalled";
    case ShapeEffect::reset:
      break;
  }
  return "reset";
}

PacingTime Bandwidth::admit(PacingTime now, size_t bytes) {
  PacingTime begin = std::max(now, free_at_);
  longest_wait_ = std::max(longest_wait_, Nanoseconds(begin - now));
  free_at_ = begin + time_for(bytes, rate_);
  admitted_ += bytes;
  return free_at_;
}

size_t Bandwidth::slice() const {
  return std::max<size_t>(kLeastSlice, static_cast<size_t>(rate_ / kSlicesPerSecond));
}

void Pacing::set(Shape shape) {
  // One limit's count does not begin anew because of what else is put on or taken off.
  auto place = [this](std::optional<uint64_t> before, std::optional<uint64_t> now, uint64_t& at) {
    if (now != before) at = now ? passed_ + *now : kUnlimited;
  };
  place(shape_.stall_after, shape.stall_after, stall_at_);
  place(shape_.reset_after, shape.reset_after, reset_at_);
  shape_ = std::move(shape);
}

void Pacing::add(PacingTime now, size_t bytes) {
  const size_t slice = shape_.bandwidth ? shape_.bandwidth->slice() : bytes;
  do {
    size_t piece = std::min(bytes, slice);
    PacingTime due = now;
    if (shape_.bandwidth && piece > 0) due = shape_.bandwidth->admit(now, piece);
    due += shape_.latency;
    if (!later_.empty()) due = std::max(due, later_.back().due);
    later_.push_back({piece, due});
    bytes -= piece;
  } while (bytes > 0);
}

void Pacing::ripen(PacingTime now) {
  while (!later_.empty() && later_.front().due <= now) {
    ripe_ += later_.front().bytes;
    later_.pop_front();
  }
}

uint64_t Pacing::allowed() const {
  uint64_t limit = std::min(stall_at_, reset_at_);
  return limit - std::min(limit, passed_);
}

size_t Pacing::ripe(PacingTime now, size_t held) {
  ripen(now);
  return static_cast<size_t>(std::min<uint64_t>({ripe_, held, allowed()}));
}

void Pacing::left(size_t bytes) {
  ripe_ -= std::min(ripe_, bytes);
  passed_ += bytes;
}

bool Pacing::end_is_ripe(PacingTime now) {
  ripen(now);
  return later_.empty();
}

bool Pacing::must_reset(size_t held) const { return ripe_ > 0 && held > 0 && passed_ >= reset_at_; }

std::optional<PacingTime> Pacing::next() const {
  if (later_.empty()) return std::nullopt;
  return later_.front().due;
}

}  // namespace mishap::traffic
