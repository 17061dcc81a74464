#include "filter.h"

#include <utility>

#include <fmt/format.h>

#include "mishap/base/glob.h"
#include "mishap/base/json.h"
#include "mishap/base/text.h"

namespace mishap::protocols::http {

using fault::ProtocolAction;
using traffic::Direction;
using traffic::Ending;
using traffic::Sink;

namespace {

std::string delay_text(Nanoseconds delay) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(delay).count());
}

}  // namespace

std::string made_up_response(const fault::ProtocolRule& rule, std::string_view method,
                             bool close_after) {
  int status = made_up_status(rule);
  std::string body = made_up_body(rule);
  std::string out = fmt::format("HTTP/1.1 {} {}\r\n", status, reason_phrase(status));
  for (const auto& [name, value] : made_up_headers(rule))
    out += fmt::format("{}: {}\r\n", name, value);
  if (!is_bodiless(status)) out += fmt::format("Content-Length: {}\r\n", body.size());
  if (close_after) out += "Connection: close\r\n";
  out += "\r\n";
  if (!is_bodiless(status) && method != "HEAD") out += body;
  return out;
}

void HttpFilter::on_bytes(Direction direction, std::string_view bytes, Sink& sink) {
  if (ended_) return;
  if (direction == Direction::to_client) {
    read_responses(bytes, sink);
    return;
  }
  if (requests_pass_) {
    sink.send(Direction::to_server, bytes);
    return;
  }
  if (requests_void_) return;
  input_.append(bytes);
  read_requests(sink);
}

void HttpFilter::on_eof(Direction direction, Sink& sink) {
  if (ended_) return;
  if (direction == Direction::to_server) {
    client_eof_ = true;
    if (requests_pass_ || requests_void_) {
      sink.send_eof(Direction::to_server);
    } else {
      read_requests(sink);
    }
    return;
  }
  server_eof_ = true;
  if (!exchanges_.empty() && exchanges_.front().fate == Fate::forward) {
    // The end of the stream ends the response, a cut one included; no other can follow.
    in_response_body_ = false;
    exchanges_.pop_front();
  }
  serve_front(sink);
  if (!ended_ && awaiting_tunnel_) await_tunnel(false, sink);
}

void HttpFilter::on_timer(uint64_t, Sink& sink) {
  if (ended_ || !std::exchange(delayed_, false)) return;
  sink.pause(Direction::to_server, false);
  if (responses_pass_) {  // the server said something that is no answer meanwhile
    sink.send(Direction::to_server, std::exchange(request_text_, {}));
    pass_requests(sink);
    return;
  }
  begin_exchange(sink);
  if (!ended_) read_requests(sink);
}

// --- requests
// ---------------------------------------------------------------------------------------------------------------

void HttpFilter::read_requests(Sink& sink) {
  auto may_go_on = [this] {
    return !ended_ && !requests_pass_ && !requests_void_ && !delayed_ && !awaiting_tunnel_;
  };
  while (may_go_on() && (in_body_ ? read_body(sink) : read_head(sink))) {
  }
  input_.erase(0, std::exchange(input_from_, 0));
  if (!client_eof_ || !may_go_on()) return;
  if (in_body_ && !body_forwarded_) end_request(sink);
  // Half a message and no more to come: the server shall judge it.
  if (!ended_) pass_requests(sink);
}

/// While a tunnel was asked for, what the client says next depends on the answer and stays where it
/// is.
void HttpFilter::await_tunnel(bool waiting, Sink& sink) {
  awaiting_tunnel_ = waiting;
  sink.pause(Direction::to_server, waiting);
  if (!waiting && !requests_pass_) read_requests(sink);
}

/// False when more bytes are needed.
bool HttpFilter::read_head(Sink& sink) {
  if (unread().empty()) return false;
  input_from_ += request_head_.consume(unread(), true);
  if (request_head_.state() == HeadCollector::State::collecting) return false;
  if (request_head_.state() == HeadCollector::State::complete) {
    if (auto head = parse_request_head(request_head_.text())) {
      request_ = std::move(*head);
      request_text_ = request_head_.take();
      judge(sink);
      return true;
    }
  }
  pass_requests(sink);
  return false;
}

void HttpFilter::judge(Sink& sink) {
  decision_ = {};
  if (sink.has_rules()) {
    std::string path = path_of_target(request_.target);
    decision_ = sink.decide(
        [&](const fault::ProtocolRule& rule) { return rule_matches(rule, request_.method, path); });
    event::Fields fields{{"method", request_.method}, {"path", path}};
    if (decision_.delay > Nanoseconds::zero()) {
      event::Fields delayed = fields;
      delayed.set("delay_ms", delay_text(decision_.delay));
      sink.report("delay", std::move(delayed));
    }
    if (decision_.terminal) {
      if (decision_.terminal->action != ProtocolAction::drop) {
        fields.set("status", std::to_string(made_up_status(*decision_.terminal)));
      }
      sink.report(fault::to_string(decision_.terminal->action), std::move(fields));
    }
  }
  if (decision_.delay > Nanoseconds::zero()) {
    delayed_ = true;
    sink.pause(Direction::to_server, true);
    sink.start_timer(decision_.delay, 0);
    return;
  }
  begin_exchange(sink);
}

void HttpFilter::begin_exchange(Sink& sink) {
  Exchange exchange;
  exchange.method = request_.method;
  if (decision_.terminal) {
    exchange.fate = decision_.terminal->action == ProtocolAction::drop ? Fate::drop : Fate::answer;
    exchange.close_after = request_.wants_close;
    exchange.owes_continue = request_.expects_continue && request_.body.kind != BodyKind::none;
    exchange.reply = made_up_response(*decision_.terminal, request_.method, exchange.close_after);
    // Nobody reads the body of a request that is cut off.
    exchange.complete = exchange.fate == Fate::drop;
  } else {
    exchange.wants_tunnel = request_.wants_tunnel;
    sink.send(Direction::to_server, request_text_);
  }
  body_forwarded_ = exchange.fate == Fate::forward;
  exchanges_.push_back(std::move(exchange));
  request_text_.clear();
  request_body_ = BodyReader(request_.body);
  in_body_ = true;
  serve_front(sink);
  if (!ended_ && request_body_.done()) end_request(sink);
}

bool HttpFilter::read_body(Sink& sink) {
  if (unread().empty()) return false;
  size_t taken = request_body_.consume(unread());
  if (body_forwarded_) sink.send(Direction::to_server, unread().substr(0, taken));
  input_from_ += taken;
  if (request_body_.malformed()) {
    if (body_forwarded_) {
      pass_requests(sink);
    } else {
      // The rest of a swallowed request cannot be told from the next one.
      exchanges_.back().close_after = true;
      requests_void_ = true;
      end_request(sink);
    }
    return false;
  }
  if (request_body_.done()) end_request(sink);
  return true;
}

void HttpFilter::end_request(Sink& sink) {
  in_body_ = false;
  // The exchange may have been answered, and be gone, before its body had come: then nothing of it
  // is left to do.
  if (!exchanges_.empty() && !body_forwarded_) exchanges_.back().complete = true;
  // A server that has said its last word will not answer either.
  if (body_forwarded_ && request_.wants_tunnel && !exchanges_.empty() &&
      exchanges_.back().wants_tunnel && !server_eof_) {
    await_tunnel(true, sink);
  }
  serve_front(sink);
}

// --- responses
// --------------------------------------------------------------------------------------------------------------

void HttpFilter::read_responses(std::string_view bytes, Sink& sink) {
  while (!bytes.empty() && !ended_) {
    bool solicited = !exchanges_.empty() && exchanges_.front().fate == Fate::forward;
    if (!responses_pass_ && !solicited) pass_all(sink);
    if (ended_) return;
    if (responses_pass_) {
      sink.send(Direction::to_client, bytes);
      return;
    }
    size_t taken =
        in_response_body_ ? response_body_.consume(bytes) : response_head_.consume(bytes, false);
    sink.send(Direction::to_client, bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    if (in_response_body_) {
      if (response_body_.malformed()) pass_all(sink);
      if (response_body_.done()) end_response(sink);
    } else if (response_head_.state() == HeadCollector::State::complete) {
      begin_response(sink);
    } else if (response_head_.state() == HeadCollector::State::malformed) {
      pass_all(sink);
    }
  }
}

void HttpFilter::begin_response(Sink& sink) {
  auto head = parse_response_head(response_head_.take());
  const Exchange& exchange = exchanges_.front();
  bool success = head && head->status >= 200 && head->status < 300;
  if (!head || head->status == 101 || (exchange.method == "CONNECT" && success)) {
    pass_all(sink);
    return;
  }
  if (head->status < 200) return;  // the real response follows
  if (exchange.method == "HEAD") head->body = {};
  response_body_ = BodyReader(head->body);
  in_response_body_ = true;
  if (response_body_.done()) end_response(sink);
}

void HttpFilter::end_response(Sink& sink) {
  in_response_body_ = false;
  bool refused_tunnel = exchanges_.front().wants_tunnel;
  exchanges_.pop_front();
  serve_front(sink);
  if (refused_tunnel && awaiting_tunnel_ && !ended_) await_tunnel(false, sink);
}

// --- both
// -------------------------------------------------------------------------------------------------------------------

/// Gives the oldest exchanges what we owe them, as far as it is their turn.
void HttpFilter::serve_front(Sink& sink) {
  while (!exchanges_.empty() && !ended_ && !eof_to_client_) {
    Exchange& front = exchanges_.front();
    if (front.fate == Fate::forward) break;
    if (front.fate == Fate::answer && !front.complete) {
      if (std::exchange(front.owes_continue, false)) {
        sink.send(Direction::to_client, "HTTP/1.1 100 Continue\r\n\r\n");
      }
      return;
    }
    if (front.fate == Fate::answer) sink.send(Direction::to_client, front.reply);
    if (front.fate == Fate::drop || front.close_after) {
      ended_ = true;
      sink.end(Ending::finish);
      return;
    }
    exchanges_.pop_front();
  }
  if (server_eof_ && !ended_ && !std::exchange(eof_to_client_, true)) {
    sink.send_eof(Direction::to_client);
  }
}

void HttpFilter::pass_requests(Sink& sink) {
  requests_pass_ = true;
  sink.send(Direction::to_server, request_head_.take());
  sink.send(Direction::to_server, unread());
  input_.clear();
  input_from_ = 0;
  if (client_eof_) sink.send_eof(Direction::to_server);
}

void HttpFilter::pass_all(Sink& sink) {
  bool owes = false;
  for (const Exchange& exchange : exchanges_) owes = owes || exchange.fate != Fate::forward;
  exchanges_.clear();
  responses_pass_ = true;
  if (owes) {
    // Answers of ours can no longer be placed among the server's: end rather than leave the client
    // waiting.
    ended_ = true;
    sink.end(Ending::finish);
    return;
  }
  if (std::exchange(awaiting_tunnel_, false)) sink.pause(Direction::to_server, false);
  if (!requests_pass_ && !requests_void_ && !delayed_) pass_requests(sink);
}

}  // namespace mishap::protocols::http
