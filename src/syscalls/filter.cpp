// The program is a binary search over the listed numbers. Each leaf is a few comparisons ending in
// a return of its own, so jumps stay short; a jump over more than 255 instructions (what eight bits
// hold) goes through an unconditional one.
#include "mishap/syscalls/filter.h"

#include <cstddef>
#include <map>
#include <span>

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fmt/format.h>

#include "mishap/fault/names.h"

namespace mishap::syscalls {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "the filter knows x86_64 and aarch64"
#endif
constexpr uint32_t kRefuse = SECCOMP_RET_ERRNO | ENOSYS;
constexpr size_t kLeafSize = 4;

/// What the program does with one listed number.
struct Listed {
  uint32_t number = 0;
  bool notify = false;
  int fast_open_flags_argument = -1;  ///< index of the argument that may hold MSG_FASTOPEN
};
using Program = std::vector<sock_filter>;

sock_filter statement(uint16_t code, uint32_t k) { return BPF_STMT(code, k); }
sock_filter jump(uint16_t code, uint32_t k, uint8_t if_true, uint8_t if_false) {
  return BPF_JUMP(code, k, if_true, if_false);
}
sock_filter returning(uint32_t action) { return statement(BPF_RET | BPF_K, action); }
sock_filter load(size_t offset) { return statement(BPF_LD | BPF_W | BPF_ABS, uint32_t(offset)); }

void append(Program& to, const Program& what) { to.insert(to.end(), what.begin(), what.end()); }

Program action_of(const Listed& listed) {
  Program program;
  if (listed.fast_open_flags_argument >= 0) {
    // Both architectures are little-endian: the low word of an argument comes first.
    size_t argument = size_t(listed.fast_open_flags_argument);
    program.push_back(load(offsetof(seccomp_data, args) + argument * sizeof(uint64_t)));
    program.push_back(jump(BPF_JMP | BPF_JSET | BPF_K, MSG_FASTOPEN, 0, 1));
    program.push_back(returning(SECCOMP_RET_ERRNO | EOPNOTSUPP));
  }
  program.push_back(returning(listed.notify ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW));
  return program;
}

Program leaf(std::span<const Listed> calls) {
  Program program;
  for (const Listed& call : calls) {
    Program action = action_of(call);
    program.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, call.number, 0, uint8_t(action.size())));
    append(program, action);
  }
  program.push_back(returning(SECCOMP_RET_ALLOW));
  return program;
}

/// Expects the number in the accumulator; every path through it returns.
Program search(std::span<const Listed> calls) {
  if (calls.size() <= kLeafSize) return leaf(calls);
  size_t middle = calls.size() / 2;
  Program low = search(calls.first(middle));
  Program high = search(calls.subspan(middle));
  Program program;
  if (low.size() <= 255) {
    program.push_back(
        jump(BPF_JMP | BPF_JGE | BPF_K, calls[middle].number, uint8_t(low.size()), 0));
  } else {
    program.push_back(jump(BPF_JMP | BPF_JGE | BPF_K, calls[middle].number, 0, 1));
    program.push_back(statement(BPF_JMP | BPF_JA, uint32_t(low.size())));
  }
  append(program, low);
  append(program, high);
  return program;
}

Program prologue() {
  Program program = {
      load(offsetof(seccomp_data, arch)),
      jump(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0),
      returning(kRefuse),
      load(offsetof(seccomp_data, nr)),
  };
#if defined(__x86_64__)
  // x32 calls share the architecture word and are told apart by this bit.
  program.push_back(jump(BPF_JMP | BPF_JGE | BPF_K, __X32_SYSCALL_BIT, 0, 1));
  program.push_back(returning(kRefuse));
#endif
  return program;
}

Result<uint32_t> number_of(const std::string& name) {
  if (auto number = fault::syscall_number(name)) return uint32_t(*number);
  if (auto known = fault::resolve_syscalls(name); !known) return fail(std::move(known).error());
  return fail(fmt::format("syscall \"{}\" does not exist on this architecture", name));
}

}  // namespace

Result<std::vector<sock_filter>> compile_filter(const FilterPlan& plan) {
  std::map<uint32_t, Listed> listed;
  auto add = [&listed](uint32_t number) -> Listed& {
    Listed& call = listed[number];
    call.number = number;
    return call;
  };
  for (const std::string& name : plan.notify) {
    MISHAP_ASSIGN(uint32_t number, number_of(name));
    add(number).notify = true;
  }
  if (plan.redirect_connects) {
    add(SYS_connect).notify = true;
    add(SYS_sendto).fast_open_flags_argument = 3;
    add(SYS_sendmsg).fast_open_flags_argument = 2;
    add(SYS_sendmmsg).fast_open_flags_argument = 3;
  }
  if (plan.refuse_io_uring) add(SYS_io_uring_setup).notify = true;

  std::vector<Listed> calls;
  calls.reserve(listed.size());
  for (const auto& [number, call] : listed) calls.push_back(call);
  Program program = prologue();
  append(program, search(calls));
  if (program.size() > BPF_MAXINSNS) {
    return fail(fmt::format("the filter needs {} instructions, the kernel takes {}", program.size(),
                            BPF_MAXINSNS));
  }
  return program;
}

}  // namespace mishap::syscalls
