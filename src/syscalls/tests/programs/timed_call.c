// How long getppid() takes, in nanoseconds, a few times over.
#include <sys/syscall.h>

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "report.h"

static long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000L + time.tv_nsec;
}

int main(int argc, char** argv) {
  open_report();
  int rounds = argc > 1 ? atoi(argv[1]) : 1;
  for (int i = 0; i < rounds; ++i) {
    long start = now();
    syscall(SYS_getppid);
    note(now() - start);
  }
  return 0;
}
