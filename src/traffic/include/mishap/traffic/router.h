// Who talks to whom, and through which relay.
//
// An edge is consumer → (service, interface). The cell says before its services start which
// interfaces are relayed, and which consumers have a network namespace of their own. A service's
// connect() to a relayed interface is redirected by its supervisor: it asks `route`, dials the
// destination, connects the program to the relay's listener and hands the dialled socket over by
// `adopt`. One listener per namespace and family serves all edges; an accepted connection is
// matched with its adoption by (namespace, family, source port), whichever comes first. The test
// driver is a consumer like any other, but nobody supervises it: it dials `dial_address`, a
// listener of its own edge.
//
//   auto router = Router::create(loop, log, decider);
//   router->add_network("api", namespace_of_api);
//   router->relay("db", "main", {"172.18.0.2", 5432}, find("postgres"));
//   … loop.run() in its thread; supervisors call route/adopt; steps dial
//   router->dial_address("db", "main") …
//
// Events (service = the provider): proxy_started, proxy_conn_open, proxy_conn_close, proxy,
// proxy_parse_error, proxy_conn_failed, proxy_handshake_complete, proxy_tls_error; proxy with
// action=partitioned where a cut took effect.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/base/result.h"
#include "mishap/base/unique_fd.h"
#include "mishap/event/log.h"
#include "mishap/fault/decider.h"
#include "mishap/net/loop.h"
#include "mishap/net/sockets.h"
#include "mishap/net/stream.h"
#include "mishap/traffic/filter.h"
#include "mishap/traffic/pacing.h"
#include "mishap/traffic/protocol.h"
#include "mishap/traffic/tls.h"

namespace mishap::traffic {

/// Names an edge towards the supervisors; unique within a router, never 0.
using EdgeId = uint64_t;

/// Where a redirected connection goes.
struct RoutedConnection {
  EdgeId id = 0;
  fault::Edge edge;
  net::Address relay;         ///< of the destination's family
  bool into_silence = false;  ///< partitioned: `relay` never answers; dial nobody, adopt nothing
};

/// What one service sends to another. "test" is the test driver.
struct Way {
  std::string from, to;
};
/// Names a cut; unique within a router, never 0.
using CutId = uint64_t;

/// Names a rule for links; unique within a router, never 0.
using LinkId = uint64_t;
/// What one direction carried under a limit.
struct BandwidthUse {
  Direction direction = Direction::to_server;
  uint64_t bytes = 0;
  Nanoseconds longest_wait{0};  ///< of a piece for those before it
};

/// All functions may be called from any thread, except destruction: on the loop's thread, or when
/// the loop does not run. Destroying it resets what is open.
class Router {
 public:
  /// Binds the listeners on 127.0.0.1 and, where there is IPv6, on ::1, in the calling thread's
  /// network namespace. `loop`, `log` and `decider`
  /// outlive the router.
  static Result<std::unique_ptr<Router>> create(net::Loop& loop, event::Log& log,
                                                fault::ProtocolDecider& decider);
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  /// This consumer's connections come from a network namespace of its own (borrowed; lives as long
  /// as the router): it gets listeners there, and what is dialled for it is dialled from there.
  /// Before its first `route`. Error: the namespace cannot be entered, no sockets.
  Result<void> add_network(const std::string& consumer, int network_namespace);

  /// Relays an interface from now on. `upstream` is where the service really listens as seen from
  /// here: a numeric address or "localhost". `protocol` null: nobody needs to understand the bytes,
  /// so they pass unseen. `tls` null: it is plain. Errors: the address is a name; no listener for
  /// the test driver could be had.
  Result<void> relay(const std::string& service, const std::string& interface,
                     const net::Endpoint& upstream, const Protocol* protocol,
                     std::shared_ptr<const TlsTermination> tls = nullptr);

  /// Relays connections of services to a place where it matters only that they pass, from now on:
  /// nobody looks at the bytes, and the test driver has no address for it. May be repeated. Does
  /// not block.
  void relay_unheard(const std::string& service, const std::string& interface,
                     const net::Address& upstream);

  /// Whether a conversation may begin to use a part of the server now (see Sink::ask_leave): true,
  /// or false and `go` is called once it may, from any thread.
  using Gate = std::function<bool(const std::string& part, const std::function<void()>& go)>;
  /// From now on conversations with this interface, which is relayed, ask for leave; an empty gate
  /// lets all begin.
  void set_gate(const std::string& service, const std::string& interface, Gate gate);

  /// Where a connection of `consumer` to this interface is to be redirected; nothing: it is not
  /// relayed, leave it alone. The relay's address is of this family. `upstream` is the interface's
  /// address as seen from the consumer's network: what hung in a partition is connected to it
  /// later. Does not block.
  std::optional<RoutedConnection> route(std::string_view consumer, const std::string& service,
                                        const std::string& interface, int family,
                                        const net::Address& upstream);

  /// A connection on its way to the relay, with its upstream socket (non-blocking, connected or
  /// connecting). `family` and `source_port` are those of the redirected socket, an IPv4 address
  /// mapped to IPv6 counting as AF_INET. Does not block.
  void adopt(EdgeId edge, int family, uint16_t source_port, UniqueFd upstream);

  /// Where the consumer "test" dials: its own listener when the interface is relayed; nothing when
  /// it is not (dial it directly).
  std::optional<net::Endpoint> dial_address(const std::string& service,
                                            const std::string& interface) const;

  /// A partition: what is sent on these ways is lost silently, open connections included, and new
  /// connections between the two hang, whoever begins them. From the return on, nothing sent
  /// passes. Nests. Only relayed interfaces are concerned.
  CutId cut(std::vector<Way> ways);
  /// Takes a cut back: what hung goes on, where no other cut holds it.
  void mend(CutId cut);
  /// How often the cut took effect so far: connections on one of its ways whose bytes (or end) it
  /// kept back, and connects that it left hanging.
  uint64_t effects(CutId cut) const;

  /// What befalls the bytes of connections to a relayed interface, open ones included, from now on:
  /// delays add up, of several stalls or resets the one after the fewest bytes counts. From the
  /// return on, nothing sent escapes it.
  LinkId shape(fault::LinkRule rule);
  /// What was held goes on, unless another rule holds it.
  void unshape(LinkId rule);
  /// Connections that have felt the rule so far, each direction by itself.
  uint64_t shaped(LinkId rule) const;
  /// All relayed connections together carry so much at most, in place of an earlier limit.
  void limit(const fault::BandwidthLimit& limit);
  /// Takes the limits away and says what they carried.
  std::vector<BandwidthUse> unlimit();

  /// Connections on which a delay holds something now. Waits for the loop, which must run on
  /// another thread.
  size_t held_count() const;
  /// Open connections now.
  size_t connection_count() const;

 private:
  class Impl;
  explicit Router(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl>
      impl_;  ///< shared with tasks posted to the loop, which may outlive the router
};

}  // namespace mishap::traffic
