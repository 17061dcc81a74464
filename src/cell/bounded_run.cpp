#include "bounded_run.h"

#include <condition_variable>
#include <thread>

namespace mishap::cell {
namespace {

constexpr auto kGrace = std::chrono::seconds(2);  // for what is cancelled to return

}  // namespace

struct BoundedRun::Work {
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
  bool stopped = false;
};

BoundedRun::Ran BoundedRun::run(net::Deadline deadline, std::function<void()> work) {
  auto state = std::make_shared<Work>();
  {
    std::lock_guard lock(mutex_);
    current_ = state;
  }
  std::thread([state, work = std::move(work)] {
    work();
    std::lock_guard lock(state->mutex);
    state->done = true;
    state->changed.notify_all();
  }).detach();
  std::unique_lock lock(state->mutex);
  state->changed.wait_until(lock, deadline, [&] { return state->done || state->stopped; });
  if (state->done) return {!state->stopped, true};
  bool stopped = state->stopped;
  lock.unlock();
  if (!stopped) cancel_();  // else it has been cancelled already
  lock.lock();
  return {false, state->changed.wait_for(lock, kGrace, [&] { return state->done; })};
}

void BoundedRun::stop() {
  cancel_();
  std::lock_guard lock(mutex_);
  if (!current_) return;
  std::lock_guard work_lock(current_->mutex);
  current_->stopped = true;
  current_->changed.notify_all();
}

}  // namespace mishap::cell
