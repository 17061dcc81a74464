#include "wire.h"

namespace mishap::protocols::kafka {
namespace {

constexpr int kLongestVarint = 5;  // bytes of 32 bits in groups of seven

}  // namespace

std::string_view WireReader::bytes(size_t size) {
  if (failed_ || size > rest_.size()) {
    failed_ = true;
    return {};
  }
  std::string_view out = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return out;
}

int64_t WireReader::number(size_t size) {
  std::string_view raw = bytes(size);
  if (raw.empty()) return 0;
  uint64_t value = static_cast<signed char>(raw[0]) < 0 ? ~uint64_t{0} : 0;
  for (char c : raw) value = value << 8 | static_cast<unsigned char>(c);
  return static_cast<int64_t>(value);
}

uint32_t WireReader::unsigned_varint() {
  uint64_t value = 0;
  for (int i = 0; i < kLongestVarint; ++i) {
    std::string_view one = bytes(1);
    if (one.empty()) return 0;
    auto byte = static_cast<unsigned char>(one[0]);
    value |= uint64_t{byte & 0x7fu} << (7 * i);
    if (byte < 0x80) {
      if (value > UINT32_MAX) break;
      return static_cast<uint32_t>(value);
    }
  }
  failed_ = true;
  return 0;
}

int64_t WireReader::length(size_t size, bool compact) {
  int64_t value = compact ? int64_t{unsigned_varint()} - 1 : number(size);
  if (value < -1) failed_ = true;
  return failed_ ? 0 : value;
}

std::string_view WireReader::tags() {
  std::string_view begin = rest_;
  uint32_t count = unsigned_varint();
  for (uint32_t i = 0; i < count && !failed_; ++i) {
    unsigned_varint();
    bytes(unsigned_varint());
  }
  return failed_ ? std::string_view() : begin.substr(0, begin.size() - rest_.size());
}

void WireWriter::number(int64_t value, size_t size) {
  for (size_t i = size; i-- > 0;)
    out_ += static_cast<char>(static_cast<uint64_t>(value) >> (8 * i) & 0xff);
}

void WireWriter::unsigned_varint(uint32_t value) {
  for (; value >= 0x80; value >>= 7) out_ += static_cast<char>((value & 0x7f) | 0x80);
  out_ += static_cast<char>(value);
}

void WireWriter::length(int64_t value, size_t size, bool compact) {
  if (compact) {
    unsigned_varint(static_cast<uint32_t>(value + 1));
  } else {
    number(value, size);
  }
}

int32_t read_int32(std::string_view bytes) {
  return static_cast<int32_t>(WireReader(bytes).number(4));
}
int16_t read_int16(std::string_view bytes) {
  return static_cast<int16_t>(WireReader(bytes).number(2));
}

void patch_number(std::string& bytes, size_t at, int64_t value, size_t size) {
  WireWriter writer;
  writer.number(value, size);
  bytes.replace(at, size, writer.take());
}

}  // namespace mishap::protocols::kafka
