#include "service_arguments.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "mishap/base/text.h"

#include "values.h"
#include "world.h"

namespace mishap::spec {
namespace {

using engine::Service;
namespace types = starlark::types;

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

}  // namespace

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

}  // namespace mishap::spec
