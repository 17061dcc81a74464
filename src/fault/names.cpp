#include "mishap/fault/names.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>

#include <sys/syscall.h>

#include <fmt/format.h>
#include <seccomp.h>

#include "mishap/base/text.h"

namespace mishap::fault {
namespace {

// --- syscalls
// ---------------------------------------------------------------------------------------------------------------

/// Far above the newest syscall of any kernel; x32's range starts at 2^30.
constexpr int kNumberLimit = 1024;

/// Syscalls that the kernel's headers may know before libseccomp does.
void add_newer(std::vector<std::string>& names) {
  [[maybe_unused]] auto add = [&](int number, const char* name) {
    if (number < kNumberLimit && names[number].empty()) names[number] = name;
  };
#ifdef SYS_set_mempolicy_home_node
  add(SYS_set_mempolicy_home_node, "set_mempolicy_home_node");
#endif
#ifdef SYS_cachestat
  add(SYS_cachestat, "cachestat");
#endif
#ifdef SYS_fchmodat2
  add(SYS_fchmodat2, "fchmodat2");
#endif
#ifdef SYS_futex_wake
  add(SYS_futex_wake, "futex_wake");
  add(SYS_futex_wait, "futex_wait");
  add(SYS_futex_requeue, "futex_requeue");
#endif
#ifdef SYS_statmount
  add(SYS_statmount, "statmount");
  add(SYS_listmount, "listmount");
#endif
}

struct Syscalls {
  std::vector<std::string> names;  ///< by number, "" where there is none
  std::map<std::string, int, std::less<>> numbers;
};

Syscalls read_syscalls() {
  Syscalls table;
  table.names.resize(kNumberLimit);
  for (int number = 0; number < kNumberLimit; ++number) {
    char* name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
    if (name != nullptr) table.names[number] = name;
    std::free(name);  // NOLINT: the library hands out malloc's memory
  }
  add_newer(table.names);
  for (int number = 0; number < kNumberLimit; ++number) {
    if (!table.names[number].empty()) table.numbers.emplace(table.names[number], number);
  }
  return table;
}

const Syscalls& syscalls() {
  static const Syscalls kTable = read_syscalls();
  return kTable;
}

struct Family {
  std::string_view keyword;
  std::vector<std::string_view> members;
};

const std::vector<Family>& families() {
  static const std::vector<Family> kFamilies = {
      {"write", {"write", "writev", "pwrite64", "pwritev", "pwritev2"}},
      {"read", {"read", "readv", "pread64", "preadv", "preadv2"}},
      {"open", {"open", "openat", "openat2", "creat"}},
      {"fsync", {"fsync", "fdatasync"}},
      {"sendto", {"sendto", "sendmsg", "sendmmsg"}},
      {"recvfrom", {"recvfrom", "recvmsg", "recvmmsg"}},
      {"accept", {"accept", "accept4"}},
  };
  return kFamilies;
}

const Family* family_of(std::string_view syscall) {
  for (const Family& family : families()) {
    if (std::find(family.members.begin(), family.members.end(), syscall) != family.members.end())
      return &family;
  }
  return nullptr;
}

/// Families that move the same bytes.
struct Counterpart {
  std::string_view keyword, other;
};
constexpr std::array<Counterpart, 4> kCounterparts = {
    {{"write", "sendto"}, {"sendto", "write"}, {"read", "recvfrom"}, {"recvfrom", "read"}}};

std::vector<std::string> known_keywords() {
  std::vector<std::string> known;
  for (const Family& family : families()) known.emplace_back(family.keyword);
  for (const std::string& name : syscalls().names) {
    if (!name.empty()) known.push_back(name);
  }
  return known;
}

// --- errnos
// -----------------------------------------------------------------------------------------------------------------

/// EHWPOISON, the last number of the kernel's asm-generic/errno.h; the C library names each up to
/// it.
constexpr int kLastErrno = EHWPOISON;

struct Alias {
  std::string_view name;
  int number;
};
constexpr std::array<Alias, 3> kAliases = {
    {{"EWOULDBLOCK", EWOULDBLOCK}, {"EDEADLOCK", EDEADLOCK}, {"ENOTSUP", ENOTSUP}}};

const std::vector<Errno>& errnos() {
  static const std::vector<Errno> kTable = [] {
    std::vector<Errno> table;
    for (int number = 1; number <= kLastErrno; ++number) {
      const char* name = strerrorname_np(number);
      const char* text = strerrordesc_np(number);
      if (name != nullptr && text != nullptr) table.push_back(Errno{number, name, to_lower(text)});
    }
    return table;
  }();
  return kTable;
}

const Errno* errno_of(int number) {
  const auto& table = errnos();
  auto found = std::find_if(table.begin(), table.end(),
                            [&](const Errno& one) { return one.number == number; });
  return found == table.end() ? nullptr : &*found;
}

}  // namespace

std::optional<int> syscall_number(std::string_view name) {
  auto found = syscalls().numbers.find(name);
  if (found == syscalls().numbers.end()) return std::nullopt;
  return found->second;
}

std::string syscall_name(int number) {
  bool known = number >= 0 && number < kNumberLimit && !syscalls().names[number].empty();
  return known ? syscalls().names[number] : fmt::format("syscall_{}", number);
}

Result<std::vector<std::string>> resolve_syscalls(std::string_view keyword, int error_number) {
  for (const Family& family : families()) {
    if (family.keyword != keyword) continue;
    std::vector<std::string> found;
    for (std::string_view member : family.members) {
      if (syscall_number(member)) found.emplace_back(member);
    }
    bool allocates = keyword == "write" && (error_number == ENOSPC || error_number == EDQUOT);
    if (allocates) found.emplace_back("fallocate");
    return found;
  }
  if (syscall_number(keyword)) return std::vector<std::string>{std::string(keyword)};
  std::string near = did_you_mean(keyword, known_keywords());
  return fail(fmt::format("unknown syscall \"{}\"{}", keyword,
                          near.empty() ? "; write one such as write, connect or fsync" : near));
}

std::vector<std::string> other_ways(const std::vector<std::string>& syscalls) {
  std::vector<std::string> others;
  for (const auto& [keyword, other] : kCounterparts) {
    bool named = std::any_of(syscalls.begin(), syscalls.end(), [&](const std::string& syscall) {
      const Family* family = family_of(syscall);
      return family != nullptr && family->keyword == keyword;
    });
    if (!named) continue;
    auto members = resolve_syscalls(other);
    for (std::string& syscall : *members) {
      bool listed = std::find(syscalls.begin(), syscalls.end(), syscall) != syscalls.end();
      if (!listed) others.push_back(std::move(syscall));
    }
  }
  return others;
}

std::string keyword_of(std::string_view syscall) {
  const Family* family = family_of(syscall);
  return std::string(family == nullptr ? syscall : family->keyword);
}

bool names_syscalls(std::string_view keyword) {
  return syscall_number(keyword).has_value() ||
         std::any_of(families().begin(), families().end(),
                     [&](const Family& family) { return family.keyword == keyword; });
}

Result<Errno> resolve_errno(std::string_view name) {
  const std::string wanted = to_upper(name);
  for (const Errno& one : errnos()) {
    if (one.name == wanted) return one;
  }
  for (const Alias& alias : kAliases) {
    if (const Errno* found = alias.name == wanted ? errno_of(alias.number) : nullptr) return *found;
  }
  std::vector<std::string> known;
  for (const Errno& one : errnos()) {
    if (one.text == to_lower(name))
      return fail(fmt::format("unknown errno \"{}\"; its name is \"{}\"", name, one.name));
    known.push_back(one.name);
  }
  std::string near = did_you_mean(name, known);
  return fail(fmt::format("unknown errno \"{}\"{}", name,
                          near.empty() ? "; write a name of errno(3), such as \"EIO\"" : near));
}

std::string errno_text(int number) {
  const Errno* found = errno_of(number);
  return found == nullptr ? fmt::format("errno {}", number) : found->text;
}

}  // namespace mishap::fault
