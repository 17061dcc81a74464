#include "mishap/fault/names.h"

#include <cerrno>

#include <sys/syscall.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mishap::fault {
namespace {

using ::testing::ElementsAre;
using ::testing::IsSupersetOf;

TEST(Syscalls, AreNamedByFamiliesAndByThemselves) {
  EXPECT_TRUE(names_syscalls("write"));
  EXPECT_TRUE(names_syscalls("sendto"));
  EXPECT_TRUE(names_syscalls("getppid"));
  EXPECT_FALSE(names_syscalls("wrte"));
  EXPECT_FALSE(names_syscalls(""));
}

TEST(Names, Families) {
  EXPECT_THAT(*resolve_syscalls("write"),
              ElementsAre("write", "writev", "pwrite64", "pwritev", "pwritev2"));
  EXPECT_THAT(*resolve_syscalls("write", ENOSPC),
              ElementsAre("write", "writev", "pwrite64", "pwritev", "pwritev2", "fallocate"));
  EXPECT_EQ(resolve_syscalls("write", EDQUOT)->back(), "fallocate");
  EXPECT_THAT(*resolve_syscalls("read"),
              ElementsAre("read", "readv", "pread64", "preadv", "preadv2"));
  EXPECT_THAT(*resolve_syscalls("open"), IsSupersetOf({"openat", "openat2"}));
  EXPECT_THAT(*resolve_syscalls("fsync"), ElementsAre("fsync", "fdatasync"));
  EXPECT_THAT(*resolve_syscalls("sendto"), ElementsAre("sendto", "sendmsg", "sendmmsg"));
  EXPECT_THAT(*resolve_syscalls("recvfrom"), ElementsAre("recvfrom", "recvmsg", "recvmmsg"));
  EXPECT_THAT(*resolve_syscalls("accept"), ElementsAre("accept", "accept4"));
}

TEST(Names, OthersStandForThemselves) {
  EXPECT_THAT(*resolve_syscalls("openat"), ElementsAre("openat"));
  EXPECT_THAT(*resolve_syscalls("writev", ENOSPC), ElementsAre("writev"));
  EXPECT_THAT(*resolve_syscalls("connect"), ElementsAre("connect"));
}

TEST(Names, OtherWaysOfDoingTheSame) {
  EXPECT_THAT(other_ways({"write", "writev"}), ElementsAre("sendto", "sendmsg", "sendmmsg"));
  EXPECT_THAT(other_ways({"pread64"}), ElementsAre("recvfrom", "recvmsg", "recvmmsg"));
  EXPECT_THAT(other_ways({"sendmsg"}), IsSupersetOf({"write", "writev"}));
  EXPECT_THAT(other_ways({"write", "sendto", "sendmsg", "sendmmsg"}), testing::Contains("writev"));
  EXPECT_THAT(other_ways({"connect", "openat", "fsync"}), testing::IsEmpty());
  EXPECT_EQ(keyword_of("sendmmsg"), "sendto");
  EXPECT_EQ(keyword_of("pwritev2"), "write");
  EXPECT_EQ(keyword_of("connect"), "connect");
}

TEST(Names, UnknownOnesGetASuggestion) {
  EXPECT_EQ(resolve_syscalls("wrte").error().message,
            "unknown syscall \"wrte\"; did you mean \"write\"?");
  EXPECT_EQ(resolve_syscalls("qqqqqqqq").error().message,
            "unknown syscall \"qqqqqqqq\"; write one such as write, connect or fsync");
  EXPECT_EQ(resolve_errno("ENOSPACE").error().message,
            "unknown errno \"ENOSPACE\"; did you mean \"ENOSPC\"?");
}

TEST(Names, NumbersAreThoseOfTheHeader) {
  EXPECT_EQ(syscall_number("write"), SYS_write);
  EXPECT_EQ(syscall_number("openat2"), SYS_openat2);
  EXPECT_EQ(syscall_number("nope"), std::nullopt);
#ifdef SYS_set_mempolicy_home_node
  EXPECT_EQ(syscall_number("set_mempolicy_home_node"), SYS_set_mempolicy_home_node);
#endif
  EXPECT_EQ(syscall_name(SYS_fdatasync), "fdatasync");
  EXPECT_EQ(syscall_name(1023), "syscall_1023");
  EXPECT_EQ(syscall_name(-1), "syscall_-1");
}

TEST(Names, ErrnosOfTheReference) {
  struct Case {
    const char* name;
    int number;
    const char* text;
  };
  const Case cases[] = {
      {"ENOENT", 2, "no such file or directory"},
      {"EPERM", 1, "operation not permitted"},
      {"EINTR", 4, "interrupted system call"},
      {"EIO", 5, "input/output error"},
      {"EAGAIN", 11, "resource temporarily unavailable"},
      {"ENOMEM", 12, "cannot allocate memory"},
      {"EACCES", 13, "permission denied"},
      {"EBUSY", 16, "device or resource busy"},
      {"EEXIST", 17, "file exists"},
      {"EINVAL", 22, "invalid argument"},
      {"ENFILE", 23, "too many open files in system"},
      {"EMFILE", 24, "too many open files"},
      {"EFBIG", 27, "file too large"},
      {"ENOSPC", 28, "no space left on device"},
      {"EROFS", 30, "read-only file system"},
      {"EDEADLK", 35, "resource deadlock avoided"},
      {"ENOLCK", 37, "no locks available"},
      {"ENOSYS", 38, "function not implemented"},
      {"ENOTEMPTY", 39, "directory not empty"},
      {"ELOOP", 40, "too many levels of symbolic links"},
      {"EADDRINUSE", 98, "address already in use"},
      {"EADDRNOTAVAIL", 99, "cannot assign requested address"},
      {"ENETUNREACH", 101, "network is unreachable"},
      {"ECONNABORTED", 103, "software caused connection abort"},
      {"ECONNRESET", 104, "connection reset by peer"},
      {"ETIMEDOUT", 110, "connection timed out"},
      {"ECONNREFUSED", 111, "connection refused"},
      {"EHOSTUNREACH", 113, "no route to host"},
      {"EDQUOT", 122, "disk quota exceeded"},
      {"EPIPE", 32, "broken pipe"},
  };
  for (const Case& c : cases) {
    auto found = resolve_errno(c.name);
    ASSERT_TRUE(found) << c.name;
    EXPECT_EQ(found->name, c.name);
    EXPECT_EQ(found->number, c.number);
    EXPECT_EQ(found->text, c.text);
    EXPECT_EQ(errno_text(c.number), c.text);
  }
}

TEST(Names, ErrnosInAnyCaseAndByOtherNames) {
  EXPECT_EQ(resolve_errno("enospc")->number, ENOSPC);
  EXPECT_EQ(resolve_errno("EWOULDBLOCK")->name, "EAGAIN");
  EXPECT_EQ(resolve_errno("ENOTSUP")->number, ENOTSUP);
  EXPECT_EQ(resolve_errno("EDEADLOCK")->name, "EDEADLK");
  EXPECT_EQ(resolve_errno("EHWPOISON")->number, EHWPOISON);
  EXPECT_EQ(errno_text(9999), "errno 9999");
}

}  // namespace
}  // namespace mishap::fault
