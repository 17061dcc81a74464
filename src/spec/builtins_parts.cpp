// interface, healthchecks, op: the parts of a service.
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
using starlark::Signature;
namespace types = starlark::types;

// --- interface, healthchecks ---

Result<Value> make_interface(CallContext& call) {
  engine::Interface interface;
  interface.name = call.text(0);
  interface.protocol = call.text(1);
  MISHAP_TRY(check_name(call, "an interface's name", interface.name, "_-"));
  MISHAP_ASSIGN(int64_t port, call.to_int64(2));
  if (port < 1 || port > 65535)
    return call.error(fmt::format("port {} is not between 1 and 65535", port));
  interface.port = static_cast<uint16_t>(port);
  if (call.has(4)) interface.tls = starlark::host_cast<TlsValue>(call[4])->value.tls;
  const traffic::Protocol* protocol = protocols::find(interface.protocol);
  if (protocol == nullptr) {
    return call.error(fmt::format("unknown protocol \"{}\"{}", interface.protocol,
                                  nearest_or_all(interface.protocol, protocols::names())));
  }
  if (call.has(3)) {
    interface.spec = (world_of(call).directory / call.text(3)).lexically_normal().string();
    if (auto read = protocol->check_contract(interface.spec); !read)
      return call.error("spec: " + read.error().message);
  }
  return call.heap().make<InterfaceValue>(std::move(interface));
}

/// HOST:PORT of a healthcheck's address; an http one may have a scheme and a path, and 80 as port.
Result<void> check_address(const CallContext& call, Healthcheck::Kind kind,
                           std::string_view wanted_scheme, const std::string& address) {
  bool http = kind == Healthcheck::Kind::http;
  std::string_view rest = address;
  if (size_t scheme = rest.find("://"); scheme != std::string_view::npos) {
    std::string_view name = rest.substr(0, scheme);
    if (name != wanted_scheme && !(http && name == "https"))
      return call.error(fmt::format("cannot check {}: only {}:// {}addresses", address,
                                    wanted_scheme, http ? "and https:// " : ""));
    rest.remove_prefix(scheme + 3);
  }
  if (std::any_of(rest.begin(), rest.end(),
                  [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 127; }))
    return call.error("the address has blanks or control characters in it");
  std::string authority(rest.substr(0, http ? rest.find_first_of("/?#") : std::string_view::npos));
  size_t bracket = authority.rfind(']');  // of an IPv6 address
  bool has_port =
      authority.find(':', bracket == std::string::npos ? 0 : bracket) != std::string::npos;
  if (http && !authority.empty() && !has_port) authority += ":80";
  auto parsed = net::parse_endpoint(authority);
  if (!parsed) {
    return call.error(fmt::format("{}; write one such as \"localhost:8080{}\"",
                                  parsed.error().message, http ? "/health" : ""));
  }
  return {};
}

Result<Value> make_healthcheck(CallContext& call, Healthcheck::Kind kind, std::string_view scheme,
                               size_t timeout_at, Nanoseconds default_timeout) {
  Healthcheck check;
  check.kind = kind;
  check.pos = call.thread().caller_pos();
  check.timeout = default_timeout;
  if (call.has(timeout_at)) {
    MISHAP_ASSIGN(check.timeout, positive_duration(call, "timeout", call.text(timeout_at)));
  }
  if (timeout_at > 0) {
    check.address = call.text(0);
    MISHAP_TRY(check_address(call, kind, scheme, check.address));
    std::string prefix = std::string(scheme) + "://";
    if (kind != Healthcheck::Kind::http && check.address.starts_with(prefix))
      check.address.erase(0, prefix.size());
    if (kind == Healthcheck::Kind::http && check.address.find("://") == std::string::npos) {
      check.address.insert(0, prefix);
    }
  }
  return call.heap().make<HealthcheckValue>(std::move(check));
}

Result<Value> make_op(CallContext& call) {
  engine::NamedOperation operation;
  MISHAP_ASSIGN(auto words, string_list(call, 0, "syscalls"));
  if (words.empty()) return call.error("syscalls is empty");
  for (const auto& word : words) {
    auto expanded = fault::resolve_syscalls(word);
    if (!expanded) return call.error(expanded.error().message);
    operation.syscalls.insert(operation.syscalls.end(), expanded->begin(), expanded->end());
  }
  if (call.has(1)) {
    MISHAP_TRY(check_path_glob(call, call.text(1)));
    operation.path_glob = call.text(1);
  }
  return call.heap().make<OpValue>(OpDeclaration{std::move(operation)});
}

void define_healthchecks(World& world) {
  define(world,
         Signature("tcp")
             .required("addr", types::kString)
             .positional_only()
             .optional("timeout", kDurationType),
         [](CallContext& call) {
           return make_healthcheck(call, Healthcheck::Kind::tcp, "tcp", 1,
                                   std::chrono::seconds(10));
         });
  define(world,
         Signature("http")
             .required("url", types::kString)
             .positional_only()
             .optional("timeout", kDurationType),
         [](CallContext& call) {
           return make_healthcheck(call, Healthcheck::Kind::http, "http", 1,
                                   std::chrono::seconds(10));
         });
  define(world,
         Signature("kafka_ready")
             .required("addr", types::kString)
             .positional_only()
             .optional("timeout", kDurationType),
         [](CallContext& call) {
           return make_healthcheck(call, Healthcheck::Kind::kafka, "kafka", 1,
                                   std::chrono::seconds(120));
         });
  define(world, Signature("ready").keyword_only().optional("timeout", kDurationType),
         [](CallContext& call) {
           return make_healthcheck(call, Healthcheck::Kind::ready, "", 0, std::chrono::seconds(30));
         });
}

}  // namespace

void install_parts(World& world) {
  define(world,
         Signature("interface")
             .required("name", types::kString)
             .required("protocol", types::kString)
             .required("port", types::kInt)
             .optional("spec", types::kString)
             .nullable("tls", types::host("tls_cert").described("tls_cert(…)")),
         make_interface);
  define(world,
         Signature("op")
             .keyword_only()
             .required("syscalls", types::kList)
             .optional("path", types::kString),
         make_op);
  define_healthchecks(world);
}

}  // namespace mishap::spec
