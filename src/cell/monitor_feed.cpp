#include "monitor_feed.h"

#include <algorithm>

namespace mishap::cell {
namespace {

/// How often the feed looks. Events come in floods, and a wake-up for each would cost the service
/// that makes them more than all the rest of an event; nobody waits for a monitor's word but
/// `catch_up`, which asks for it.
constexpr auto kLook = std::chrono::milliseconds(5);

}  // namespace

MonitorFeed::MonitorFeed(const event::Log& log, monitor::MonitorSet& monitors,
                         monitor::PropertySet& properties)
    : log_(log), monitors_(monitors), properties_(properties), next_(log.size()), thread_([this] {
        run();
      }) {}

MonitorFeed::~MonitorFeed() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  asked_.notify_one();
  thread_.join();
}

void MonitorFeed::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    looking_ = true;
    lock.unlock();
    size_t end = log_.size();
    for (; next_ < end; ++next_) monitors_.feed(log_.at(next_));
    properties_.advance();
    lock.lock();
    looking_ = false;
    ++looks_;
    looked_.notify_all();
    asked_.wait_for(lock, kLook, [this] { return stop_ || wanted_ > looks_; });
  }
}

/// A look that is going on may be past what is asked for, so the next one counts.
void MonitorFeed::catch_up() {
  std::unique_lock lock(mutex_);
  uint64_t target = looks_ + (looking_ ? 2 : 1);
  wanted_ = std::max(wanted_, target);
  asked_.notify_one();
  looked_.wait(lock, [&] { return looks_ >= target; });
}

}  // namespace mishap::cell
