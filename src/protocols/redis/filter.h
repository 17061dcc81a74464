// The Redis filter: full duplex, with a queue of what the client is still owed.
//
// Commands are answered in order, so each command that was forwarded, answered by a rule or cut off
// takes a place in the queue, and a made-up reply is sent when its place is first. Not every value
// from the server is an answer: pushes (RESP3) and messages to subscribers (RESP2) come in between
// and take no place, and one SUBSCRIBE is answered once per channel.
//
// Within MULTI the server queues commands. When a rule made one fail, the server must not run the
// rest: its EXEC is replaced by DISCARD, and the client gets EXECABORT, as if the server itself had
// refused the command.
#pragma once

#include <deque>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/traffic/filter.h"

#include "codec.h"

namespace mishap::protocols::redis {

class RedisFilter final : public traffic::Filter {
 public:
  void on_bytes(traffic::Direction direction, std::string_view bytes, traffic::Sink& sink) override;
  void on_eof(traffic::Direction direction, traffic::Sink& sink) override;
  void on_timer(uint64_t token, traffic::Sink& sink) override;

 private:
  enum class Kind {
    reply,          ///< one value of the server's
    confirmations,  ///< `left` values whose first word is `word`, or one error
    replaced,       ///< one value of the server's, which is kept from the client; then `text`
    made_up,        ///< `text`, or nil
    drop,
  };
  struct Owed {
    Kind kind = Kind::reply;
    size_t left = 1;
    std::string word;
    std::string text;
    bool nil = false;
    int hello_version = 0;  ///< RESP version from here on, if the server agrees
  };

  void read_commands(traffic::Sink& sink);
  void judge(traffic::Sink& sink);
  void carry_out(traffic::Sink& sink);
  void forward(const std::string& name, traffic::Sink& sink);
  void answer(const std::string& name, const fault::ProtocolRule& rule, traffic::Sink& sink);
  void expect_subscription(const std::string& name);
  void expect_client_reply(Owed owed);
  void owe(Owed owed);
  void pass_commands(traffic::Sink& sink);

  void read_values(std::string_view bytes, traffic::Sink& sink);
  void end_value(traffic::Sink& sink);
  bool is_out_of_band() const;
  void serve_front(traffic::Sink& sink);
  void lose_track(traffic::Sink& sink);

  // From the client.
  std::string input_;
  size_t input_from_ = 0;
  CommandParser command_;
  std::string command_text_;  ///< of the command being read or held, as it came
  bool streaming_ = false;    ///< the command passes as it comes: there were no rules when it began
  fault::ProtocolDecision decision_;
  bool delayed_ = false;
  bool client_eof_ = false;
  bool commands_pass_ = false;

  // From the server.
  ValueScanner value_;
  bool swallowing_ = false;
  bool values_pass_ = false;
  bool server_eof_ = false;

  // The conversation.
  std::deque<Owed> owed_;
  int version_ = 2;
  bool in_multi_ = false;
  bool multi_broken_ = false;  ///< a command of the transaction was made to fail
  enum class Replies { on, off, skip_next } replies_ = Replies::on;
  std::set<std::string> channels_, patterns_, shards_;
  bool ended_ = false;
  bool eof_to_client_ = false;
};

}  // namespace mishap::protocols::redis
