// A client session for steps and readiness: libpq's asynchronous interface under our deadline and
// cancel.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mishap/base/json.h"
#include "mishap/net/stream.h"

#include "libpq.h"

namespace mishap::protocols::postgres {

/// libpq connection parameters, in order; a later one wins.
using Parameters = std::vector<std::pair<std::string, std::string>>;

/// What a query text gave, over all its statements.
struct Answer {
  Json rows = Json::array();  ///< of the first statement that returns rows
  int64_t rows_affected = 0;  ///< of the last statement that counts them
};

/// One thread at a time. Errors read as a person should see them; server errors begin with "pq: ".
class Connection {
 public:
  static Result<Connection> open(const Parameters& parameters, net::Deadline deadline,
                                 const net::Cancel* cancel);
  /// SQLSTATE of the last failed `open` on this thread, "" when the server said none.
  static const std::string& open_sqlstate();

  /// Simple protocol: several statements may stand in `sql`.
  Result<Answer> run(const std::string& sql);
  /// SQLSTATE of the last failed run, "" when it was no server error.
  const std::string& sqlstate() const { return sqlstate_; }
  /// Of what is begun from now on.
  void set_deadline(net::Deadline deadline) { deadline_ = deadline; }

  // Streaming, as a replication connection does it: once `start_copy` has succeeded, messages go
  // both ways until the connection ends.
  Result<void> start_copy(const std::string& command);
  /// The next message that has arrived; nothing when there is none yet. Error: the stream ended.
  Result<std::optional<std::string>> take_copy();
  Result<void> put_copy(std::string_view message);
  /// The server's process at the other end, as the server counts.
  int server_pid() const { return pq_.PQbackendPID(connection_.get()); }
  int socket() const { return pq_.PQsocket(connection_.get()); }

 private:
  using Handle = std::unique_ptr<PGconn, void (*)(PGconn*)>;
  Connection(const Libpq& pq, Handle connection, net::Deadline deadline, const net::Cancel* cancel)
      : pq_(pq), connection_(std::move(connection)), deadline_(deadline), cancel_(cancel) {}
  Result<void> log_in();
  Result<void> send(const std::string& sql);
  Result<void> flush();
  tl::unexpected<Error> server_failure(const PGresult* result);
  /// Waits for the next result; null at the end.
  Result<PGresult*> next_result();
  Result<void> take(const PGresult* result, Answer& answer, bool& have_rows);
  Json rows_of(const PGresult* result) const;
  Result<void> wait(short events);
  tl::unexpected<Error> client_failure() const;

  const Libpq& pq_;
  Handle connection_;
  net::Deadline deadline_;
  const net::Cancel* cancel_;
  std::string sqlstate_;
};

}  // namespace mishap::protocols::postgres
