// The thread of a supervisor: receive, resolve, decide, answer; timers for delays; dials that have
// not ended.
//
// While nothing is delayed or dialled, the thread waits in the listener's own call: to wait in
// poll(2) first would cost half a microsecond for each. A signal gets it out of there.
#pragma once

#include <atomic>
#include <chrono>
#include <semaphore>
#include <thread>
#include <vector>

#include <poll.h>

#include "mishap/syscalls/supervisor.h"

#include "dial.h"
#include "notify.h"
#include "operation.h"

namespace mishap::syscalls {

/// start() and stop() from the owner's thread; the rest runs on the thread that start() makes.
class Supervisor::Loop {
 public:
  Loop(Listener listener, SupervisorOptions options);
  ~Loop() { stop(); }

  Result<void> start();
  void stop();
  uint64_t held_count() const { return held_.load(std::memory_order_relaxed); }
  uint64_t answered_count() const { return answered_.load(std::memory_order_relaxed); }
  uint64_t vanished_count() const { return vanished_.load(std::memory_order_relaxed); }

 private:
  using Clock = std::chrono::steady_clock;
  /// A call that waits for its time. Its arguments are kept because the next notification
  /// overwrites the listener's.
  struct Delayed {
    Clock::time_point due;
    seccomp_notif call;
    fault::SyscallDecision decision;
    std::string path, peer;
    std::optional<SocketAddress> destination;
  };
  enum class Turn { go_on, over };

  void run();
  Result<Turn> turn();
  Result<bool> wait();
  Result<Turn> take_call();
  Result<void> handle(const seccomp_notif& call, Clock::time_point received);
  Result<void> carry_out(const seccomp_notif& call, const CallName& name,
                         fault::SyscallDecision decision, Clock::time_point received);
  Result<void> let_connect(const seccomp_notif& call,
                           const std::optional<SocketAddress>& destination);
  Result<void> refuse_io_uring(const seccomp_notif& call);
  Result<void> release_due(Clock::time_point now);
  Result<void> end_dials(size_t first_polled);
  Result<void> end_dial(Dial dial);
  Result<void> answer(uint64_t id, Reply reply);
  void delay(const seccomp_notif& call, fault::SyscallDecision decision,
             Clock::time_point received);
  void let_everything_go();
  void fill_poll_set();
  std::optional<Clock::time_point> next_deadline() const;
  void emit(const seccomp_notif& call, std::string_view syscall,
            const fault::SyscallDecision& decision, std::string_view path, std::string_view peer,
            const std::optional<SocketAddress>& destination);
  const CallName& name_of(int number);
  fault::Needs needs_of(std::string_view syscall) const;

  Listener listener_;
  SupervisorOptions options_;
  Resolver resolver_;
  std::optional<Redirector> redirector_;
  ResolvedCall resolved_;
  std::vector<CallName> names_;   // by number, filled as they are met
  std::vector<Delayed> delayed_;  // a heap, the earliest first
  std::vector<Dial> dials_;
  std::vector<pollfd> poll_set_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  std::binary_semaphore ended_{0};  // released by the thread at its end
  std::atomic<uint64_t> held_{0};   // size of delayed_, for others
  std::atomic<uint64_t> answered_{0};
  std::atomic<uint64_t> vanished_{0};
};

}  // namespace mishap::syscalls
