#include "codec.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "mishap/base/text.h"

namespace mishap::protocols::http {
namespace {

constexpr size_t kChunkLineLimitBytes = 16 * 1024;

/// 0 or 1 of "HTTP/1.x"; -1 for anything else.
int minor_version(std::string_view text) {
  if (text == "HTTP/1.1") return 1;
  if (text == "HTTP/1.0") return 0;
  return -1;
}

/// The next line without its end; `text` advances.
std::string_view next_line(std::string_view& text) {
  size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Headers parse_headers(std::string_view text) {
  Headers headers;
  while (!text.empty()) {
    std::string_view line = next_line(text);
    if (line.empty()) break;
    size_t colon = line.find(':');
    if (line.front() == ' ' || line.front() == '\t') {  // a folded line goes on with the one before
      if (!headers.empty()) headers.back().second.append(" ").append(trim(line));
    } else if (colon != std::string_view::npos) {
      headers.emplace_back(std::string(trim(line.substr(0, colon))),
                           std::string(trim(line.substr(colon + 1))));
    }
  }
  return headers;
}

std::optional<uint64_t> parse_number(std::string_view text, int base) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (value > (uint64_t{1} << 60)) return std::nullopt;
  return value;
}

/// Nothing when two parties could read the framing in different ways.
std::optional<Framing> framing_of(const Headers& headers, BodyKind without) {
  std::optional<uint64_t> length;
  const std::string* coding = nullptr;
  for (const auto& [name, value] : headers) {
    std::string lower = to_lower(name);
    if (lower == "transfer-encoding") coding = &value;
    if (lower != "content-length") continue;
    for (std::string_view part : split(value, ',')) {
      auto number = parse_number(trim(part), 10);
      if (!number || (length && *length != *number)) return std::nullopt;
      length = number;
    }
  }
  if (coding != nullptr) {
    auto codings = split(*coding, ',');
    bool chunked = to_lower(trim(codings.back())) == "chunked";
    if (!chunked && without == BodyKind::none) return std::nullopt;
    return Framing{chunked ? BodyKind::chunked : BodyKind::until_close, 0};
  }
  if (length) return Framing{*length == 0 ? BodyKind::none : BodyKind::length, *length};
  return Framing{without, 0};
}

}  // namespace

bool is_token_char(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  return std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

std::string name_problem(std::string_view name) {
  if (is_token(name)) return {};
  return fmt::format(
      "\"{}\" is no name of a header: they have letters, digits and !#$%&'*+-.^_`|~ in them", name);
}

bool has_token(const Headers& headers, std::string_view name, std::string_view token) {
  std::string lower = to_lower(name);
  for (const auto& [key, value] : headers) {
    if (to_lower(key) != lower) continue;
    for (std::string_view part : split(value, ',')) {
      if (to_lower(trim(part)) == token) return true;
    }
  }
  return false;
}

std::optional<RequestHead> parse_request_head(std::string_view text) {
  RequestHead head;
  std::string_view line = next_line(text);
  while (line.empty() && !text.empty()) line = next_line(text);  // RFC 9112, 2.2
  size_t first = line.find(' ');
  size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  head.method = line.substr(0, first);
  head.target = trim(line.substr(first + 1, last - first - 1));
  head.minor_version = minor_version(line.substr(last + 1));
  if (!is_token(head.method) || head.target.empty() || head.minor_version < 0) return std::nullopt;
  head.headers = parse_headers(text);
  auto framing = framing_of(head.headers, BodyKind::none);
  if (!framing) return std::nullopt;
  head.body = *framing;
  head.expects_continue =
      head.minor_version == 1 && has_token(head.headers, "expect", "100-continue");
  head.wants_tunnel = head.method == "CONNECT" || find_header(head.headers, "upgrade") != nullptr;
  head.wants_close =
      has_token(head.headers, "connection", "close") ||
      (head.minor_version == 0 && !has_token(head.headers, "connection", "keep-alive"));
  return head;
}

std::optional<ResponseHead> parse_response_head(std::string_view text) {
  ResponseHead head;
  std::string_view line = next_line(text);
  head.minor_version = minor_version(line.substr(0, 8));
  if (head.minor_version < 0 || line.size() < 12 || line[8] != ' ') return std::nullopt;
  auto status = parse_number(line.substr(9, 3), 10);
  if (!status || *status < 100 || (line.size() > 12 && line[12] != ' ')) return std::nullopt;
  head.status = static_cast<int>(*status);
  head.headers = parse_headers(text);
  if (head.status < 200 || head.status == 204 || head.status == 304) return head;
  auto framing = framing_of(head.headers, BodyKind::until_close);
  if (!framing) return std::nullopt;
  head.body = *framing;
  return head;
}

// --- heads
// ------------------------------------------------------------------------------------------------------------------

size_t HeadCollector::consume(std::string_view bytes, bool is_request) {
  size_t taken = 0;
  while (taken < bytes.size() && state_ == State::collecting) {
    size_t end = bytes.find('\n', taken);
    size_t stop = end == std::string_view::npos ? bytes.size() : end + 1;
    text_.append(bytes.substr(taken, stop - taken));
    taken = stop;
    if (text_.size() > kHeadLimitBytes || (is_request && !plausible_request_start())) {
      state_ = State::malformed;
    } else if (end != std::string_view::npos) {
      std::string_view line = std::string_view(text_).substr(line_start_);
      bool blank = line == "\n" || line == "\r\n";
      if (blank && seen_line_) state_ = State::complete;
      seen_line_ = seen_line_ || !blank;
      line_start_ = text_.size();
    }
  }
  return taken;
}

// A peer that speaks something else must not wait for an empty line that never comes: the first
// line is judged as it arrives.
bool HeadCollector::plausible_request_start() const {
  std::string_view line = std::string_view(text_);
  if (seen_line_) return true;
  line.remove_prefix(std::min(line.find_first_not_of("\r\n"), line.size()));
  bool whole = line.ends_with('\n');
  size_t space = line.find(' ');
  std::string_view method = line.substr(0, space);
  if (space == std::string_view::npos && whole) return false;
  if (method.size() > 32 || !std::all_of(method.begin(), method.end(), is_token_char)) {
    return false;
  }
  if (!whole) return true;
  std::string_view trimmed = trim(line);
  return trimmed.ends_with(" HTTP/1.1") || trimmed.ends_with(" HTTP/1.0");
}

std::string HeadCollector::take() {
  std::string out = std::move(text_);
  *this = HeadCollector();
  return out;
}

// --- bodies
// -----------------------------------------------------------------------------------------------------------------

BodyReader::BodyReader(Framing framing) : left_(framing.length) {
  switch (framing.kind) {
    case BodyKind::none:
      state_ = State::done;
      break;
    case BodyKind::length:
      state_ = framing.length == 0 ? State::done : State::length;
      break;
    case BodyKind::chunked:
      state_ = State::size_line;
      break;
    case BodyKind::until_close:
      state_ = State::until_close;
      break;
  }
}

size_t BodyReader::consume(std::string_view bytes, std::string* content) {
  size_t taken = 0;
  while (taken < bytes.size() && state_ != State::done && state_ != State::malformed) {
    taken += consume_one(bytes.substr(taken), content);
  }
  return taken;
}

size_t BodyReader::consume_one(std::string_view bytes, std::string* content) {
  size_t count = bytes.size();
  switch (state_) {
    case State::until_close:
      break;
    case State::length:
    case State::data:
      count = std::min<uint64_t>(left_, bytes.size());
      break;
    default:
      return consume_line(bytes);
  }
  if (content != nullptr) content->append(bytes.substr(0, count));
  if (state_ == State::until_close) return count;
  left_ -= count;
  if (left_ == 0) state_ = state_ == State::length ? State::done : State::data_end;
  return count;
}

size_t BodyReader::consume_line(std::string_view bytes) {
  size_t end = bytes.find('\n');
  size_t count = end == std::string_view::npos ? bytes.size() : end + 1;
  line_.append(bytes.substr(0, count));
  if (line_.size() > kChunkLineLimitBytes) {
    state_ = State::malformed;
  } else if (end != std::string_view::npos) {
    end_line();
    line_.clear();
  }
  return count;
}

void BodyReader::end_line() {
  std::string_view line = trim(line_);
  if (state_ == State::data_end) {
    state_ = line.empty() ? State::size_line : State::malformed;
  } else if (state_ == State::trailer) {
    if (line.empty()) state_ = State::done;
  } else if (auto size = parse_number(trim(line.substr(0, line.find(';'))), 16)) {
    left_ = *size;
    state_ = *size == 0 ? State::trailer : State::data;
  } else {
    state_ = State::malformed;
  }
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 423:
      return "Locked";
    case 425:
      return "Too Early";
    case 429:
      return "Too Many Requests";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 507:
      return "Insufficient Storage";
    default:
      return "";
  }
}

}  // namespace mishap::protocols::http
