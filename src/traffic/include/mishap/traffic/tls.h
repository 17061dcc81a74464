// TLS at a relay: the consumer's is ended here, and another spoken to the server, so that filters
// see plain bytes. See docs/design/tls.md.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mishap/net/tls.h"
#include "mishap/traffic/filter.h"

namespace mishap::traffic {

/// How a relayed interface speaks TLS. Immutable and shared by its connections.
struct TlsTermination {
  net::TlsContext to_consumers;
  net::TlsContext to_server;
  /// Of these the server's certificate must name one where the consumer named none.
  std::vector<std::string> names;
  /// The relay's certificate is signed by the run's authority.
  bool generated = true;
};

/// What client and server say in the clear before a connection becomes TLS, where a protocol does
/// not begin with it. One connection's state.
class TlsUpgrade {
 public:
  virtual ~TlsUpgrade() = default;
  enum class Next {
    more,   ///< neither is decided yet
    tls,    ///< all that follows is TLS
    plain,  ///< all that follows stays in the clear
  };
  /// More has come in `direction`. `waiting` is what has not been dealt with; what is dealt with
  /// here is taken off its front (and sent on, where it is to go on). Bytes may be cut anywhere.
  virtual Next on_bytes(Direction direction, std::string& waiting, Sink& sink) = 0;
};

/// A filter around `inner` (which sees what is said within TLS) for one connection. `upgrade` null:
/// the connection begins with TLS. `alpn`: of the protocols that a client offers, the server is
/// offered those that `inner` reads; all where it reads none of them, and where `alpn` is empty.
std::unique_ptr<Filter> make_tls_filter(std::unique_ptr<Filter> inner,
                                        std::shared_ptr<const TlsTermination> tls,
                                        std::unique_ptr<TlsUpgrade> upgrade,
                                        std::vector<std::string> alpn = {});

/// A filter around `inner` for an interface that is not declared to speak TLS: where the client
/// does all the same, the bytes pass unread, and that is reported.
std::unique_ptr<Filter> make_plain_filter(std::unique_ptr<Filter> inner);

}  // namespace mishap::traffic
