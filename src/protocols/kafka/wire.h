// Kafka's primitive types (kafka.apache.org/protocol, "Protocol Primitive Types"): big-endian
// numbers, strings and arrays with a length in front, and since "flexible" versions (KIP-482) the
// compact ones, whose length is an unsigned varint and one more than it says.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace mishap::protocols::kafka {

/// Reads from bytes that it borrows. Once something did not fit, `failed` stays true and every
/// further read gives zeros and empty text.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}
  bool failed() const { return failed_; }
  void fail() { failed_ = true; }
  std::string_view rest() const { return rest_; }

  /// A signed number of 1, 2, 4 or 8 bytes.
  int64_t number(size_t size);
  uint32_t unsigned_varint();
  std::string_view bytes(size_t size);
  /// The length in front of a string (int16), bytes or an array (int32); compact: a varint. -1:
  /// null.
  int64_t length(size_t size, bool compact);
  /// A tagged-fields section whole, its count included.
  std::string_view tags();

 private:
  std::string_view rest_;
  bool failed_ = false;
};

class WireWriter {
 public:
  void number(int64_t value, size_t size);
  void unsigned_varint(uint32_t value);
  void bytes(std::string_view bytes) { out_.append(bytes); }
  /// -1: null.
  void length(int64_t value, size_t size, bool compact);
  std::string take() { return std::move(out_); }
  size_t size() const { return out_.size(); }

 private:
  std::string out_;
};

/// A number in front of a frame or within a header whose place is known.
int32_t read_int32(std::string_view bytes);
int16_t read_int16(std::string_view bytes);
/// Replaces the bytes at `at`.
void patch_number(std::string& bytes, size_t at, int64_t value, size_t size);

}  // namespace mishap::protocols::kafka
