#include "links.h"

#include <cerrno>
#include <cstring>
#include <string_view>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <fmt/format.h>
#include <unistd.h>

#include "mishap/base/unique_fd.h"

namespace mishap::sandbox {
namespace {

/// RTM_NEWLINK with the kind of link, and nothing else: the kernel finds names (rtnetlink(7)).
struct NewLink {
  nlmsghdr header{};
  ifinfomsg link{};
  char attributes[64] = {};

  explicit NewLink(std::string_view kind) {
    header.nlmsg_type = RTM_NEWLINK;
    header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    auto* outer = reinterpret_cast<rtattr*>(attributes);
    auto* inner = static_cast<rtattr*>(RTA_DATA(outer));
    inner->rta_type = IFLA_INFO_KIND;
    inner->rta_len = static_cast<unsigned short>(RTA_LENGTH(kind.size()));
    std::memcpy(RTA_DATA(inner), kind.data(), kind.size());
    outer->rta_type = IFLA_LINKINFO;
    outer->rta_len = static_cast<unsigned short>(RTA_LENGTH(RTA_ALIGN(inner->rta_len)));
    header.nlmsg_len = static_cast<uint32_t>(offsetof(NewLink, attributes) + outer->rta_len);
  }
};

Result<void> make_link(int netlink, std::string_view kind) {
  NewLink request(kind);
  struct {
    nlmsghdr header;
    nlmsgerr error;
  } answer{};
  bool told = send(netlink, &request, request.header.nlmsg_len, 0) >= 0 &&
              recv(netlink, &answer, sizeof answer, MSG_TRUNC) >= ssize_t(sizeof answer);
  if (!told) return fail_errno(fmt::format("make a {}", kind));
  if (answer.error.error != 0) {
    return fail_errno(fmt::format("make a {}", kind), -answer.error.error);
  }
  return {};
}

}  // namespace

Result<void> try_links() {
  UniqueFd netlink(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!netlink) return fail_errno("open a netlink socket");
  MISHAP_TRY(make_link(netlink.get(), "bridge"));
  return make_link(netlink.get(), "veth");
}

}  // namespace mishap::sandbox
