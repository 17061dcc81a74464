// The HTTP/1.x filter: follows requests and responses without changing a byte, and answers requests
// that a rule catches.
//
// Requests are put in a queue in the order in which they came. A response from the server belongs
// to the oldest request that was forwarded; a made-up response waits until it is the oldest, so
// pipelined answers keep their order. What cannot be understood makes the connection a tunnel:
// bytes pass, rules no longer apply.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "mishap/traffic/filter.h"

#include "codec.h"

namespace mishap::protocols::http {

class HttpFilter final : public traffic::Filter {
 public:
  void on_bytes(traffic::Direction direction, std::string_view bytes, traffic::Sink& sink) override;
  void on_eof(traffic::Direction direction, traffic::Sink& sink) override;
  void on_timer(uint64_t token, traffic::Sink& sink) override;

 private:
  enum class Fate { forward, answer, drop };
  struct Exchange {
    std::string method;
    Fate fate = Fate::forward;
    bool wants_tunnel = false;
    bool owes_continue = false;  ///< answer: "100 Continue" is to be sent before the body comes
    bool complete = false;       ///< answer, drop: the request has come whole
    bool close_after = false;
    std::string reply;
  };

  void read_requests(traffic::Sink& sink);
  bool read_head(traffic::Sink& sink);
  bool read_body(traffic::Sink& sink);
  void judge(traffic::Sink& sink);
  void begin_exchange(traffic::Sink& sink);
  void end_request(traffic::Sink& sink);
  void read_responses(std::string_view bytes, traffic::Sink& sink);
  void begin_response(traffic::Sink& sink);
  void end_response(traffic::Sink& sink);
  void serve_front(traffic::Sink& sink);
  void await_tunnel(bool waiting, traffic::Sink& sink);
  void pass_requests(traffic::Sink& sink);
  std::string_view unread() const { return std::string_view(input_).substr(input_from_); }
  void pass_all(traffic::Sink& sink);

  // From the client.
  std::string input_;
  size_t input_from_ = 0;  ///< where what was not looked at yet begins
  HeadCollector request_head_;
  RequestHead request_;
  std::string request_text_;
  fault::ProtocolDecision decision_;
  BodyReader request_body_;
  bool in_body_ = false;
  bool body_forwarded_ = false;
  bool delayed_ = false;  ///< a timer holds the current request
  bool awaiting_tunnel_ = false;
  bool client_eof_ = false;
  bool requests_pass_ = false;  ///< no longer understood
  bool requests_void_ = false;  ///< no longer understood, and not to reach the server

  // From the server.
  HeadCollector response_head_;
  BodyReader response_body_;
  bool in_response_body_ = false;
  bool server_eof_ = false;
  bool responses_pass_ = false;

  std::deque<Exchange> exchanges_;
  bool ended_ = false;
  bool eof_to_client_ = false;
};

/// The response that a rule makes up, for a request with that method.
std::string made_up_response(const fault::ProtocolRule& rule, std::string_view method,
                             bool close_after);

}  // namespace mishap::protocols::http
