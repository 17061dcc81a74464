// The relay between services that have network namespaces of their own.
#include <cstdio>
#include <thread>

#include <sys/socket.h>

#include <gtest/gtest.h>
#include <poll.h>

#include "mishap/net/network_scope.h"
#include "mishap/net/stream.h"
#include "mishap/sandbox/cell.h"
#include "mishap/traffic/router.h"

namespace mishap::cell {
namespace {

net::Deadline soon() { return net::Clock::now() + std::chrono::seconds(20); }

/// Plays, in a cell, a service `db` that listens and a service `api` that is redirected to it. Each
/// step returns what it saw.
class Stage {
 public:
  explicit Stage(sandbox::CellEnvironment& cell)
      : api_(cell.networks.at("api").network_namespace.get()),
        db_address_(*net::Address::numeric(cell.networks.at("db").address, 8080)) {
    auto scope = net::NetworkScope::enter(cell.networks.at("db").network_namespace.get());
    server_ = std::move(*net::listen_on(*net::Address::numeric("0.0.0.0", 8080)));
    loop_ = std::move(*net::Loop::create());
  }
  ~Stage() {
    loop_->stop();
    if (thread_.joinable()) thread_.join();
  }

  Result<void> start() {
    MISHAP_ASSIGN(router_, traffic::Router::create(*loop_, log_, decider_));
    MISHAP_TRY(router_->add_network("api", api_));
    MISHAP_TRY(router_->relay("db", "main", {db_address_.host(), 8080}, nullptr));
    thread_ = std::thread([this] { loop_->run(); });
    return {};
  }
  traffic::Router& router() { return *router_; }
  std::optional<traffic::RoutedConnection> route() {
    return router_->route("api", "db", "main", AF_INET, db_address_);
  }
  /// As the supervisor of api does it, on a thread in its network.
  UniqueFd connect_redirected(const traffic::RoutedConnection& route) {
    auto scope = net::NetworkScope::enter(api_);
    UniqueFd upstream = std::move(*net::start_connect(db_address_));
    UniqueFd program = connect_to(route.relay);
    router_->adopt(route.id, AF_INET, net::local_address(program.get())->port(),
                   std::move(upstream));
    return program;
  }
  UniqueFd connect_to(const net::Address& address) {
    auto scope = net::NetworkScope::enter(api_);
    auto program = net::start_connect(address);
    return program ? std::move(*program) : UniqueFd();
  }
  /// What db sees of the next connection: the client's host and its first byte.
  std::string next_at_db() {
    if (!net::wait_ready(server_.get(), POLLIN, soon(), nullptr)) return "nobody";
    auto accepted = net::accept_next(server_.get());
    if (!accepted || !*accepted) return "gone";
    char byte = '?';
    if (!net::wait_ready((*accepted)->fd.get(), POLLIN, soon(), nullptr) ||
        recv((*accepted)->fd.get(), &byte, 1, 0) != 1) {
      byte = '!';
    }
    return (*accepted)->peer.host() + " " + byte;
  }

 private:
  int api_;
  net::Address db_address_;
  UniqueFd server_;
  event::Log log_;
  fault::ProtocolDecider decider_{1};
  std::unique_ptr<net::Loop> loop_;
  std::unique_ptr<traffic::Router> router_;
  std::thread thread_;
};

bool put(const UniqueFd& socket, char byte) {
  return net::wait_ready(socket.get(), POLLOUT, soon(), nullptr) &&
         send(socket.get(), &byte, 1, MSG_NOSIGNAL) == 1;
}

/// Runs `play` in a cell with the networks api and db; what it returns is printed and must be "".
void in_cell(const std::function<std::string(Stage&)>& play) {
  if (auto works = sandbox::networks_work(); !works) GTEST_SKIP() << works.error().message;
  sandbox::CellOptions options;
  options.overlay = false;
  options.networks = {"api", "db"};
  auto cell = sandbox::spawn_cell(options, [&](sandbox::CellEnvironment& environment) {
    Stage stage(environment);
    auto started = stage.start();
    std::string problem = started ? play(stage) : started.error().message;
    if (!problem.empty()) std::fprintf(stderr, "%s\n", problem.c_str());
    return problem.empty() ? 0 : 1;
  });
  ASSERT_TRUE(cell) << cell.error().message;
  ASSERT_TRUE(cell->wait_ready());
  EXPECT_TRUE(cell->wait().success());
}

TEST(OwnNetworks, ARelayedConnectionComesFromTheConsumersAddress) {
  in_cell([](Stage& stage) -> std::string {
    auto route = stage.route();
    if (!route || !route->relay.is_loopback()) return "no route";
    UniqueFd program = stage.connect_redirected(*route);
    if (!put(program, 'x')) return "not connected to the relay";
    std::string seen = stage.next_at_db();
    return seen == "172.18.0.2 x" ? "" : "db saw " + seen;
  });
}

TEST(OwnNetworks, WhatHungInAPartitionIsDialledFromWhereTheConsumerIs) {
  in_cell([](Stage& stage) -> std::string {
    traffic::CutId cut = stage.router().cut({{"api", "db"}});
    auto route = stage.route();
    if (!route || !route->into_silence) return "not into silence";
    UniqueFd program = stage.connect_to(route->relay);
    pollfd entry{program.get(), POLLOUT, 0};
    if (!program || poll(&entry, 1, 50) != 0) return "the connect did not hang";
    stage.router().mend(cut);
    // The kernel repeats the SYN after a second.
    if (!put(program, 'y')) return "not connected after the partition";
    std::string seen = stage.next_at_db();
    return seen == "172.18.0.2 y" ? "" : "db saw " + seen;
  });
}

}  // namespace
}  // namespace mishap::cell
