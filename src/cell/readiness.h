// Waiting until a service can be used.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "mishap/base/result.h"
#include "mishap/engine/native.h"
#include "mishap/net/stream.h"
#include "mishap/protocols/http/semantics.h"

namespace mishap::cell {

class Tls;

/// Asks again and again, from 1 ms with growing pauses, until the service passes its own
/// healthcheck and, where the catalogue asks for it, answers its protocol. `alive` says whether
/// waiting still makes sense. `network_namespace`: where the service is, and where all addresses
/// are meant; -1: here. `tls`: null when no interface speaks it. Errors: `not ready: tcp
/// localhost:5432 after 10s: connection refused`; the empty message when `alive` said no.
Result<void> wait_until_ready(const engine::Service& service, const engine::Launch& launch,
                              int network_namespace, const Tls* tls,
                              const std::function<bool()>& alive, net::Deadline ceiling);

/// Of the ports that `wait_until_ready` found served, those at which nobody else reaches the
/// service: it listens, but not on `own_address` (IPv4), its address in that network.
std::vector<uint16_t> ports_nobody_reaches(const engine::Service& service,
                                           const engine::Launch& launch, int network_namespace,
                                           const std::string& own_address);

/// HOST:PORT of an address that may have a scheme and a path; port 443 or 80 where it names none.
/// Error: it has no such part.
Result<net::Endpoint> endpoint_in(std::string address);

/// How pages at a port of the service are asked for until a deadline: by HTTP/2 where the interface
/// there is declared to speak it.
std::function<protocols::http::Exchange(net::Deadline)> exchange_at(const engine::Service& service,
                                                                    uint16_t port);

}  // namespace mishap::cell
