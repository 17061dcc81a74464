#include "monitor_feed.h"

namespace mishap::cell {
namespace {

/// How long the feed sleeps at most before it looks whether it should stop.
constexpr auto kLook = std::chrono::milliseconds(20);

}  // namespace

MonitorFeed::MonitorFeed(const event::Log& log, monitor::MonitorSet& monitors)
    : log_(log), monitors_(monitors), fed_(log.size()), thread_([this] { run(); }) {}

MonitorFeed::~MonitorFeed() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  thread_.join();
}

void MonitorFeed::run() {
  size_t next = fed_;
  while (true) {
    {
      std::lock_guard lock(mutex_);
      if (stop_) return;
    }
    log_.wait_beyond(next, std::chrono::steady_clock::now() + kLook);
    size_t end = log_.size();
    for (; next < end; ++next) monitors_.feed(log_.at(next));
    std::lock_guard lock(mutex_);
    fed_ = next;
    fed_changed_.notify_all();
  }
}

void MonitorFeed::catch_up() {
  size_t target = log_.size();
  std::unique_lock lock(mutex_);
  fed_changed_.wait(lock, [&] { return fed_ >= target; });
}

}  // namespace mishap::cell
