#include "mishap/protocols/h2core/headers.h"

#include <algorithm>

#include <nghttp2/nghttp2.h>

#include "mishap/base/check.h"
#include "mishap/protocols/h2core/frame.h"

namespace mishap::protocols::h2core {
namespace {

constexpr uint8_t kLiteral = 0x00, kNeverIndexed = 0x10, kTableSize = 0x20;
constexpr size_t kFieldOverhead = 32;

/// A number with a prefix of seven bits (RFC 7541, 5.1), the text's length before the text.
void append_text(std::string& out, std::string_view text) {
  constexpr size_t kMost = 127;
  size_t length = text.size();
  if (length < kMost) {
    out += static_cast<char>(length);
  } else {
    out += static_cast<char>(kMost);
    for (length -= kMost; length >= 128; length >>= 7) out += static_cast<char>(length % 128 + 128);
    out += static_cast<char>(length);
  }
  out += text;
}

std::string text_of(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

std::string with_continuations(FrameType first, uint8_t flags, uint32_t stream,
                               std::string_view payload) {
  std::string out;
  FrameType type = first;
  do {
    std::string_view piece = payload.substr(0, kSafeFrameBytes);
    payload.remove_prefix(piece.size());
    uint8_t now = type == first ? flags : 0;
    if (payload.empty()) now |= flags::kEndHeaders;
    out += encode_frame(type, now, stream, piece);
    type = FrameType::continuation;
  } while (!payload.empty());
  return out;
}

}  // namespace

const std::string* find_field(const HeaderFields& fields, std::string_view name) {
  auto found = std::find_if(fields.begin(), fields.end(),
                            [&](const HeaderField& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &found->value;
}

HeaderReader::HeaderReader() {
  MISHAP_CHECK(nghttp2_hd_inflate_new(&inflater_) == 0, "out of memory");
  // Whether a table is as large as the receiver allowed is for the receiver to say.
  MISHAP_CHECK(nghttp2_hd_inflate_change_table_size(inflater_, kTableLimitBytes) == 0);
}

HeaderReader::~HeaderReader() { nghttp2_hd_inflate_del(inflater_); }

std::optional<HeaderFields> HeaderReader::read(std::string_view block) {
  HeaderFields fields;
  size_t total = 0;
  const auto* bytes = reinterpret_cast<const uint8_t*>(block.data());
  size_t left = block.size();
  while (true) {
    nghttp2_nv field;
    int what = NGHTTP2_HD_INFLATE_NONE;
    ssize_t taken = nghttp2_hd_inflate_hd2(inflater_, &field, &what, bytes, left, 1);
    if (taken < 0) return std::nullopt;
    bytes += taken;
    left -= static_cast<size_t>(taken);
    if (what & NGHTTP2_HD_INFLATE_EMIT) {
      total += field.namelen + field.valuelen + kFieldOverhead;
      if (total > kListLimitBytes) return std::nullopt;
      fields.push_back({text_of(field.name, field.namelen), text_of(field.value, field.valuelen),
                        (field.flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0});
    }
    if (what & NGHTTP2_HD_INFLATE_FINAL) break;
    if (!(what & NGHTTP2_HD_INFLATE_EMIT) && left == 0) return std::nullopt;
  }
  nghttp2_hd_inflate_end_headers(inflater_);
  return fields;
}

std::string encode_block(const HeaderFields& fields, bool clears_table) {
  std::string out;
  if (clears_table) out += static_cast<char>(kTableSize);
  for (const HeaderField& field : fields) {
    out += static_cast<char>(field.never_indexed ? kNeverIndexed : kLiteral);
    append_text(out, field.name);
    append_text(out, field.value);
  }
  return out;
}

std::string encode_headers(uint32_t stream, bool end_stream, std::string_view block) {
  return with_continuations(FrameType::headers, end_stream ? flags::kEndStream : 0, stream, block);
}

std::string encode_push_promise(uint32_t stream, uint32_t promised, std::string_view block) {
  return with_continuations(FrameType::push_promise, 0, stream, encode_u32(promised).append(block));
}

}  // namespace mishap::protocols::h2core
