// The PostgreSQL filter: statements are held up against the rules of the edge, everything else
// passes.
//
// An injected error is made by the server itself: the statement is replaced by one that must fail,
// and the server's ErrorResponse by the rule's. So the reply comes in its place however deeply the
// client pipelines, the transaction really is aborted (25P02 until ROLLBACK, an implicit
// transaction rolled back) and every ReadyForQuery tells the truth.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "mishap/traffic/filter.h"

#include "server_error.h"
#include "session.h"

namespace mishap::protocols::postgres {

class PostgresFilter final : public traffic::Filter {
 public:
  void on_bytes(traffic::Direction direction, std::string_view bytes, traffic::Sink& sink) override;
  void on_eof(traffic::Direction direction, traffic::Sink& sink) override;
  void on_timer(uint64_t token, traffic::Sink& sink) override;

 private:
  /// What becomes of a client message.
  enum class Fate {
    forward,
    replaced,    ///< other bytes, or none, went in its place
    incomplete,  ///< it waits for more bytes or for a timer
    over,        ///< the connection has ended
  };
  /// A statement that rules may match: the whole text and, of a simple query, one of its
  /// statements.
  struct Candidate {
    std::string_view canonical;
    std::string_view whole_canonical;  ///< matched as well; "" = no
  };

  void client_bytes(std::string_view bytes, traffic::Sink& sink);
  /// Handles whole messages of `input` and returns how many bytes are done with.
  size_t client_messages(std::string_view input, traffic::Sink& sink);
  Fate startup_packet(std::string_view input, size_t& size, traffic::Sink& sink);
  Fate client_message(char type, std::string_view payload, traffic::Sink& sink);
  Fate simple_query(std::string_view payload, traffic::Sink& sink);
  Fate execute(std::string_view payload, traffic::Sink& sink);
  void note_client_message(char type);
  void resume(traffic::Sink& sink);

  void server_bytes(std::string_view bytes, traffic::Sink& sink);

  fault::ProtocolDecision ask(const Candidate& candidate, traffic::Sink& sink);
  bool matches(const fault::ProtocolRule& rule, const Candidate& candidate);
  const std::string& canonical_pattern(const std::string& pattern);
  /// Starts the decision's delay; false when there is none (any more).
  bool hold(const fault::ProtocolDecision& decision, std::string_view sql, traffic::Sink& sink);
  Fate drop(std::string_view sql, traffic::Sink& sink);
  /// Lets the replies that are still owed through, then says `error` and ends the connection.
  Fate end_with(const ServerError& error, traffic::Sink& sink);
  bool say_last_words(traffic::Sink& sink);
  void tell_client(std::string_view bytes, traffic::Sink& sink);
  /// From now on bytes pass unread.
  void stop_reading(std::string_view reason, traffic::Sink& sink);

  enum class Phase { startup, messages, opaque };
  Phase phase_ = Phase::startup;
  bool ended_ = false;
  Session session_;
  std::map<std::string, std::string> patterns_;  // of rules → canonical

  std::string client_waiting_;     // bytes not done with yet
  uint64_t client_remaining_ = 0;  // of a message that passes as it comes
  bool client_eof_ = false;
  std::optional<fault::ProtocolDecision>
      decision_;              // of the message at the front of client_waiting_, delay served
  size_t held_prefix_ = 0;    // and of a simple query: where the failing statement begins,
  std::string held_failing_;  // and what it is
  uint64_t timer_ = 0;        // token of the delay that runs, 0 = none
  uint64_t last_timer_ = 0;
  bool client_paused_ = false;

  /// Whether the conversation may use its database: asked once the server is about to serve it.
  enum class Leave { unasked, asked, given };
  bool may_go_on(traffic::Sink& sink);
  Leave leave_ = Leave::unasked;
  std::string database_;
  uint64_t leave_token_ = 0;
  std::optional<std::string> last_words_;  // a fatal error, once nothing is owed any more

  std::string server_waiting_;  // an unfinished header
  bool server_eof_ = false;
  uint64_t server_remaining_ = 0;
  bool swallowing_ = false;
  char server_type_ = 0;
  char server_status_ = 'I';
};

}  // namespace mishap::protocols::postgres
