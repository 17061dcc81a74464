// Any set of calls: the program that is built is one the kernel takes, and it notifies exactly that
// set, whatever the number, the architecture and the arguments.
#include <cerrno>
#include <set>

#include <sys/socket.h>
#include <sys/syscall.h>

#include "mishap/base/testing/fuzz.h"
#include "mishap/base/unique_fd.h"
#include "mishap/fault/names.h"
#include "mishap/syscalls/filter.h"

#include "classic_bpf.h"

namespace mishap::testing {
namespace {

using namespace syscalls;
using syscalls::testing::call;

constexpr int kNumbers = 600;  // beyond the highest that any architecture has

struct Wanted {
  std::set<long> notified;
  FilterPlan plan;
};

Wanted read_plan(FuzzInput& in) {
  const uint8_t options = in.byte();
  Wanted wanted;
  wanted.plan.redirect_connects = options & 1;
  wanted.plan.refuse_io_uring = options & 2;
  if (options & 4) {  // every call but those that are listed
    for (int number = 0; number < kNumbers; ++number) wanted.notified.insert(number);
  }
  while (!in.empty()) {
    const long number = (in.byte() | in.byte() << 8) % kNumbers;
    options & 4 ? wanted.notified.erase(number) : wanted.notified.insert(number).second;
  }
  for (auto at = wanted.notified.begin(); at != wanted.notified.end();) {
    const std::string name = fault::syscall_name(int(*at));
    const bool exists = fault::syscall_number(name).has_value();
    if (exists) wanted.plan.notify.push_back(name);
    at = exists ? std::next(at) : wanted.notified.erase(at);
  }
  if (wanted.plan.redirect_connects) wanted.notified.insert(SYS_connect);
  if (wanted.plan.refuse_io_uring) wanted.notified.insert(SYS_io_uring_setup);
  return wanted;
}

/// The kernel's own check of classic programs; that of seccomp itself cannot be undone.
void kernel_takes(std::vector<sock_filter> program) {
  int sockets[2];
  MISHAP_CHECK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sockets) == 0);
  UniqueFd one(sockets[0]);
  UniqueFd other(sockets[1]);
  const sock_fprog code{static_cast<unsigned short>(program.size()), program.data()};
  const int result = setsockopt(one.get(), SOL_SOCKET, SO_ATTACH_FILTER, &code, sizeof code);
  // The memory that programs of sockets may take is limited, and has nothing to do with ours.
  MISHAP_CHECK(result == 0 || errno == ENOMEM, "{} instructions: {}", program.size(), errno);
}

uint32_t verdict(const std::vector<sock_filter>& program, const seccomp_data& data) {
  const auto verdict = syscalls::testing::verdict_of(program, data);
  MISHAP_CHECK(verdict, "ran off the end for {}", data.nr);
  return *verdict;
}

uint32_t expected(const Wanted& wanted, const seccomp_data& data) {
  const bool fast_open = (data.nr == SYS_sendto && (data.args[3] & MSG_FASTOPEN)) ||
                         (data.nr == SYS_sendmsg && (data.args[2] & MSG_FASTOPEN)) ||
                         (data.nr == SYS_sendmmsg && (data.args[3] & MSG_FASTOPEN));
  if (wanted.plan.redirect_connects && fast_open) return SECCOMP_RET_ERRNO | EOPNOTSUPP;
  return wanted.notified.contains(data.nr) ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW;
}

void decides(const std::vector<sock_filter>& program, const Wanted& wanted) {
  for (long number = 0; number < kNumbers; ++number) {
    seccomp_data data = call(number);
    for (uint64_t flags : {uint64_t{0}, uint64_t{MSG_FASTOPEN | MSG_NOSIGNAL}, ~uint64_t{0}}) {
      data.args[2] = data.args[3] = flags;
      MISHAP_CHECK(verdict(program, data) == expected(wanted, data), "call {}, flags {:#x}", number,
                   flags);
    }
    data.arch ^= 1;
    MISHAP_CHECK(verdict(program, data) == (SECCOMP_RET_ERRNO | ENOSYS), "foreign call {}", number);
#if defined(__x86_64__)
    const seccomp_data x32 = call(number | __X32_SYSCALL_BIT);
    MISHAP_CHECK(verdict(program, x32) == (SECCOMP_RET_ERRNO | ENOSYS), "x32 call {}", number);
#endif
  }
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  std::vector<std::string> seeds = {std::string("\x04", 1), std::string("\x07", 1)};
  std::string third("\x03");
  for (int number = 0; number < kNumbers; number += 3) {
    third += static_cast<char>(number & 0xff);
    third += static_cast<char>(number >> 8);
  }
  seeds.push_back(third);
  return seeds;
}

/// Options, then numbers of calls in two bytes each.
void fuzz_one(std::string_view input) {
  FuzzInput in(input);
  const Wanted wanted = read_plan(in);
  auto program = compile_filter(wanted.plan);
  MISHAP_CHECK(program, "{}", program.error().message);
  const std::string problem = syscalls::testing::objection(*program);
  MISHAP_CHECK(problem.empty(), "{}", problem);
  kernel_takes(*program);
  decides(*program, wanted);
  auto unknown = compile_filter({.notify = {std::string(input)}});
  MISHAP_CHECK(unknown || !unknown.error().message.empty());
}

}  // namespace mishap::testing
