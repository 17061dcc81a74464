// Nanoseconds of a call that is made many times: getppid, or fsync of a pipe ("fd"), or getuid
// ("other").
#include <sys/syscall.h>

#include <stdlib.h>
#include <string.h>
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
  if (argc < 3) return 1;
  long rounds = atol(argv[1]);
  int ends[2];
  if (pipe(ends) != 0) return 1;
  long number = SYS_getppid;
  if (strcmp(argv[2], "fd") == 0) number = SYS_fsync;
  if (strcmp(argv[2], "other") == 0) number = SYS_getuid;
  for (int series = 0; series < 5; ++series) {
    long start = now();
    for (long i = 0; i < rounds; ++i) syscall(number, ends[0]);
    note((now() - start) / rounds);
  }
  return 0;
}
