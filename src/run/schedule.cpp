#include "schedule.h"

#include <utility>

namespace mishap::run {

Schedule::Schedule(const std::vector<spec::TestInfo>& tests, int runs) {
  for (const auto& test : tests) {
    for (int run = 0; run < runs; ++run) waiting_.push_back({test, run, ""});
  }
}

void Schedule::drop_pointless() {
  while (!waiting_.empty() && waiting_.front().run > 0 &&
         not_passed_.contains(waiting_.front().test.name)) {
    waiting_.pop_front();
  }
}

std::optional<Job> Schedule::next() {
  if (empty()) return std::nullopt;
  Job job = std::move(waiting_.front());
  waiting_.pop_front();
  return job;
}

void Schedule::put_back(Job job) { waiting_.push_front(std::move(job)); }

bool Schedule::empty() {
  drop_pointless();
  return waiting_.empty();
}

std::vector<Job> Schedule::take_rest() {
  std::vector<Job> rest(std::make_move_iterator(waiting_.begin()),
                        std::make_move_iterator(waiting_.end()));
  waiting_.clear();
  return rest;
}

}  // namespace mishap::run
