// The memory of the service's processes.
//
// Nothing read here may be trusted before Listener::is_waiting() has confirmed that the call still
// waits (its thread may have died and the id been reused), and another thread of the service may
// change the memory at any time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <sys/types.h>

#include "mishap/syscalls/address.h"

namespace mishap::syscalls {

/// An address in a service's memory; a type of its own so that nobody follows it here.
enum class TraceePtr : uint64_t { null = 0 };
inline TraceePtr operator+(TraceePtr pointer, uint64_t bytes) {
  return TraceePtr(uint64_t(pointer) + bytes);
}

/// Bytes that were readable from `from` on, at most `into.size()`: short when the rest is not
/// mapped.
size_t read_some(pid_t task, TraceePtr from, std::span<char> into);

/// All or nothing.
template <class T>
std::optional<T> read_value(pid_t task, TraceePtr from) {
  T value{};
  auto* bytes = reinterpret_cast<char*>(&value);
  if (read_some(task, from, {bytes, sizeof value}) != sizeof value) return std::nullopt;
  return value;
}

/// A path argument: up to PATH_MAX - 1 bytes and the 0 that ends them. Nothing when it cannot be
/// read or does not end. Reuses the storage of `into`.
bool read_path(pid_t task, TraceePtr from, std::string& into);

/// A socket address argument; longer ones than any family's are cut.
std::optional<SocketAddress> read_address(pid_t task, TraceePtr from, uint64_t length);

/// Sum of the lengths of an iovec array, or nothing (unreadable, or more parts than the kernel
/// takes).
std::optional<uint64_t> total_of_parts(pid_t task, TraceePtr parts, uint64_t count);

/// The first `limit` bytes of a buffer, or of the buffers of an iovec array; shorter when less is
/// readable.
std::string copy_buffer(pid_t task, TraceePtr from, uint64_t limit);
std::string copy_parts(pid_t task, TraceePtr parts, uint64_t count, uint64_t limit);

}  // namespace mishap::syscalls
