#include "filter.h"

#include <utility>

namespace mishap::protocols::tcp {

using traffic::Direction;
using traffic::Ending;
using traffic::Sink;

namespace {

constexpr size_t kShownBytes = 16;

/// The prefix a rule asks for; null when it asks for something that TCP does not have.
const std::string* prefix_of(const fault::ProtocolRule& rule) {
  static const std::string kAny;
  const std::string* prefix = &kAny;
  for (const auto& [name, pattern] : rule.matchers) {
    if (name == "method") {
      prefix = &pattern;
    } else if (!pattern.empty() && pattern != "*") {
      return nullptr;
    }
  }
  return prefix;
}

}  // namespace

void TcpFilter::on_bytes(Direction direction, std::string_view bytes, Sink& sink) {
  if (ended_) return;
  bool unjudged = direction == Direction::to_server && !judged_ && sink.has_rules();
  if (direction == Direction::to_client || (!unjudged && held_.empty())) {
    sink.send(direction, bytes);
    return;
  }
  held_.append(bytes);
  if (!delayed_) judge(false, sink);
}

void TcpFilter::on_eof(Direction direction, Sink& sink) {
  if (ended_) return;
  if (direction == Direction::to_client) {
    server_eof_ = true;
    sink.send_eof(direction);
    return;
  }
  client_eof_ = true;
  if (delayed_) return;
  if (!held_.empty()) {
    judge(true, sink);
  } else {
    sink.send_eof(Direction::to_server);
  }
}

void TcpFilter::on_timer(uint64_t, Sink& sink) {
  if (ended_ || !std::exchange(delayed_, false)) return;
  sink.pause(Direction::to_server, false);
  finish_judgement(sink);
}

void TcpFilter::judge(bool complete, Sink& sink) {
  bool undecided = false;
  // Asking without matching changes nothing: it only looks whether a prefix could still come true.
  sink.decide([&](const fault::ProtocolRule& rule) {
    const std::string* prefix = prefix_of(rule);
    bool partial = prefix != nullptr && prefix->size() > held_.size() && prefix->starts_with(held_);
    undecided = undecided || partial;
    return false;
  });
  if (undecided && !complete) return;

  judged_ = true;
  decision_ = sink.decide([&](const fault::ProtocolRule& rule) {
    const std::string* prefix = prefix_of(rule);
    return prefix != nullptr && held_.starts_with(*prefix);
  });
  std::string shown = held_.substr(0, kShownBytes);
  if (decision_.delay > Nanoseconds::zero()) {
    auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(decision_.delay).count();
    sink.report("delay", {{"first_bytes", shown}, {"delay_ms", std::to_string(millis)}});
    delayed_ = true;
    sink.pause(Direction::to_server, true);
    sink.start_timer(decision_.delay, 0);
    return;
  }
  finish_judgement(sink);
}

void TcpFilter::finish_judgement(Sink& sink) {
  std::string bytes = std::exchange(held_, {});
  if (decision_.terminal) {
    const fault::ProtocolRule& rule = *decision_.terminal;
    event::Fields fields{{"first_bytes", bytes.substr(0, kShownBytes)}};
    if (rule.action == fault::ProtocolAction::respond) {
      // A client that was told of the end of the stream reads no answer any more.
      std::string body = server_eof_ ? "" : rule.body.value_or("");
      fields.set("body_size", std::to_string(body.size()));
      if (!body.empty()) sink.send(Direction::to_client, body);
    } else {
      fields.set("size", std::to_string(bytes.size()));
    }
    sink.report(fault::to_string(rule.action), std::move(fields));
    ended_ = true;
    sink.end(Ending::finish);
    return;
  }
  sink.send(Direction::to_server, bytes);
  if (client_eof_) sink.send_eof(Direction::to_server);
}

}  // namespace mishap::protocols::tcp
