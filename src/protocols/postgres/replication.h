// One database's changes, as a logical replication connection brings them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mishap/event/event.h"

#include "change_text.h"
#include "client.h"

namespace mishap::protocols::postgres {

/// A position in the write-ahead log.
using Lsn = uint64_t;
std::string lsn_text(Lsn lsn);  ///< "0/16B3748"
std::optional<Lsn> parse_lsn(std::string_view text);

/// What a transaction changed, once it has committed.
struct Transaction {
  Lsn end = 0;
  std::string xid;
  event::Timestamp at;
  struct Item {
    Lsn lsn = 0;
    Change change;
  };
  std::vector<Item> changes;
};

/// A slot of the server and the stream of what it decodes. One thread at a time. A stream that
/// failed stays failed; another one from `position` on continues it.
class Replication {
 public:
  /// Makes the slot unless it exists, which may wait for transactions that are open. `parameters`
  /// name the database. `from`: 0 for where the slot begins.
  static Result<Replication> start(Parameters parameters, const std::string& slot, Lsn from,
                                   net::Deadline deadline, const net::Cancel* cancel);

  /// Transactions that have arrived whole since the last call, in the order of their commits.
  Result<std::vector<Transaction>> take();
  /// Asks the server how far it is; the answer moves `position` and is counted.
  Result<void> ask_position();
  uint64_t answers() const { return answers_; }
  /// All that was committed before has been taken.
  Lsn position() const { return position_; }
  /// Readable when there may be something to take.
  int socket() const { return connection_.socket(); }
  int server_pid() const { return connection_.server_pid(); }
  void set_deadline(net::Deadline deadline) { connection_.set_deadline(deadline); }

 private:
  explicit Replication(Connection connection) : connection_(std::move(connection)) {}
  Result<void> on_message(std::string_view message, std::vector<Transaction>& done);
  Result<void> on_text(Lsn lsn, std::string_view text, std::vector<Transaction>& done);
  Result<void> send_status(bool ask_back);

  Connection connection_;
  Transaction open_;
  Lsn position_ = 0;
  uint64_t answers_ = 0;
};

}  // namespace mishap::protocols::postgres
