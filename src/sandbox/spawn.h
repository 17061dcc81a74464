// The child's half of starting a program, and how the two halves talk. Private to the module.
#pragma once

#include <sys/types.h>

#include "mishap/base/result.h"
#include "mishap/sandbox/process.h"

namespace mishap::sandbox {

/// Begins the error of a cell whose namespaces the kernel refused.
inline constexpr const char* kMakeNamespaces = "make the cell's namespaces";

/// fork(2) by clone3 with a pidfd and default signal handlers, without running atfork handlers: the
/// child may only make plain system calls when the process has more than one thread. Returns 0 in
/// the child, -1 with errno on failure. `flags` are CLONE_… on top; `exit_signal` is 0 with
/// CLONE_PARENT.
pid_t fork_with_pidfd(uint64_t flags, int exit_signal, int* pidfd);

/// Starts the program and hands its listener over; see SpawnRequest. The caller reaps.
/// When exec fails the error is returned with the child's pid in `failed_pid`, which still has to
/// be reaped.
Result<Child> spawn_program(const SpawnRequest& request, pid_t& failed_pid);

}  // namespace mishap::sandbox
