// A vfork()ed and executed child, and a fork()ed one, call fsync(); each notes its own.
#include <sys/wait.h>

#include <unistd.h>

#include "report.h"

int main(int argc, char** argv) {
  open_report();
  if (argc > 1) {
    note(fsync(kReportFd));
    return 0;
  }
  pid_t child = vfork();
  if (child == 0) {
    execl("/proc/self/exe", argv[0], "child", (char*)NULL);
    _exit(1);
  }
  waitpid(child, NULL, 0);
  child = fork();
  if (child == 0) {
    note(fsync(kReportFd));
    _exit(0);
  }
  waitpid(child, NULL, 0);
  return 0;
}
