// Services, their interfaces, and calling a step.
#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/protocols/registry.h"

#include "values.h"
#include "world.h"

namespace mishap::spec {
namespace {

/// Steps that may be called on a service itself: they mean its default interface.
constexpr std::array kShorthands = {"get", "post", "put", "delete", "patch", "send"};

Value make_ref(Thread& thread, const engine::Service& service, const engine::Interface& interface) {
  return thread.heap().make<InterfaceRef>(service.name, service.from_image(), interface);
}

/// The only interface, or the one called "default".
const engine::Interface* default_interface(const engine::Service& service) {
  if (service.interfaces.size() == 1) return &service.interfaces.front();
  return service.find_interface("default");
}

const traffic::StepMethod* find_method(const engine::Interface& interface, std::string_view name) {
  const traffic::Protocol* protocol = protocols::find(interface.protocol);
  if (protocol == nullptr) return nullptr;
  for (const auto& method : protocol->methods()) {
    if (method.name == name) return &method;
  }
  return nullptr;
}

/// An argument of a step as JSON: bytes and numbers as they are, values of ours by their text.
Result<Json> argument_json(const StepMethodValue& step, const std::string& name,
                           const Value& value) {
  auto json = starlark::to_json(value);
  if (json) return *json;
  if (value.is_host()) return Json(starlark::str(value));
  return fail(fmt::format("{}.{}.{}: for parameter {}: {}", step.service, step.interface.name,
                          step.method.name, name, json.error().message));
}

Result<Json> bind_step(const StepMethodValue& step, const starlark::CallArgs& args) {
  std::string called = fmt::format("{}.{}.{}", step.service, step.interface.name, step.method.name);
  Json arguments = Json::object();
  const auto& parameters = step.method.parameters;
  if (args.positional.size() > 1) {
    return fail(fmt::format("{}: got {} positional arguments, want at most 1; name the others",
                            called, args.positional.size()));
  }
  if (args.positional.size() == 1) {
    auto primary =
        std::find_if(parameters.begin(), parameters.end(), [](const auto& p) { return p.primary; });
    if (primary == parameters.end()) return fail(called + ": takes no positional arguments");
    MISHAP_ASSIGN(arguments[primary->name], argument_json(step, primary->name, args.positional[0]));
  }
  std::vector<std::string> known;
  known.reserve(parameters.size());
  for (const auto& parameter : parameters) known.push_back(parameter.name);
  for (const auto& [name_value, value] : args.keywords) {
    std::string name(name_value.text());
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return fail(fmt::format("{}: unexpected keyword argument \"{}\"{}", called, name,
                              nearest_or_all(name, known)));
    }
    if (arguments.contains(name))
      return fail(fmt::format("{}: got multiple values for keyword argument \"{}\"", called, name));
    MISHAP_ASSIGN(arguments[name], argument_json(step, name, value));
  }
  for (const auto& parameter : parameters) {
    if (parameter.required && !arguments.contains(parameter.name)) {
      return fail(fmt::format("{}: missing argument for {}", called, parameter.name));
    }
  }
  return arguments;
}

}  // namespace

void ServiceValue::append_repr(std::string& out) const { out += "<service " + service.name + ">"; }

Result<Value> ServiceValue::attr(Thread& thread, std::string_view name) {
  if (const auto* interface = service.find_interface(name))
    return make_ref(thread, service, *interface);
  if (name == "name") return thread.heap().string(service.name);
  if (std::find(kShorthands.begin(), kShorthands.end(), name) == kShorthands.end()) return Value();
  const auto* interface = default_interface(service);
  if (interface == nullptr) {
    return fail(
        fmt::format("service \"{0}\" has {1}; name one, as in {0}.INTERFACE.{2}(…)", service.name,
                    service.interfaces.empty() ? "no interface"
                                               : "several interfaces and none called \"default\"",
                    name));
  }
  const auto* method = find_method(*interface, name);
  if (method == nullptr) return Value();
  return thread.heap().make<StepMethodValue>(service.name, *interface, *method);
}

std::vector<std::string> ServiceValue::attr_names() const {
  std::vector<std::string> names = {"name"};
  for (const auto& interface : service.interfaces) names.push_back(interface.name);
  if (const auto* interface = default_interface(service)) {
    for (const char* shorthand : kShorthands) {
      if (find_method(*interface, shorthand) != nullptr) names.emplace_back(shorthand);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

void InterfaceValue::append_repr(std::string& out) const {
  out += fmt::format("<interface {} {}:{}>", value.name, value.protocol, value.port);
}

void InterfaceRef::append_repr(std::string& out) const {
  out += fmt::format("<interface_ref {}.{}>", service, interface.name);
}

Result<uint64_t> InterfaceRef::hash() const {
  return starlark::String::hash_bytes(service + "." + interface.name);
}

Result<bool> InterfaceRef::equals(const HostObject& other, int) const {
  const auto* ref = dynamic_cast<const InterfaceRef*>(&other);
  return ref != nullptr && ref->service == service && ref->interface.name == interface.name;
}

Result<Value> InterfaceRef::attr(Thread& thread, std::string_view name) {
  Heap& heap = thread.heap();
  std::string port = std::to_string(interface.port);
  if (name == "addr") return heap.string("localhost:" + port);
  if (name == "internal_addr")
    return heap.string((from_image ? service : "localhost") + ":" + port);
  if (name == "host") return heap.string("localhost");
  if (name == "port") return Value::integer(interface.port);
  for (const char* part : {"addr", "host", "port"}) {
    if (name == fmt::format("proxy_{}", part)) {
      return heap.string(
          fmt::format("__FB_PROXY_{}_{}__{}__", to_upper(part), service, interface.name));
    }
  }
  if (const auto* method = find_method(interface, name)) {
    return heap.make<StepMethodValue>(service, interface, *method);
  }
  return Value();
}

std::vector<std::string> InterfaceRef::attr_names() const {
  std::vector<std::string> names = {"addr",       "host",       "internal_addr", "port",
                                    "proxy_addr", "proxy_host", "proxy_port"};
  if (const auto* protocol = protocols::find(interface.protocol)) {
    for (const auto& method : protocol->methods()) names.push_back(method.name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

void StepMethodValue::append_repr(std::string& out) const {
  out += fmt::format("<step {}.{}.{}>", service, interface.name, method.name);
}

Result<Value> StepMethodValue::call(Thread& thread, const starlark::CallArgs& args) {
  Task& task = task_of(thread);
  World& world = task.world;
  std::string called = fmt::format("{}.{}.{}()", service, interface.name, method.name);
  if (world.session == nullptr) {
    return fail(called +
                " cannot be called while the spec loads: no service runs yet; call it from a "
                "scenario or a test");
  }
  if (task.kind == TaskKind::monitor || task.kind == TaskKind::predicate) {
    return fail(called +
                " cannot be called from a monitor or a predicate: they only look at events");
  }
  MISHAP_ASSIGN(Json arguments, bind_step(*this, args));
  std::string spec = task.kind == TaskKind::body ? world.running_test : "";
  Result<cell::TimedStep> done = [&] {
    BatonRest rest(world.baton);
    return world.session->step(service, interface.name, method.name, std::move(arguments), spec);
  }();
  if (!done) {
    // The protocol names its method; the call says whose it is.
    std::string_view reason = done.error().message;
    if (std::string own = method.name + "(): "; reason.starts_with(own))
      reason.remove_prefix(own.size());
    return fail(fmt::format("{}: {}", called, reason), done.error().code);
  }
  if (world.session->cancel().is_set() && !done->result.ok)
    return fail(called + ": cancelled", kWaitCancelled);
  if (done->result.plain_text) {
    if (!done->result.ok) return fail(done->result.error);
    return thread.heap().string(done->result.body);
  }
  return thread.heap().make<ResponseValue>(std::move(done->result), done->duration.count());
}

}  // namespace mishap::spec
