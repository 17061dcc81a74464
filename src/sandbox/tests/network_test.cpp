#include <cerrno>
#include <chrono>
#include <cstring>

#include <sys/socket.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <unistd.h>

#include "mishap/net/network_scope.h"
#include "mishap/net/sockets.h"
#include "mishap/net/stream.h"
#include "mishap/sandbox/cell.h"

#include "in_cell.h"
#include "rtnetlink.h"

namespace mishap::sandbox {
namespace {

using std::chrono::seconds;

class NetworkTest : public testing::Test {
 protected:
  void SetUp() override {
    if (auto works = networks_work(); !works) GTEST_SKIP() << works.error().message;
    options_.overlay = false;
    options_.hosts = {{"tool"}, {"far", "192.0.2.7"}};
    options_.networks = {"db", "api"};
    options_.reserved_ports = {8080, 50051};
  }
  CellOptions options_;
};

UniqueFd listen_in(int network, const char* host, uint16_t port) {
  auto scope = net::NetworkScope::enter(network);
  auto listener = net::listen_on(*net::Address::numeric(host, port));
  return scope && listener ? std::move(*listener) : UniqueFd();
}

/// "ok", or what connect() said; `seen` is the client's address as the server has it.
std::string connect_from(int network, const std::string& host, uint16_t port, int listener,
                         std::string* seen = nullptr) {
  auto scope = net::NetworkScope::enter(network);
  if (!scope) return scope.error().message;
  auto stream = net::Stream::connect({host, port}, net::Clock::now() + seconds(5), nullptr);
  if (!stream) return stream.error().message;
  if (!net::wait_ready(listener, POLLIN, net::Clock::now() + seconds(5), nullptr)) return "lost";
  auto accepted = net::accept_next(listener);
  if (!accepted || !*accepted) return "not here";
  if (seen != nullptr) *seen = (*accepted)->peer.host();
  return "ok";
}

// Else the first packet of a service may be lost, and is repeated after a second.
TEST_F(NetworkTest, InterfacesCarryPacketsFromTheBeginning) {
  options_.networks = {"a", "b", "c", "d", "e", "f", "g", "h"};
  const auto dead = [](int index) {
    auto socket = NetlinkSocket::open();
    auto works = socket ? socket->is_operational(index) : fail(socket.error().message);
    if (!works) return works.error().message + "\n";
    return *works ? std::string() : fmt::format("{} is dead\n", index);
  };
  EXPECT_EQ(in_cell(options_,
                    [&](CellEnvironment& cell) {
                      if (cell.networks.size() != 8) return cell.network_problem;
                      std::string out;
                      for (int index = 1000; index <= 1008; ++index) out += dead(index);
                      for (const auto& [name, network] : cell.networks) {
                        auto scope = net::NetworkScope::enter(network.network_namespace.get());
                        out += scope ? dead(1000) : scope.error().message;
                      }
                      return out + dead(2000);
                    }),
            "look at an interface: No such device\n");
}

TEST_F(NetworkTest, ServicesListenOnOnePortAndReachEachOther) {
  EXPECT_EQ(
      in_cell(options_,
              [](CellEnvironment& cell) {
                if (cell.networks.size() != 2) return cell.network_problem;
                const ServiceNetwork &db = cell.networks.at("db"), &api = cell.networks.at("api");
                UniqueFd ours = listen_in(-1, "0.0.0.0", 8080);
                UniqueFd at_db = listen_in(db.network_namespace.get(), "0.0.0.0", 8080);
                UniqueFd at_api = listen_in(api.network_namespace.get(), "::1", 8080);
                int in_db = db.network_namespace.get(), in_api = api.network_namespace.get();
                std::string seen;
                std::string out = fmt::format("{} {} {}\n", db.address, api.address, cell.gateway);
                out += connect_from(in_api, db.address, 8080, at_db.get(), &seen);
                out += " " + seen + "\n";
                out += connect_from(-1, db.address, 8080, at_db.get(), &seen);
                out += " " + seen + "\n";
                out += connect_from(in_api, cell.gateway, 8080, ours.get(), &seen);
                out += " " + seen + "\n";
                out += connect_from(in_db, "127.0.0.1", 8080, at_db.get()) + "\n";
                out += connect_from(in_api, "::1", 8080, at_api.get()) + "\n";
                out += connect_from(in_db, api.address, 8080, at_api.get()) + "\n";
                out += connect_from(in_db, "192.0.2.7", 80, at_db.get()) + "\n";
                // The thread is back where it was.
                return out + connect_from(-1, "127.0.0.1", 8080, ours.get());
              }),
      "172.18.0.2 172.18.0.3 172.18.0.1\n"
      "ok 172.18.0.3\n"
      "ok 172.18.0.1\n"
      "ok 172.18.0.3\n"
      "ok\n"
      "ok\n"
      "connect to 172.18.0.3:8080: connection refused\n"
      "connect to 192.0.2.7:80: network is unreachable\n"
      "ok");
}

TEST_F(NetworkTest, AServiceSeesNamesFromWhereItIs) {
  auto seen_by = [&](CellEnvironment& cell, const std::string& name) {
    SpawnRequest request;
    if (auto found = cell.networks.find(name); found != cell.networks.end()) {
      request.network_namespace = found->second.network_namespace.get();
      request.host_name = name;
      request.hosts = found->second.hosts;
    }
    return output_of(
        request,
        "hostname; for name in db api tool far localhost host.docker.internal; do "
        "getent ahostsv4 $name | head -n1; done; "
        "getent hosts localhost; ls -A /dev/shm /tmp; "
        "cd /proc/sys/net/ipv4; cat ip_unprivileged_port_start ip_local_reserved_ports");
  };
  EXPECT_EQ(in_cell(options_, [&](CellEnvironment& cell) { return seen_by(cell, "db"); }),
            "db\n"
            "172.18.0.2      STREAM db\n172.18.0.3      STREAM api\n172.18.0.1      STREAM tool\n"
            "192.0.2.7       STREAM far\n127.0.0.1       STREAM localhost\n"
            "172.18.0.1      STREAM host.docker.internal\n"
            "::1             localhost ip6-localhost\n/dev/shm:\n\n/tmp:\n0\n8080,50051\n");
  // A service that has none, after one that has: its names are the cell's.
  EXPECT_EQ(in_cell(options_,
                    [&](CellEnvironment& cell) {
                      (void)seen_by(cell, "db");
                      return seen_by(cell, "tool");
                    }),
            "mishap\n"
            "172.18.0.2      STREAM db\n172.18.0.3      STREAM api\n127.0.0.1       STREAM tool\n"
            "192.0.2.7       STREAM far\n127.0.0.1       STREAM localhost\n"
            "127.0.0.1       STREAM host.docker.internal\n"
            "::1             localhost ip6-localhost\n/dev/shm:\n\n/tmp:\n0\n8080,50051\n");
}

TEST_F(NetworkTest, WithNobodyOnTheLoopbackOneHostsFileServesAll) {
  options_.hosts = {{"far", "192.0.2.7"}};
  EXPECT_EQ(in_cell(options_,
                    [&](CellEnvironment& cell) {
                      const ServiceNetwork& db = cell.networks.at("db");
                      SpawnRequest request;
                      request.network_namespace = db.network_namespace.get();
                      request.host_name = "db";
                      request.hosts = db.hosts;
                      return db.hosts +
                             output_of(request,
                                       "hostname; cat /etc/hosts; readlink /proc/1/ns/mnt "
                                       "/proc/self/ns/mnt | uniq | wc -l");
                    }),
            "db\n127.0.0.1 localhost\n::1 localhost ip6-localhost\n127.0.0.1 mishap\n"
            "192.0.2.7 far\n172.18.0.2 db\n172.18.0.3 api\n172.18.0.1 host.docker.internal\n1\n");
}

TEST_F(NetworkTest, ALongNameIsCut) {
  EXPECT_EQ(in_cell(options_,
                    [&](CellEnvironment&) {
                      SpawnRequest request;
                      request.host_name = std::string(100, 'x');
                      return output_of(request, "hostname");
                    }),
            std::string(64, 'x') + "\n");
}

TEST_F(NetworkTest, ManyComeAtATime) {
  options_.networks.clear();
  for (int i = 0; i < 100; ++i) options_.networks.push_back(fmt::format("s{:03}", i));
  EXPECT_EQ(in_cell(options_,
                    [&](CellEnvironment& cell) {
                      const ServiceNetwork& last = cell.networks.at("s099");
                      UniqueFd there = listen_in(last.network_namespace.get(), "0.0.0.0", 80);
                      return last.address + " " +
                             connect_from(cell.networks.at("s000").network_namespace.get(),
                                          last.address, 80, there.get());
                    }),
            "172.18.0.101 ok");
}

}  // namespace
}  // namespace mishap::sandbox
