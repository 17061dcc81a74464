#include "rtnetlink.h"

#include <cerrno>
#include <cstring>

#include <sys/socket.h>

namespace mishap::sandbox {

void NetlinkMessage::begin(uint16_t type, uint16_t flags) {
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
  append(&header, sizeof header);
}

void NetlinkMessage::append(const void* bytes, size_t size) {
  bytes_.append(static_cast<const char*>(bytes), size);
  bytes_.resize(NLMSG_ALIGN(bytes_.size()));
}

NetlinkMessage& NetlinkMessage::add(uint16_t attribute, std::string_view bytes) {
  size_t opened = open(attribute);
  bytes_.append(bytes);
  close(opened);
  return *this;
}

NetlinkMessage& NetlinkMessage::add_text(uint16_t attribute, std::string_view text) {
  return add(attribute, std::string(text) + '\0');
}

NetlinkMessage& NetlinkMessage::add_number(uint16_t attribute, uint32_t number) {
  return add(attribute, {reinterpret_cast<const char*>(&number), sizeof number});
}

size_t NetlinkMessage::open(uint16_t attribute) {
  size_t at = bytes_.size();
  rtattr header{};
  header.rta_type = attribute;
  append(&header, sizeof header);
  return at;
}

void NetlinkMessage::close(size_t opened) {
  // The length is that of the content; the padding after it is not counted.
  auto length = static_cast<uint16_t>(bytes_.size() - opened);
  std::memcpy(bytes_.data() + opened + offsetof(rtattr, rta_len), &length, sizeof length);
  bytes_.resize(NLMSG_ALIGN(bytes_.size()));
}

std::string_view NetlinkMessage::bytes() {
  auto length = static_cast<uint32_t>(bytes_.size());
  std::memcpy(bytes_.data() + offsetof(nlmsghdr, nlmsg_len), &length, sizeof length);
  return bytes_;
}

Result<NetlinkSocket> NetlinkSocket::open() {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd) return fail_errno("open an rtnetlink socket");
  return NetlinkSocket(std::move(fd));
}

Result<void> NetlinkSocket::request(std::string_view what, NetlinkMessage message) {
  std::string_view bytes = message.bytes();
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  ssize_t sent = sendto(fd_.get(), bytes.data(), bytes.size(), 0,
                        reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
  if (sent != static_cast<ssize_t>(bytes.size())) return fail_errno(what);
  // The answer is a header, the error and (when there was one) the request again.
  alignas(nlmsghdr) char answer[4096];
  ssize_t got;
  do {
    got = recv(fd_.get(), answer, sizeof answer, 0);
  } while (got < 0 && errno == EINTR);
  if (got < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr))))
    return fail_errno(what, got < 0 ? errno : EPROTO);
  nlmsghdr header;
  nlmsgerr outcome;
  std::memcpy(&header, answer, sizeof header);
  std::memcpy(&outcome, answer + NLMSG_HDRLEN, sizeof outcome);
  if (header.nlmsg_type != NLMSG_ERROR) return fail_errno(what, EPROTO);
  if (outcome.error != 0) return fail_errno(what, -outcome.error);
  return {};
}

}  // namespace mishap::sandbox
