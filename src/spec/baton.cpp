#include "baton.h"

#include <algorithm>

namespace mishap::spec {

void Baton::reseed(uint64_t seed) {
  std::lock_guard lock(mutex_);
  random_ = Random(seed);
}

void Baton::acquire() {
  std::unique_lock lock(mutex_);
  if (!held_ && waiting_.empty()) {
    held_ = true;
    return;
  }
  uint64_t ticket = next_ticket_++;
  waiting_.push_back(ticket);
  changed_.wait(lock, [&] { return !held_ && (chosen_ == ticket || chosen_ == 0); });
  waiting_.erase(std::find(waiting_.begin(), waiting_.end(), ticket));
  held_ = true;
  chosen_ = 0;
}

void Baton::release() {
  std::lock_guard lock(mutex_);
  held_ = false;
  chosen_ = waiting_.empty() ? 0 : waiting_[random_.below(waiting_.size())];
  changed_.notify_all();
}

}  // namespace mishap::spec
