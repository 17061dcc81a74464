// HTTP/1.x framing (RFC 9112): heads, bodies by length, chunks or end of stream. Bytes may be cut
// anywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/protocols/http/semantics.h"

namespace mishap::protocols::http {

/// A head longer than this is none of ours to judge.
constexpr size_t kHeadLimitBytes = 256 * 1024;

/// Whether names of methods and headers may have it (RFC 9110, 5.6.2).
bool is_token_char(char c);
/// Whether it can be the name of a header or a method.
bool is_token(std::string_view text);
/// What is wrong with a header's name that somebody wrote; empty: nothing.
std::string name_problem(std::string_view name);
/// Whether a comma-separated header names `token`, over all its lines. Any case.
bool has_token(const Headers& headers, std::string_view name, std::string_view token);

enum class BodyKind { none, length, chunked, until_close };
struct Framing {
  BodyKind kind = BodyKind::none;
  uint64_t length = 0;
};

struct RequestHead {
  std::string method;
  std::string target;  ///< as sent
  int minor_version = 1;
  Headers headers;
  Framing body;
  bool expects_continue = false;
  bool wants_tunnel = false;  ///< Upgrade or CONNECT
  bool wants_close = false;   ///< the client will not reuse the connection
};

struct ResponseHead {
  int status = 0;
  int minor_version = 1;
  Headers headers;
  /// Of the body that the head announces; for a response to HEAD there is none in any case.
  Framing body;
};

/// Nothing when the text is not a head we understand, its framing included (then nobody can tell
/// where the message ends).
std::optional<RequestHead> parse_request_head(std::string_view text);
std::optional<ResponseHead> parse_response_head(std::string_view text);

/// Collects a head up to its empty line; lines may end with LF alone.
class HeadCollector {
 public:
  enum class State { collecting, complete, malformed };
  /// Takes bytes up to the head's end and returns how many. `malformed`: too long, or (for a
  /// request) what has come so far cannot be the start of one.
  size_t consume(std::string_view bytes, bool is_request);
  State state() const { return state_; }
  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }
  std::string take();  ///< gives the text away and starts over

 private:
  bool plausible_request_start() const;
  std::string text_;
  size_t line_start_ = 0;
  bool seen_line_ = false;
  State state_ = State::collecting;
};

/// Follows a body to its end.
class BodyReader {
 public:
  BodyReader() = default;
  explicit BodyReader(Framing framing);
  /// Takes bytes of the body and returns how many; fewer than given only when done or malformed.
  /// Content without the chunk framing is appended to `content` when it is not null.
  size_t consume(std::string_view bytes, std::string* content = nullptr);
  bool done() const { return state_ == State::done; }
  bool malformed() const { return state_ == State::malformed; }
  bool until_close() const { return state_ == State::until_close; }

 private:
  enum class State { done, malformed, length, until_close, size_line, data, data_end, trailer };
  size_t consume_one(std::string_view bytes, std::string* content);
  size_t consume_line(std::string_view bytes);
  void end_line();
  State state_ = State::done;
  uint64_t left_ = 0;
  std::string line_;
};

/// "Not Found"; "" for a status without a name.
std::string_view reason_phrase(int status);

}  // namespace mishap::protocols::http
