#include <algorithm>

#include "codec.h"
#include "codec_lines.h"

namespace mishap::protocols::redis {
namespace {

constexpr uint64_t kCommandArgumentLimit = 1024 * 1024;  // the server's own limit

}  // namespace

size_t CommandParser::consume(std::string_view bytes) {
  size_t taken = 0;
  while (taken < bytes.size() && state_ == State::reading) {
    std::string_view rest = bytes.substr(taken);
    if (phase_ == Phase::start) {
      auto first = static_cast<unsigned char>(rest.front());
      phase_ = first == '*' ? Phase::count_line : Phase::inline_line;
      // Something binary, such as a TLS handshake, has no lines to wait for.
      if (first < 0x20 && first != '\r' && first != '\n' && first != '\t') {
        state_ = State::malformed;
        break;
      }
    }
    taken += phase_ == Phase::data ? consume_data(rest) : consume_line(rest);
  }
  return taken;
}

size_t CommandParser::consume_line(std::string_view bytes) {
  size_t end = bytes.find('\n');
  size_t count = end == std::string_view::npos ? bytes.size() : end + 1;
  line_.append(bytes.substr(0, count));
  if (line_.size() > kLineLimitBytes) {
    state_ = State::malformed;
  } else if (end != std::string_view::npos) {
    end_line();
    line_.clear();
  }
  return count;
}

void CommandParser::end_line() {
  std::string_view line = without_line_end(line_);
  if (phase_ == Phase::inline_line) {
    auto words = split_words(line);
    state_ = words ? State::complete : State::malformed;
    if (words) arguments_ = std::move(*words);
    return;
  }
  char expected = phase_ == Phase::count_line ? '*' : '$';
  auto number = line.starts_with(expected) ? parse_integer(line.substr(1)) : std::nullopt;
  if (!number) {
    state_ = State::malformed;
  } else if (phase_ == Phase::count_line) {
    if (*number > int64_t(kCommandArgumentLimit)) state_ = State::malformed;
    if (*number <= 0) state_ = State::complete;
    arguments_left_ = uint64_t(std::max<int64_t>(*number, 0));
    phase_ = Phase::length_line;
  } else if (*number < 0 || uint64_t(*number) > kStringLimitBytes) {
    state_ = State::malformed;
  } else {
    data_left_ = uint64_t(*number) + 2;
    arguments_.emplace_back();
    phase_ = Phase::data;
  }
}

size_t CommandParser::consume_data(std::string_view bytes) {
  size_t count = std::min<uint64_t>(data_left_, bytes.size());
  size_t content = data_left_ > 2 ? std::min<uint64_t>(data_left_ - 2, count) : 0;
  std::string& argument = arguments_.back();
  if (argument.size() < kKeptArgumentBytes) {
    argument.append(bytes.substr(0, std::min(content, kKeptArgumentBytes - argument.size())));
  }
  data_left_ -= count;
  if (data_left_ == 0) {
    phase_ = Phase::length_line;
    if (--arguments_left_ == 0) state_ = State::complete;
  }
  return count;
}

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// One quoted word; `at` stands behind the opening quote and ends behind the closing one. False
/// when there is none.
bool read_quoted(std::string_view line, size_t& at, char quote, std::string& word) {
  for (; at < line.size(); ++at) {
    char c = line[at];
    if (c == quote) {
      ++at;
      return at == line.size() || line[at] == ' ' || line[at] == '\t';
    }
    if (c != '\\' || at + 1 == line.size()) {
      word += c;
      continue;
    }
    char next = line[++at];
    if (quote == '\'') {
      if (next != '\'') word += '\\';
      word += next;
    } else if (next == 'x' && at + 2 < line.size() && hex_digit(line[at + 1]) >= 0 &&
               hex_digit(line[at + 2]) >= 0) {
      word += static_cast<char>(hex_digit(line[at + 1]) * 16 + hex_digit(line[at + 2]));
      at += 2;
    } else {
      size_t known = std::string_view("nrtba").find(next);
      word += known == std::string_view::npos ? next : "\n\r\t\b\a"[known];
    }
  }
  return false;
}

}  // namespace

std::optional<std::vector<std::string>> split_words(std::string_view line) {
  std::vector<std::string> words;
  size_t at = 0;
  while (true) {
    while (at < line.size() && (line[at] == ' ' || line[at] == '\t')) ++at;
    if (at == line.size()) return words;
    std::string& word = words.emplace_back();
    while (at < line.size() && line[at] != ' ' && line[at] != '\t') {
      char c = line[at++];
      if (c != '"' && c != '\'') {
        word += c;
      } else if (!read_quoted(line, at, c, word)) {
        return std::nullopt;
      }
    }
  }
}

}  // namespace mishap::protocols::redis
