// Which test is run next. Pure.
#pragma once

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mishap/spec/spec.h"

namespace mishap::run {

/// One execution of one test.
struct Job {
  spec::TestInfo test;
  int run = 0;       ///< index among --runs
  std::string note;  ///< for its result: why it was begun in a new cell; "" mostly
};

class Schedule {
 public:
  /// All runs of a test before the next test.
  Schedule(const std::vector<spec::TestInfo>& tests, int runs);

  /// Takes the next job. Repeating a test stops at its first run that did not pass.
  std::optional<Job> next();
  /// A job that was taken and could not be run comes first again.
  void put_back(Job job);
  void not_passed(const std::string& test) { not_passed_.insert(test); }
  /// Nothing is left to be taken.
  bool empty();
  /// Takes all that is left, in order, for a run that is interrupted.
  std::vector<Job> take_rest();

 private:
  void drop_pointless();
  std::deque<Job> waiting_;
  std::set<std::string> not_passed_;
};

}  // namespace mishap::run
