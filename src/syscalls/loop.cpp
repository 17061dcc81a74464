#include "loop.h"

#include <algorithm>
#include <system_error>

#include <sys/prctl.h>
#include <sys/syscall.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "mishap/base/check.h"
#include "mishap/fault/names.h"
#include "mishap/net/network_scope.h"

#include "short_write.h"

namespace mishap::syscalls {
namespace {

constexpr size_t kListenerSlot = 0;
constexpr size_t kFirstDialSlot = 1;
constexpr size_t kUsualNumbers = 512;

/// Gets a thread out of a call that waits. Nothing else here sends it, and it is ignored by
/// default.
constexpr int kWakeSignal = SIGURG;

bool due_later(const auto& a, const auto& b) { return a.due > b.due; }

timespec to_timespec(std::chrono::nanoseconds duration) {
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  return {.tv_sec = seconds.count(), .tv_nsec = (duration - seconds).count()};
}

/// No SA_RESTART: the call that waits is to fail. Once for the process.
void let_wake_signal_interrupt() {
  static const int done = [] {
    struct sigaction action{};
    action.sa_handler = [](int) {};
    return sigaction(kWakeSignal, &action, nullptr);
  }();
  MISHAP_CHECK(done == 0);
}

/// Signals of the process are for other threads; a supervisor that ran their handlers would be
/// late.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

Supervisor::Loop::Loop(Listener listener, SupervisorOptions options)
    : listener_(std::move(listener)), options_(std::move(options)), resolver_(options_.peer_of) {
  MISHAP_CHECK(options_.decider != nullptr);
  names_.resize(kUsualNumbers);
  if (options_.router != nullptr) redirector_.emplace(*options_.router, options_.service);
}

Result<void> Supervisor::Loop::start() {
  let_wake_signal_interrupt();
  AllSignalsBlocked inherited_by_the_thread;
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    return fail_errno("start a supervisor thread", error.code().value());
  }
  return {};
}

void Supervisor::Loop::stop() {
  if (!thread_.joinable()) return;
  stopping_.store(true);
  // The signal is lost when it comes between the thread's look at `stopping_` and its wait.
  do {
    pthread_kill(thread_.native_handle(), kWakeSignal);
  } while (!ended_.try_acquire_for(std::chrono::milliseconds(1)));
  thread_.join();
}

void Supervisor::Loop::run() {
  pthread_setname_np(pthread_self(), "supervisor");
  prctl(PR_SET_TIMERSLACK,
        1);  // ns; the default of 50 us would be a quarter of what delays may be late
  sigset_t wake;
  sigemptyset(&wake);
  sigaddset(&wake, kWakeSignal);
  pthread_sigmask(SIG_UNBLOCK, &wake, nullptr);
  Result<void> entered = net::enter_network(options_.network_namespace);
  while (!stopping_.load()) {
    auto outcome = entered ? turn() : Result<Turn>(fail(entered.error()));
    if (!outcome && options_.on_failure) options_.on_failure(outcome.error());
    if (!outcome || *outcome == Turn::over) break;
  }
  let_everything_go();
  Listener closed = std::move(listener_);
  ended_.release();
}

Result<Supervisor::Loop::Turn> Supervisor::Loop::turn() {
  if (delayed_.empty() && dials_.empty()) return take_call();
  MISHAP_ASSIGN(bool ready, wait());
  if (!ready) return Turn::go_on;
  if (!delayed_.empty()) MISHAP_TRY(release_due(Clock::now()));
  // New dials go to the end, so the slots of the poll set still fit after this.
  if (!dials_.empty()) MISHAP_TRY(end_dials(kFirstDialSlot));
  return poll_set_[kListenerSlot].revents != 0 ? take_call() : Turn::go_on;
}

/// For a call, the end of a dial, or the time that is next. False: a signal came.
Result<bool> Supervisor::Loop::wait() {
  fill_poll_set();
  timespec time{};
  auto deadline = next_deadline();
  if (deadline) time = to_timespec(std::max(*deadline - Clock::now(), Clock::duration(0)));
  if (ppoll(poll_set_.data(), poll_set_.size(), deadline ? &time : nullptr, nullptr) >= 0)
    return true;
  if (errno == EINTR) return false;
  return fail_errno("wait for seccomp notifications");
}

/// Waits for one when none is there.
Result<Supervisor::Loop::Turn> Supervisor::Loop::take_call() {
  MISHAP_ASSIGN(bool received, listener_.receive());
  if (received) {
    MISHAP_TRY(handle(listener_.call(), Clock::now()));
    return Turn::go_on;
  }
  // Nobody is left under the filter: before Linux 6.11 poll(2) alone says so, and the thread waits
  // until it is stopped.
  pollfd listener{listener_.fd(), POLLIN, 0};
  bool gone = poll(&listener, 1, 0) == 1 && (listener.revents & POLLIN) == 0;
  return gone ? Turn::over : Turn::go_on;
}

void Supervisor::Loop::fill_poll_set() {
  poll_set_.resize(kFirstDialSlot);
  poll_set_[kListenerSlot] = {listener_.fd(), POLLIN, 0};
  for (const Dial& dial : dials_) poll_set_.push_back({dial.upstream.get(), POLLOUT, 0});
}

std::optional<Supervisor::Loop::Clock::time_point> Supervisor::Loop::next_deadline() const {
  std::optional<Clock::time_point> next;
  if (!delayed_.empty()) next = delayed_.front().due;
  for (const Dial& dial : dials_) {
    if (dial.deadline && (!next || *dial.deadline < *next)) next = dial.deadline;
  }
  return next;
}

const CallName& Supervisor::Loop::name_of(int number) {
  auto index = size_t(number);
  if (index >= names_.size()) names_.resize(index + 1);
  CallName& name = names_[index];
  if (name.name.empty()) {
    name.name = fault::syscall_name(number);
    name.shape = shape_of(name.name);
  }
  return name;
}

fault::Needs Supervisor::Loop::needs_of(std::string_view syscall) const {
  fault::Needs needs = options_.decider->needs(syscall);
  needs.fd_kind = needs.fd_kind || options_.always.fd_kind;
  needs.path = needs.path || options_.always.path;
  needs.growth = needs.growth || options_.always.growth;
  needs.peer = needs.peer || options_.always.peer;
  return needs;
}

Result<void> Supervisor::Loop::handle(const seccomp_notif& call, Clock::time_point received) {
  if (options_.exempt && options_.exempt->contains(static_cast<int>(call.pid)))
    return answer(call.id, Reply::proceed());
  if (call.data.nr == SYS_io_uring_setup) return refuse_io_uring(call);
  const CallName& name = name_of(call.data.nr);
  bool is_connect = call.data.nr == SYS_connect;
  // A connect() to a Unix socket is not the network's failure, so its kind is always found out.
  bool want_destination = is_connect && (redirector_ || options_.decider->anything_open());
  resolver_.resolve(call, name, needs_of(name.name), want_destination, resolved_);
  if (resolved_.looked && !listener_.is_waiting(call.id)) {
    vanished_.fetch_add(1, std::memory_order_relaxed);
    return {};
  }
  return carry_out(call, name, options_.decider->decide(resolved_.operation), received);
}

Result<void> Supervisor::Loop::carry_out(const seccomp_notif& call, const CallName& name,
                                         fault::SyscallDecision decision,
                                         Clock::time_point received) {
  using Kind = fault::SyscallDecision::Kind;
  if (decision.kind == Kind::delay && decision.delay.count() > 0) {
    delay(call, std::move(decision), received);
    return {};
  }
  emit(call, name.name, decision, resolved_.shown_path, resolved_.peer, resolved_.destination);
  switch (decision.kind) {
    case Kind::deny:
      return answer(call.id, Reply::error(decision.error));
    case Kind::shorten: {
      Task* task = resolver_.tasks().get(pid_t(call.pid));
      bool possible = task != nullptr && name.shape != nullptr && name.shape->data >= 0;
      if (!possible) return answer(call.id, Reply::error(ENOSPC));
      return answer(call.id, write_part(*task, call, *name.shape, decision.allowed_bytes));
    }
    case Kind::delay:
    case Kind::proceed:
      break;
  }
  return let_connect(call, resolved_.destination);
}

Result<void> Supervisor::Loop::refuse_io_uring(const seccomp_notif& call) {
  fault::SyscallDecision decision;
  decision.kind = fault::SyscallDecision::Kind::deny;
  decision.error = ENOSYS;
  decision.text = "deny(" + fault::errno_text(ENOSYS) + ")";
  decision.errno_name = "ENOSYS";
  emit(call, "io_uring_setup", decision, {}, {}, {});
  return answer(call.id, Reply::error(ENOSYS));
}

void Supervisor::Loop::delay(const seccomp_notif& call, fault::SyscallDecision decision,
                             Clock::time_point received) {
  Clock::time_point due = received + decision.delay;
  delayed_.push_back({due, call, std::move(decision), resolved_.shown_path, resolved_.peer,
                      resolved_.destination});
  std::push_heap(delayed_.begin(), delayed_.end(), due_later<Delayed, Delayed>);
  held_.store(delayed_.size(), std::memory_order_relaxed);
}

Result<void> Supervisor::Loop::release_due(Clock::time_point now) {
  while (!delayed_.empty() && delayed_.front().due <= now) {
    std::pop_heap(delayed_.begin(), delayed_.end(), due_later<Delayed, Delayed>);
    Delayed call = std::move(delayed_.back());
    delayed_.pop_back();
    emit(call.call, name_of(call.call.data.nr).name, call.decision, call.path, call.peer,
         call.destination);
    MISHAP_TRY(let_connect(call.call, call.destination));
    held_.store(delayed_.size(), std::memory_order_relaxed);
  }
  return {};
}

/// Continues the call; a connect() whose destination is routed goes by way of its relay.
Result<void> Supervisor::Loop::let_connect(const seccomp_notif& call,
                                           const std::optional<SocketAddress>& destination) {
  bool may_redirect = redirector_ && destination && call.data.nr == SYS_connect;
  Task* task = may_redirect ? resolver_.tasks().get(pid_t(call.pid)) : nullptr;
  if (task == nullptr || !listener_.is_waiting(call.id)) return answer(call.id, Reply::proceed());
  auto begun = redirector_->begin(*task, call.id, int(call.data.args[0]), *destination);
  if (auto* dial = std::get_if<Dial>(&begun)) {
    dials_.push_back(std::move(*dial));
    return {};
  }
  const auto& done = std::get<Redirected>(begun);
  if (done.socket != 0) resolver_.remember_peer(done.socket, *destination);
  return answer(call.id, done.reply);
}

Result<void> Supervisor::Loop::end_dials(size_t first_polled) {
  Clock::time_point now = Clock::now();
  std::vector<Dial> ended;
  size_t polled = poll_set_.size() - first_polled;
  size_t kept = 0;
  for (size_t i = 0; i < dials_.size(); ++i) {
    bool ready = i < polled && poll_set_[first_polled + i].revents != 0;
    bool late = dials_[i].deadline && *dials_[i].deadline <= now;
    if (ready || late) {
      ended.push_back(std::move(dials_[i]));
    } else if (kept++ != i) {
      dials_[kept - 1] = std::move(dials_[i]);
    }
  }
  dials_.resize(kept);
  for (Dial& dial : ended) MISHAP_TRY(end_dial(std::move(dial)));
  return {};
}

Result<void> Supervisor::Loop::end_dial(Dial dial) {
  uint64_t id = dial.call_id;
  if (!listener_.is_waiting(id)) return answer(id, Reply::proceed());
  SocketAddress destination = dial.destination;
  Redirected done = redirector_->finish(std::move(dial));
  if (done.socket != 0) resolver_.remember_peer(done.socket, destination);
  return answer(id, done.reply);
}

Result<void> Supervisor::Loop::answer(uint64_t id, Reply reply) {
  MISHAP_ASSIGN(bool delivered, listener_.answer(id, reply));
  (delivered ? answered_ : vanished_).fetch_add(1, std::memory_order_relaxed);
  return {};
}

void Supervisor::Loop::let_everything_go() {
  for (const Delayed& call : delayed_) (void)listener_.answer(call.call.id, Reply::proceed());
  for (const Dial& dial : dials_) (void)listener_.answer(dial.call_id, Reply::proceed());
  delayed_.clear();
  dials_.clear();
  held_.store(0, std::memory_order_relaxed);
}

void Supervisor::Loop::emit(const seccomp_notif& call, std::string_view syscall,
                            const fault::SyscallDecision& decision, std::string_view path,
                            std::string_view peer,
                            const std::optional<SocketAddress>& destination) {
  if (!options_.sink) return;
  std::string address;
  if (destination && destination->is_inet()) address = destination->text();
  options_.sink({.syscall = syscall,
                 .pid = int(call.pid),
                 .decision = decision.text,
                 .path = path,
                 .latency = decision.delay,
                 .label = decision.label,
                 .op = decision.op,
                 .errno_name = decision.errno_name,
                 .scope = decision.scope,
                 .peer = peer,
                 .address = address});
}

}  // namespace mishap::syscalls
