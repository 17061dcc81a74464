// The baton: of all tasks of a cell, exactly one holds the interpreter.
//
// Each task is an OS thread. A builtin that waits (a step, a sleep) gives the baton up meanwhile,
// and when several tasks wait for it, the run's seed decides who gets it next, so that the schedule
// of the test side is reproducible as far as the services are.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

#include "mishap/base/random.h"

namespace mishap::spec {

class Baton {
 public:
  explicit Baton(uint64_t seed = 0) : random_(seed) {}
  void reseed(uint64_t seed);
  void acquire();
  void release();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  Random random_;
  bool held_ = false;
  uint64_t next_ticket_ = 1;
  uint64_t chosen_ = 0;
  std::vector<uint64_t> waiting_;
};

/// Holds the baton while it lives.
class BatonHold {
 public:
  explicit BatonHold(Baton& baton) : baton_(baton) { baton_.acquire(); }
  ~BatonHold() { baton_.release(); }
  BatonHold(const BatonHold&) = delete;
  BatonHold& operator=(const BatonHold&) = delete;

 private:
  Baton& baton_;
};

/// Lends the baton to others while it lives; the thread must hold it and must not touch a Starlark
/// value meanwhile.
class BatonRest {
 public:
  explicit BatonRest(Baton& baton) : baton_(baton) { baton_.release(); }
  ~BatonRest() { baton_.acquire(); }
  BatonRest(const BatonRest&) = delete;
  BatonRest& operator=(const BatonRest&) = delete;

 private:
  Baton& baton_;
};

}  // namespace mishap::spec
