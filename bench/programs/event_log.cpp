// What the log costs by itself: event_log COUNT. Prints "append NS", "keep NS" (the same drafts put
// into a queue and nothing else, the baseline), "bytes N" (memory of an event) and "find NS" (a
// filter that no event matches, for each event).
#include <chrono>
#include <deque>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mishap/event/filter.h"
#include "mishap/event/log.h"

namespace {

using mishap::event::Draft;
using Clock = std::chrono::steady_clock;

/// As a supervised service's calls make them.
Draft draft_of(size_t number) {
  Draft draft;
  draft.type = "syscall";
  draft.service = number % 3 == 0 ? "db" : "api";
  draft.fields = {{"syscall", "write"},
                  {"pid", "12345"},
                  {"decision", "allow"},
                  {"path", "/var/lib/postgresql/data/base/1/" + std::to_string(number % 1000)}};
  return draft;
}

double nanoseconds_each(Clock::time_point start, size_t count) {
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count() / double(count);
}

size_t resident_bytes() {
  size_t total = 0, resident = 0;
  FILE* file = fopen("/proc/self/statm", "r");
  if (file == nullptr || fscanf(file, "%zu %zu", &total, &resident) != 2) resident = 0;
  if (file != nullptr) fclose(file);
  return resident * size_t(sysconf(_SC_PAGESIZE));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  size_t count = strtoull(argv[1], nullptr, 10);
  mishap::event::Log log;
  size_t before = resident_bytes();
  auto start = Clock::now();
  for (size_t i = 0; i < count; ++i) log.append(draft_of(i));
  printf("append %.0f\n", nanoseconds_each(start, count));
  printf("bytes %.0f\n", double(resident_bytes() - before) / double(count));

  mishap::event::Filter filter{{{"service", "db"}, {"syscall", "write"}, {"path", "/nowhere/*"}}};
  start = Clock::now();
  size_t found = 0;
  for (size_t i = 0; i < log.size(); ++i) found += filter.matches(log.at(i)) ? 1 : 0;
  printf("find %.0f\n", nanoseconds_each(start, count));

  std::deque<Draft> kept;
  start = Clock::now();
  for (size_t i = 0; i < count; ++i) kept.push_back(draft_of(i));
  printf("keep %.0f\n", nanoseconds_each(start, count));
  return found == 0 ? 0 : 1;
}
