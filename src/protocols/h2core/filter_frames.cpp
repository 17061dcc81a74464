// What frames mean to the connection.
#include <algorithm>
#include <utility>

#include "mishap/protocols/h2core/filter.h"

namespace mishap::protocols::h2core {

using traffic::opposite;

namespace {

bool is_client_stream(uint32_t id) { return id % 2 == 1; }

}  // namespace

H2Filter::Fate H2Filter::fate_of(Direction d, const FrameHeader& header) {
  if (header.is(FrameType::data)) return fate_of_data(d, header);
  if (header.is(FrameType::ping)) return Fate::pass;
  if (header.type <= static_cast<uint8_t>(FrameType::continuation)) return Fate::collect;
  // An extension, about a stream of which the receiver may know nothing.
  const Stream* stream = find(d, header.stream);
  const bool unknown = stream ? stream->state != Stream::State::open : is_stray(d, header.stream);
  return unknown ? Fate::discard : Fate::pass;
}

H2Filter::Fate H2Filter::fate_of_data(Direction d, const FrameHeader& header) {
  const Stream* stream = find(d, header.stream);
  if (stream == nullptr) return is_stray(d, header.stream) ? Fate::discard : Fate::pass;
  if (stream->state == Stream::State::answered) return Fate::discard;
  if (stream->state == Stream::State::held || !stream->queue[index(d)].empty())
    return Fate::collect;
  if (d == Direction::to_client && !stream->watched.empty()) return Fate::collect;
  const Lane& to = lane(d);
  const bool finds_room = to.surplus <= 0 || header.length <= to.window;
  return finds_room ? Fate::pass : Fate::collect;
}

/// A collected frame, whole. False: it makes no sense.
bool H2Filter::end_frame(Direction d, std::string_view raw) {
  constexpr size_t kNumberBytes = 4;
  const FrameHeader header = lane(d).frame;
  const std::string_view payload = raw.substr(kFrameHeaderBytes);
  switch (static_cast<FrameType>(header.type)) {
    case FrameType::data: {
      Stream* stream = find(d, header.stream);
      if (stream == nullptr || stream->state == Stream::State::answered) {
        // Given up, or answered, while the frame came.
        lane(d).fate = Fate::discard;
        end_data(d);
        return true;
      }
      if (!stream->watched.empty() && d == Direction::to_client)
        return watched_data(*stream, payload);
      enqueue_data(*stream, d, header.flags, payload);
      if (header.has(flags::kEndStream)) ended_by(d, *stream);
      return true;
    }
    case FrameType::headers:
    case FrameType::push_promise:
    case FrameType::continuation:
      return add_to_block(d, raw, payload);
    case FrameType::settings:
      return settings(d, raw, payload);
    case FrameType::window_update:
      if (payload.size() != kNumberBytes) return false;
      window_update(d, raw, read_u32(payload) & kHighestStream);
      return true;
    case FrameType::rst_stream:
      if (payload.size() != kNumberBytes) return false;
      rst_stream(d, raw);
      return true;
    case FrameType::goaway:
      if (payload.size() < 2 * kNumberBytes) return false;
      goaway(d, raw, payload);
      return true;
    case FrameType::priority: {
      // Advice about streams, by numbers that may be others for the server.
      const Stream* stream = find(d, header.stream);
      if (!shifted_ && (stream == nullptr || stream->state == Stream::State::open)) pass(d, raw);
      return true;
    }
    case FrameType::ping:
      break;
  }
  return false;
}

/// A frame of DATA that passed, or was discarded.
void H2Filter::end_data(Direction d) {
  const FrameHeader header = lane(d).frame;
  Stream* stream = find(d, header.stream);
  const bool ends = header.has(flags::kEndStream);
  if (lane(d).fate == Fate::pass) {
    lane(d).window -= header.length;
    if (stream != nullptr) stream->window[index(d)] -= header.length;
  } else if (header.length > 0) {
    credit(d, header.length);
    // A client that still uploads to a stream that has been answered shall come to its end.
    if (stream != nullptr && d == Direction::to_server && !ends)
      emit(Direction::to_client, encode_window_update(stream->client_id, header.length));
  }
  if (stream != nullptr && ends) ended_by(d, *stream);
}

bool H2Filter::add_to_block(Direction d, std::string_view raw, std::string_view payload) {
  Lane& from = lane(d);
  const FrameHeader header = from.frame;
  auto content = without_padding(header, payload);
  if (!content) return false;
  if (!header.is(FrameType::continuation)) {
    from.block_begin = header;
    from.block.clear();
    from.promised = 0;
    if (header.is(FrameType::push_promise)) {
      if (d == Direction::to_server || content->size() < 4) return false;
      from.promised = read_u32(*content) & kHighestStream;
      content->remove_prefix(4);
    }
  }
  if (from.block_frames.size() + raw.size() > kCollectLimitBytes) return false;
  if (header.has(flags::kEndHeaders) && from.block_frames.empty()) {
    from.block = *content;
    return end_block(d, raw);
  }
  from.block.append(*content);
  if (!header.has(flags::kEndHeaders)) {
    from.block_frames.append(raw);
    from.in_block = true;
    return true;
  }
  std::string frames = from.block_frames + std::string(raw);
  std::string kept = std::exchange(from.block_frames, {});
  if (!end_block(d, frames)) {
    from.block_frames = std::move(kept);
    return false;
  }
  flush_run(d);
  from.in_block = false;
  return true;
}

bool H2Filter::end_block(Direction d, std::string_view frames) {
  auto fields = lane(d).headers.read(lane(d).block);
  if (!fields) return false;
  if (lane(d).block_begin.is(FrameType::push_promise)) {
    push_promise(*fields, frames);
  } else if (d == Direction::to_server) {
    client_block(std::move(*fields), frames);
  } else {
    server_block(std::move(*fields), frames);
  }
  return true;
}

void H2Filter::client_block(HeaderFields fields, std::string_view frames) {
  constexpr Direction d = Direction::to_server;
  const FrameHeader header = lane(d).block_begin;
  const bool ends = header.has(flags::kEndStream);
  Stream* known = find(d, header.stream);
  if (known == nullptr && is_client_stream(header.stream) && header.stream > last_client_id_) {
    last_client_id_ = header.stream;
    if (our_goaway_) return swallow_block(d);  // the client will know that it is not served
    Stream& stream = streams_[header.stream];
    stream.client_id = header.stream;
    stream.client_ended = ends;
    stream.window = {lane(Direction::to_server).initial_window,
                     lane(Direction::to_client).initial_window};
    return judge(stream, fields, frames);
  }
  if (known == nullptr) {
    if (is_stray(d, header.stream)) return swallow_block(d);
    return forward_block(d, header.stream, ends, fields, frames);
  }
  if (known->state == Stream::State::answered) {
    swallow_block(d);
  } else if (known->state == Stream::State::held || !known->queue[index(d)].empty()) {
    swallow_block(d);
    enqueue(*known, d, {.header = header, .fields = std::move(fields)});
  } else {
    forward_block(d, known->server_id, ends, fields, frames);
  }
  if (ends) ended_by(d, *known);
}

void H2Filter::server_block(HeaderFields fields, std::string_view frames) {
  constexpr Direction d = Direction::to_client;
  const FrameHeader header = lane(d).block_begin;
  const bool ends = header.has(flags::kEndStream);
  Stream* known = find(d, header.stream);
  if (known == nullptr) {
    if (is_stray(d, header.stream)) return swallow_block(d);
    return forward_block(d, header.stream, ends, fields, frames);
  }
  if (known->state == Stream::State::answered) return swallow_block(d);
  const std::string* status = find_field(fields, ":status");
  if (status != nullptr && !status->starts_with('1')) known->response_begun = true;
  if (known->queue[index(d)].empty()) {
    forward_block(d, known->client_id, ends, fields, frames);
  } else {
    swallow_block(d);
    enqueue(*known, d, {.header = header, .fields = std::move(fields)});
  }
  if (ends) ended_by(d, *known);
}

void H2Filter::push_promise(const HeaderFields& fields, std::string_view frames) {
  constexpr Direction d = Direction::to_client;
  const Lane& from = lane(d);
  const uint32_t id = from.block_begin.stream;
  const Stream* stream = find(d, id);
  const bool refused = stream ? stream->state == Stream::State::answered : is_stray(d, id);
  if (refused) {
    swallow_block(d);
    refused_pushes_.insert(from.promised);
    emit(Direction::to_server, encode_rst_stream(from.promised, kCancel));
    return;
  }
  const uint32_t out = stream ? stream->client_id : id;
  if (from.rewrites) {
    emit(d, encode_push_promise(out, from.promised, our_block(d, fields)));
  } else if (out != id) {
    emit(d, encode_push_promise(out, from.promised, from.block));
  } else {
    pass(d, frames);
  }
}

bool H2Filter::settings(Direction d, std::string_view raw, std::string_view payload) {
  constexpr size_t kSettingBytes = 6;
  if (payload.size() % kSettingBytes != 0) return false;
  const Direction back = opposite(d);
  Lane& from = lane(d);
  for (std::string_view rest = payload; !rest.empty(); rest.remove_prefix(kSettingBytes)) {
    if (read_u16(rest) != kSettingInitialWindow) continue;
    const uint32_t value = read_u32(rest.substr(2));
    if (value > kHighestStream) return false;
    const int64_t change = value - std::exchange(lane(back).initial_window, value);
    for (auto& [id, stream] : streams_) stream.window[index(back)] += change;
  }
  pass(d, raw);
  if (!from.settled) {
    from.settled = true;
    from.open_for_ours = true;
    flush_run(d);
    write(d, std::exchange(from.deferred, {}));
  }
  flush_blocked(back);
  return true;
}

void H2Filter::window_update(Direction d, std::string_view raw, uint32_t increment) {
  const Direction back = opposite(d);  // it is about what flows the other way
  const uint32_t id = lane(d).frame.stream;
  if (id == 0) {
    Lane& granted = lane(back);
    granted.window += increment;
    const int64_t kept = std::clamp<int64_t>(granted.surplus, 0, increment);
    granted.surplus -= kept;
    if (kept == 0) {
      pass(d, raw);
    } else if (kept < increment) {
      emit(d, encode_window_update(0, static_cast<uint32_t>(increment - kept)));
    }
    flush_blocked(back);
    return;
  }
  Stream* stream = find(d, id);
  if (stream == nullptr) {
    if (!is_stray(d, id)) pass(d, raw);
    return;
  }
  stream->window[index(back)] += increment;
  if (stream->state == Stream::State::held) {
    enqueue(*stream, d, {.header = lane(d).frame, .payload = std::string(raw.substr(9))});
    return;
  }
  if (stream->state == Stream::State::open) forward_frame(d, *stream, raw);
  flush(*stream, back);
  forget_if_over(*stream);
}

void H2Filter::rst_stream(Direction d, std::string_view raw) {
  Stream* stream = find(d, lane(d).frame.stream);
  if (stream == nullptr) {
    if (!is_stray(d, lane(d).frame.stream)) pass(d, raw);
    return;
  }
  if (d == Direction::to_server) {
    if (stream->state == Stream::State::open) forward_frame(d, *stream, raw);
    return forget(*stream);
  }
  if (stream->state == Stream::State::answered) return;
  if (stream->queue[index(d)].empty()) {
    forward_frame(d, *stream, raw);
    return forget(*stream);
  }
  // After a whole answer of which a part waits for room: it comes behind that.
  enqueue(*stream, d, {.header = lane(d).frame, .payload = std::string(raw.substr(9))});
  stream->client_ended = true;
  ended_by(d, *stream);
}

void H2Filter::goaway(Direction d, std::string_view raw, std::string_view payload) {
  if (d == Direction::to_server) return pass(d, raw);
  const uint32_t last = read_u32(payload) & kHighestStream;
  server_goaway_ = std::min(server_goaway_.value_or(kHighestStream), last);
  if (!shifted_ || last == kHighestStream) return pass(d, raw);
  uint32_t served = 0;
  for (const auto& [id, stream] : streams_) {
    if (stream.state == Stream::State::open && stream.server_id <= last)
      served = std::max(served, id);
  }
  std::vector<uint32_t> refused;
  for (const auto& [id, stream] : streams_) {
    if (stream.state == Stream::State::open && stream.server_id > last && id < served)
      refused.push_back(id);
  }
  std::sort(refused.begin(), refused.end());
  for (uint32_t id : refused) {
    emit(d, encode_rst_stream(id, kRefusedStream));
    forget(streams_.at(id));
  }
  emit(d, encode_frame(FrameType::goaway, 0, 0, encode_u32(served).append(payload.substr(4))));
}

/// A frame about a stream, by the number that its receiver has for it.
void H2Filter::forward_frame(Direction d, const Stream& stream, std::string_view raw) {
  FrameHeader header = lane(d).frame;
  const uint32_t id = id_for(d, stream);
  if (header.stream == id) return pass(d, raw);
  header.stream = id;
  emit(d, encode_frame_header(header).append(raw.substr(kFrameHeaderBytes)));
}

}  // namespace mishap::protocols::h2core
