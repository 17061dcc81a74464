// The event loop of a worker: readiness of descriptors, timers, and work handed over from other
// threads.
//
// One thread calls `run`; that thread alone (or, before `run` starts and after it returned, the
// thread that owns the loop) makes, changes and destroys timers and watches, and all callbacks run
// there. Only `post`, `stop` and `in_loop_thread` may be called from elsewhere. A callback may
// destroy any handle, its own included, and may make new ones; it must not block. The loop outlives
// its handles.
//
// Timers are accurate to some tens of microseconds: they come from a timerfd, which timer slack
// does not delay.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "mishap/base/result.h"

namespace mishap::net {

class Loop;

/// What a watch waits for, and what came.
struct Interest {
  bool read = false;
  bool write = false;
  bool operator==(const Interest&) const = default;
};
struct Readiness {
  bool read = false;    ///< data, end of stream or a waiting connection
  bool write = false;   ///< room, or the end of a connect
  bool hangup = false;  ///< both directions are closed, or an error is pending; `read` and `write`
                        ///< are then set too
};

/// A one-shot timer; destroying or assigning over it cancels. Moving keeps it armed.
class Timer {
 public:
  Timer() = default;
  Timer(Timer&& other) noexcept
      : loop_(std::exchange(other.loop_, nullptr)), id_(other.id_), when_(other.when_) {}
  Timer& operator=(Timer&& other) noexcept;
  ~Timer() { cancel(); }
  void cancel();
  bool armed() const;

 private:
  friend class Loop;
  Loop* loop_ = nullptr;
  uint64_t id_ = 0;
  std::chrono::steady_clock::time_point when_;
};

/// Watches one descriptor, level-triggered: the callback comes again while the descriptor stays
/// ready for the interest. With an empty interest nothing comes, not even a hang-up. Destroy it
/// before the descriptor is closed; it does not own it.
class Watch {
 public:
  Watch() = default;
  Watch(Watch&& other) noexcept : loop_(std::exchange(other.loop_, nullptr)), id_(other.id_) {}
  Watch& operator=(Watch&& other) noexcept;
  ~Watch() { cancel(); }
  /// Changes what is waited for; cheap when it is the same as before.
  void set(Interest interest);
  void cancel();
  bool active() const { return loop_ != nullptr; }

 private:
  friend class Loop;
  Loop* loop_ = nullptr;
  uint64_t id_ = 0;
};

class Loop {
 public:
  using Clock = std::chrono::steady_clock;

  /// Errors: the process has no descriptor left.
  static Result<std::unique_ptr<Loop>> create();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Serves until `stop`. What was posted before `stop` still runs. May be called again afterwards.
  void run();
  /// Any thread; also from a callback. A stop before `run` makes that run return at once.
  void stop();
  /// Runs `task` on the loop's thread, in the order of posting. Any thread. Tasks left when the
  /// loop dies are destroyed unrun.
  void post(std::function<void()> task);
  bool in_loop_thread() const;

  /// Runs `task` once, at `when` or as soon after as the loop is free; never earlier.
  [[nodiscard]] Timer at(Clock::time_point when, std::function<void()> task);
  [[nodiscard]] Timer after(Clock::duration delay, std::function<void()> task) {
    return at(Clock::now() + delay, std::move(task));
  }
  /// Errors: the kernel cannot watch this kind of descriptor (a regular file), or it is watched
  /// already.
  Result<Watch> watch(int fd, Interest interest, std::function<void(Readiness)> ready);

 private:
  friend class Timer;
  friend class Watch;
  struct Impl;
  explicit Loop(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mishap::net
