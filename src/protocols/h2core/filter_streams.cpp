// Rules, and what they do to streams.
#include <algorithm>
#include <limits>
#include <utility>

#include "mishap/base/duration.h"
#include "mishap/protocols/h2core/filter.h"

namespace mishap::protocols::h2core {

using fault::ProtocolAction;
using fault::ProtocolRule;
using traffic::opposite;

namespace {

std::string milliseconds_text(Nanoseconds delay) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(delay).count());
}

Request make_request(HeaderFields fields) {
  auto text = [&](std::string_view name) {
    const std::string* found = find_field(fields, name);
    return found == nullptr ? std::string() : *found;
  };
  Request request{text(":method"), text(":path"), {}};
  request.fields = std::move(fields);
  return request;
}

}  // namespace

// --- numbers
// -----------------------------------------------------------------------------------------------------------

/// The stream that the sender of `d` means; null for one that is not tracked.
H2Filter::Stream* H2Filter::find(Direction d, uint32_t id) {
  uint32_t client_id = id;
  if (d == Direction::to_client) {
    if (auto other = renumbered_.find(id); other != renumbered_.end()) client_id = other->second;
  }
  auto found = streams_.find(client_id);
  if (found == streams_.end()) return nullptr;
  return d == Direction::to_server || found->second.server_id == id ? &found->second : nullptr;
}

uint32_t H2Filter::id_for(Direction d, const Stream& stream) const {
  return d == Direction::to_server ? stream.server_id : stream.client_id;
}

/// Whether an unknown stream is one whose receiver would not know what is meant.
bool H2Filter::is_stray(Direction d, uint32_t id) {
  if (id == 0) return false;
  if (id % 2 == 0) return refused_pushes_.contains(id);
  return deviated_ && find(d, id) == nullptr;
}

void H2Filter::open_at_server(Stream& stream) {
  const bool rises = stream.client_id > last_server_id_;
  stream.server_id = rises ? stream.client_id : last_server_id_ + 2;
  last_server_id_ = stream.server_id;
  stream.state = Stream::State::open;
  if (rises) return;
  shifted_ = true;
  renumbered_[stream.server_id] = stream.client_id;
}

// --- header blocks
// ---------------------------------------------------------------------------------------------------------

void H2Filter::forward_block(Direction d, uint32_t id, bool end_stream, const HeaderFields& fields,
                             std::string_view frames) {
  const Lane& from = lane(d);
  if (from.rewrites) {
    emit(d, encode_headers(id, end_stream, our_block(d, fields)));
  } else if (from.block_begin.stream != id) {
    emit(d, encode_headers(id, end_stream, from.block));
  } else {
    pass(d, frames);
  }
}

std::string H2Filter::our_block(Direction d, const HeaderFields& fields) {
  Lane& to = lane(d);
  const bool first = to.rewrites && !std::exchange(to.cleared, true);
  return encode_block(fields, first);
}

/// A block does not go out, or not in its place: those after it must not refer to it.
void H2Filter::swallow_block(Direction d) {
  deviated_ = true;
  lane(d).rewrites = true;
}

// --- rules
// -----------------------------------------------------------------------------------------------------------------

void H2Filter::judge(Stream& stream, const HeaderFields& fields, std::string_view frames) {
  constexpr Direction d = Direction::to_server;
  stream.ends_with_head = stream.client_ended;
  fault::ProtocolDecision decision;
  if (sink_->has_rules()) {
    auto request = std::make_unique<Request>(make_request(fields));
    decision = decide(stream, *request);
    const bool needed =
        decision.terminal || decision.delay > Nanoseconds::zero() || !stream.watched.empty();
    if (needed) stream.request = std::move(request);
  }
  if (decision.delay > Nanoseconds::zero()) return hold(stream, std::move(decision));
  if (decision.terminal) return carry_out(stream, *decision.terminal);
  open_at_server(stream);
  forward_block(d, stream.server_id, stream.client_ended, fields, frames);
}

fault::ProtocolDecision H2Filter::decide(Stream& stream, const Request& request) {
  fault::ProtocolDecision decision = sink_->decide([&](const ProtocolRule& rule) {
    if (!dialect_.matches(rule, request)) return false;
    if (!rule.messages) return true;
    stream.watched.push_back(*rule.messages);  // it is asked again when so many have passed
    return false;
  });
  std::sort(stream.watched.begin(), stream.watched.end());
  const event::Fields fields = dialect_.describe(request);
  if (decision.delay > Nanoseconds::zero()) {
    event::Fields delayed = fields;
    delayed.set("delay_ms", milliseconds_text(decision.delay));
    sink_->report("delay", std::move(delayed));
  }
  if (decision.terminal) {
    event::Fields answered = fields;
    dialect_.describe_answer(*decision.terminal, answered);
    sink_->report(fault::to_string(decision.terminal->action), std::move(answered));
  }
  return decision;
}

void H2Filter::hold(Stream& stream, fault::ProtocolDecision decision) {
  swallow_block(Direction::to_server);
  stream.state = Stream::State::held;
  ++held_streams_;
  sink_->start_timer(decision.delay, stream.client_id);
  stream.decision = std::make_unique<fault::ProtocolDecision>(std::move(decision));
}

void H2Filter::release(Stream& stream) {
  constexpr Direction d = Direction::to_server;
  const auto decision = std::move(stream.decision);
  --held_streams_;
  if (decision->terminal) {
    stream.state = Stream::State::answered;
    return carry_out(stream, *decision->terminal);
  }
  const uint32_t number = std::max(stream.client_id, last_server_id_ + 2);
  if (number > server_goaway_.value_or(kHighestStream)) {
    emit(Direction::to_client, encode_rst_stream(stream.client_id, kRefusedStream));
    return forget(stream);
  }
  open_at_server(stream);
  emit(d, encode_headers(stream.server_id, stream.ends_with_head,
                         our_block(d, stream.request->fields)));
  if (stream.watched.empty()) stream.request.reset();
  flush(stream, d);
  forget_if_over(stream);
}

void H2Filter::carry_out(Stream& stream, const ProtocolRule& rule) {
  swallow_block(Direction::to_server);
  if (stream.state == Stream::State::open && stream.server_id != 0)
    emit(Direction::to_server, encode_rst_stream(stream.server_id, kCancel));
  if (rule.action == ProtocolAction::drop) return drop(stream, rule);
  answer(stream, rule);
}

void H2Filter::answer(Stream& stream, const ProtocolRule& rule) {
  uint32_t uploaded = 0;  // what the server would have given room for
  for (const Queued& frame : stream.queue[index(Direction::to_server)])
    if (frame.header.is(FrameType::data)) uploaded += frame.header.length;
  drop_queue(stream, Direction::to_server);
  if (uploaded > 0 && !stream.client_ended)
    emit(Direction::to_client, encode_window_update(stream.client_id, uploaded));
  stream.state = Stream::State::answered;
  stream.server_ended = true;
  if (stream.response_begun) {
    append_own(stream, FrameType::headers, true, {}, dialect_.end_of_answer(rule));
  } else {
    Answer made = dialect_.answer(rule, *stream.request);
    const bool has_trailers = !made.trailers.empty();
    append_own(stream, FrameType::headers, made.body.empty() && !has_trailers, {},
               std::move(made.head));
    for (size_t at = 0; at < made.body.size(); at += kSafeFrameBytes) {
      const bool last = at + kSafeFrameBytes >= made.body.size();
      append_own(stream, FrameType::data, last && !has_trailers,
                 made.body.substr(at, kSafeFrameBytes), {});
    }
    if (has_trailers) append_own(stream, FrameType::headers, true, {}, std::move(made.trailers));
  }
  flush(stream, Direction::to_client);
  forget_if_over(stream);
}

/// Frames of ours for the client, behind what waits of the server's.
void H2Filter::append_own(Stream& stream, FrameType type, bool ends, std::string payload,
                          HeaderFields fields) {
  FrameHeader header{.length = static_cast<uint32_t>(payload.size()),
                     .type = static_cast<uint8_t>(type),
                     .flags = ends ? flags::kEndStream : uint8_t{0}};
  stream.queue[index(Direction::to_client)].push_back({.header = header,
                                                       .payload = std::move(payload),
                                                       .fields = std::move(fields),
                                                       .credited = true});
  lane(Direction::to_client).blocked.insert(stream.client_id);
}

void H2Filter::drop(Stream& stream, const ProtocolRule& rule) {
  const Drop what = dialect_.drop(rule);
  if (what.what == Drop::What::connection) return end(traffic::Ending::finish);
  const uint32_t id = stream.client_id;
  if (what.what == Drop::What::stream) {
    emit(Direction::to_client, encode_rst_stream(id, what.code));
    return forget(stream);
  }
  // The request counts as never looked at, and so do all that come; those before it go on.
  const bool is_last = id == last_client_id_;
  if (!our_goaway_) {
    our_goaway_ = is_last ? id - std::min<uint32_t>(id, 2) : last_client_id_;
    emit(Direction::to_client, encode_goaway(*our_goaway_, kNoError));
  }
  if (id <= *our_goaway_) emit(Direction::to_client, encode_rst_stream(id, kRefusedStream));
  forget(stream);
}

// --- messages
// ---------------------------------------------------------------------------------------------------------------

/// DATA of the server on a stream where some rule waits for a number of messages.
bool H2Filter::watched_data(Stream& stream, std::string_view payload) {
  constexpr Direction d = Direction::to_client;
  const FrameHeader header = lane(d).frame;
  const auto content = without_padding(header, payload);
  if (!content) return false;
  size_t at = 0;
  while (at < content->size() && !stream.watched.empty()) {
    const int before = stream.messages.count();
    at += stream.messages.consume(content->substr(at));
    if (stream.messages.count() == before || stream.messages.count() != stream.watched.front())
      continue;
    auto rule = rule_after_message(stream);
    if (!rule) continue;
    // What has come up to here goes out; the rest of the frame is discarded.
    enqueue_data(stream, d, 0, content->substr(0, at));
    if (header.length > at) credit(d, header.length - static_cast<uint32_t>(at));
    carry_out(stream, *rule);
    return true;
  }
  enqueue_data(stream, d, header.flags, payload);
  if (header.has(flags::kEndStream)) ended_by(d, stream);
  return true;
}

std::optional<ProtocolRule> H2Filter::rule_after_message(Stream& stream) {
  const int count = stream.messages.count();
  std::erase(stream.watched, count);
  fault::ProtocolDecision decision = sink_->decide([&](const ProtocolRule& rule) {
    return rule.messages == count && dialect_.matches(rule, *stream.request);
  });
  if (!decision.terminal) return std::nullopt;
  event::Fields fields = dialect_.describe(*stream.request);
  dialect_.describe_answer(*decision.terminal, fields);
  fields.set("messages", std::to_string(count));
  sink_->report(fault::to_string(decision.terminal->action), std::move(fields));
  return decision.terminal;
}

// --- frames that wait
// ------------------------------------------------------------------------------------------------------

void H2Filter::enqueue_data(Stream& stream, Direction d, uint8_t flags, std::string_view payload) {
  FrameHeader header{.length = static_cast<uint32_t>(payload.size()),
                     .type = static_cast<uint8_t>(FrameType::data),
                     .flags = flags};
  Queued frame{.header = header, .payload = std::string(payload), .fields = {}};
  // A held stream must not use up the room of the others; what is past the limit does.
  frame.credited = stream.state == Stream::State::held &&
                   held_bytes_ + header.length <= static_cast<int64_t>(kCreditLimitBytes);
  if (!frame.credited) {
    lane(d).surplus -= header.length;
  } else if (header.length > 0) {
    credit(d, header.length);
  }
  enqueue(stream, d, std::move(frame));
}

void H2Filter::enqueue(Stream& stream, Direction d, Queued frame) {
  deviated_ = true;
  if (d == Direction::to_server) note_held(static_cast<int64_t>(frame.payload.size()));
  stream.queue[index(d)].push_back(std::move(frame));
  if (stream.state == Stream::State::held) return;
  lane(d).blocked.insert(stream.client_id);
  flush(stream, d);
}

/// Sends what there is room for.
void H2Filter::flush(Stream& stream, Direction d) {
  if (stream.state == Stream::State::held) return;
  auto& queue = stream.queue[index(d)];
  while (!queue.empty() && flush_front(stream, d)) {
  }
  if (queue.empty()) {
    lane(d).blocked.erase(stream.client_id);
  } else {
    lane(d).blocked.insert(stream.client_id);
  }
}

/// False when the first frame must go on waiting, or its rest.
bool H2Filter::flush_front(Stream& stream, Direction d) {
  Lane& to = lane(d);
  auto& queue = stream.queue[index(d)];
  Queued& frame = queue.front();
  FrameHeader header = frame.header;
  header.stream = id_for(d, stream);
  if (header.is(FrameType::headers)) {
    emit(d,
         encode_headers(header.stream, header.has(flags::kEndStream), our_block(d, frame.fields)));
    queue.pop_front();
    return true;
  }
  auto size = static_cast<int64_t>(frame.payload.size());
  const bool is_data = header.is(FrameType::data);
  const int64_t room = std::min(to.window, stream.window[index(d)]);
  const bool whole = !is_data || size <= room;
  if (!whole && (room <= 0 || header.has(flags::kPadded))) return false;
  if (!whole) {
    size = room;
    header.flags = 0;
  }
  header.length = static_cast<uint32_t>(size);
  emit(d, encode_frame_header(header).append(frame.payload, 0, static_cast<size_t>(size)));
  if (d == Direction::to_server) note_held(-size);
  if (is_data) {
    to.window -= size;
    to.surplus += size;
    stream.window[index(d)] -= size;
  }
  if (whole) {
    queue.pop_front();
  } else {
    frame.payload.erase(0, static_cast<size_t>(size));
    frame.header.length -= header.length;
  }
  return whole;
}

void H2Filter::flush_blocked(Direction d) {
  const std::vector<uint32_t> waiting(lane(d).blocked.begin(), lane(d).blocked.end());
  for (uint32_t id : waiting) {
    auto found = streams_.find(id);
    if (found == streams_.end()) continue;
    flush(found->second, d);
    forget_if_over(found->second);
  }
}

/// What waits will never go out.
void H2Filter::drop_queue(Stream& stream, Direction d) {
  for (const Queued& frame : stream.queue[index(d)]) {
    if (d == Direction::to_server) note_held(-static_cast<int64_t>(frame.payload.size()));
    if (!frame.header.is(FrameType::data) || frame.credited || frame.payload.empty()) continue;
    lane(d).surplus += frame.header.length;
    credit(d, frame.header.length);
  }
  stream.queue[index(d)].clear();
  lane(d).blocked.erase(stream.client_id);
}

/// Gives the sender of `d` back the room of DATA that the receiver does not get (yet).
void H2Filter::credit(Direction d, uint32_t bytes) {
  emit(opposite(d), encode_window_update(0, bytes));
}

void H2Filter::note_held(int64_t change) {
  held_bytes_ += change;
  const bool too_much = held_bytes_ > static_cast<int64_t>(kHeldLimitBytes);
  if (too_much != paused_) sink_->pause(Direction::to_server, paused_ = too_much);
}

void H2Filter::ended_by(Direction d, Stream& stream) {
  (d == Direction::to_server ? stream.client_ended : stream.server_ended) = true;
  forget_if_over(stream);
}

void H2Filter::forget_if_over(Stream& stream) {
  const bool over = stream.client_ended && stream.server_ended;
  if (over && stream.queue[0].empty() && stream.queue[1].empty()) forget(stream);
}

void H2Filter::forget(Stream& stream) {
  if (stream.state == Stream::State::held && stream.decision) --held_streams_;
  drop_queue(stream, Direction::to_server);
  drop_queue(stream, Direction::to_client);
  renumbered_.erase(stream.server_id);
  streams_.erase(stream.client_id);
}

}  // namespace mishap::protocols::h2core
