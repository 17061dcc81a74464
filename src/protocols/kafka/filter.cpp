#include "filter.h"

#include <algorithm>
#include <utility>

#include "wire.h"

namespace mishap::protocols::kafka {

using traffic::Direction;
using traffic::Ending;
using traffic::Sink;

namespace {

constexpr size_t kSizeBytes = 4;
/// Of a request. Brokers take 100 MiB unless told otherwise; what TLS begins with is beyond.
constexpr int32_t kLargestRequest = 256 << 20;
constexpr int32_t kSmallestAnswer = 4;
constexpr size_t kAnswerHead = 8;  ///< size and correlation

}  // namespace

void KafkaFilter::on_bytes(Direction direction, std::string_view bytes, Sink& sink) {
  if (ended_) return;
  if (direction == Direction::to_client) return read_answers(bytes, sink);
  if (held_) {
    input_.append(bytes);
    return;
  }
  if (input_.empty()) {
    size_t done = read_requests(bytes, sink);
    if (!ended_) input_.assign(bytes.substr(done));
    return;
  }
  input_.append(bytes);
  size_t done = read_requests(input_, sink);
  if (!ended_) input_.erase(0, done);
}

void KafkaFilter::on_eof(Direction direction, Sink& sink) {
  if (ended_) return;
  if (direction == Direction::to_client) {
    server_eof_ = true;
    serve_front(sink);
    if (!held_ || !held_->unnamed || ended_) return;
    // The names will not come any more, nor will an answer.
    sink.send(Direction::to_server, held_->request.frame());
    held_.reset();
    resume_requests(sink);
  } else {
    client_eof_ = true;
    if (!held_) finish_requests(sink);
  }
}

void KafkaFilter::on_timer(uint64_t, Sink& sink) {
  if (ended_ || !held_ || held_->unnamed) return;
  carry_out(*std::exchange(held_, std::nullopt), sink);
  resume_requests(sink);
}

/// Nothing is held any more: on with what came meanwhile.
void KafkaFilter::resume_requests(Sink& sink) {
  if (ended_ || held_) return;
  sink.pause(Direction::to_server, false);
  input_.erase(0, read_requests(input_, sink));
  if (client_eof_ && !ended_ && !held_) finish_requests(sink);
}

/// The client says nothing more: what is there of a request goes on as it is.
void KafkaFilter::finish_requests(Sink& sink) {
  if (!silent_) sink.send(Direction::to_server, std::exchange(input_, {}));
  sink.send_eof(Direction::to_server);
}

// --- requests
// ----------------------------------------------------------------------------------------------

/// Handles what can be, and returns how many bytes that were.
size_t KafkaFilter::read_requests(std::string_view input, Sink& sink) {
  size_t sent = 0;  // bytes up to here are done with
  size_t at = 0;    // and up to here they go on unchanged
  auto flush = [&] {
    if (at > sent) sink.send(Direction::to_server, input.substr(sent, at - sent));
    sent = at;
  };
  while (!ended_ && !held_ && at < input.size()) {
    if (silent_) return input.size();
    if (requests_pass_) {
      at = input.size();
      break;
    }
    if (request_left_ > 0) {
      size_t taken = std::min(request_left_, input.size() - at);
      request_left_ -= taken;
      at += taken;
      continue;
    }
    std::string_view rest = input.substr(at);
    if (rest.size() < kSizeBytes) break;
    int32_t size = read_int32(rest);
    if (size < static_cast<int32_t>(kFixedHeaderBytes) || size > kLargestRequest) {
      pass_requests("a request has an impossible length", sink);
      continue;
    }
    size_t frame = kSizeBytes + static_cast<size_t>(size);
    if (rest.size() < kSizeBytes + kFixedHeaderBytes) break;
    // Whatever a rule does comes after what went before.
    if (sink.has_rules()) flush();
    Seen seen = see_request(rest, frame, sink);
    if (seen == Seen::wait) break;
    if (seen == Seen::forward) {
      request_left_ = frame;
    } else {
      at += frame;
      sent = at;
    }
  }
  if (!ended_) flush();
  return sent;
}

/// A request whose frame has `size` bytes; `input` has some of them or all, and maybe what follows.
KafkaFilter::Seen KafkaFilter::see_request(std::string_view input, size_t size, Sink& sink) {
  std::string_view frame = input.substr(0, size);
  bool is_whole = frame.size() == size;
  bool rules = sink.has_rules();
  if (rules && !is_whole) return Seen::wait;
  RequestHeader header = read_request_header(frame.substr(kSizeBytes));
  if (header.api == kSaslHandshake && header.version == 0) {
    pass_requests("authentication goes on without Kafka's headers (SaslHandshake 0)", sink);
    return Seen::forward;
  }
  if (rules) {
    Request request{std::string(frame)};
    if (header.api == kProduce && request.api() == nullptr) {
      // It cannot be told whether it will be answered.
      pass_requests("a produce request makes no sense", sink);
      return Seen::forward;
    }
    take_request(std::move(request), sink);
    return Seen::taken;
  }
  if (header.api == kProduce) {
    // Without acknowledgement there is no answer to wait for.
    const Api& produce = *find_api(kProduce);
    std::optional<int16_t> acks;
    if (produce.knows(header.version) && header.size > 0)
      acks = acks_of(produce, header, frame.substr(kSizeBytes + header.size));
    if (!acks && !is_whole && produce.knows(header.version)) return Seen::wait;
    if (!acks) {
      pass_requests("a produce request makes no sense", sink);
      return Seen::forward;
    }
    if (*acks == 0) return Seen::forward;
  }
  owe(header, kind_for(header, false));
  return Seen::forward;
}

KafkaFilter::Kind KafkaFilter::kind_for(const RequestHeader& header, bool rules) const {
  constexpr int16_t kMetadataWithIds = 10;
  constexpr int16_t kCreateTopicsWithIds = 7;
  switch (header.api) {
    case kApiVersions:
      return Kind::lower;
    case kMetadata:
      return header.version >= kMetadataWithIds ? Kind::learn : Kind::pass;
    case kCreateTopics:
      return header.version >= kCreateTopicsWithIds ? Kind::learn : Kind::pass;
    case kProduce:
      return rules ? Kind::learn : Kind::pass;
    default:
      return Kind::pass;
  }
}

void KafkaFilter::owe(const RequestHeader& header, Kind kind) {
  owed_.push_back({.kind = kind,
                   .api = header.api,
                   .version = header.version,
                   .correlation = header.correlation});
}

/// From here on requests are not read. Answers are, as long as some are owed to requests that were.
void KafkaFilter::pass_requests(std::string_view reason, Sink& sink) {
  if (std::exchange(requests_pass_, true)) return;
  sink.report("unparsed", {{"reason", std::string(reason)}});
  if (!owed_.empty() || answers_pass_) return;
  answers_pass_ = true;
  sink.send(Direction::to_client, std::exchange(answer_, {}));
}

// --- answers
// -----------------------------------------------------------------------------------------------

void KafkaFilter::read_answers(std::string_view bytes, Sink& sink) {
  while (!bytes.empty() && !ended_) {
    if (answers_pass_) {
      sink.send(Direction::to_client, bytes);
      return;
    }
    if (answer_left_ == 0) {
      size_t taken = std::min(kAnswerHead - answer_.size(), bytes.size());
      answer_.append(bytes.substr(0, taken));
      bytes.remove_prefix(taken);
      if (answer_.size() < kAnswerHead) return;
      if (!begin_answer(sink)) continue;
    } else {
      size_t taken = std::min(answer_left_, bytes.size());
      std::string_view part = bytes.substr(0, taken);
      Kind kind = owed_.front().kind;
      if (kind == Kind::pass || kind == Kind::learn) sink.send(Direction::to_client, part);
      if (kind != Kind::pass && kind != Kind::swallow) answer_.append(part);
      answer_left_ -= taken;
      bytes.remove_prefix(taken);
    }
    if (answer_left_ == 0) end_answer(sink);
  }
}

/// The beginning of an answer is there. False: it is none that is owed.
bool KafkaFilter::begin_answer(Sink& sink) {
  int32_t size = read_int32(answer_);
  int32_t correlation = read_int32(std::string_view(answer_).substr(kSizeBytes));
  if (size < kSmallestAnswer) {
    lose_track("an answer has an impossible length", sink);
    return false;
  }
  if (owed_.empty() || !owed_.front().from_broker() || owed_.front().correlation != correlation) {
    lose_track("an answer to no request", sink);
    return false;
  }
  answer_left_ = kSizeBytes + static_cast<size_t>(size) - kAnswerHead;
  Owed& front = owed_.front();
  // A fetch waits at the broker for half a second as a rule. What it finds when rules have been
  // opened meanwhile is theirs.
  if (front.api == kFetch && front.kind == Kind::pass && !front.judged && sink.has_rules() &&
      find_api(kFetch)->knows(front.version)) {
    front.kind = Kind::patch;
    front.ask_topics = true;
  }
  Kind kind = front.kind;
  if (kind == Kind::pass || kind == Kind::learn) sink.send(Direction::to_client, answer_);
  return true;
}

void KafkaFilter::end_answer(Sink& sink) {
  std::string frame = std::exchange(answer_, {});
  Owed owed = std::move(owed_.front());
  owed_.pop_front();
  switch (owed.kind) {
    case Kind::learn:
      learn(owed, frame);
      break;
    case Kind::lower:
    case Kind::merge:
    case Kind::patch:
      sink.send(Direction::to_client, changed_answer(owed, std::move(frame), sink));
      break;
    case Kind::lookup: {
      learn(owed, frame);
      serve_front(sink);
      Held held = *std::exchange(held_, std::nullopt);
      take_named(std::move(held.request), sink);
      return resume_requests(sink);
    }
    default:
      break;
  }
  serve_front(sink);
}

/// Sends what is owed and does not come from the broker, as far as it is its turn.
void KafkaFilter::serve_front(Sink& sink) {
  bool between_answers = answer_.empty() && answer_left_ == 0;
  while (!ended_ && !answers_pass_ && !owed_.empty() && !eof_to_client_ &&
         (between_answers || server_eof_)) {
    Owed& front = owed_.front();
    if (front.kind == Kind::close) {
      ended_ = true;
      sink.end(Ending::finish);
      return;
    }
    if (front.kind != Kind::made_up) break;
    sink.send(Direction::to_client, front.frame);
    owed_.pop_front();
  }
  if (ended_) return;
  if (owed_.empty() && requests_pass_ && between_answers) answers_pass_ = true;
  if (!server_eof_ || std::exchange(eof_to_client_, true)) return;
  // What there is of an answer that was held back is the client's, too.
  bool held_back = answer_left_ == 0 || (!owed_.empty() && (owed_.front().kind == Kind::lower ||
                                                            owed_.front().kind == Kind::merge ||
                                                            owed_.front().kind == Kind::patch));
  if (held_back) sink.send(Direction::to_client, std::exchange(answer_, {}));
  sink.send_eof(Direction::to_client);
}

/// The broker's bytes make no sense: they pass from now on, and answers of ours can no longer be
/// placed among them.
void KafkaFilter::lose_track(std::string_view reason, Sink& sink) {
  bool owes = std::any_of(owed_.begin(), owed_.end(), [](const Owed& owed) {
    return owed.kind != Kind::pass && owed.kind != Kind::learn && owed.kind != Kind::lower;
  });
  owed_.clear();
  answers_pass_ = true;
  if (owes || silent_) {
    sink.report("unparsed", {{"reason", std::string(reason)}});
    ended_ = true;
    sink.end(Ending::finish);
    return;
  }
  sink.send(Direction::to_client, std::exchange(answer_, {}));
  if (!requests_pass_) {
    requests_pass_ = true;
    sink.report("unparsed", {{"reason", std::string(reason)}});
    if (!held_) sink.send(Direction::to_server, std::exchange(input_, {}));
  }
}

}  // namespace mishap::protocols::kafka
