// Names of syscalls, their families, and errnos. One resolver for every builtin. Numbers come from
// libseccomp and the C library.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/base/result.h"

namespace mishap::fault {

/// The syscalls that a keyword of a fault stands for: families (write read open fsync sendto
/// recvfrom accept; semantics section 4) expand, a known syscall is itself. Members that this
/// architecture lacks are left out. `error_number` lets ENOSPC and EDQUOT reach fallocate through
/// `write`. Error: `unknown syscall "wrte"; did you mean "write"?`.
Result<std::vector<std::string>> resolve_syscalls(std::string_view keyword, int error_number = 0);
/// Whether `resolve_syscalls` knows the keyword; for many words, as it looks for no near ones.
bool names_syscalls(std::string_view keyword);

/// The calls by which programs do the same as by these, but which a fault on these does not reach:
/// of write() and its like on sockets those of sendto, of read() those of recvfrom, and the
/// reverse. Empty for others.
std::vector<std::string> other_ways(const std::vector<std::string>& syscalls);
/// The family that the call is of: "sendto" for sendmsg(); itself when it is of none.
std::string keyword_of(std::string_view syscall);

/// Number on this architecture, or nothing.
std::optional<int> syscall_number(std::string_view name);
/// Name of a number, "syscall_451" when unknown.
std::string syscall_name(int number);

struct Errno {
  int number;
  std::string name;  ///< canonical, upper case
  std::string text;  ///< lower-case as events show it: "no space left on device"
};
/// Any case. Error: `unknown errno "ENOSPACE"; did you mean "ENOSPC"?`.
Result<Errno> resolve_errno(std::string_view name);
/// "no space left on device".
std::string errno_text(int number);

}  // namespace mishap::fault
