// HTTP/2 frames (RFC 9113, sections 4 and 6): their nine-byte headers, and those that are made up.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mishap::protocols::h2core {

/// What a client says first.
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr size_t kFrameHeaderBytes = 9;
/// No receiver may refuse a frame of this size, so what is made up is cut to it.
constexpr size_t kSafeFrameBytes = 16384;
constexpr uint32_t kInitialWindow = 65535;
constexpr uint32_t kHighestStream = 0x7fffffff;

enum class FrameType : uint8_t {
  data = 0,
  headers = 1,
  priority = 2,
  rst_stream = 3,
  settings = 4,
  push_promise = 5,
  ping = 6,
  goaway = 7,
  window_update = 8,
  continuation = 9,
};

namespace flags {
constexpr uint8_t kEndStream = 0x1;   ///< DATA, HEADERS
constexpr uint8_t kAck = 0x1;         ///< SETTINGS, PING
constexpr uint8_t kEndHeaders = 0x4;  ///< HEADERS, PUSH_PROMISE, CONTINUATION
constexpr uint8_t kPadded = 0x8;      ///< DATA, HEADERS, PUSH_PROMISE
constexpr uint8_t kPriority = 0x20;   ///< HEADERS
}  // namespace flags

constexpr uint16_t kSettingInitialWindow = 4;

struct FrameHeader {
  uint32_t length = 0;  ///< of the payload, at most 2^24 - 1
  uint8_t type = 0;     ///< a FrameType, or one that nobody knows
  uint8_t flags = 0;
  uint32_t stream = 0;  ///< without the reserved bit

  bool is(FrameType wanted) const { return type == static_cast<uint8_t>(wanted); }
  bool has(uint8_t flag) const { return (flags & flag) != 0; }
};

/// Of exactly kFrameHeaderBytes bytes.
FrameHeader parse_frame_header(std::string_view bytes);
std::string encode_frame_header(const FrameHeader& header);
/// A whole frame.
std::string encode_frame(FrameType type, uint8_t flags, uint32_t stream, std::string_view payload);
std::string encode_window_update(uint32_t stream, uint32_t increment);
std::string encode_rst_stream(uint32_t stream, uint32_t code);
std::string encode_goaway(uint32_t last_stream, uint32_t code);

/// Big-endian numbers at the beginning of `bytes`, which has them.
uint32_t read_u32(std::string_view bytes);
uint16_t read_u16(std::string_view bytes);
std::string encode_u32(uint32_t value);

/// The part of a payload that is neither padding nor (of HEADERS) priority. Nothing: the padding is
/// longer than the payload.
std::optional<std::string_view> without_padding(const FrameHeader& header,
                                                std::string_view payload);

/// Error codes of RST_STREAM and GOAWAY, by their names in RFC 9113.
constexpr uint32_t kNoError = 0x0;
constexpr uint32_t kRefusedStream = 0x7;
constexpr uint32_t kCancel = 0x8;
constexpr std::array<std::string_view, 14> kErrorNames = {"NO_ERROR",
                                                          "PROTOCOL_ERROR",
                                                          "INTERNAL_ERROR",
                                                          "FLOW_CONTROL_ERROR",
                                                          "SETTINGS_TIMEOUT",
                                                          "STREAM_CLOSED",
                                                          "FRAME_SIZE_ERROR",
                                                          "REFUSED_STREAM",
                                                          "CANCEL",
                                                          "COMPRESSION_ERROR",
                                                          "CONNECT_ERROR",
                                                          "ENHANCE_YOUR_CALM",
                                                          "INADEQUATE_SECURITY",
                                                          "HTTP_1_1_REQUIRED"};
/// The name, or the number in decimal.
std::string error_name(uint32_t code);
/// By name or decimal number.
std::optional<uint32_t> error_code(std::string_view text);

}  // namespace mishap::protocols::h2core
