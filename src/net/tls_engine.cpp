#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "mishap/base/check.h"
#include "mishap/base/text.h"
#include "mishap/net/sockets.h"
#include "mishap/net/tls.h"

#include "openssl.h"
#include "tls_callbacks.h"
#include "tls_hello.h"

namespace mishap::net {
namespace {

constexpr size_t kRecordBytes = 16 * 1024;

TlsEngine* engine_of(SSL* ssl) { return static_cast<TlsEngine*>(SSL_get_app_data(ssl)); }

/// "CN=db", of the own name of a certificate.
std::string name_of(X509* certificate) {
  Bio bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* bytes = nullptr;
  long length = BIO_get_mem_data(bio.get(), &bytes);
  return {bytes, static_cast<size_t>(length)};
}

bool is_for(X509* certificate, const std::string& name) {
  if (Address::numeric(name, 0)) return X509_check_ip_asc(certificate, name.c_str(), 0) == 1;
  return X509_check_host(certificate, name.data(), name.size(), 0, nullptr) == 1;
}

std::string_view extension_of(SSL* ssl, unsigned type) {
  const unsigned char* bytes = nullptr;
  size_t length = 0;
  if (SSL_client_hello_get0_ext(ssl, type, &bytes, &length) != 1) return {};
  return {reinterpret_cast<const char*>(bytes), length};
}

/// OpenSSL 3.0 has no description of TLS 1.3's own alerts, but reasons such as "tlsv13 alert
/// certificate required".
std::string alert_text(int alert, const std::string& reason) {
  constexpr std::string_view kBefore = " alert ";
  std::string text = SSL_alert_desc_string_long(alert);
  size_t at = reason.find(kBefore);
  return text != "unknown" || at == std::string::npos ? text : reason.substr(at + kBefore.size());
}

/// The engine's buffers as OpenSSL reads and writes them.
const BIO_METHOD* engine_bio() {
  static const BIO_METHOD* method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "mishap engine");
    MISHAP_CHECK(made != nullptr, "BIO_meth_new");
    BIO_meth_set_read_ex(made, TlsCallbacks::read);
    BIO_meth_set_write_ex(made, TlsCallbacks::write);
    BIO_meth_set_ctrl(made, TlsCallbacks::control);
    return made;
  }();
  return method;
}

}  // namespace

int TlsCallbacks::read(BIO* bio, char* into, size_t size, size_t* done) {
  auto* engine = static_cast<TlsEngine*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  size_t there = engine->input_.size() - engine->input_from_;
  if (there == 0) {
    if (!engine->input_ended_) BIO_set_retry_read(bio);
    *done = 0;
    return 0;
  }
  *done = std::min(there, size);
  std::memcpy(into, engine->input_.data() + engine->input_from_, *done);
  engine->input_from_ += *done;
  if (engine->input_from_ == engine->input_.size()) {
    engine->input_.clear();
    engine->input_from_ = 0;
  }
  return 1;
}

int TlsCallbacks::write(BIO* bio, const char* bytes, size_t size, size_t* done) {
  static_cast<TlsEngine*>(BIO_get_data(bio))->output_.append(bytes, size);
  *done = size;
  return 1;
}

long TlsCallbacks::control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

int TlsCallbacks::on_hello(SSL* ssl, int* alert, void*) {
  TlsEngine& engine = *engine_of(ssl);
  if (engine.refused_ != 0) {
    *alert = engine.refused_;
    return SSL_CLIENT_HELLO_ERROR;
  }
  if (engine.accepted_) return SSL_CLIENT_HELLO_SUCCESS;
  engine.offer_.server_name = read_server_name(extension_of(ssl, TLSEXT_TYPE_server_name));
  engine.offer_.alpn =
      read_alpn(extension_of(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation));
  return SSL_CLIENT_HELLO_RETRY;
}

int TlsCallbacks::choose_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_length,
                              const unsigned char* in, unsigned in_length, void*) {
  const std::string& wanted = *engine_of(ssl)->accepted_;
  if (wanted.empty()) return SSL_TLSEXT_ERR_NOACK;
  // The answer must lie in the client's own list.
  for (unsigned at = 0; at < in_length; at += 1U + in[at]) {
    std::string_view name(reinterpret_cast<const char*>(in) + at + 1, in[at]);
    if (name != wanted) continue;
    *out = in + at + 1;
    *out_length = in[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

int TlsCallbacks::verify(int fine, X509_STORE_CTX* store) {
  auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  TlsEngine& engine = *engine_of(ssl);
  X509* leaf = X509_STORE_CTX_get0_cert(store);
  if (fine == 0) {
    engine.doubt_ = TlsEngine::Doubt::trust;
    int error = X509_STORE_CTX_get_error(store);
    engine.verify_error_ =
        fmt::format("the certificate ({}) is not trusted: {}", leaf != nullptr ? name_of(leaf) : "",
                    X509_verify_cert_error_string(error));
    return 0;
  }
  if (X509_STORE_CTX_get_error_depth(store) != 0 || engine.names_.empty()) return 1;
  bool matches = std::any_of(engine.names_.begin(), engine.names_.end(),
                             [&](const std::string& name) { return is_for(leaf, name); });
  if (matches) return 1;
  X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
  engine.doubt_ = TlsEngine::Doubt::name;
  engine.verify_error_ =
      fmt::format("the certificate ({}) is not for {}", name_of(leaf), join(engine.names_, " or "));
  return 0;
}

TlsEngine::TlsEngine(const TlsContext& context, bool is_server)
    : ssl_(SSL_new(context.get()), SSL_free), is_server_(is_server) {
  MISHAP_CHECK(ssl_ != nullptr, "SSL_new");
  SSL_set_app_data(ssl_.get(), this);
  BIO* bio = BIO_new(engine_bio());
  MISHAP_CHECK(bio != nullptr, "BIO_new");
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  if (is_server) {
    SSL_set_accept_state(ssl_.get());
  } else {
    SSL_set_connect_state(ssl_.get());
  }
}

TlsEngine::~TlsEngine() = default;

std::unique_ptr<TlsEngine> TlsEngine::server(const TlsContext& context) {
  return std::unique_ptr<TlsEngine>(new TlsEngine(context, true));
}

std::unique_ptr<TlsEngine> TlsEngine::client(const TlsContext& context, const TlsOffer& offer,
                                             std::vector<std::string> names) {
  std::unique_ptr<TlsEngine> engine(new TlsEngine(context, false));
  engine->names_ = std::move(names);
  SSL* ssl = engine->ssl_.get();
  // RFC 6066: an address is no server name.
  if (!offer.server_name.empty() && !Address::numeric(offer.server_name, 0))
    SSL_set_tlsext_host_name(ssl, offer.server_name.c_str());
  std::string alpn = alpn_wire(offer.alpn);
  if (!alpn.empty()) {
    SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(alpn.data()),
                        static_cast<unsigned>(alpn.size()));
  }
  return engine;
}

void TlsEngine::receive(std::string_view bytes) {
  if (input_from_ > 4 * kRecordBytes) input_.erase(0, std::exchange(input_from_, 0));
  input_.append(bytes);
}

void TlsEngine::receive_end() { input_ended_ = true; }

void TlsEngine::accept(const std::string& alpn) {
  accepted_ = alpn;
  state_ = State::handshaking;
}

void TlsEngine::refuse(int alert) {
  refused_ = alert;
  state_ = State::handshaking;
}

TlsEngine::State TlsEngine::fail(std::string why) {
  error_ = std::move(why);
  return state_ = State::failed;
}

/// Takes the first error of OpenSSL's queue, which says most.
void TlsEngine::take_error(const char* otherwise) {
  unsigned long error = ERR_peek_error();
  int reason = ERR_GET_REASON(error);
  bool is_alert = ERR_GET_LIB(error) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET &&
                  reason < SSL_AD_REASON_OFFSET + 256;
  bool is_end = ERR_GET_LIB(error) == ERR_LIB_SSL && reason == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  std::string text = take_openssl_error();
  if (is_end) text = otherwise;
  bool is_plain = reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
                  reason == SSL_R_HTTPS_PROXY_REQUEST;
  if (ERR_GET_LIB(error) == ERR_LIB_SSL && is_plain)
    text = fmt::format("the {} does not speak TLS", is_server_ ? "client" : "server");
  if (is_alert) {
    peer_alert_ = reason - SSL_AD_REASON_OFFSET;
    text = fmt::format("the {} refused: {}", is_server_ ? "client" : "server",
                       alert_text(peer_alert_, text));
  }
  if (!verify_error_.empty()) text = verify_error_;
  fail(text.empty() ? otherwise : text);
}

TlsEngine::State TlsEngine::advance() {
  if (state_ != State::handshaking) return state_;
  ERR_clear_error();
  int done = SSL_do_handshake(ssl_.get());
  if (done == 1) return state_ = State::open;
  switch (SSL_get_error(ssl_.get(), done)) {
    case SSL_ERROR_WANT_READ:
      return state_;
    case SSL_ERROR_WANT_CLIENT_HELLO_CB:
      return state_ = State::offered;
    default:
      take_error("the connection was closed during the handshake");
      return state_;
  }
}

std::string TlsEngine::alpn() const {
  const unsigned char* name = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &length);
  return {reinterpret_cast<const char*>(name), length};
}

std::string TlsEngine::version() const { return SSL_get_version(ssl_.get()); }

TlsEngine::Read TlsEngine::read(std::string& into) {
  if (state_ == State::failed) return Read::failed;
  std::array<char, kRecordBytes> buffer;
  ERR_clear_error();
  size_t count = 0;
  if (SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &count) == 1) {
    into.append(buffer.data(), count);
    return Read::some;
  }
  switch (SSL_get_error(ssl_.get(), 0)) {
    case SSL_ERROR_WANT_READ:
      return Read::nothing;
    case SSL_ERROR_ZERO_RETURN:
      return Read::closed;
    default:
      take_error("the connection broke");
      return Read::failed;
  }
}

void TlsEngine::write(std::string_view bytes) {
  if (bytes.empty() || state_ != State::open) return;
  ERR_clear_error();
  size_t done = 0;
  // Memory takes everything; renegotiation, which could make a write wait, is off.
  if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &done) != 1)
    take_error("the connection broke");
}

void TlsEngine::close_notify() {
  if (state_ != State::open) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
}

}  // namespace mishap::net
