#include "mishap/protocols/h2core/frame.h"

#include <algorithm>
#include <charconv>

#include "mishap/base/text.h"

namespace mishap::protocols::h2core {
namespace {

constexpr size_t kPriorityBytes = 5;

uint32_t byte_at(std::string_view bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }

void append_u32(std::string& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

}  // namespace

uint32_t read_u32(std::string_view bytes) {
  return byte_at(bytes, 0) << 24 | byte_at(bytes, 1) << 16 | byte_at(bytes, 2) << 8 |
         byte_at(bytes, 3);
}

uint16_t read_u16(std::string_view bytes) {
  return static_cast<uint16_t>(byte_at(bytes, 0) << 8 | byte_at(bytes, 1));
}

std::string encode_u32(uint32_t value) {
  std::string out;
  append_u32(out, value);
  return out;
}

FrameHeader parse_frame_header(std::string_view bytes) {
  return {.length = read_u32(bytes) >> 8,
          .type = static_cast<uint8_t>(bytes[3]),
          .flags = static_cast<uint8_t>(bytes[4]),
          .stream = read_u32(bytes.substr(5)) & kHighestStream};
}

std::string encode_frame_header(const FrameHeader& header) {
  std::string out;
  append_u32(out, header.length << 8 | header.type);
  out += static_cast<char>(header.flags);
  append_u32(out, header.stream);
  return out;
}

std::string encode_frame(FrameType type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string out = encode_frame_header({.length = static_cast<uint32_t>(payload.size()),
                                         .type = static_cast<uint8_t>(type),
                                         .flags = flags,
                                         .stream = stream});
  return out.append(payload);
}

std::string encode_window_update(uint32_t stream, uint32_t increment) {
  return encode_frame(FrameType::window_update, 0, stream, encode_u32(increment));
}

std::string encode_rst_stream(uint32_t stream, uint32_t code) {
  return encode_frame(FrameType::rst_stream, 0, stream, encode_u32(code));
}

std::string encode_goaway(uint32_t last_stream, uint32_t code) {
  return encode_frame(FrameType::goaway, 0, 0, encode_u32(last_stream) + encode_u32(code));
}

std::optional<std::string_view> without_padding(const FrameHeader& header,
                                                std::string_view payload) {
  size_t padding = 0;
  if (header.has(flags::kPadded)) {
    if (payload.empty()) return std::nullopt;
    padding = byte_at(payload, 0);
    payload.remove_prefix(1);
  }
  if (header.is(FrameType::headers) && header.has(flags::kPriority)) {
    if (payload.size() < kPriorityBytes) return std::nullopt;
    payload.remove_prefix(kPriorityBytes);
  }
  if (padding > payload.size()) return std::nullopt;
  payload.remove_suffix(padding);
  return payload;
}

std::string error_name(uint32_t code) {
  return code < kErrorNames.size() ? std::string(kErrorNames[code]) : std::to_string(code);
}

std::optional<uint32_t> error_code(std::string_view text) {
  const std::string upper = to_upper(text);
  auto found = std::find(kErrorNames.begin(), kErrorNames.end(), upper);
  if (found != kErrorNames.end()) return static_cast<uint32_t>(found - kErrorNames.begin());
  uint32_t code = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), code);
  if (text.empty() || problem != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return code;
}

}  // namespace mishap::protocols::h2core
