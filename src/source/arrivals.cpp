#include "mishap/source/arrivals.h"

#include <algorithm>

namespace mishap::source {
namespace {

event::Timestamp time_of(const std::vector<traffic::Sighting>& sightings) {
  return sightings.front().at;
}

}  // namespace

Arrivals::Arrivals(event::Log& log, Before before)
    : log_(log), before_(std::move(before)), thread_([this] { run(); }) {}

Arrivals::~Arrivals() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Arrivals::add(std::vector<traffic::Sighting> sightings) {
  if (sightings.empty()) return;
  std::lock_guard lock(mutex_);
  waiting_.push_back({std::move(sightings), Clock::now() + kHold});
  changed_.notify_all();
}

void Arrivals::flush() { release(true); }

void Arrivals::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (waiting_.empty()) {
      changed_.wait(lock);
      continue;
    }
    // The first to come is the first to be due. A copy: what it is part of may move while we wait.
    const auto due = waiting_.front().due;
    if (changed_.wait_until(lock, due, [this] { return stop_ || waiting_.empty(); })) continue;
    auto types = due_types(Clock::now());
    lock.unlock();
    before_(types);
    release(false);
    lock.lock();
  }
}

std::vector<std::string> Arrivals::due_types(Clock::time_point now) const {
  std::vector<std::string> types;
  for (const Waiting& waiting : waiting_) {
    if (waiting.due > now) break;
    const std::string& type = waiting.sightings.front().draft.type;
    if (std::find(types.begin(), types.end(), type) == types.end()) types.push_back(type);
  }
  return types;
}

/// What is due, and what happened before something that is due.
void Arrivals::release(bool all) {
  std::lock_guard one_at_a_time(releasing_);
  std::vector<Waiting> going;
  {
    std::lock_guard lock(mutex_);
    auto now = Clock::now();
    event::Timestamp latest{};
    for (const Waiting& waiting : waiting_) {
      if (all || waiting.due <= now) latest = std::max(latest, time_of(waiting.sightings));
    }
    auto stays =
        std::stable_partition(waiting_.begin(), waiting_.end(), [&](const Waiting& waiting) {
          return all || waiting.due <= now || time_of(waiting.sightings) <= latest;
        });
    going.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(stays));
    waiting_.erase(waiting_.begin(), stays);
  }
  std::stable_sort(going.begin(), going.end(), [](const Waiting& a, const Waiting& b) {
    return time_of(a.sightings) < time_of(b.sightings);
  });
  for (Waiting& waiting : going) {
    for (auto& sighting : waiting.sightings) log_.append(std::move(sighting.draft));
  }
}

}  // namespace mishap::source
