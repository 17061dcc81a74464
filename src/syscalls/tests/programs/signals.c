// Calls under a storm of signals whose handler restarts calls, as the Go runtime's does. Notes how
// many calls failed, and whether signals came.
#include <sys/syscall.h>
#include <sys/time.h>

#include <signal.h>
#include <unistd.h>

#include "report.h"

static volatile long signal_count;
static void on_alarm(int signal) {
  (void)signal;
  signal_count++;
}

int main(void) {
  open_report();
  struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  struct itimerval often = {.it_interval = {0, 100}, .it_value = {0, 100}};
  setitimer(ITIMER_REAL, &often, NULL);
  long failed_count = 0;
  for (int i = 0; i < 10000; ++i) failed_count += syscall(SYS_getppid) == -1;
  note(failed_count);
  note(signal_count > 0);
  return 0;
}
