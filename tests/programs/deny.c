/* Runs a program as if this machine lacked something: under a seccomp filter that refuses the calls in question.
 *   docker    what Docker's default profile refuses to a container: new namespaces, mounts, other processes' descriptors
 *   mount     mounts, as a security module refuses them
 *   killable  the flag WAIT_KILLABLE_RECV (Linux before 5.19)
 *   sync      the flag SYNC_WAKE_UP (before 6.6)
 *   getfd     pidfd_getfd (before 5.6)
 *   listener  a second seccomp listener: there is one already
 * Usage: deny WHAT PROGRAM ARGUMENT... */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif

#define NAMESPACES (CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS)

/* A call is refused with `error` when its argument has a bit of `mask`, or equals `equals`, or always. */
struct rule {
  const char *what;
  int call, argument;
  unsigned mask, equals;
  int error;
};

static const struct rule rules[] = {
    {"docker", SYS_clone3, 0, 0, 0, ENOSYS},
    {"docker", SYS_clone, 0, NAMESPACES, 0, EPERM},
    {"docker", SYS_unshare, 0, 0, 0, EPERM},
    {"docker", SYS_mount, 0, 0, 0, EPERM},
    {"docker", SYS_setns, 0, 0, 0, EPERM},
    {"docker", SYS_pidfd_getfd, 0, 0, 0, EPERM},
    {"mount", SYS_mount, 0, 0, 0, EACCES},
    {"killable", SYS_seccomp, 1, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, 0, EINVAL},
    {"sync", SYS_ioctl, 1, 0, (unsigned)SECCOMP_IOCTL_NOTIF_SET_FLAGS, EINVAL},
    {"getfd", SYS_pidfd_getfd, 0, 0, 0, ENOSYS},
};

static unsigned short add_rule(struct sock_filter *program, unsigned short at, const struct rule *rule) {
  int conditional = rule->mask != 0 || rule->equals != 0;
  program[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  program[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)rule->call, 0, conditional ? 3 : 1);
  if (conditional) {
    unsigned offset = offsetof(struct seccomp_data, args) + (unsigned)rule->argument * sizeof(__u64);
    unsigned short test = rule->mask != 0 ? BPF_JSET : BPF_JEQ;
    program[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset);
    program[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | test | BPF_K, rule->mask != 0 ? rule->mask : rule->equals, 0, 1);
  }
  program[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)rule->error);
  return at;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: deny WHAT PROGRAM ARGUMENT...\n");
    return 1;
  }
  struct sock_filter program[64];
  unsigned short length = 0;
  for (size_t i = 0; i < sizeof rules / sizeof *rules; ++i) {
    if (strcmp(rules[i].what, argv[1]) == 0) length = add_rule(program, length, &rules[i]);
  }
  int listener = strcmp(argv[1], "listener") == 0;
  if (length == 0 && !listener) {
    fprintf(stderr, "deny: nothing is known of \"%s\"\n", argv[1]);
    return 1;
  }
  program[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog filter = {.len = length, .filter = program};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  /* The listener's descriptor stays open in the program: were it closed, there could be another. */
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, listener ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0, &filter) < 0) {
    perror("deny: install the filter");
    return 1;
  }
  if (listener) dup(3);
  execvp(argv[2], argv + 2);
  perror(argv[2]);
  return 127;
}
