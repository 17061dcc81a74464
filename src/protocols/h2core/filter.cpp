// Reading frames, and passing on what is not changed.
#include "mishap/protocols/h2core/filter.h"

#include <algorithm>
#include <utility>

namespace mishap::protocols::h2core {

using traffic::Ending;
using traffic::Sink;

H2Filter::H2Filter(const Dialect& dialect) : dialect_(dialect) {
  lane(Direction::to_server).preface_left = kPreface.size();
  lane(Direction::to_client).open_for_ours = false;  // a server's SETTINGS come first
}

void H2Filter::on_bytes(Direction d, std::string_view bytes, Sink& sink) {
  if (ended_) return;
  sink_ = &sink;
  while (!bytes.empty() && !ended_) {
    if (unparsed_) {
      flush_run(d);
      write(d, bytes);
      return;
    }
    bytes.remove_prefix(read(d, bytes));
  }
  flush_run(d);
  settle_ends();
}

void H2Filter::on_eof(Direction d, Sink& sink) {
  if (ended_) return;
  sink_ = &sink;
  Lane& from = lane(d);
  from.source_ended = true;
  if (!deviated_) {  // half a frame and no more to come: the receiver shall judge it
    write(d, std::exchange(from.block_frames, {}));
    write(d, std::exchange(from.raw, {}));
  }
  settle_ends();
}

void H2Filter::on_timer(uint64_t token, Sink& sink) {
  if (ended_ || unparsed_) return;
  sink_ = &sink;
  auto found = streams_.find(static_cast<uint32_t>(token));
  // The client may have given it up meanwhile.
  if (found == streams_.end() || found->second.state != Stream::State::held) return;
  release(found->second);
  settle_ends();
}

/// Takes some of the bytes and returns how many; none when track was lost.
size_t H2Filter::read(Direction d, std::string_view bytes) {
  Lane& from = lane(d);
  if (from.preface_left > 0) return read_preface(from, bytes);
  if (from.payload_left > 0) return read_payload(d, bytes);
  if (!from.raw.empty()) return collect(d, bytes);
  return begin_frame(d, bytes);
}

size_t H2Filter::read_preface(Lane& from, std::string_view bytes) {
  const std::string_view wanted = kPreface.substr(kPreface.size() - from.preface_left);
  const size_t count = std::min(wanted.size(), bytes.size());
  if (bytes.substr(0, count) != wanted.substr(0, count)) {
    lose_track("the client does not begin with HTTP/2's preface");
    return 0;
  }
  pass(Direction::to_server, bytes.substr(0, count));
  from.preface_left -= count;
  return count;
}

size_t H2Filter::begin_frame(Direction d, std::string_view bytes) {
  Lane& from = lane(d);
  if (bytes.size() < kFrameHeaderBytes) {
    from.raw.append(bytes);
    return bytes.size();
  }
  from.frame = parse_frame_header(bytes);
  if (!is_in_place(from, from.frame)) {
    lose_track("a frame that may not stand where it does");
    return 0;
  }
  from.fate = fate_of(d, from.frame);
  if (from.fate != Fate::collect) {
    begin_passing(d, bytes.substr(0, kFrameHeaderBytes), true);
    return kFrameHeaderBytes;
  }
  const size_t size = kFrameHeaderBytes + from.frame.length;
  if (bytes.size() < size) {
    from.raw.append(bytes);
    return bytes.size();
  }
  if (end_frame(d, bytes.substr(0, size))) return size;
  if (!ended_) lose_track("a frame that makes no sense");
  return 0;
}

/// Goes on with a frame of which there are bytes in `raw`.
size_t H2Filter::collect(Direction d, std::string_view bytes) {
  Lane& from = lane(d);
  size_t taken = 0;
  if (from.raw.size() < kFrameHeaderBytes) {
    taken = std::min(kFrameHeaderBytes - from.raw.size(), bytes.size());
    from.raw.append(bytes.substr(0, taken));
    if (from.raw.size() < kFrameHeaderBytes) return taken;
    from.frame = parse_frame_header(from.raw);
    if (!is_in_place(from, from.frame)) {
      lose_track("a frame that may not stand where it does");
      return taken;
    }
    from.fate = fate_of(d, from.frame);
    if (from.fate != Fate::collect) {
      begin_passing(d, std::exchange(from.raw, {}), false);
      return taken;
    }
  }
  const size_t more =
      std::min(kFrameHeaderBytes + from.frame.length - from.raw.size(), bytes.size() - taken);
  from.raw.append(bytes.substr(taken, more));
  taken += more;
  if (from.raw.size() < kFrameHeaderBytes + from.frame.length) return taken;
  std::string whole = std::exchange(from.raw, {});
  if (end_frame(d, whole)) {
    flush_run(d);
  } else if (!ended_) {
    from.raw = std::move(whole);
    lose_track("a frame that makes no sense");
  }
  return taken;
}

/// Whether a frame may follow what came before, as far as that decides what it means.
bool H2Filter::is_in_place(const Lane& from, const FrameHeader& header) const {
  if (!from.settled) return header.is(FrameType::settings) && !header.has(flags::kAck);
  const bool continues = header.is(FrameType::continuation);
  if (continues != from.in_block) return false;
  if (continues && header.stream != from.block_begin.stream) return false;
  const bool of_a_stream = header.is(FrameType::data) || header.is(FrameType::headers) ||
                           header.is(FrameType::push_promise);
  if (of_a_stream && header.stream == 0) return false;
  return header.is(FrameType::data) ||
         header.type > static_cast<uint8_t>(FrameType::continuation) ||
         header.length <= kCollectLimitBytes;
}

void H2Filter::begin_passing(Direction d, std::string_view raw_header, bool in_hand) {
  Lane& from = lane(d);
  from.payload_left = from.frame.length;
  if (from.fate == Fate::pass) {
    const Stream* stream = from.frame.stream == 0 ? nullptr : find(d, from.frame.stream);
    if (stream != nullptr && id_for(d, *stream) != from.frame.stream) {
      FrameHeader renumbered = from.frame;
      renumbered.stream = id_for(d, *stream);
      flush_run(d);
      write(d, encode_frame_header(renumbered));
    } else {
      pass(d, raw_header);
      if (!in_hand) flush_run(d);
    }
    from.open_for_ours = false;
  }
  if (from.payload_left == 0) end_passing(d);
}

size_t H2Filter::read_payload(Direction d, std::string_view bytes) {
  Lane& from = lane(d);
  const size_t count = std::min<size_t>(from.payload_left, bytes.size());
  if (from.fate == Fate::pass) pass(d, bytes.substr(0, count));
  from.payload_left -= static_cast<uint32_t>(count);
  if (from.payload_left == 0) end_passing(d);
  return count;
}

void H2Filter::end_passing(Direction d) {
  Lane& from = lane(d);
  if (from.fate == Fate::pass) {
    from.open_for_ours = true;
    if (!from.deferred.empty()) {
      flush_run(d);
      write(d, std::exchange(from.deferred, {}));
    }
  }
  if (from.frame.is(FrameType::data)) end_data(d);
}

/// From here on nobody can say what the bytes mean. They pass unread, unless the two ends already
/// depend on us.
void H2Filter::lose_track(std::string_view why) {
  sink_->report("unparsed", {{"reason", std::string(why)}});
  if (deviated_) {
    end(Ending::finish);
    return;
  }
  unparsed_ = true;
  for (Direction d : {Direction::to_server, Direction::to_client}) {
    Lane& from = lane(d);
    flush_run(d);
    write(d, std::exchange(from.block_frames, {}));
    write(d, std::exchange(from.raw, {}));
    from.payload_left = 0;
  }
}

/// Unchanged bytes: of those at hand, or the caller flushes before they go.
void H2Filter::pass(Direction d, std::string_view raw) {
  Lane& to = lane(d);
  if (!to.run.empty() && to.run.data() + to.run.size() == raw.data()) {
    to.run = {to.run.data(), to.run.size() + raw.size()};
    return;
  }
  flush_run(d);
  to.run = raw;
}

void H2Filter::flush_run(Direction d) { write(d, std::exchange(lane(d).run, {})); }

/// Frames of ours.
void H2Filter::emit(Direction d, std::string_view bytes) {
  deviated_ = true;
  if (!lane(d).open_for_ours) {
    lane(d).deferred.append(bytes);
    return;
  }
  flush_run(d);
  write(d, bytes);
}

void H2Filter::write(Direction d, std::string_view bytes) {
  if (!ended_ && !bytes.empty() && !lane(d).eof_sent) sink_->send(d, bytes);
}

void H2Filter::end(Ending ending) {
  if (ended_) return;
  for (Direction d : {Direction::to_server, Direction::to_client}) flush_run(d);
  ended_ = true;
  sink_->end(ending);
}

/// Passes on the ends of streams, once nothing is left that must be said before.
void H2Filter::settle_ends() {
  if (ended_) return;
  Lane& forth = lane(Direction::to_server);
  Lane& back = lane(Direction::to_client);
  // The client is told first, behind the server's SETTINGS.
  const bool told = back.deferred.empty() || back.source_ended;
  if (our_goaway_ && streams_.empty() && told) return end(Ending::finish);
  auto finish = [&](Direction d) {
    if (!std::exchange(lane(d).eof_sent, true)) sink_->send_eof(d);
  };
  const bool forth_waits = held_streams_ > 0 || !forth.blocked.empty();
  if (forth.source_ended && (unparsed_ || back.source_ended || !forth_waits))
    finish(Direction::to_server);
  if (!back.source_ended) return;
  // Answers of ours need no server; but nobody waits for a request that will find none.
  const bool owes = std::any_of(streams_.begin(), streams_.end(), [](const auto& entry) {
    const Stream& stream = entry.second;
    return stream.state == Stream::State::held && stream.decision->terminal;
  });
  if (unparsed_ || forth.source_ended || (back.blocked.empty() && !owes))
    finish(Direction::to_client);
}

}  // namespace mishap::protocols::h2core
