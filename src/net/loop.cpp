// epoll, a timerfd and an eventfd. The loop is this small because it is all the relays need; a
// general library would add a layer of type-erased handlers and a build of several seconds per file
// that includes it.
#include "mishap/net/loop.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <map>
#include <mutex>
#include <unordered_map>
#include <vector>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <fmt/format.h>
#include <unistd.h>

#include "mishap/base/check.h"
#include "mishap/base/unique_fd.h"

namespace mishap::net {
namespace {

constexpr uint64_t kTimerId = 0;
constexpr uint64_t kPostId = 1;
constexpr uint64_t kFirstWatchId = 2;
constexpr int kEventsPerWait = 128;

uint32_t epoll_mask(Interest interest) {
  return (interest.read ? EPOLLIN | EPOLLRDHUP : 0u) | (interest.write ? EPOLLOUT : 0u);
}

timespec to_timespec(Loop::Clock::time_point when) {
  // steady_clock counts CLOCK_MONOTONIC's nanoseconds in libstdc++ and libc++ on Linux.
  auto nanos =
      std::chrono::duration_cast<std::chrono::nanoseconds>(when.time_since_epoch()).count();
  timespec out{};
  out.tv_sec = static_cast<time_t>(nanos / 1'000'000'000);
  out.tv_nsec = static_cast<long>(nanos % 1'000'000'000);
  return out;
}

}  // namespace

struct Loop::Impl {
  struct WatchState {
    int fd;
    Interest interest;
    std::function<void(Readiness)> ready;
  };
  using TimerKey = std::pair<Clock::time_point, uint64_t>;

  UniqueFd epoll, timer, wake;
  std::atomic<pid_t> thread{0};
  std::atomic<bool> stopping{false};
  uint64_t next_id = kFirstWatchId;

  std::unordered_map<uint64_t, std::unique_ptr<WatchState>> watches;
  std::map<TimerKey, std::function<void()>> timers;
  Clock::time_point armed = Clock::time_point::max();  ///< when the timerfd will fire

  /// Callbacks whose handle was cancelled while one of them may be running; freed between
  /// callbacks.
  std::vector<std::unique_ptr<WatchState>> retired;

  std::mutex posted_mutex;
  std::vector<std::function<void()>> posted;  ///< guarded by posted_mutex

  void free_retired();
  void arm_timer();
  void run_timers();
  void run_posted();
  void dispatch(const epoll_event& event);
  void signal_wake() const {
    uint64_t one = 1;
    [[maybe_unused]] ssize_t written = write(wake.get(), &one, sizeof one);
  }
  void change(int operation, uint64_t id, const WatchState& state) const {
    epoll_event event{};
    event.events = epoll_mask(state.interest);
    event.data.u64 = id;
    int result = epoll_ctl(epoll.get(), operation, state.fd, &event);
    MISHAP_CHECK(result == 0, "epoll_ctl on fd {}: errno {}", state.fd, errno);
  }
};

/// What a freed callback held may retire more watches.
void Loop::Impl::free_retired() {
  while (!retired.empty()) {
    auto dead = std::exchange(retired, {});
    dead.clear();
  }
}

/// The timerfd is armed for the earliest timer and left alone when that one is cancelled: a wake-up
/// for nothing costs less than a system call for each cancelled timer.
void Loop::Impl::arm_timer() {
  if (timers.empty() || timers.begin()->first.first >= armed) return;
  armed = timers.begin()->first.first;
  itimerspec spec{};
  spec.it_value = to_timespec(std::max(armed, Clock::time_point(std::chrono::nanoseconds(1))));
  int result = timerfd_settime(timer.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
  MISHAP_CHECK(result == 0, "timerfd_settime: errno {}", errno);
}

void Loop::Impl::run_timers() {
  Clock::time_point now = Clock::now();
  if (armed <= now) armed = Clock::time_point::max();
  // A timer made by a callback waits for the next round even when it is due, so that descriptors
  // get their turn.
  uint64_t newest = next_id;
  auto entry = timers.begin();
  while (entry != timers.end() && entry->first.first <= now) {
    if (entry->first.second >= newest) {
      ++entry;
      continue;
    }
    std::function<void()> task = std::move(entry->second);
    timers.erase(entry);
    task();
    if (stopping) break;
    entry = timers.begin();
  }
}

void Loop::Impl::run_posted() {
  std::vector<std::function<void()>> batch;
  {
    std::lock_guard lock(posted_mutex);
    batch.swap(posted);
  }
  for (auto& task : batch) {
    task();
    task = nullptr;  // what it holds dies here and not with the whole batch
  }
}

void Loop::Impl::dispatch(const epoll_event& event) {
  uint64_t id = event.data.u64;
  if (id < kFirstWatchId) return;  // both are edge-triggered and looked after in every round
  auto found = watches.find(id);
  if (found == watches.end()) return;  // cancelled by an earlier callback of this round
  WatchState& state = *found->second;
  Readiness readiness;
  readiness.hangup = (event.events & (EPOLLHUP | EPOLLERR)) != 0;
  readiness.read =
      state.interest.read && ((event.events & (EPOLLIN | EPOLLRDHUP)) != 0 || readiness.hangup);
  readiness.write = state.interest.write && ((event.events & EPOLLOUT) != 0 || readiness.hangup);
  // An earlier callback of this round may have narrowed the interest.
  if (!readiness.read && !readiness.write) return;
  state.ready(readiness);
  free_retired();
}

Result<std::unique_ptr<Loop>> Loop::create() {
  auto impl = std::make_unique<Impl>();
  impl->epoll.reset(epoll_create1(EPOLL_CLOEXEC));
  impl->timer.reset(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  impl->wake.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!impl->epoll || !impl->timer || !impl->wake) return fail_errno("make an event loop");
  auto add = [&](int fd, uint64_t id) {
    epoll_event event{};
    // Edge-triggered: each expiry or write is one event, and nobody has to read the counter.
    event.events = EPOLLIN | EPOLLET;
    event.data.u64 = id;
    return epoll_ctl(impl->epoll.get(), EPOLL_CTL_ADD, fd, &event) == 0;
  };
  if (!add(impl->timer.get(), kTimerId) || !add(impl->wake.get(), kPostId)) {
    return fail_errno("make an event loop");
  }
  return std::unique_ptr<Loop>(new Loop(std::move(impl)));
}

Loop::Loop(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Loop::~Loop() {
  // Tasks may own handles, which reach for the loop when they die: free them while it is whole.
  std::vector<std::function<void()>> posted;
  {
    std::lock_guard lock(impl_->posted_mutex);
    posted.swap(impl_->posted);
  }
  posted.clear();
  while (!impl_->timers.empty()) {
    auto node = impl_->timers.extract(impl_->timers.begin());
  }
  while (!impl_->watches.empty()) {
    auto node = impl_->watches.extract(impl_->watches.begin());
  }
  impl_->free_retired();
}

void Loop::run() {
  impl_->thread = gettid();
  epoll_event events[kEventsPerWait];
  while (true) {
    impl_->run_posted();
    impl_->run_timers();
    impl_->free_retired();
    if (impl_->stopping.exchange(false)) break;
    impl_->arm_timer();
    // Timers made due meanwhile are seen through the timerfd, posted work through the eventfd:
    // waiting cannot miss either.
    int count = epoll_wait(impl_->epoll.get(), events, kEventsPerWait, -1);
    if (count < 0) {
      MISHAP_CHECK(errno == EINTR, "epoll_wait: errno {}", errno);
      continue;
    }
    for (int i = 0; i < count; ++i) impl_->dispatch(events[i]);
  }
  impl_->thread = 0;
}

void Loop::stop() {
  impl_->stopping = true;
  impl_->signal_wake();
}

void Loop::post(std::function<void()> task) {
  bool first;
  {
    std::lock_guard lock(impl_->posted_mutex);
    first = impl_->posted.empty();
    impl_->posted.push_back(std::move(task));
  }
  if (first) impl_->signal_wake();
}

bool Loop::in_loop_thread() const { return impl_->thread == gettid(); }

Timer Loop::at(Clock::time_point when, std::function<void()> task) {
  Timer timer;
  timer.loop_ = this;
  timer.id_ = impl_->next_id++;
  timer.when_ = when;
  impl_->timers.emplace(Impl::TimerKey(when, timer.id_), std::move(task));
  return timer;
}

Result<Watch> Loop::watch(int fd, Interest interest, std::function<void(Readiness)> ready) {
  uint64_t id = impl_->next_id++;
  auto state = std::make_unique<Impl::WatchState>(Impl::WatchState{fd, interest, std::move(ready)});
  epoll_event event{};
  event.events = epoll_mask(interest);
  event.data.u64 = id;
  if (epoll_ctl(impl_->epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return fail_errno(fmt::format("watch descriptor {}", fd));
  }
  // epoll reports hang-ups to an empty interest too, so that one is kept out of the set.
  if (interest == Interest{}) impl_->change(EPOLL_CTL_DEL, id, *state);
  impl_->watches.emplace(id, std::move(state));
  Watch watch;
  watch.loop_ = this;
  watch.id_ = id;
  return watch;
}

Timer& Timer::operator=(Timer&& other) noexcept {
  if (this == &other) return *this;
  cancel();
  loop_ = std::exchange(other.loop_, nullptr);
  id_ = other.id_;
  when_ = other.when_;
  return *this;
}

void Timer::cancel() {
  if (loop_ == nullptr) return;
  auto& timers = std::exchange(loop_, nullptr)->impl_->timers;
  // Taken out before it is freed: what the task holds may cancel other timers as it dies.
  auto node = timers.extract(Loop::Impl::TimerKey(when_, id_));
}

bool Timer::armed() const {
  return loop_ != nullptr && loop_->impl_->timers.contains(Loop::Impl::TimerKey(when_, id_));
}

Watch& Watch::operator=(Watch&& other) noexcept {
  if (this == &other) return *this;
  cancel();
  loop_ = std::exchange(other.loop_, nullptr);
  id_ = other.id_;
  return *this;
}

void Watch::set(Interest interest) {
  MISHAP_CHECK(loop_ != nullptr);
  auto& impl = *loop_->impl_;
  auto& state = *impl.watches.at(id_);
  if (state.interest == interest) return;
  bool was_in = state.interest != Interest{};
  bool is_in = interest != Interest{};
  state.interest = interest;
  impl.change(!was_in ? EPOLL_CTL_ADD : is_in ? EPOLL_CTL_MOD : EPOLL_CTL_DEL, id_, state);
}

void Watch::cancel() {
  if (loop_ == nullptr) return;
  auto& impl = *std::exchange(loop_, nullptr)->impl_;
  auto node = impl.watches.extract(id_);
  if (node.empty()) return;
  // The descriptor may have been closed by its owner's destructor order; then it left the set by
  // itself.
  if (node.mapped()->interest != Interest{}) {
    epoll_ctl(impl.epoll.get(), EPOLL_CTL_DEL, node.mapped()->fd, nullptr);
  }
  impl.retired.push_back(std::move(node.mapped()));
}

}  // namespace mishap::net
