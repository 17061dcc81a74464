// A child is killed inside a call that is held up; afterwards the parent's own call must work.
#include <sys/syscall.h>
#include <sys/wait.h>

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "report.h"

int main(void) {
  open_report();
  volatile int* ready = (volatile int*)&shared_report->notes[kMostNotes - 1].error;
  pid_t child = fork();
  if (child == 0) {
    *ready = 1;
    fsync(kReportFd);
    _exit(0);
  }
  while (*ready == 0) usleep(100);
  struct timespec a_moment = {0, 20000000};
  nanosleep(&a_moment, NULL);
  note(kill(child, SIGKILL));
  int status = 0;
  waitpid(child, &status, 0);
  note(WIFSIGNALED(status) ? WTERMSIG(status) : -2);
  note(syscall(SYS_getppid) > 0);
  return 0;
}
