#include "mishap/syscalls/filter.h"

#include <sys/socket.h>
#include <sys/syscall.h>

#include <errno.h>
#include <gtest/gtest.h>

#include "mishap/fault/names.h"

#include "classic_bpf.h"

namespace mishap::syscalls {
namespace {

using testing::call;

uint32_t verdict(const std::vector<sock_filter>& program, const seccomp_data& data) {
  EXPECT_EQ(testing::objection(program), "");
  const auto verdict = testing::verdict_of(program, data);
  EXPECT_TRUE(verdict) << "ran off the end";
  return verdict.value_or(0);
}

TEST(Filter, NotifiesExactlyWhatIsListed) {
  auto program = compile_filter({.notify = {"write", "fsync", "write", "openat"}}).value();
  for (int number = 0; number < 500; ++number) {
    bool listed = number == SYS_write || number == SYS_fsync || number == SYS_openat ||
                  number == SYS_io_uring_setup;
    EXPECT_EQ(verdict(program, call(number)), listed ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW)
        << number;
  }
}

TEST(Filter, HoldsEverySyscall) {
  FilterPlan plan{.refuse_io_uring = false};
  for (int number = 0; number < 500; ++number) {
    std::string name = fault::syscall_name(number);
    if (number % 3 != 0 && fault::syscall_number(name)) plan.notify.push_back(name);
  }
  ASSERT_GT(plan.notify.size(), 150u);
  auto program = compile_filter(plan).value();
  for (int number = 0; number < 500; ++number) {
    bool listed = number % 3 != 0 && fault::syscall_number(fault::syscall_name(number));
    EXPECT_EQ(verdict(program, call(number)), listed ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW)
        << number;
  }
}

TEST(Filter, RefusesOtherArchitectures) {
  auto program = compile_filter({.notify = {"write"}}).value();
  seccomp_data foreign = call(4);
  foreign.arch = AUDIT_ARCH_I386;
  EXPECT_EQ(verdict(program, foreign), SECCOMP_RET_ERRNO | ENOSYS);
#if defined(__x86_64__)
  EXPECT_EQ(verdict(program, call(__X32_SYSCALL_BIT | 1)), SECCOMP_RET_ERRNO | ENOSYS);
#endif
}

TEST(Filter, RefusesFastOpenWhereConnectionsAreRedirected) {
  auto program = compile_filter({.notify = {"sendmsg"}, .redirect_connects = true}).value();
  EXPECT_EQ(verdict(program, call(SYS_connect)), SECCOMP_RET_USER_NOTIF);
  seccomp_data send = call(SYS_sendto);
  EXPECT_EQ(verdict(program, send), SECCOMP_RET_ALLOW);
  send.args[3] = MSG_FASTOPEN | MSG_NOSIGNAL;
  EXPECT_EQ(verdict(program, send), SECCOMP_RET_ERRNO | EOPNOTSUPP);
  seccomp_data message = call(SYS_sendmsg);
  EXPECT_EQ(verdict(program, message), SECCOMP_RET_USER_NOTIF);
  message.args[2] = MSG_FASTOPEN;
  EXPECT_EQ(verdict(program, message), SECCOMP_RET_ERRNO | EOPNOTSUPP);
}

TEST(Filter, NamesAnUnknownCall) {
  auto program = compile_filter({.notify = {"wrte"}});
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().message, "unknown syscall \"wrte\"; did you mean \"write\"?");
}

TEST(Filter, SaysWhenThereIsNothingToSupervise) {
  EXPECT_TRUE(FilterPlan{}.empty());
  EXPECT_FALSE((FilterPlan{.notify = {"write"}}).empty());
  EXPECT_FALSE((FilterPlan{.redirect_connects = true}).empty());
}

}  // namespace
}  // namespace mishap::syscalls
