#include "network.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>

#include "mishap/net/network_scope.h"

#include "mounts.h"
#include "rtnetlink.h"

namespace mishap::sandbox {
namespace {

/// As Docker's first user-defined network: what programs under test are used to see.
constexpr uint32_t kNetwork = (172u << 24) | (18u << 16);
constexpr uint8_t kPrefixLength = 16;
constexpr uint32_t kMostNetworks = 0xffff - 2;

/// Interface numbers of our choice, so that none has to be looked up. Low ones are lo's and those
/// of the fallback tunnels that some modules put into every new namespace.
constexpr int kBridgeIndex = 1000;
constexpr int kInnerIndex = 1000;
constexpr int kFirstPortIndex = 1001;

in_addr host_address(uint32_t number) { return in_addr{htonl(kNetwork | number)}; }

std::string text_of(in_addr address) {
  char text[INET_ADDRSTRLEN] = "";
  inet_ntop(AF_INET, &address, text, sizeof text);
  return text;
}

ifinfomsg link(int index, unsigned flags = 0) {
  ifinfomsg out{};
  out.ifi_family = AF_UNSPEC;
  out.ifi_index = index;
  out.ifi_flags = flags;
  out.ifi_change = flags;
  return out;
}

NetlinkMessage new_link(int index, std::string_view name) {
  NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link(index));
  message.add_text(IFLA_IFNAME, name);
  return message;
}

Result<void> make_bridge(NetlinkSocket& cell) {
  NetlinkMessage message = new_link(kBridgeIndex, "mishap0");
  size_t info = message.open(IFLA_LINKINFO);
  message.add_text(IFLA_INFO_KIND, "bridge");
  message.close(info);
  return cell.request("make a bridge", std::move(message));
}

/// A pair of interfaces: `port` in the socket's namespace, eth0 in the other one.
Result<void> make_pair(NetlinkSocket& cell, int port, int inner_namespace) {
  NetlinkMessage message = new_link(port, fmt::format("veth{}", port - kFirstPortIndex));
  size_t info = message.open(IFLA_LINKINFO);
  message.add_text(IFLA_INFO_KIND, "veth");
  size_t data = message.open(IFLA_INFO_DATA);
  size_t peer = message.open(VETH_INFO_PEER);
  message.add_fixed(link(kInnerIndex));
  message.add_text(IFLA_IFNAME, "eth0");
  message.add_number(IFLA_NET_NS_FD, static_cast<uint32_t>(inner_namespace));
  message.close(peer);
  message.close(data);
  message.close(info);
  return cell.request("make a veth pair", std::move(message));
}

Result<void> add_address(NetlinkSocket& socket, int index, in_addr address) {
  ifaddrmsg fixed{};
  fixed.ifa_family = AF_INET;
  fixed.ifa_prefixlen = kPrefixLength;
  fixed.ifa_index = static_cast<unsigned>(index);
  NetlinkMessage message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, fixed);
  message.add_number(IFA_LOCAL, address.s_addr).add_number(IFA_ADDRESS, address.s_addr);
  return socket.request("add address " + text_of(address), std::move(message));
}

Result<void> bring_up(NetlinkSocket& socket, int index) {
  return socket.request("bring an interface up",
                        NetlinkMessage(RTM_NEWLINK, 0, link(index, IFF_UP)));
}

Result<void> enslave(NetlinkSocket& cell, int port) {
  NetlinkMessage message(RTM_NEWLINK, 0, link(port));
  message.add_number(IFLA_MASTER, kBridgeIndex);
  return cell.request("add a port to the bridge", std::move(message));
}

/// Interfaces made from now on have no IPv6; lo, which is there already, keeps ::1.
void leave_ipv6_to_loopback() {
  // Where the kernel has no IPv6 there is no such file and nothing to leave out.
  (void)write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
}

/// Services have no capabilities but may listen on port 80, as they could as root in a container.
/// False within a container whose /proc/sys is read-only: then they may not.
Result<bool> set_port_rules(const CellOptions& options) {
  auto low = write_file("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
  if (!low && low.error().code == EROFS) return false;
  MISHAP_TRY(std::move(low));
  if (options.reserved_ports.empty()) return true;
  MISHAP_TRY(write_file("/proc/sys/net/ipv4/ip_local_reserved_ports",
                        fmt::format("{}", fmt::join(options.reserved_ports, ","))));
  return true;
}

/// As `set_port_rules`.
Result<bool> bring_loopback_up(const CellOptions& options) {
  UniqueFd socket_fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (!socket_fd || ioctl(socket_fd.get(), SIOCSIFFLAGS, &request) != 0)
    return fail_errno("bring the loopback interface up");
  return set_port_rules(options);
}

Result<void> add_second_loopback_address() {
  // getaddrinfo with AI_ADDRCONFIG knows no IPv4 where 127.0.0.1 is the only address (glibc,
  // check_pf.c), and then finds no name.
  UniqueFd socket_fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo:1");
  sockaddr_in second{};
  second.sin_family = AF_INET;
  second.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
  std::memcpy(&request.ifr_addr, &second, sizeof second);
  if (!socket_fd || ioctl(socket_fd.get(), SIOCSIFADDR, &request) != 0)
    return fail_errno("add 127.0.0.2");
  return {};
}

/// Until the interface carries packets. An interface whose other end came up after it drops what is
/// sent until a worker of the kernel has noticed (net/core/link_watch.c); what was dropped, an ARP
/// request or a SYN, is repeated after a second. Where that worker takes longer than we wait, so be
/// it.
Result<void> wait_until_operational(NetlinkSocket& socket, int index) {
  constexpr auto kPatience = std::chrono::seconds(1);
  constexpr auto kPause = std::chrono::microseconds(50);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    MISHAP_ASSIGN(const bool operational, socket.is_operational(index));
    if (operational || std::chrono::steady_clock::now() > deadline) return {};
    std::this_thread::sleep_for(kPause);
  }
}

/// A new namespace, joined to the bridge, and a socket to it in `inner_ends`. Its interfaces are
/// up, but need not be operational yet. Returns in the new namespace.
Result<ServiceNetwork> make_network(NetlinkSocket& cell, uint32_t number,
                                    const CellOptions& options,
                                    std::vector<NetlinkSocket>& inner_ends) {
  if (unshare(CLONE_NEWNET) != 0) return fail_errno("make a network namespace");
  ServiceNetwork network;
  network.address = text_of(host_address(number + 2));
  MISHAP_ASSIGN(network.network_namespace, net::current_network());
  MISHAP_ASSIGN([[maybe_unused]] bool low_ports, bring_loopback_up(options));
  leave_ipv6_to_loopback();
  int port = kFirstPortIndex + static_cast<int>(number);
  MISHAP_TRY(make_pair(cell, port, network.network_namespace.get()));
  MISHAP_ASSIGN(NetlinkSocket inner, NetlinkSocket::open());
  MISHAP_TRY(add_address(inner, kInnerIndex, host_address(number + 2)));
  MISHAP_TRY(bring_up(inner, kInnerIndex));
  MISHAP_TRY(bring_up(cell, port));
  MISHAP_TRY(enslave(cell, port));
  inner_ends.push_back(std::move(inner));
  return network;
}

Result<void> make_all(const CellOptions& options, CellEnvironment& environment) {
  if (options.networks.size() > kMostNetworks)
    return fail(fmt::format("a cell has room for {} networks", kMostNetworks), ENOSPC);
  MISHAP_ASSIGN(NetlinkSocket cell, NetlinkSocket::open());
  leave_ipv6_to_loopback();
  MISHAP_TRY(make_bridge(cell));
  MISHAP_TRY(add_address(cell, kBridgeIndex, host_address(1)));
  MISHAP_TRY(bring_up(cell, kBridgeIndex));
  MISHAP_ASSIGN(UniqueFd home, net::current_network());
  std::vector<NetlinkSocket> inner_ends;
  for (const std::string& name : options.networks) {
    auto made =
        make_network(cell, static_cast<uint32_t>(environment.networks.size()), options, inner_ends);
    MISHAP_TRY(net::enter_network(home.get()));
    if (!made) return fail(std::move(made).error());
    environment.networks.emplace(name, std::move(*made));
  }
  int port = kFirstPortIndex;
  for (NetlinkSocket& inner : inner_ends) {
    MISHAP_TRY(wait_until_operational(inner, kInnerIndex));
    MISHAP_TRY(wait_until_operational(cell, port++));
  }
  MISHAP_TRY(wait_until_operational(cell, kBridgeIndex));
  environment.gateway = text_of(host_address(1));
  return {};
}

std::string hosts_text(std::string_view own_name, std::string_view own_address) {
  return fmt::format("127.0.0.1 localhost\n::1 localhost ip6-localhost\n{} {}\n", own_address,
                     own_name);
}

bool is_on_cells_loopback(const HostEntry& host) {
  return host.address.starts_with("127.") || host.address == "::1";
}

/// Whether services with a network see other addresses than the cell does. If not, one file serves
/// all, and no service needs a mount namespace, whose end costs the kernel a grace period of RCU.
bool views_differ(const CellOptions& options) {
  return std::any_of(options.hosts.begin(), options.hosts.end(), is_on_cells_loopback);
}

/// What a service with a network of its own sees: who is on the cell's loopback is at the gateway.
std::string service_hosts(const std::string& service, const CellOptions& options,
                          const CellEnvironment& environment) {
  std::string text = hosts_text(service, environment.networks.at(service).address);
  for (const auto& [name, network] : environment.networks) {
    if (name != service) text += fmt::format("{} {}\n", network.address, name);
  }
  for (const HostEntry& host : options.hosts) {
    text += fmt::format("{} {}\n", is_on_cells_loopback(host) ? environment.gateway : host.address,
                        host.name);
  }
  return text + fmt::format("{} {}\n", environment.gateway, kHostName);
}

}  // namespace

Result<void> set_up_loopback(const CellOptions& options, CellEnvironment& environment) {
  MISHAP_ASSIGN(environment.low_ports, bring_loopback_up(options));
  return add_second_loopback_address();
}

void make_networks(const CellOptions& options, CellEnvironment& environment) {
  if (options.networks.empty()) return;
  auto made = make_all(options, environment);
  if (made) {
    if (!views_differ(options)) return;
    for (auto& [name, network] : environment.networks)
      network.hosts = service_hosts(name, options, environment);
    return;
  }
  environment.networks.clear();
  environment.gateway.clear();
  environment.network_problem = made.error().message;
}

std::string cell_hosts(const CellOptions& options, const CellEnvironment& environment) {
  std::string text = hosts_text(options.hostname, "127.0.0.1");
  for (const HostEntry& host : options.hosts)
    text += fmt::format("{} {}\n", host.address, host.name);
  for (const std::string& name : options.networks) {
    auto found = environment.networks.find(name);
    text += fmt::format(
        "{} {}\n", found == environment.networks.end() ? "127.0.0.1" : found->second.address, name);
  }
  if (options.networks.empty()) return text;  // nobody looks for the cell from elsewhere
  bool for_all = !environment.networks.empty() && !views_differ(options);
  return text + fmt::format("{} {}\n", for_all ? environment.gateway : std::string("127.0.0.1"),
                            kHostName);
}

}  // namespace mishap::sandbox
