// service: what runs, and where it comes from. What its keywords mean is in service_arguments, what
// must hold of the whole in service_checks.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "mishap/base/text.h"

#include "binding.h"
#include "service_arguments.h"
#include "service_checks.h"
#include "values.h"
#include "world.h"

namespace mishap::spec {
namespace {

using engine::Service;
using starlark::Signature;
namespace types = starlark::types;

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
