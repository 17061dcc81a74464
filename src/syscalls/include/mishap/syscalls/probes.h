// What the kernel's seccomp notifications can do here.
#pragma once

#include <vector>

#include "mishap/base/result.h"
#include "mishap/sandbox/probes.h"

namespace mishap::syscalls {

/// Tries, in a child, what supervising a program takes. The caller must have one thread.
std::vector<sandbox::Probe> probe_notifications();

/// The flags to install a filter with a listener with: all that this kernel knows of those that
/// make the supervision better.
unsigned listener_flags();
/// What is lost where `listener_flags` lacks one, worded as in the probe; "" when nothing is.
std::string listener_shortcoming();

}  // namespace mishap::syscalls
