// Eight threads make calls at once. Notes how many getppid() were wrong and how many fsync() were
// not refused with EIO.
#include <sys/syscall.h>

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "report.h"

static atomic_long wrong_count, unrefused_count;
static long parent;

static void* calls(void* unused) {
  (void)unused;
  for (int i = 0; i < 500; ++i) {
    if (syscall(SYS_getppid) != parent) wrong_count++;
    if (fsync(kReportFd) != -1 || errno != EIO) unrefused_count++;
  }
  return NULL;
}

int main(void) {
  open_report();
  parent = syscall(SYS_getppid);
  pthread_t threads[8];
  for (int i = 0; i < 8; ++i) pthread_create(&threads[i], NULL, calls, NULL);
  for (int i = 0; i < 8; ++i) pthread_join(threads[i], NULL);
  note(wrong_count);
  note(unrefused_count);
  return 0;
}
