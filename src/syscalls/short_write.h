// A write that is cut short at the edge of a full disk, done on the program's behalf.
#pragma once

#include <linux/seccomp.h>

#include "call_shape.h"
#include "notify.h"
#include "task.h"

namespace mishap::syscalls {

/// Writes the first `allowed` bytes of the call's data through a copy of its descriptor, so that
/// the shared offset, O_APPEND and RWF_ flags mean what they mean to the program, and answers with
/// their count (or with the errno that the kernel gave us).
Reply write_part(Task& task, const seccomp_notif& call, const CallShape& shape, uint64_t allowed);

}  // namespace mishap::syscalls
