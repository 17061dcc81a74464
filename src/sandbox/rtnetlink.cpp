#include "rtnetlink.h"

#include <cerrno>
#include <cstring>

#include <linux/if.h>
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

namespace {

constexpr size_t kLongestAnswer = 16384;  // what the kernel fills at most with one interface

uint16_t type_of(const std::string& answer) {
  nlmsghdr header;
  std::memcpy(&header, answer.data(), sizeof header);
  return header.nlmsg_type;
}

/// Of the answer that ends a request: a header, the error and (when there was one) the request
/// again.
Result<void> outcome_in(std::string_view what, const std::string& answer) {
  nlmsgerr outcome;
  if (answer.size() < NLMSG_HDRLEN + sizeof outcome || type_of(answer) != NLMSG_ERROR)
    return fail_errno(what, EPROTO);
  std::memcpy(&outcome, answer.data() + NLMSG_HDRLEN, sizeof outcome);
  if (outcome.error != 0) return fail_errno(what, -outcome.error);
  return {};
}

/// IF_OPER_UNKNOWN when it is not said.
uint8_t operational_state_in(const std::string& answer) {
  size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(ifinfomsg));
  rtattr attribute;
  while (at + sizeof attribute <= answer.size()) {
    std::memcpy(&attribute, answer.data() + at, sizeof attribute);
    if (attribute.rta_len < sizeof attribute || at + attribute.rta_len > answer.size()) break;
    if (attribute.rta_type == IFLA_OPERSTATE && attribute.rta_len > sizeof attribute)
      return static_cast<uint8_t>(answer[at + RTA_LENGTH(0)]);
    at += RTA_ALIGN(attribute.rta_len);
  }
  return IF_OPER_UNKNOWN;
}

}  // namespace

Result<NetlinkSocket> NetlinkSocket::open() {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd) return fail_errno("open an rtnetlink socket");
  return NetlinkSocket(std::move(fd));
}

Result<void> NetlinkSocket::send(std::string_view what, NetlinkMessage message) {
  std::string_view bytes = message.bytes();
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  ssize_t sent = sendto(fd_.get(), bytes.data(), bytes.size(), 0,
                        reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
  if (sent != static_cast<ssize_t>(bytes.size())) return fail_errno(what);
  return {};
}

Result<std::string> NetlinkSocket::receive(std::string_view what) {
  std::string answer(kLongestAnswer, '\0');
  ssize_t got;
  do {
    got = recv(fd_.get(), answer.data(), answer.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got < static_cast<ssize_t>(sizeof(nlmsghdr)))
    return fail_errno(what, got < 0 ? errno : EPROTO);
  answer.resize(static_cast<size_t>(got));
  return answer;
}

Result<void> NetlinkSocket::request(std::string_view what, NetlinkMessage message) {
  MISHAP_TRY(send(what, std::move(message)));
  MISHAP_ASSIGN(std::string answer, receive(what));
  return outcome_in(what, answer);
}

Result<bool> NetlinkSocket::is_operational(int index) {
  constexpr const char* kWhat = "look at an interface";
  ifinfomsg link{};
  link.ifi_index = index;
  MISHAP_TRY(send(kWhat, NetlinkMessage(RTM_GETLINK, 0, link)));
  bool operational = false;
  while (true) {  // the interface, then that this was all
    MISHAP_ASSIGN(std::string answer, receive(kWhat));
    if (type_of(answer) == NLMSG_ERROR) {
      MISHAP_TRY(outcome_in(kWhat, answer));
      return operational;
    }
    operational = operational_state_in(answer) == IF_OPER_UP;
  }
}

}  // namespace mishap::sandbox
