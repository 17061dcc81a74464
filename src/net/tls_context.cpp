#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "mishap/net/tls.h"

#include "openssl.h"
#include "tls_callbacks.h"

namespace mishap::net {
namespace {

using ContextPointer = std::shared_ptr<SSL_CTX>;

Result<ContextPointer> fresh(const SSL_METHOD* method) {
  ContextPointer context(SSL_CTX_new(method), SSL_CTX_free);
  if (!context) return fail("make a TLS context: " + take_openssl_error());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  return context;
}

Result<void> use(SSL_CTX* context, const Identity& identity) {
  const Identity::Parts& parts = identity.parts();
  bool fine = SSL_CTX_use_certificate(context, parts.own.get()) == 1 &&
              SSL_CTX_use_PrivateKey(context, parts.key.get()) == 1;
  for (const auto& certificate : parts.chain)
    fine = fine && SSL_CTX_add1_chain_cert(context, certificate.get()) == 1;
  if (fine) return {};
  return fail("the certificate cannot be used: " + take_openssl_error());
}

void add_authorities(X509_STORE* store, const std::vector<Certificate>& certificates) {
  for (const auto& certificate : certificates) X509_STORE_add_cert(store, certificate.get());
  ERR_clear_error();  // of one that was there already
}

/// What cannot be read of the machine's own is no reason to trust nobody.
const std::vector<Certificate>& known_roots() {
  static const std::vector<Certificate> roots = [] {
    auto read = read_certificates(system_roots());
    return read ? std::move(*read) : std::vector<Certificate>();
  }();
  return roots;
}

}  // namespace

void load_system_roots() { known_roots(); }

Result<TlsContext> TlsContext::server(const Identity& identity) {
  MISHAP_ASSIGN(ContextPointer context, fresh(TLS_server_method()));
  MISHAP_TRY(use(context.get(), identity));
  SSL_CTX_set_client_hello_cb(context.get(), TlsCallbacks::on_hello, nullptr);
  SSL_CTX_set_alpn_select_cb(context.get(), TlsCallbacks::choose_alpn, nullptr);
  return TlsContext(std::move(context), false);
}

Result<TlsContext> TlsContext::client(const Trust& trust, const std::optional<Identity>& own) {
  MISHAP_ASSIGN(ContextPointer context, fresh(TLS_client_method()));
  if (own) MISHAP_TRY(use(context.get(), *own));
  if (!trust.anybody) {
    X509_STORE* store = SSL_CTX_get_cert_store(context.get());
    MISHAP_ASSIGN(auto named, read_certificates(trust.authorities));
    add_authorities(store, named);
    if (trust.system_roots) add_authorities(store, known_roots());
    // A server's own certificate may be named instead of who signed it.
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, TlsCallbacks::verify);
  }
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  return TlsContext(std::move(context), !trust.anybody);
}

}  // namespace mishap::net
