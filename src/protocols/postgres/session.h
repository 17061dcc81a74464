// What one connection has prepared, in which transaction status it is, and which replies the server
// still owes.
//
// Every client message that the server answers adds an entry to a queue; the server's messages take
// entries off it. So it is known, however deeply the client pipelines, which statement an
// ErrorResponse belongs to. Two rules of the server shape this (PostgreSQL documentation, "Message
// Flow"; PostgresMain in tcop/postgres.c):
//  - after an error in the extended protocol it skips every message up to the next Sync;
//  - while it waits for COPY data it ignores Flush and Sync.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace mishap::protocols::postgres {

/// What Parse gave. The canonical form is made when a rule first asks for it.
struct Statement {
  std::string sql;
  const std::string& canonical() const;

  mutable std::optional<std::string> canonical_form;
};

/// A bound statement. Rules are asked at the first Execute; fetching on from a suspended portal is
/// the same execution.
struct Portal {
  std::shared_ptr<const Statement>
      statement;  ///< shared by the portal and the prepared name, either of which may go first
  bool executed = false;
};

/// Which server message is replaced by other bytes.
struct Swap {
  char type = 'E';  ///< 'C' swaps the first CommandComplete as well as an ErrorResponse
  std::string bytes;
};

class Session {
 public:
  // The client's messages, in the order in which they go to the server.
  void startup() { expect(Kind::cycle); }
  void query() { expect(Kind::cycle); }
  void function_call() { expect(Kind::cycle); }
  void sync();
  void parse(std::string_view name, std::string_view sql);
  void bind(std::string_view portal, std::string_view statement);
  void describe() { expect(Kind::describe); }
  void close(char kind, std::string_view name);
  /// The portal about to be executed; null when it was never bound on this connection. Valid until
  /// the next call.
  Portal* find_portal(std::string_view name);
  void execute() { expect(Kind::execute); }
  void copy_ended() { copying_in_ = false; }
  /// The answer to the message just added is changed on its way to the client.
  void swap_last_reply(Swap swap);

  // The server's messages.
  /// Bytes to send instead of the message that begins now; null: it goes through. Asked once for
  /// each message.
  std::optional<std::string> take_swap(char type);
  /// A whole message came; `status` is the transaction status of a ReadyForQuery.
  void server_message(char type, char status);

  /// The server owes nothing.
  bool settled() const { return expected_.empty(); }
  /// The server ignores what the client sends, up to a Sync.
  bool skipping() const { return skipping_; }
  /// In a failed transaction block, as far as is known, the server refuses every statement by
  /// itself (25P02).
  bool in_failed_transaction() const;

 private:
  enum class Kind { cycle, sync, parse, bind, close, describe, execute };
  struct Expected {
    Kind kind;
    std::optional<Swap> swap;
  };
  static bool ends_with_ready(Kind kind) { return kind == Kind::cycle || kind == Kind::sync; }
  void expect(Kind kind) {
    if (!skipping_) expected_.push_back({kind, std::nullopt});
  }
  void finish_front(Kind kind);
  void error_reply();
  void copy_in_began();
  void ready(char status);

  std::deque<Expected> expected_;
  std::map<std::string, std::shared_ptr<const Statement>, std::less<>> prepared_;
  std::map<std::string, Portal, std::less<>> portals_;
  char status_ = 'I';
  bool skipping_ = false;
  bool copying_in_ = false;
};

}  // namespace mishap::protocols::postgres
