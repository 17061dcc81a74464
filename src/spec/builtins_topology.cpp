// service, interface, healthchecks, op, observe, decoder, and their old spellings.
#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/fault/names.h"
#include "mishap/protocols/registry.h"

#include "binding.h"
#include "values.h"
#include "world.h"

namespace mishap::spec {
namespace {

using engine::Healthcheck;
using engine::Observation;
using engine::Service;
using starlark::Signature;
namespace types = starlark::types;

// --- interface, healthchecks ---

Result<Value> make_interface(CallContext& call) {
  engine::Interface interface;
  interface.name = call.text(0);
  interface.protocol = call.text(1);
  MISHAP_ASSIGN(int64_t port, call.to_int64(2));
  if (port < 1 || port > 65535)
    return call.error(fmt::format("port {} is not between 1 and 65535", port));
  interface.port = static_cast<uint16_t>(port);
  if (call.has(3)) interface.spec = call.text(3);
  if (protocols::find(interface.protocol) == nullptr) {
    return call.error(fmt::format("unknown protocol \"{}\"{}; known are {}", interface.protocol,
                                  did_you_mean(interface.protocol, protocols::names()),
                                  join(protocols::names(), ", ")));
  }
  return call.heap().make<InterfaceValue>(std::move(interface));
}

Result<Value> make_healthcheck(CallContext& call, Healthcheck::Kind kind, std::string_view scheme,
                               size_t timeout_at, Nanoseconds default_timeout) {
  Healthcheck check;
  check.kind = kind;
  check.pos = call.thread().caller_pos();
  check.timeout = default_timeout;
  if (call.has(timeout_at)) {
    MISHAP_ASSIGN(check.timeout, duration_argument(call, timeout_at));
    if (check.timeout <= Nanoseconds(0)) return call.error("timeout must be more than 0");
  }
  if (timeout_at > 0) {
    check.address = call.text(0);
    std::string prefix = std::string(scheme) + "://";
    if (kind == Healthcheck::Kind::tcp && check.address.starts_with(prefix))
      check.address.erase(0, prefix.size());
    if (kind == Healthcheck::Kind::http && check.address.find("://") == std::string::npos) {
      check.address.insert(0, prefix);
    }
    if (kind == Healthcheck::Kind::tcp)
      MISHAP_TRY(net::parse_endpoint(check.address).map([](auto) {}));
  }
  return call.heap().make<HealthcheckValue>(std::move(check));
}

// --- decoder, observe ---

Result<Value> make_decoder(CallContext& call, std::string name, const std::string* pattern) {
  NamedDecoder named{name, nullptr};
  if (name == "json") named.decoder = event::json_decoder();
  if (name == "logfmt") named.decoder = event::logfmt_decoder();
  if (name == "regex") {
    if (pattern == nullptr) return call.error("the regex decoder needs pattern=");
    MISHAP_ASSIGN(named.decoder, event::regex_decoder(*pattern));
  } else if (pattern != nullptr) {
    return call.error(fmt::format("the {} decoder takes no pattern", name));
  }
  if (named.decoder == nullptr) {
    std::vector<std::string> known = {"json", "logfmt", "regex"};
    return call.error(fmt::format("unknown decoder \"{}\"{}; known are json, logfmt, regex", name,
                                  did_you_mean(name, known)));
  }
  return call.heap().make<DecoderValue>(std::move(named));
}

Result<Value> make_observe(CallContext& call, Observation::Source source) {
  Observation observation{source, nullptr};
  if (call.has(0)) observation.decoder = starlark::host_cast<DecoderValue>(call[0])->value.decoder;
  return call.heap().make<ObserveValue>(std::move(observation));
}

void prefer(CallContext& call, std::string_view newer) {
  world_of(call).add_message(
      LoadMessage::Level::info, call.thread().caller_pos(),
      fmt::format("{}() works; the newer spelling is {}", call.name(), newer));
}

// --- service ---

Result<void> take_env(CallContext& call, const Value& dict, Service& service) {
  for (const auto& entry : dict.as<starlark::Dict>().table().entries()) {
    if (!entry.key.is_valid()) continue;
    if (!entry.key.is_string()) {
      return call.error(
          fmt::format("env: got {} as name, want string", starlark::type_name(entry.key)));
    }
    std::string name(entry.key.text());
    bool plain = entry.value.is_string() || entry.value.is_int() || entry.value.is_bool() ||
                 entry.value.is_float();
    if (!plain) {
      return call.error(
          fmt::format("env: {} is a {}, want string", name, starlark::type_name(entry.value)));
    }
    if (name.empty() || name.find_first_of(std::string_view("=\0", 2)) != std::string::npos) {
      return call.error(fmt::format("env: \"{}\" cannot be the name of a variable", name));
    }
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
    if (volume.container.ends_with(":ro")) {
      volume.read_only = true;
      volume.container.resize(volume.container.size() - 3);
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
  return {};
}

Result<void> take_depends(CallContext& call, const Value& list, Service& service) {
  for (const Value& item : list.as<starlark::List>().items()) {
    if (item.is_string()) {
      service.depends_on.emplace_back(item.text());
    } else if (auto* other = starlark::host_cast<ServiceValue>(item)) {
      service.depends_on.push_back(other->service.name);
    } else {
      return call.error(
          fmt::format("depends_on: got {}, want service or string", starlark::type_name(item)));
    }
  }
  return {};
}

Result<void> take_observe(CallContext& call, const Value& list, Service& service) {
  for (const Value& item : list.as<starlark::List>().items()) {
    auto* observe = starlark::host_cast<ObserveValue>(item);
    if (observe == nullptr) {
      return call.error(fmt::format("observe: got {}, want observe_source, as in observe.stdout()",
                                    starlark::type_name(item)));
    }
    service.observe.push_back(observe->value);
  }
  return {};
}

Result<void> take_ops(CallContext& call, const Value& dict, Service& service) {
  for (const auto& entry : dict.as<starlark::Dict>().table().entries()) {
    if (!entry.key.is_valid()) continue;
    auto* op = starlark::host_cast<OpValue>(entry.value);
    if (!entry.key.is_string() || op == nullptr)
      return call.error("ops: want a dict of names to op(…)");
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
      {"name", "the name is the first positional argument"},
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
  return call.error(fmt::format("unexpected keyword argument \"{}\"{}; known are {}", name,
                                did_you_mean(name, kKnown), join(kKnown, ", ")));
}

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
    if (service.text.empty())
      return call.error(fmt::format("service \"{}\": an empty program", service.name));
  }
  if (given == 1) return {};
  return call.error(fmt::format(
      "service \"{}\": exactly one of binary=, image=, build= and remote= is needed, {} {} given",
      service.name, given, given == 1 ? "is" : "are"));
}

Result<void> take_positionals(CallContext& call, Service& service) {
  for (const Value& item : call.varargs()) {
    if (item.is_string()) {
      if (!service.text.empty()) return call.error("two programs are given by position");
      service.text = item.text();
    } else if (auto* interface = starlark::host_cast<InterfaceValue>(item)) {
      auto same = std::find_if(service.interfaces.begin(), service.interfaces.end(),
                               [&](const auto& i) { return i.name == interface->value.name; });
      if (same != service.interfaces.end())
        *same = interface->value;
      else
        service.interfaces.push_back(interface->value);
    } else {
      return call.error(fmt::format("got {}, want interface(…) or the path of a program",
                                    starlark::type_name(item)));
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
  if (service.name.empty()) return call.error("the name is empty");
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
  MISHAP_TRY(refuse_port_clash(call, service));
  ServiceHooks& hooks = world.declarations.hooks[service.name];
  if (call.has(kSeed)) hooks.seed = call[kSeed];
  if (call.has(kReset)) hooks.reset = call[kReset];
  world.declarations.services.push_back(service);
  Value value = call.heap().make<ServiceValue>(service);
  world.declarations.service_values[service.name] = value;
  return value;
}

Result<Value> make_op(CallContext& call) {
  engine::NamedOperation operation;
  MISHAP_ASSIGN(auto words, string_list(call, 0, "syscalls"));
  if (words.empty()) return call.error("syscalls is empty");
  for (const auto& word : words) {
    MISHAP_ASSIGN(auto expanded, fault::resolve_syscalls(word));
    operation.syscalls.insert(operation.syscalls.end(), expanded.begin(), expanded.end());
  }
  if (call.has(1)) operation.path_glob = call.text(1);
  return call.heap().make<OpValue>(OpDeclaration{std::move(operation)});
}

void define_healthchecks(World& world) {
  define(world,
         Signature("tcp")
             .required("addr", types::kString)
             .positional_only()
             .optional("timeout", types::kString),
         [](CallContext& call) {
           return make_healthcheck(call, Healthcheck::Kind::tcp, "tcp", 1,
                                   std::chrono::seconds(10));
         });
  define(world,
         Signature("http")
             .required("url", types::kString)
             .positional_only()
             .optional("timeout", types::kString),
         [](CallContext& call) {
           return make_healthcheck(call, Healthcheck::Kind::http, "http", 1,
                                   std::chrono::seconds(10));
         });
  define(world, Signature("ready").keyword_only().optional("timeout", types::kString),
         [](CallContext& call) {
           return make_healthcheck(call, Healthcheck::Kind::ready, "", 0, std::chrono::seconds(30));
         });
}

void define_observation(World& world) {
  Heap& heap = world.interpreter.heap();
  define(world,
         Signature("decoder")
             .required("name", types::kString)
             .positional_only()
             .optional("pattern", types::kString),
         [](CallContext& call) -> Result<Value> {
           std::string pattern(call.has(1) ? call.text(1) : "");
           return make_decoder(call, std::string(call.text(0)), call.has(1) ? &pattern : nullptr);
         });
  auto observe_signature = [](const char* name) {
    return Signature(name).keyword_only().nullable("decoder", types::host("decoder"));
  };
  auto observe = [&](const char* name, Observation::Source source) {
    return starlark::make_builtin(heap, observe_signature(name), [source](CallContext& call) {
      return make_observe(call, source);
    });
  };
  Value standard_output = observe("stdout", Observation::Source::standard_output);
  Value standard_error = observe("stderr", Observation::Source::standard_error);
  world.interpreter.predeclare(
      "observe", heap.make<starlark::NamespaceObject>(
                     "observe", std::vector<std::pair<std::string, Value>>{
                                    {"stdout", standard_output}, {"stderr", standard_error}}));

  // The old spellings.
  define(world, observe_signature("stdout"), [](CallContext& call) {
    prefer(call, "observe.stdout()");
    return make_observe(call, Observation::Source::standard_output);
  });
  define(world, observe_signature("stderr"), [](CallContext& call) {
    prefer(call, "observe.stderr()");
    return make_observe(call, Observation::Source::standard_error);
  });
  define(world, Signature("json_decoder"), [](CallContext& call) {
    prefer(call, "decoder(\"json\")");
    return make_decoder(call, "json", nullptr);
  });
  define(world, Signature("logfmt_decoder"), [](CallContext& call) {
    prefer(call, "decoder(\"logfmt\")");
    return make_decoder(call, "logfmt", nullptr);
  });
  define(world, Signature("regex_decoder").required("pattern", types::kString),
         [](CallContext& call) {
           prefer(call, "decoder(\"regex\", pattern=…)");
           std::string pattern(call.text(0));
           return make_decoder(call, "regex", &pattern);
         });
}

}  // namespace

void install_topology(World& world) {
  define(world,
         Signature("interface")
             .required("name", types::kString)
             .required("protocol", types::kString)
             .required("port", types::kInt)
             .optional("spec", types::kString),
         make_interface);
  define(world, service_signature(), make_service);
  define(world,
         Signature("op")
             .keyword_only()
             .required("syscalls", types::kList)
             .optional("path", types::kString),
         make_op);
  define_healthchecks(world);
  define_observation(world);
}

}  // namespace mishap::spec
