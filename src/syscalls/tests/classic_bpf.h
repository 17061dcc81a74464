// What the kernel asks of a seccomp program and how it runs one, for the tests of programs.
// seccomp_check_filter and bpf_check_classic (kernel/seccomp.c, net/core/filter.c) have the rules.
#pragma once

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <fmt/format.h>

namespace mishap::syscalls::testing {

/// Why the kernel would not take the program; empty when it would. Of the instructions, those that
/// our programs are made of.
inline std::string objection(const std::vector<sock_filter>& program) {
  if (program.empty() || program.size() > BPF_MAXINSNS)
    return fmt::format("{} instructions", program.size());
  for (size_t at = 0; at < program.size(); ++at) {
    const sock_filter& step = program[at];
    const size_t behind = program.size() - at - 1;
    switch (step.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        if (step.k % 4 != 0 || step.k >= sizeof(seccomp_data))
          return fmt::format("{}: loads from {}", at, step.k);
        break;
      case BPF_RET | BPF_K:
        break;
      case BPF_JMP | BPF_JA:
        if (step.k >= behind) return fmt::format("{}: jumps {} of {}", at, step.k, behind);
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
      case BPF_JMP | BPF_JGE | BPF_K:
      case BPF_JMP | BPF_JSET | BPF_K:
        if (step.jt >= behind || step.jf >= behind)
          return fmt::format("{}: jumps {} or {} of {}", at, step.jt, step.jf, behind);
        break;
      default:
        return fmt::format("{}: unknown instruction {:#x}", at, step.code);
    }
  }
  return program.back().code == (BPF_RET | BPF_K) ? "" : "does not end with a return";
}

/// What the program answers; nothing when it runs off its end.
inline std::optional<uint32_t> verdict_of(const std::vector<sock_filter>& program,
                                          const seccomp_data& data) {
  uint32_t accumulator = 0;
  for (size_t at = 0; at < program.size(); ++at) {
    const sock_filter& step = program[at];
    bool taken = false;
    switch (step.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + step.k,
                    sizeof accumulator);
        continue;
      case BPF_RET | BPF_K:
        return step.k;
      case BPF_JMP | BPF_JA:
        at += step.k;
        continue;
      case BPF_JMP | BPF_JEQ | BPF_K:
        taken = accumulator == step.k;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        taken = accumulator >= step.k;
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        taken = (accumulator & step.k) != 0;
        break;
      default:
        return std::nullopt;
    }
    at += taken ? step.jt : step.jf;
  }
  return std::nullopt;
}

/// A call as this machine's kernel would show it to the program.
inline seccomp_data call(long number) {
  seccomp_data data{};
  data.nr = int(number);
#if defined(__x86_64__)
  data.arch = AUDIT_ARCH_X86_64;
#else
  data.arch = AUDIT_ARCH_AARCH64;
#endif
  return data;
}

}  // namespace mishap::syscalls::testing
