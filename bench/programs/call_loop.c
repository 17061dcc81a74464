/* Nanoseconds that one system call takes, as a program sees it.
 *   call_loop CALL ROUNDS SERIES     prints for each of SERIES series the mean over ROUNDS calls, one line each
 * CALL is getppid (names nothing), fsync (of a pipe, which refuses at once: a descriptor to find out about), getuid (the call that
 * nobody listens to) or nap (clock_nanosleep of a millisecond: how late this machine wakes a program by itself). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000L + time.tv_nsec;
}

static const struct {
  const char *name;
  long number;
} calls[] = {
    {"getppid", SYS_getppid},
    {"fsync", SYS_fsync},
    {"getuid", SYS_getuid},
    {"nap", SYS_clock_nanosleep},
};

static void make_calls(long number, int fd, long rounds) {
  struct timespec millisecond = {.tv_nsec = 1000000};
  for (long i = 0; i < rounds; ++i) {
    if (number == SYS_clock_nanosleep) {
      syscall(number, CLOCK_MONOTONIC, 0, &millisecond, NULL);
    } else {
      syscall(number, fd);
    }
  }
}

int main(int argc, char **argv) {
  enum { kMostSeries = 1000 };
  static long took[kMostSeries];
  int ends[2];
  if (argc != 4 || pipe(ends) != 0) return 2;
  long number = -1;
  for (size_t i = 0; i < sizeof calls / sizeof calls[0]; ++i) {
    if (strcmp(calls[i].name, argv[1]) == 0) number = calls[i].number;
  }
  long rounds = atol(argv[2]);
  long series = atol(argv[3]);
  if (number < 0 || rounds < 1 || series < 1 || series > kMostSeries) return 2;
  /* Printed at the end: a call of the output may be listened to as well. */
  for (long i = 0; i < series; ++i) {
    long start = now();
    make_calls(number, ends[0], rounds);
    took[i] = (now() - start) / rounds;
  }
  for (long i = 0; i < series; ++i) printf("%ld\n", took[i]);
  return 0;
}
