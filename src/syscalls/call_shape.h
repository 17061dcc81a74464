// What the arguments of the calls mean, as far as rules ask: which one is a descriptor, which a
// path, what is written where.
#pragma once

#include <cstdint>
#include <string_view>

namespace mishap::syscalls {

/// How a call may change what is stored.
enum class Change : uint8_t {
  none,
  of_file,        ///< when its descriptor is a regular file (the write family)
  always,         ///< mkdir, rename, chmod, …
  by_open_flags,  ///< open for writing, O_CREAT, O_TRUNC
};

/// What a call stores in the file behind `fd`.
enum class Stores : uint8_t {
  nothing,
  buffer,      ///< `data` points to `length` bytes
  parts,       ///< `data` points to `length` iovecs
  copy,        ///< `length` bytes at most from descriptor `source`
  allocation,  ///< fallocate: mode in `data`
  resize,      ///< ftruncate to `length`
  directory,   ///< a new directory, which needs a block of its own
};

/// Where it stores.
enum class Offset : uint8_t { shared, argument, pointer };

/// How the address of a socket's peer is found.
enum class PeerFrom : uint8_t { nowhere, connection, address, message };

/// Argument indexes; -1: the call has none.
struct CallShape {
  std::string_view name;
  int8_t fd = -1;
  int8_t directory =
      -1;  ///< descriptor that a relative path starts from; none: the working directory
  int8_t path = -1;
  Change change = Change::none;
  Stores stores = Stores::nothing;
  int8_t data = -1;
  int8_t length = -1;
  Offset offset_from = Offset::shared;
  int8_t offset = -1;
  int8_t flags = -1;          ///< open flags, or RWF_ flags of pwritev2
  int8_t source = -1;         ///< copy: descriptor read from
  int8_t source_offset = -1;  ///< copy: pointer to its offset
  PeerFrom peer = PeerFrom::nowhere;
  int8_t address = -1;  ///< sockaddr, or msghdr
  int8_t address_length = -1;
};

/// Nothing when the call has neither descriptor nor path.
const CallShape* shape_of(std::string_view name);

}  // namespace mishap::syscalls
