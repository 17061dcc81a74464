// tls_cert: how an interface speaks TLS. Files are read while the spec loads, so that what is wrong
// with one is said before anything starts, and an edit during the run changes nothing.
#include <array>
#include <filesystem>

#include <fmt/format.h>

#include "binding.h"
#include "text_files.h"
#include "values.h"
#include "world.h"

namespace mishap::spec {
namespace {

namespace fs = std::filesystem;
using starlark::Signature;
namespace types = starlark::types;

constexpr uint64_t kLargestFileBytes = uint64_t{16} << 20;

enum TlsArg : size_t { kProxyCert, kProxyKey, kClientCert, kClientKey, kCa, kInsecure };
constexpr std::array kNames = {"proxy_cert", "proxy_key", "client_cert", "client_key", "ca"};

bool given(const CallContext& call, size_t at) { return call.has(at) && !call.text(at).empty(); }

tl::unexpected<Error> wrong_file(const CallContext& call, size_t at, std::string_view what) {
  return call.error(fmt::format("{}: {} {}", kNames[at], call.text(at), what));
}

/// The file that an argument names, relative to the spec. Of a private key nothing is kept but what
/// is returned.
Result<std::string> read_file(CallContext& call, size_t at) {
  World& world = world_of(call);
  MISHAP_TRY(refuse_nul(call, kNames[at], call.text(at)));
  fs::path wanted(call.text(at));
  fs::path path = wanted.is_absolute() ? wanted : world.directory / wanted;
  auto text = read_text_file(path, kLargestFileBytes);
  if (!text) {
    std::string why = text.error().message;
    if (std::string_view none = "no such file"; !wanted.is_absolute() && why.starts_with(none))
      why.insert(none.size(), " in the spec's directory");
    return call.error(fmt::format("{}: {}: {}", kNames[at], call.text(at), why));
  }
  bool secret = at == kProxyKey || at == kClientKey;
  if (!secret) world.files[(world.root.parent_path() / wanted).lexically_normal().string()] = *text;
  return *text;
}

/// A certificate and its key, both or neither.
Result<std::optional<net::Identity>> take_identity(CallContext& call, size_t certificate,
                                                   size_t key) {
  if (!given(call, certificate) && !given(call, key)) return std::nullopt;
  for (auto [there, missing] : {std::pair{certificate, key}, std::pair{key, certificate}}) {
    if (!given(call, missing))
      return call.error(fmt::format("{} needs {}", kNames[there], kNames[missing]));
  }
  MISHAP_ASSIGN(std::string certificate_text, read_file(call, certificate));
  MISHAP_ASSIGN(std::string key_text, read_file(call, key));
  auto identity = net::Identity::from_pem(certificate_text, key_text);
  if (identity) return std::optional(std::move(*identity));
  return wrong_file(call, identity.error().in_key ? key : certificate, identity.error().text);
}

Result<std::string> take_ca(CallContext& call) {
  if (!given(call, kCa)) return "";
  MISHAP_ASSIGN(std::string text, read_file(call, kCa));
  auto count = net::count_certificates(text);
  if (!count) return wrong_file(call, kCa, count.error().message);
  if (*count == 0) return wrong_file(call, kCa, "holds no certificate");
  return text;
}

std::string shown(const CallContext& call) {
  std::string out = "proxy_cert=auto";
  if (given(call, kProxyCert)) out = fmt::format("proxy_cert={}", call.text(kProxyCert));
  for (size_t at : {kClientCert, kCa}) {
    if (given(call, at)) out += fmt::format(" {}={}", kNames[at], call.text(at));
  }
  if (call.has(kInsecure) && call.boolean(kInsecure)) out += " insecure";
  return out;
}

Result<Value> make_tls(CallContext& call) {
  MISHAP_TRY(require_loading(call));
  auto tls = std::make_shared<engine::Tls>();
  tls->insecure = call.has(kInsecure) && call.boolean(kInsecure);
  if (tls->insecure && given(call, kCa))
    return call.error("insecure=True accepts any server, so ca= has no effect; leave one out");
  MISHAP_ASSIGN(tls->proxy, take_identity(call, kProxyCert, kProxyKey));
  MISHAP_ASSIGN(tls->client, take_identity(call, kClientCert, kClientKey));
  MISHAP_ASSIGN(tls->ca, take_ca(call));
  return call.heap().make<TlsValue>(TlsDeclaration{std::move(tls), shown(call)});
}

}  // namespace

void install_tls(World& world) {
  auto signature = Signature("tls_cert").keyword_only();
  for (const char* name : kNames) signature = std::move(signature).optional(name, types::kString);
  define(world, std::move(signature).optional("insecure", types::kBool), make_tls);
}

}  // namespace mishap::spec
