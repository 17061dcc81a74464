/* The least that answers a system call by seccomp notification: the baseline of the supervisor.
 *   bare_notify CALL PROGRAM ARGUMENT...   runs PROGRAM under a filter that notifies CALL, and lets every call go on
 * Receive, answer, and nothing else; the same flags and the same wake-ups as the supervisor's. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Linux 5.19 and 6.6; not in the headers of older distributions. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif

#if defined(__x86_64__)
#define THIS_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define THIS_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "no seccomp architecture is known for this machine"
#endif

static void ended(int signal_number) {
  (void)signal_number;
  int status = 0;
  wait(&status);
  _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void become(long call, int told, char **command) {
  struct sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCHITECTURE, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog filter = {.len = sizeof rules / sizeof rules[0], .filter = rules};
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  int listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
  if (listener < 0 || write(told, &listener, sizeof listener) != sizeof listener) _exit(126);
  execvp(command[0], command);
  _exit(127);
}

static void serve(int listener) {
  struct seccomp_notif call;
  struct seccomp_notif_resp response;
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, 1UL); /* synchronous wake-ups */
  while (1) {
    memset(&call, 0, sizeof call);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) {
      if (errno == EINTR) continue;
      pause(); /* the target ends; its SIGCHLD is on the way */
      continue;
    }
    memset(&response, 0, sizeof response);
    response.id = call.id;
    response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
  }
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  long call = strcmp(argv[1], "getppid") == 0 ? SYS_getppid : strcmp(argv[1], "fsync") == 0 ? SYS_fsync : -1;
  int ends[2];
  if (call < 0 || pipe(ends) != 0) return 2;
  signal(SIGCHLD, ended);
  /* A shared table of descriptors: the listener's number is the same on both sides. */
  long child = syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
  if (child < 0) return 1;
  if (child == 0) become(call, ends[1], argv + 2);
  int listener = -1;
  if (read(ends[0], &listener, sizeof listener) != sizeof listener) return 1;
  serve(listener);
}
