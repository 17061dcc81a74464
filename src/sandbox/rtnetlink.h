// The few requests of rtnetlink(7) that a cell's network needs. Private to the module.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <linux/rtnetlink.h>

#include "mishap/base/result.h"
#include "mishap/base/unique_fd.h"

namespace mishap::sandbox {

/// One message under construction: a header, a fixed part, attributes that may nest.
class NetlinkMessage {
 public:
  /// `flags` come on top of NLM_F_REQUEST and NLM_F_ACK.
  template <class Fixed>
  NetlinkMessage(uint16_t type, uint16_t flags, const Fixed& fixed) {
    begin(type, flags);
    append(&fixed, sizeof fixed);
  }
  NetlinkMessage& add(uint16_t attribute, std::string_view bytes);
  NetlinkMessage& add_text(uint16_t attribute, std::string_view text);  ///< with its final zero
  NetlinkMessage& add_number(uint16_t attribute, uint32_t number);
  /// What is added until `close` is inside; returns what `close` takes.
  size_t open(uint16_t attribute);
  void close(size_t opened);
  /// A fixed part inside an attribute.
  template <class Fixed>
  NetlinkMessage& add_fixed(const Fixed& fixed) {
    append(&fixed, sizeof fixed);
    return *this;
  }
  /// With its length filled in.
  std::string_view bytes();

 private:
  void begin(uint16_t type, uint16_t flags);
  void append(const void* bytes, size_t size);
  std::string bytes_;
};

/// A socket to the network namespace that the thread which made it was in.
class NetlinkSocket {
 public:
  static Result<NetlinkSocket> open();
  /// Sends a request and waits for the kernel's answer. Error: `what`, the kernel's reason behind
  /// it, its errno as code.
  Result<void> request(std::string_view what, NetlinkMessage message);
  /// Whether the interface can carry packets: it is up, so is what it is joined to, and the kernel
  /// has drawn its conclusions from that (IF_OPER_UP of linux/if.h). Not that of lo.
  Result<bool> is_operational(int index);

 private:
  Result<void> send(std::string_view what, NetlinkMessage message);
  Result<std::string> receive(std::string_view what);
  explicit NetlinkSocket(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace mishap::sandbox
