// The HTTP/2 filter: lets frames pass byte for byte, and takes single streams out of the traffic
// when a rule says so.
//
// Until a rule has had an effect on a connection nothing of it is changed; header blocks are only
// inflated to see what they ask for. From the first effect on, these things that both ends share
// must be kept in step by us:
//
// - The compression of headers. A block that a receiver does not get would be missing in its table.
//   So from there on the blocks of that direction are our own literals; the first empties the
//   table.
// - Stream numbers. The server wants them to rise, so a request that was held gets a new, higher
//   number when it is let go while younger ones have passed, and all that follow do.
// - The connection's windows. DATA that is held or discarded is credited to its sender at once, so
//   that the other streams go on. What a receiver then has room for and what its sender believes
//   differ; the surplus is taken off the receiver's next WINDOW_UPDATEs, and until then DATA that
//   finds no room waits.
//
// docs/design/http2.md tells it whole.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mishap/protocols/h2core/dialect.h"
#include "mishap/protocols/h2core/frame.h"
#include "mishap/protocols/h2core/headers.h"
#include "mishap/protocols/h2core/messages.h"
#include "mishap/traffic/filter.h"

namespace mishap::protocols::h2core {

class H2Filter final : public traffic::Filter {
 public:
  /// A header block or a control frame longer than this is none of ours to judge.
  static constexpr size_t kCollectLimitBytes = size_t{1} << 20;
  /// DATA of held streams beyond this is no longer credited to the client at once.
  static constexpr size_t kCreditLimitBytes = size_t{16} << 20;
  /// With more held than this the client is not read until some of it is let go.
  static constexpr size_t kHeldLimitBytes = size_t{64} << 20;

  /// `dialect` outlives the filter.
  explicit H2Filter(const Dialect& dialect);
  void on_bytes(traffic::Direction direction, std::string_view bytes, traffic::Sink& sink) override;
  void on_eof(traffic::Direction direction, traffic::Sink& sink) override;
  void on_timer(uint64_t token, traffic::Sink& sink) override;

 private:
  using Direction = traffic::Direction;
  enum class Fate { pass, collect, discard };

  /// A frame that waits: DATA for room, anything of a held stream for its time.
  struct Queued {
    FrameHeader header;
    std::string payload;
    HeaderFields fields;    ///< of HEADERS, instead of a payload
    bool credited = false;  ///< of DATA: its sender has been given the room back
  };

  struct Stream {
    enum class State {
      open,
      held,      ///< the server does not know of it yet
      answered,  ///< the server does not know of it (any more): what comes is discarded
    };
    uint32_t client_id = 0;
    uint32_t server_id = 0;  ///< 0: not opened at the server
    State state = State::open;
    bool client_ended = false;
    bool server_ended = false;
    bool ends_with_head = false;  ///< of a held stream: the request has no body
    bool response_begun = false;
    std::array<int64_t, 2> window{};  ///< what its receiver has room for, by direction
    std::array<std::deque<Queued>, 2> queue;
    std::unique_ptr<Request> request;                   ///< of a stream that is held or watched
    std::unique_ptr<fault::ProtocolDecision> decision;  ///< of a held stream
    std::vector<int> watched;  ///< counts of messages that some rule waits for, rising
    MessageCounter messages;   ///< of the server, while `watched` is not empty
  };

  /// One direction: what its sender says, and what its receiver gets.
  struct Lane {
    // From the sender.
    size_t preface_left = 0;
    bool settled = false;  ///< the first SETTINGS have come
    std::string raw;       ///< of a frame that has not come whole: what must be kept of it
    FrameHeader frame;
    Fate fate = Fate::pass;
    uint32_t payload_left = 0;  ///< of a frame that passes or is discarded
    bool source_ended = false;

    // A header block that goes over several frames.
    std::string block_frames;  ///< as they came
    std::string block;
    FrameHeader block_begin;
    uint32_t promised = 0;
    bool in_block = false;
    HeaderReader headers;
    bool rewrites = false;  ///< blocks are ours from here on
    bool cleared = false;   ///< and the receiver's table has been emptied

    // To the receiver.
    bool open_for_ours = true;        ///< between two frames, where one of ours may be put
    std::string deferred;             ///< of ours, until then
    std::string_view run;             ///< of the bytes at hand, what passes unchanged
    int64_t window = kInitialWindow;  ///< what the receiver has room for
    int64_t initial_window = kInitialWindow;
    int64_t surplus = 0;  ///< what the sender believes beyond that
    bool eof_sent = false;
    std::set<uint32_t> blocked;  ///< streams with a queue that is not held
  };
  Lane& lane(Direction d) { return lanes_[index(d)]; }
  static size_t index(Direction d) { return d == Direction::to_client ? 1 : 0; }

  // filter.cpp: reading, and passing on.
  size_t read(Direction d, std::string_view bytes);
  size_t read_preface(Lane& from, std::string_view bytes);
  size_t read_payload(Direction d, std::string_view bytes);
  size_t begin_frame(Direction d, std::string_view bytes);
  size_t collect(Direction d, std::string_view bytes);
  bool is_in_place(const Lane& from, const FrameHeader& header) const;
  void begin_passing(Direction d, std::string_view raw_header, bool in_hand);
  void end_passing(Direction d);
  void lose_track(std::string_view why);
  void pass(Direction d, std::string_view raw);
  void flush_run(Direction d);
  void emit(Direction d, std::string_view bytes);
  void write(Direction d, std::string_view bytes);
  void end(traffic::Ending ending);
  void settle_ends();

  // filter_frames.cpp: what frames mean. False: it makes no sense.
  Fate fate_of(Direction d, const FrameHeader& header);
  Fate fate_of_data(Direction d, const FrameHeader& header);
  bool end_frame(Direction d, std::string_view raw);
  void end_data(Direction d);
  bool add_to_block(Direction d, std::string_view raw, std::string_view payload);
  bool end_block(Direction d, std::string_view frames);
  void client_block(HeaderFields fields, std::string_view frames);
  void server_block(HeaderFields fields, std::string_view frames);
  void push_promise(const HeaderFields& fields, std::string_view frames);
  bool settings(Direction d, std::string_view raw, std::string_view payload);
  void window_update(Direction d, std::string_view raw, uint32_t increment);
  void rst_stream(Direction d, std::string_view raw);
  void goaway(Direction d, std::string_view raw, std::string_view payload);
  void forward_frame(Direction d, const Stream& stream, std::string_view raw);

  // filter_streams.cpp: rules, and what they do to streams.
  Stream* find(Direction d, uint32_t id);
  uint32_t id_for(Direction d, const Stream& stream) const;
  bool is_stray(Direction d, uint32_t id);
  void judge(Stream& stream, const HeaderFields& fields, std::string_view frames);
  fault::ProtocolDecision decide(Stream& stream, const Request& request);
  void hold(Stream& stream, fault::ProtocolDecision decision);
  void release(Stream& stream);
  void carry_out(Stream& stream, const fault::ProtocolRule& rule);
  void answer(Stream& stream, const fault::ProtocolRule& rule);
  void append_own(Stream& stream, FrameType type, bool ends, std::string payload,
                  HeaderFields fields);
  void drop(Stream& stream, const fault::ProtocolRule& rule);
  void leave_server(Stream& stream);
  void open_at_server(Stream& stream);
  void forward_block(Direction d, uint32_t id, bool end_stream, const HeaderFields& fields,
                     std::string_view frames);
  std::string our_block(Direction d, const HeaderFields& fields);
  void swallow_block(Direction d);
  bool watched_data(Stream& stream, std::string_view payload);
  std::optional<fault::ProtocolRule> rule_after_message(Stream& stream);
  void enqueue(Stream& stream, Direction d, Queued frame);
  void enqueue_data(Stream& stream, Direction d, uint8_t flags, std::string_view payload);
  void flush(Stream& stream, Direction d);
  bool flush_front(Stream& stream, Direction d);
  void flush_blocked(Direction d);
  void drop_queue(Stream& stream, Direction d);
  void credit(Direction d, uint32_t bytes);
  void note_held(int64_t change);
  void ended_by(Direction d, Stream& stream);
  void forget_if_over(Stream& stream);
  void forget(Stream& stream);

  const Dialect& dialect_;
  traffic::Sink* sink_ = nullptr;  ///< of the call that is being answered
  std::array<Lane, 2> lanes_;
  std::unordered_map<uint32_t, Stream> streams_;       ///< by the client's number
  std::unordered_map<uint32_t, uint32_t> renumbered_;  ///< the server's number → the client's
  std::set<uint32_t> refused_pushes_;
  uint32_t last_client_id_ = 0;
  uint32_t last_server_id_ = 0;
  bool shifted_ = false;                   ///< numbers of the two sides differ, or did
  std::optional<uint32_t> server_goaway_;  ///< the last stream that the server takes
  std::optional<uint32_t> our_goaway_;     ///< the last stream that we said is served
  int64_t held_bytes_ = 0;
  size_t held_streams_ = 0;
  bool paused_ = false;
  bool deviated_ = false;  ///< a rule has had an effect
  bool unparsed_ = false;  ///< bytes pass unread
  bool ended_ = false;
};

}  // namespace mishap::protocols::h2core
