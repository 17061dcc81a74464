#include "kafka_listeners.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "mishap/base/text.h"

namespace mishap::engine {
namespace {

constexpr const char* kLoopback = "127.0.0.1";

using Properties = std::map<std::string, std::string>;

struct Listener {
  std::string name, host;
  uint16_t port = 0;
  std::string text() const { return fmt::format("{}://{}:{}", name, host, port); }
};

/// `NAME://host:port,…`; nothing when it is written in any other way, which the broker will say.
std::optional<std::vector<Listener>> parse_listeners(const std::string& text) {
  std::vector<Listener> listeners;
  for (std::string_view one : split(text, ',')) {
    one = trim(one);
    const size_t scheme = one.find("://");
    const size_t colon = one.rfind(':');
    if (scheme == std::string_view::npos || colon <= scheme) return std::nullopt;
    Listener listener{std::string(one.substr(0, scheme)),
                      std::string(one.substr(scheme + 3, colon - scheme - 3)), 0};
    const char* end = one.data() + one.size();
    auto read = std::from_chars(one.data() + colon + 1, end, listener.port);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
    listeners.push_back(std::move(listener));
  }
  return listeners;
}

std::string listed(const std::vector<Listener>& listeners) {
  std::vector<std::string> texts;
  texts.reserve(listeners.size());
  for (const Listener& listener : listeners) texts.push_back(listener.text());
  return join(texts, ",");
}

bool lists(const std::string& names, const std::string& wanted) {
  const auto all = split(names, ',');
  return std::any_of(all.begin(), all.end(),
                     [&](std::string_view name) { return trim(name) == wanted; });
}

bool is_everywhere(const std::string& host) {
  return host.empty() || host == "0.0.0.0" || host == "[::]";
}

class Completion {
 public:
  Completion(const KafkaRequest& request, Properties& properties)
      : request_(request),
        properties_(properties),
        is_broker_(lists(properties["process.roles"], "broker")),
        is_controller_(lists(properties["process.roles"], "controller")) {}

  Result<std::string> run() {
    const bool given = properties_.contains("listeners");
    auto listeners = first_listeners();
    if (!listeners) return std::string(kLoopback);  // the broker says how it wants them written
    if (is_controller_ && controller_of(*listeners) == listeners->end()) {
      listeners->push_back({first_controller_name(), "localhost", controller_port(*listeners)});
      allow_plaintext(listeners->back().name);
    }
    MISHAP_ASSIGN(Listener served, listener_of_port(*listeners, given));
    properties_["listeners"] = listed(*listeners);
    if (is_broker_) advertise(*listeners);
    if (is_controller_) vote(*controller_of(*listeners));
    return is_everywhere(served.host) ? std::string(kLoopback) : served.host;
  }

 private:
  std::string* given(const char* name) {
    auto found = properties_.find(name);
    return found == properties_.end() ? nullptr : &found->second;
  }

  bool is_of_controller(const Listener& listener) const {
    return lists(properties_.at("controller.listener.names"), listener.name);
  }

  std::vector<Listener>::const_iterator controller_of(
      const std::vector<Listener>& listeners) const {
    return std::find_if(listeners.begin(), listeners.end(),
                        [&](const Listener& l) { return is_of_controller(l); });
  }

  std::string first_controller_name() const {
    return std::string(trim(split(properties_.at("controller.listener.names"), ',').front()));
  }

  /// As given; else, as the confluent image does it, where the broker is said to be reached; else
  /// at the interface's port.
  std::optional<std::vector<Listener>> first_listeners() {
    if (const std::string* text = given("listeners")) return parse_listeners(*text);
    if (const std::string* text = given("advertised.listeners")) {
      auto listeners = parse_listeners(*text);
      if (!listeners) return std::nullopt;
      for (Listener& listener : *listeners) listener.host = "0.0.0.0";
      return listeners;
    }
    const std::string name = is_broker_ ? "PLAINTEXT" : first_controller_name();
    if (!is_broker_) allow_plaintext(name);
    return std::vector<Listener>{{name, "", request_.port.port}};
  }

  /// The first above the interface's port that nobody in the spec has.
  uint16_t controller_port(const std::vector<Listener>& listeners) const {
    auto is_taken = [&](uint16_t port) {
      return request_.taken_ports.contains(port) ||
             std::any_of(listeners.begin(), listeners.end(),
                         [&](const Listener& l) { return l.port == port; });
    };
    uint16_t port = request_.port.port;
    do {
      port = port == 65535 ? 1024 : static_cast<uint16_t>(port + 1);
    } while (is_taken(port));
    return port;
  }

  /// A listener that is ours; the broker knows the protocols of the usual names by itself as long
  /// as there is no map.
  void allow_plaintext(const std::string& name) {
    std::string* map = given("listener.security.protocol.map");
    if (map == nullptr) {
      properties_["listener.security.protocol.map"] =
          name +
          ":PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,"
          "SASL_SSL:SASL_SSL";
      return;
    }
    const auto entries = split(*map, ',');
    const bool known = std::any_of(entries.begin(), entries.end(), [&](std::string_view entry) {
      return trim(entry.substr(0, entry.find(':'))) == name;
    });
    if (!known) *map += "," + name + ":PLAINTEXT";
  }

  Result<Listener> listener_of_port(const std::vector<Listener>& listeners,
                                    bool listeners_given) const {
    for (const Listener& listener : listeners) {
      const bool serves = is_broker_ ? !is_of_controller(listener) : true;
      if (serves && listener.port == request_.port.port) return listener;
    }
    const std::string prefix = request_.image == KafkaImage::bitnami ? "KAFKA_CFG_" : "KAFKA_";
    const std::string interface = request_.port.interface.empty()
                                      ? fmt::format("port {}", request_.port.port)
                                      : fmt::format("port {}, which interface \"{}\" declares",
                                                    request_.port.port, request_.port.interface);
    return fail(fmt::format("{}{} is \"{}\": no listener for clients on {}", prefix,
                            listeners_given ? "LISTENERS" : "ADVERTISED_LISTENERS",
                            properties_.at(listeners_given ? "listeners" : "advertised.listeners"),
                            interface));
  }

  void advertise(const std::vector<Listener>& listeners) {
    if (given("advertised.listeners") != nullptr) return;
    std::vector<Listener> advertised;
    for (Listener listener : listeners) {
      if (is_of_controller(listener)) continue;
      if (is_everywhere(listener.host)) listener.host = request_.service;
      advertised.push_back(std::move(listener));
    }
    properties_["advertised.listeners"] = listed(advertised);
  }

  /// The quorum is this broker alone.
  void vote(const Listener& controller) {
    if (given("controller.quorum.voters") != nullptr) return;
    const std::string host = is_everywhere(controller.host) ? "localhost" : controller.host;
    properties_["controller.quorum.voters"] =
        fmt::format("{}@{}:{}", properties_.at("node.id"), host, controller.port);
  }

  const KafkaRequest& request_;
  Properties& properties_;
  bool is_broker_, is_controller_;
};

}  // namespace

Result<std::string> complete_listeners(const KafkaRequest& request, Properties& properties) {
  if (properties.contains("controller.quorum.bootstrap.servers")) {
    return fail(
        "controller.quorum.bootstrap.servers: a quorum that is found at start needs storage that "
        "was formatted for it, and a cell's is not; name its members in "
        "controller.quorum.voters");
  }
  return Completion(request, properties).run();
}

}  // namespace mishap::engine
