// When the bytes of one direction of a connection may go on: they take their time, or stop for
// good. Pure: time is passed in.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>

#include "mishap/base/duration.h"

namespace mishap::traffic {

using PacingClock = std::chrono::steady_clock;
using PacingTime = PacingClock::time_point;

/// A line of limited speed that several connections share. Loop thread.
class Bandwidth {
 public:
  explicit Bandwidth(uint64_t bytes_per_second) : rate_(bytes_per_second) {}
  /// Queues a piece behind all before it; when its last byte will have left.
  PacingTime admit(PacingTime now, size_t bytes);
  /// Bytes that go in one piece: a hundredth of a second's worth, so that connections take turns.
  size_t slice() const;
  uint64_t admitted() const { return admitted_; }
  /// The longest that a piece had to wait for those before it.
  Nanoseconds longest_wait() const { return longest_wait_; }

 private:
  const uint64_t rate_;
  PacingTime free_at_{};
  uint64_t admitted_ = 0;
  Nanoseconds longest_wait_{0};
};

/// What happens to one direction of an edge. A byte count begins when it is put on.
struct Shape {
  Nanoseconds latency{0};
  std::shared_ptr<Bandwidth> bandwidth;
  std::optional<uint64_t> stall_after, reset_after;

  bool empty() const {
    return latency.count() == 0 && bandwidth == nullptr && !stall_after && !reset_after;
  }
  bool operator==(const Shape&) const = default;
};

/// What a shape does to a connection.
enum class ShapeEffect { slowed, stalled, reset };
inline constexpr size_t kShapeEffects = 3;
std::string_view to_string(ShapeEffect effect);

/// The bytes that one direction holds, in order, and when each may leave.
class Pacing {
 public:
  /// `held` bytes are held now, which may leave.
  explicit Pacing(size_t held) : ripe_(held) {}
  /// From now on, for what comes.
  void set(Shape shape);
  const Shape& shape() const { return shape_; }
  /// So many bytes have come, behind all before them; 0: the end of the stream.
  void add(PacingTime now, size_t bytes);
  /// How many of the bytes held, `held` in all, may leave.
  size_t ripe(PacingTime now, size_t held);
  /// So many of them have left.
  void left(size_t bytes);
  /// Whether the end of the stream may leave, once no byte is held.
  bool end_is_ripe(PacingTime now);
  /// Bytes beyond what may ever leave wait; `held` as in `ripe`.
  bool stalls(size_t held) const { return shape_.stall_after && held > allowed(); }
  /// As many bytes have left as may before the connection is reset; `held` as in `ripe`.
  bool must_reset(size_t held) const;
  /// When more may leave than now; nothing: not by itself.
  std::optional<PacingTime> next() const;

 private:
  struct Piece {
    size_t bytes;
    PacingTime due;
  };
  static constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();
  uint64_t allowed() const;
  void ripen(PacingTime now);

  Shape shape_;
  uint64_t passed_ = 0;
  uint64_t stall_at_ = kUnlimited, reset_at_ = kUnlimited;  ///< as of `passed_`
  size_t ripe_;                                             ///< bytes that may leave, of those held
  std::deque<Piece> later_;
};

}  // namespace mishap::traffic
