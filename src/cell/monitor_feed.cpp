#include "monitor_feed.h"

#include <algorithm>

namespace mishap::cell {
namespace {

/// How often the feed looks. Events come in floods, and a wake-up for each would cost the service
/// that makes them more than all the rest of an event; nobody waits for a monitor's word but
/// `catch_up`, which asks for it.
constexpr auto kLook = std::chrono::milliseconds(5);

}  // namespace

MonitorFeed::MonitorFeed(const event::Log& log, monitor::MonitorSet& monitors)
    : log_(log), monitors_(monitors), fed_(log.size()), thread_([this] { run(); }) {}

MonitorFeed::~MonitorFeed() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  asked_.notify_one();
  thread_.join();
}

void MonitorFeed::run() {
  size_t next = fed_;
  std::unique_lock lock(mutex_);
  while (!stop_) {
    lock.unlock();
    size_t end = log_.size();
    for (; next < end; ++next) monitors_.feed(log_.at(next));
    lock.lock();
    fed_ = next;
    fed_changed_.notify_all();
    asked_.wait_for(lock, kLook, [this] { return stop_ || wanted_ > fed_; });
  }
}

void MonitorFeed::catch_up() {
  size_t target = log_.size();
  std::unique_lock lock(mutex_);
  wanted_ = std::max(wanted_, target);
  asked_.notify_one();
  fed_changed_.wait(lock, [&] { return fed_ >= target; });
}

}  // namespace mishap::cell
