// Which directory of /proc is whose. Private to the module.
#pragma once

#include <optional>
#include <string_view>

#include <sys/types.h>

#include <fcntl.h>

// Linux 6.9: a pidfd of a thread that is not its process's leader.
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

namespace mishap::syscalls {

/// The last number of the line that begins with `key` ("NSpid:"), which is the one of the innermost
/// namespace where there are several.
std::optional<pid_t> last_number(std::string_view text, std::string_view key);

/// The number under which /proc shows the task that this process knows as `id`. It is `id` but
/// where the cell could mount no /proc of its own (in a container that masks parts of its) and has
/// the one of the world outside. Nothing: no such task, or it is hidden.
std::optional<pid_t> number_in_proc(pid_t id);

}  // namespace mishap::syscalls
