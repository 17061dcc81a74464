// How a connection to PostgreSQL becomes TLS: "SSL Session Encryption" in the documentation's
// chapter on the message flow.
#pragma once

#include "mishap/traffic/tls.h"

namespace mishap::protocols::postgres {

/// The client's request and the server's answer pass as they are; GSSAPI encryption, which could
/// not be read, is refused. A client that begins with TLS at once (sslnegotiation=direct) is
/// understood too. What goes on in the clear, because the server says no or the client does not
/// ask, is reported, cancel requests apart.
class PostgresUpgrade final : public traffic::TlsUpgrade {
 public:
  Next on_bytes(traffic::Direction direction, std::string& waiting, traffic::Sink& sink) override;

 private:
  Next client_bytes(std::string& waiting, traffic::Sink& sink);
  Next server_bytes(std::string& waiting, traffic::Sink& sink);

  bool asked_ = false;    ///< and the server's answer is still to come
  bool refused_ = false;  ///< by the server
};

}  // namespace mishap::protocols::postgres
