#include "undeclared.h"

#include <algorithm>

#include <fmt/format.h>

#include "mishap/net/stream.h"

namespace mishap::cell {

namespace {

constexpr uint16_t kNameServerPort = 53;

bool is_loopback(const std::string& host) {
  return host.starts_with("127.") || host == "::1" || host.starts_with("::ffff:127.");
}

}  // namespace

std::vector<std::string> undeclared_connections(const std::vector<event::Event>& events,
                                                const std::set<std::string>& alone,
                                                const std::set<std::string>& partitioned) {
  std::vector<std::string> notes;
  for (const auto& event : events) {
    if (event.type != "syscall" || event.fields.get("syscall") != "connect") continue;
    const std::string* address = event.fields.find("address");
    bool refused = event.fields.get("decision").starts_with("deny");
    if (address == nullptr || refused || event.fields.find("peer") != nullptr) continue;
    auto endpoint = net::parse_endpoint(*address);
    if (address->ends_with(":0")) continue;
    if (endpoint && alone.contains(event.service) && is_loopback(endpoint->host)) continue;
    // Resolvers of their own (c-ares in gRPC) ask whatever a file says: nothing to worry about.
    const bool of_names = endpoint && endpoint->port == kNameServerPort;
    std::string note =
        of_names ? fmt::format(
                       "{} asks the name server {}, too; the names of services are in /etc/hosts",
                       event.service, *address)
                 : fmt::format("{} connects to {}, where no declared service listens",
                               event.service, *address);
    if (partitioned.contains(event.service) && endpoint && is_loopback(endpoint->host))
      note += "; should that be who it is partitioned from, the partition does not cut this";
    if (std::find(notes.begin(), notes.end(), note) == notes.end()) notes.push_back(note);
  }
  return notes;
}

}  // namespace mishap::cell
