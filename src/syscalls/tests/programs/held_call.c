// A thread enters getppid() and stays there; once it is inside, the main thread makes an fsync().
// The exit status says whether getppid() gave the parent in the end.
#include <sys/syscall.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "report.h"

static volatile int thread_id;
static volatile long parent = -1;

static void* held(void* unused) {
  (void)unused;
  thread_id = syscall(SYS_gettid);
  parent = syscall(SYS_getppid);
  return NULL;
}

/// Whether the kernel says that the thread is in getppid().
static int is_inside(void) {
  char path[64], text[64] = "";
  snprintf(path, sizeof path, "/proc/self/task/%d/syscall", thread_id);
  int file = open(path, O_RDONLY);
  ssize_t size = read(file, text, sizeof text - 1);
  close(file);
  long number = -1;
  return size > 0 && sscanf(text, "%ld", &number) == 1 && number == SYS_getppid;
}

int main(void) {
  open_report();
  pthread_t thread;
  pthread_create(&thread, NULL, held, NULL);
  while (thread_id == 0 || !is_inside()) usleep(100);
  // Calls are answered in the order in which they came, so this one's answer says that the other is
  // held.
  fsync(kReportFd);
  pthread_join(thread, NULL);
  return parent < 0;
}
