// service: what runs, how it is started and what it is made of.
#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/cell/observed.h"
#include "mishap/protocols/registry.h"

#include "binding.h"
#include "values.h"
#include "world.h"

namespace mishap::spec {
namespace {

using engine::Healthcheck;
using engine::Service;
using starlark::Signature;
namespace types = starlark::types;

// --- service ---

Result<void> take_env(CallContext& call, const Value& dict, Service& service) {
  for (const auto& entry : dict.as<starlark::Dict>().table().entries()) {
    if (!entry.key.is_valid()) continue;
    if (!entry.key.is_string()) return wrong_type(call, "env (a name)", entry.key, types::kString);
    std::string name(entry.key.text());
    bool plain = entry.value.is_string() || entry.value.is_int() || entry.value.is_bool() ||
                 entry.value.is_float();
    if (!plain) {
      bool reference = starlark::host_cast<InterfaceRef>(entry.value) != nullptr;
      return wrong_type(
          call, fmt::format("env[\"{}\"]", name), entry.value,
          types::kString.described(reference ? "string; write its .addr or .internal_addr"
                                             : "string, number or bool"));
    }
    if (name.empty() || name.find_first_of(std::string_view("=\0", 2)) != std::string::npos) {
      return call.error(fmt::format("env: \"{}\" cannot be the name of a variable", name));
    }
    if (entry.value.is_string())
      MISHAP_TRY(refuse_nul(call, fmt::format("env[\"{}\"]", name), entry.value.text()));
    service.env.emplace_back(name, entry.value.is_bool()
                                       ? (entry.value.as_bool() ? "true" : "false")
                                       : starlark::str(entry.value));
  }
  return {};
}

/// A named volume (`"data"`, as opposed to `"./data"`) begins empty and is the service's own.
Result<void> refuse_shared_name(const CallContext& call, const engine::Volume& volume) {
  if (volume.host.find('/') != std::string::npos || volume.host.starts_with('.')) return {};
  for (const auto& other : world_of(call).declarations.services) {
    for (const auto& theirs : other.volumes) {
      if (theirs.host != volume.host) continue;
      return call.error(
          fmt::format("volumes: service \"{}\" has the volume \"{}\" too: named volumes are not "
                      "shared between services; share a directory, as in \"./{}\"",
                      other.name, volume.host, volume.host));
    }
  }
  return {};
}

Result<void> take_volumes(CallContext& call, const Value& dict, Service& service) {
  for (const auto& entry : dict.as<starlark::Dict>().table().entries()) {
    if (!entry.key.is_valid()) continue;
    if (!entry.key.is_string() || !entry.value.is_string())
      return call.error("volumes: want a dict of strings");
    engine::Volume volume{std::string(entry.key.text()), std::string(entry.value.text()), false};
    if (size_t colon = volume.container.rfind(':'); colon != std::string::npos) {
      std::string option = volume.container.substr(colon + 1);
      if (option != "ro" && option != "rw") {
        return call.error(
            fmt::format("volumes: unknown option \"{}\" in \"{}\"; known are ro (read-only) and rw",
                        option, volume.container));
      }
      volume.read_only = option == "ro";
      volume.container.resize(colon);
    }
    if (volume.host.empty()) return call.error("volumes: the host path is empty");
    MISHAP_TRY(refuse_shared_name(call, volume));
    if (!volume.container.starts_with('/')) {
      return call.error(fmt::format("volumes: the path in the container, \"{}\", must be absolute",
                                    volume.container));
    }
    service.volumes.push_back(std::move(volume));
  }
  return {};
}

/// A container's port is published for those that share the cell's loopback; a program given as
/// binary= is on it anyway.
void note_vain_port(CallContext& call, const Service& service, uint16_t port) {
  bool declared = std::any_of(service.interfaces.begin(), service.interfaces.end(),
                              [&](const auto& interface) { return interface.port == port; });
  if (service.from_image() && declared) return;
  std::string why = service.from_image() ? "the service has no interface with that port"
                                         : "a binary listens on the cell's loopback itself";
  world_of(call).add_message(
      LoadMessage::Level::info, service.pos,
      fmt::format("service \"{}\": ports= has no effect for {}: {}", service.name, port, why));
}

Result<void> take_ports(CallContext& call, const Value& dict, Service& service) {
  for (const auto& entry : dict.as<starlark::Dict>().table().entries()) {
    if (!entry.key.is_valid()) continue;
    auto port = [](const Value& v) {
      return v.is_int64() && v.as_int64() >= 0 && v.as_int64() <= 65535;
    };
    if (!port(entry.key) || !port(entry.value))
      return call.error("ports: want a dict of port numbers");
    service.ports[static_cast<uint16_t>(entry.key.as_int64())] =
        static_cast<uint16_t>(entry.value.as_int64());
  }
  for (const auto& [port, chosen] : service.ports) note_vain_port(call, service, port);
  return {};
}

Result<void> take_depends(CallContext& call, const Value& list, Service& service) {
  auto items = list.as<starlark::List>().items();
  for (const Value& item : items) {
    if (item.is_string()) {
      service.depends_on.emplace_back(item.text());
    } else if (auto* other = starlark::host_cast<ServiceValue>(item)) {
      service.depends_on.push_back(other->service.name);
    } else {
      auto index = static_cast<size_t>(&item - items.data());
      return wrong_type(call, item_name("depends_on", index), item,
                        types::kString.described("service, or the name of one"));
    }
  }
  return {};
}

Result<void> take_observe(CallContext& call, const Value& list, Service& service) {
  for (const Value& item : list.as<starlark::List>().items()) {
    auto* observe = starlark::host_cast<ObserveValue>(item);
    if (observe == nullptr) {
      return wrong_type(call, item_name("observe", service.observe.size()), item,
                        types::host("observe_source").described("source such as observe.stdout()"));
    }
    for (const auto& other : service.observe) {
      if (other.source == observe->value.source && other.name == observe->value.name)
        return call.error(fmt::format("observe: {} comes twice", starlark::repr(item)));
    }
    service.observe.push_back(observe->value);
  }
  return {};
}

/// Topics and logs are read at an interface that serves them.
Result<void> check_observe(CallContext& call, const Service& service) {
  for (const auto& observation : service.observe) {
    if (!cell::needs_interface(observation) || cell::observed_interface(service, observation))
      continue;
    std::vector<std::string> protocols, has;
    for (const auto& name : protocols::names()) {
      if (cell::serves(name, observation)) protocols.push_back(name);
    }
    for (const auto& interface : service.interfaces)
      has.push_back(fmt::format("{} is {}", interface.name, interface.protocol));
    return call.error(
        fmt::format("observe: {} needs an interface of protocol {}, and \"{}\" has "
                    "none{}",
                    engine::to_string(observation.source), join(protocols, " or "), service.name,
                    has.empty() ? "" : ": " + join(has, ", ")));
  }
  return {};
}

/// The name becomes a keyword of fault() and fault_assumption().
Result<void> check_op_name(const CallContext& call, const std::string& name) {
  static const std::vector<std::string> kTaken = {"run",      "source", "target", "description",
                                                  "monitors", "faults", "rules",  "may_not_fire"};
  if (std::find(kTaken.begin(), kTaken.end(), name) != kTaken.end())
    return call.error(
        fmt::format("ops: \"{}\" means something else in fault(…); call it differently", name));
  bool word = !name.empty() && (name[0] < '0' || name[0] > '9') &&
              std::all_of(name.begin(), name.end(),
                          [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
  if (word) return {};
  return call.error(
      fmt::format("ops: {} cannot be a keyword of fault(…); write letters, digits and _",
                  Json(name).dump(-1, ' ', false, Json::error_handler_t::replace)));
}

Result<void> take_ops(CallContext& call, const Value& dict, Service& service) {
  for (const auto& entry : dict.as<starlark::Dict>().table().entries()) {
    if (!entry.key.is_valid()) continue;
    auto* op = starlark::host_cast<OpValue>(entry.value);
    if (!entry.key.is_string()) return wrong_type(call, "ops (a name)", entry.key, types::kString);
    if (op == nullptr) {
      return wrong_type(call, fmt::format("ops[{}]", starlark::repr(entry.key)), entry.value,
                        types::host("op").described("op(syscalls=[…])"));
    }
    MISHAP_TRY(check_op_name(call, std::string(entry.key.text())));
    service.ops[std::string(entry.key.text())] = op->value.operation;
  }
  return {};
}

/// Positions of service's keywords in its signature.
enum ServiceArg : size_t {
  kName,
  kBinary,
  kImage,
  kBuild,
  kRemote,
  kHealthcheck,
  kEnv,
  kArgs,
  kDependsOn,
  kVolumes,
  kPorts,
  kObserve,
  kOps,
  kReuse,
  kSeed,
  kReset,
  kSeccomp,
  kTolerated,
};

Signature service_signature() {
  return Signature("service")
      .required("name", types::kString)
      .positional_only()
      .varargs()
      .optional("binary", types::kString)
      .optional("image", types::kString)
      .optional("build", types::kString)
      .optional("remote", types::kString)
      .nullable("healthcheck", types::host("healthcheck"))
      .nullable("env", types::kDict)
      .nullable("args", types::kList)
      .nullable("depends_on", types::kList)
      .nullable("volumes", types::kDict)
      .nullable("ports", types::kDict)
      .nullable("observe", types::kList)
      .nullable("ops", types::kDict)
      .optional("reuse", types::kBool)
      .nullable("seed", types::kCallable)
      .nullable("reset", types::kCallable)
      .optional("seccomp", types::kBool)
      .nullable("nondeterministic_ok", types::kList)
      .kwargs();
}

/// Hints for what people try from other tools; anything else is answered with the nearest keyword.
Result<void> refuse_unknown(CallContext& call) {
  if (call.kwargs().empty()) return {};
  std::string name(call.kwargs()[0].name.text());
  static const std::map<std::string, std::string> kHints = {
      {"cmd", "use args="},
      {"command", "use args="},
      {"entrypoint", "use args="},
      {"http", "declare an interface: interface(\"main\", \"http\", PORT)"},
      {"tcp", "declare an interface: interface(\"main\", \"tcp\", PORT)"},
      {"interfaces", "interfaces follow the name: service(\"NAME\", interface(…), …)"},
      {"interface", "interfaces follow the name: service(\"NAME\", interface(…), …)"},
  };
  if (auto hint = kHints.find(name); hint != kHints.end()) {
    return call.error(fmt::format("unexpected keyword argument \"{}\"; {}", name, hint->second));
  }
  static const std::vector<std::string> kKnown = {"binary",
                                                  "image",
                                                  "build",
                                                  "remote",
                                                  "healthcheck",
                                                  "env",
                                                  "args",
                                                  "depends_on",
                                                  "volumes",
                                                  "ports",
                                                  "observe",
                                                  "ops",
                                                  "reuse",
                                                  "seed",
                                                  "reset",
                                                  "seccomp",
                                                  "nondeterministic_ok"};
  return refuse_rest(call, {call.kwargs()[0]}, kKnown);
}

constexpr std::array kSourceNames = {"binary", "image", "build", "remote"};

Result<void> take_source(CallContext& call, Service& service) {
  struct Choice {
    size_t at;
    Service::Source source;
  };
  int given = service.text.empty() ? 0 : 1;
  for (const Choice& choice :
       {Choice{kBinary, Service::Source::binary}, Choice{kImage, Service::Source::image},
        Choice{kBuild, Service::Source::build}, Choice{kRemote, Service::Source::remote}}) {
    if (!call.has(choice.at)) continue;
    ++given;
    service.source = choice.source;
    service.text = call.text(choice.at);
    MISHAP_TRY(refuse_nul(call, kSourceNames[choice.at - kBinary], service.text));
    if (service.text.empty())
      return call.error(fmt::format("{} is empty", kSourceNames[choice.at - kBinary]));
  }
  MISHAP_TRY(refuse_nul(call, "the program", service.text));
  bool blank = service.text.find_first_of(" \t\r\n") != std::string::npos;
  if (service.source == Service::Source::image && blank)
    return call.error(fmt::format("image=\"{}\" has blanks in it", service.text));
  if (given == 1) return {};
  return call.error(
      fmt::format("\"{}\" needs exactly one of binary=, image=, build= and remote=, and has {}",
                  service.name, given == 0 ? "none" : std::to_string(given)));
}

/// What a service that runs elsewhere must have and cannot have.
Result<void> check_remote(CallContext& call, const Service& service) {
  if (service.source != Service::Source::remote) return {};
  if (service.interfaces.empty())
    return call.error(fmt::format("remote service \"{}\" needs an interface", service.name));
  if (!service.healthcheck)
    return call.error(fmt::format("remote service \"{}\" needs healthcheck=", service.name));
  for (size_t at : {kArgs, kVolumes, kPorts, kObserve, kOps, kReuse, kSeed, kReset, kSeccomp}) {
    if (!call.has(at)) continue;
    return call.error(fmt::format("{}= is not for remote services: nothing of \"{}\" runs here",
                                  service_signature().params()[at].name, service.name));
  }
  return {};
}

/// A healthcheck has something to ask; one that asks a port that the service does not declare is
/// warned of.
/// A check by http of an interface that speaks TLS fails, and one by https of an interface that is
/// not declared to will hardly trust what it finds.
void warn_of_other_scheme(CallContext& call, const Service& service,
                          const engine::Interface& interface) {
  const Healthcheck& check = *service.healthcheck;
  bool by_https = check.address.starts_with("https://");
  if (check.kind != Healthcheck::Kind::http || by_https == (interface.tls != nullptr)) return;
  std::string about =
      by_https ? fmt::format("is not declared to: write interface(\"{}\", …, tls = tls_cert())",
                             interface.name)
               : "does: write https://";
  world_of(call).add_message(
      LoadMessage::Level::warning, check.pos,
      fmt::format("the healthcheck of \"{}\" {} TLS, and interface {} {}", service.name,
                  by_https ? "speaks" : "does not speak", interface.name, about));
}

Result<void> check_healthcheck(CallContext& call, const Service& service) {
  if (!service.healthcheck) return {};
  const Healthcheck& check = *service.healthcheck;
  if (check.kind == Healthcheck::Kind::ready) {
    if (!service.interfaces.empty()) return {};
    return call.error(
        fmt::format("ready() asks an interface, and \"{}\" declares none; use tcp(…) or http(…)",
                    service.name));
  }
  std::string_view rest = check.address;
  if (size_t scheme = rest.find("://"); scheme != std::string_view::npos)
    rest.remove_prefix(scheme + 3);
  auto endpoint = net::parse_endpoint(std::string(rest.substr(0, rest.find_first_of("/?#"))));
  if (!endpoint || service.interfaces.empty()) return {};
  auto asked =
      std::find_if(service.interfaces.begin(), service.interfaces.end(),
                   [&](const auto& interface) { return interface.port == endpoint->port; });
  if (asked != service.interfaces.end()) {
    warn_of_other_scheme(call, service, *asked);
    return {};
  }
  std::vector<std::string> ports;
  for (const auto& interface : service.interfaces) ports.push_back(std::to_string(interface.port));
  world_of(call).add_message(
      LoadMessage::Level::warning, check.pos,
      fmt::format(
          "the healthcheck of \"{}\" asks port {}, which it does not declare (it declares {})",
          service.name, endpoint->port, join(ports, ", ")));
  return {};
}

Result<void> take_positionals(CallContext& call, Service& service) {
  for (const Value& item : call.varargs()) {
    if (item.is_string()) {
      if (!service.text.empty()) return call.error("two programs are given by position");
      service.text = item.text();
    } else if (auto* interface = starlark::host_cast<InterfaceValue>(item)) {
      for (const auto& other : service.interfaces) {
        if (other.name == interface->value.name)
          return call.error(
              fmt::format("\"{}\" has two interfaces called \"{}\"", service.name, other.name));
        if (other.port == interface->value.port) {
          return call.error(fmt::format("port {} is that of both {} and {} of \"{}\"", other.port,
                                        other.name, interface->value.name, service.name));
        }
      }
      service.interfaces.push_back(interface->value);
    } else {
      auto index = static_cast<size_t>(&item - call.varargs().data());
      return wrong_type(
          call, std::to_string(index + 2), item,
          types::host("interface").described("interface(…) or the path of a program"));
    }
  }
  return {};
}

/// Binaries share the cell's loopback, so there a port can have one owner.
Result<void> refuse_port_clash(CallContext& call, const Service& service) {
  for (const auto& other : world_of(call).declarations.services) {
    if (service.from_image() || other.from_image()) continue;
    for (const auto& theirs : other.interfaces) {
      for (const auto& ours : service.interfaces) {
        if (ours.port != theirs.port) continue;
        return call.error(fmt::format(
            "port {} of {}.{} is already that of {}.{}: binaries share the cell's loopback",
            ours.port, service.name, ours.name, other.name, theirs.name));
      }
    }
  }
  return {};
}

Result<Value> make_service(CallContext& call) {
  MISHAP_TRY(require_loading(call));
  MISHAP_TRY(refuse_unknown(call));
  World& world = world_of(call);
  Service service;
  service.name = call.text(kName);
  service.pos = call.thread().caller_pos();
  MISHAP_TRY(check_name(call, "a service's name", service.name, "_-."));
  if (service.name == "test") return call.error("the name \"test\" is that of the test driver");
  if (const auto* other = world.declarations.find_service(service.name)) {
    return call.error(
        fmt::format("service \"{}\" is already declared at {}", service.name, other->pos.text()));
  }
  MISHAP_TRY(take_positionals(call, service));
  MISHAP_TRY(take_source(call, service));
  if (call.has(kHealthcheck))
    service.healthcheck = starlark::host_cast<HealthcheckValue>(call[kHealthcheck])->value;
  if (call.has(kEnv)) MISHAP_TRY(take_env(call, call[kEnv], service));
  if (call.has(kArgs)) {
    MISHAP_ASSIGN(service.args, string_list(call, kArgs, "args"));
  }
  if (call.has(kDependsOn)) MISHAP_TRY(take_depends(call, call[kDependsOn], service));
  if (call.has(kVolumes)) MISHAP_TRY(take_volumes(call, call[kVolumes], service));
  if (call.has(kPorts)) MISHAP_TRY(take_ports(call, call[kPorts], service));
  if (call.has(kObserve)) MISHAP_TRY(take_observe(call, call[kObserve], service));
  if (call.has(kOps)) MISHAP_TRY(take_ops(call, call[kOps], service));
  service.reuse = call.has(kReuse) && call.boolean(kReuse);
  service.seccomp = !call.has(kSeccomp) || call.boolean(kSeccomp);
  MISHAP_TRY(check_remote(call, service));
  MISHAP_TRY(check_healthcheck(call, service));
  MISHAP_TRY(check_observe(call, service));
  MISHAP_TRY(refuse_port_clash(call, service));
  for (size_t at : {kSeed, kReset}) {
    if (call.has(at)) MISHAP_TRY(require_arity(call, at == kSeed ? "seed" : "reset", call[at], {}));
  }
  ServiceHooks& hooks = world.declarations.hooks[service.name];
  if (call.has(kSeed)) hooks.seed = call[kSeed];
  if (call.has(kReset)) hooks.reset = call[kReset];
  world.declarations.services.push_back(service);
  Value value = call.heap().make<ServiceValue>(service);
  world.declarations.service_values[service.name] = value;
  return value;
}

}  // namespace

void install_topology(World& world) { define(world, service_signature(), make_service); }

}  // namespace mishap::spec
