// HTTP/2 as the two ends would say it, for tests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include "mishap/base/check.h"
#include "mishap/protocols/h2core/frame.h"
#include "mishap/protocols/h2core/headers.h"

namespace mishap::protocols::h2core::testing {

inline std::string settings(std::string_view payload = {}) {
  return encode_frame(FrameType::settings, 0, 0, payload);
}
inline std::string setting(uint16_t id, uint32_t value) {
  std::string out = {static_cast<char>(id >> 8), static_cast<char>(id)};
  return out + encode_u32(value);
}
inline std::string settings_ack() { return encode_frame(FrameType::settings, flags::kAck, 0, {}); }
inline std::string data(uint32_t stream, std::string_view bytes, bool end = false) {
  return encode_frame(FrameType::data, end ? flags::kEndStream : 0, stream, bytes);
}

/// An end that compresses its headers as programs do, with a table that grows.
class Speaker {
 public:
  Speaker() { MISHAP_CHECK(nghttp2_hd_deflate_new(&deflater_, 4096) == 0); }
  ~Speaker() { nghttp2_hd_deflate_del(deflater_); }
  Speaker(const Speaker&) = delete;
  Speaker& operator=(const Speaker&) = delete;

  std::string block(const HeaderFields& fields) {
    std::vector<nghttp2_nv> list;
    for (const HeaderField& field : fields)
      list.push_back({bytes(field.name), bytes(field.value), field.name.size(), field.value.size(),
                      NGHTTP2_NV_FLAG_NONE});
    std::string out(nghttp2_hd_deflate_bound(deflater_, list.data(), list.size()), '\0');
    ssize_t size =
        nghttp2_hd_deflate_hd(deflater_, bytes(out), out.size(), list.data(), list.size());
    MISHAP_CHECK(size >= 0);
    out.resize(static_cast<size_t>(size));
    return out;
  }
  std::string headers(uint32_t stream, const HeaderFields& fields, bool end = false) {
    return encode_headers(stream, end, block(fields));
  }
  std::string request(uint32_t stream, std::string_view path, bool end = true,
                      std::string_view method = "GET") {
    return headers(stream,
                   {{":method", std::string(method)},
                    {":scheme", "http"},
                    {":authority", "server"},
                    {":path", std::string(path)},
                    {"user-agent", "test"}},
                   end);
  }
  std::string response(uint32_t stream, bool end = false) {
    return headers(stream, {{":status", "200"}, {"server", "real"}}, end);
  }

 private:
  static uint8_t* bytes(const std::string& text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  }
  nghttp2_hd_deflater* deflater_ = nullptr;
};

/// What an end makes of the frames that it gets: a line each, header blocks inflated. A block that
/// cannot be inflated is said to be broken.
inline std::vector<std::string> describe(std::string_view bytes) {
  static constexpr std::string_view kNames[] = {
      "DATA",         "HEADERS", "PRIORITY", "RST_STREAM",    "SETTINGS",
      "PUSH_PROMISE", "PING",    "GOAWAY",   "WINDOW_UPDATE", "CONTINUATION"};
  std::vector<std::string> lines;
  HeaderReader reader;
  std::string block;
  if (bytes.starts_with(kPreface)) {
    lines.emplace_back("PREFACE");
    bytes.remove_prefix(kPreface.size());
  }
  while (bytes.size() >= kFrameHeaderBytes) {
    const FrameHeader header = parse_frame_header(bytes);
    if (bytes.size() < kFrameHeaderBytes + header.length) break;
    const std::string_view payload = bytes.substr(kFrameHeaderBytes, header.length);
    bytes.remove_prefix(kFrameHeaderBytes + header.length);
    std::string line = header.type < std::size(kNames) ? std::string(kNames[header.type])
                                                       : fmt::format("TYPE_{}", header.type);
    line += fmt::format(" {}", header.stream);
    const bool can_end = header.is(FrameType::data) || header.is(FrameType::headers);
    if (header.is(FrameType::data)) line += fmt::format(" {}", payload);
    if (header.is(FrameType::window_update)) line += fmt::format(" {}", read_u32(payload));
    if (header.is(FrameType::rst_stream)) line += " " + error_name(read_u32(payload));
    if (header.is(FrameType::goaway))
      line += fmt::format(" {} {}", read_u32(payload), error_name(read_u32(payload.substr(4))));
    if (header.is(FrameType::headers) || header.is(FrameType::continuation))
      block.append(*without_padding(header, payload));
    if (header.is(FrameType::push_promise)) {
      line += fmt::format(" promises {}", read_u32(payload));
      block = payload.substr(4);
    }
    if (header.has(flags::kEndHeaders) && !block.empty()) {
      auto fields = reader.read(block);
      if (!fields) line += " broken";
      for (const HeaderField& field : fields.value_or(HeaderFields{}))
        line += fmt::format(" {}={}", field.name, field.value);
      block.clear();
    }
    if (can_end && header.has(flags::kEndStream)) line += " END";
    lines.push_back(line);
  }
  if (!bytes.empty()) lines.push_back(fmt::format("{} bytes more", bytes.size()));
  return lines;
}

}  // namespace mishap::protocols::h2core::testing
