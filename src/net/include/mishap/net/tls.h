// TLS without I/O: an Engine is one end of a TLS connection that is given the bytes that came and
// says which bytes are to go. Relays put two of them between sockets, streams one.
//
// TLS 1.2 and 1.3. Renegotiation and early data are refused.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/base/result.h"
#include "mishap/net/certificate.h"

struct ssl_ctx_st;
struct ssl_st;

namespace mishap::net {

/// Whom a client takes for a server.
struct Trust {
  std::string authorities;   ///< PEM; these, or one that they signed
  bool system_roots = true;  ///< and whom this machine trusts
  bool anybody = false;      ///< nothing is verified
};

/// Reads whom this machine trusts, once for this process and those forked from it: some
/// milliseconds that each client context would else cost.
void load_system_roots();

/// The settings of one end, for any number of engines. Immutable and shared; any thread.
class TlsContext {
 public:
  static Result<TlsContext> server(const Identity& identity);
  /// `own`: shown to a server that asks for a certificate.
  static Result<TlsContext> client(const Trust& trust, const std::optional<Identity>& own);

  ssl_ctx_st* get() const { return context_.get(); }
  bool verifies() const { return verifies_; }

 private:
  TlsContext(std::shared_ptr<ssl_ctx_st> context, bool verifies)
      : context_(std::move(context)), verifies_(verifies) {}
  std::shared_ptr<ssl_ctx_st> context_;
  bool verifies_ = false;
};

/// What a client tells in its first message.
struct TlsOffer {
  std::string server_name;        ///< "" when it names none
  std::vector<std::string> alpn;  ///< protocols, the most wanted first
};

/// One end. Belongs to one thread at a time.
class TlsEngine {
 public:
  /// The server's certificate must be for one of `names` (host names or numeric addresses); an
  /// empty list accepts any that is trusted.
  static std::unique_ptr<TlsEngine> client(const TlsContext& context, const TlsOffer& offer,
                                           std::vector<std::string> names);
  /// Stops at `offered` once the client has said what it wants, until `accept` or `refuse`.
  static std::unique_ptr<TlsEngine> server(const TlsContext& context);
  ~TlsEngine();
  TlsEngine(const TlsEngine&) = delete;
  TlsEngine& operator=(const TlsEngine&) = delete;

  enum class State {
    handshaking,  ///< more bytes of the peer are needed
    offered,      ///< a server: see `offer`, then `accept` or `refuse`
    open,
    failed,  ///< for good; `error` says why, what is in `output` is still to be sent
  };
  /// Bytes of the peer. They are looked at by `advance` and `read`.
  void receive(std::string_view bytes);
  /// The end of the peer's bytes during the handshake, which fails by it.
  void receive_end();
  /// Goes on with the handshake as far as possible.
  State advance();
  State state() const { return state_; }
  /// Bytes for the peer; whoever sends them clears it.
  std::string& output() { return output_; }

  /// Once `offered`.
  const TlsOffer& offer() const { return offer_; }
  /// The handshake goes on; `alpn` is the protocol chosen, "" for none.
  void accept(const std::string& alpn);
  /// It fails, and the client is told by this alert (RFC 8446, 6).
  void refuse(int alert);

  /// The protocol that was agreed on, "" for none. Once open.
  std::string alpn() const;
  std::string version() const;  ///< "TLSv1.3"

  enum class Read { some, nothing, closed, failed };
  /// Once open: the next plain bytes, appended to `into`, at most a record's worth. `closed`: the
  /// peer said that nothing more will come.
  Read read(std::string& into);
  /// Once open: takes all of it.
  void write(std::string_view bytes);
  /// Says that nothing more will come. Reading goes on.
  void close_notify();

  /// Why it failed, for people: "the certificate (CN=db) is not trusted: …".
  const std::string& error() const { return error_; }
  /// It failed because the server's certificate is signed by nobody who is trusted, or because it
  /// is for another name.
  enum class Doubt { none, trust, name };
  Doubt doubt() const { return doubt_; }
  /// The alert by which the peer refused, 0 when it sent none.
  int peer_alert() const { return peer_alert_; }

 private:
  TlsEngine(const TlsContext& context, bool is_server);
  friend struct TlsCallbacks;
  State fail(std::string why);
  void take_error(const char* otherwise);

  std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl_;
  bool is_server_;
  State state_ = State::handshaking;
  std::string input_;
  size_t input_from_ = 0;
  bool input_ended_ = false;
  std::string output_;
  TlsOffer offer_;
  std::optional<std::string> accepted_;
  int refused_ = 0;
  std::vector<std::string> names_;
  std::string verify_error_;
  Doubt doubt_ = Doubt::none;
  std::string error_;
  int peer_alert_ = 0;
};

/// How a client speaks TLS to a server: part of where it connects to. Immutable and shared.
struct TlsClient {
  TlsContext context;
  std::string server_name;  ///< told to the server and verified: the name that consumers use
  std::vector<std::string> alpn;
  /// The same as files and texts, for client libraries that make contexts of their own.
  bool anybody = false;
  std::string trust_pem;   ///< whom to trust
  std::string trust_file;  ///< a file of the same; "" when there is none
  std::optional<Identity> own;
  std::string own_certificate_file, own_key_file;  ///< "" when there are none
};

}  // namespace mishap::net
