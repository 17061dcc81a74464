// Header blocks (RFC 7541). Blocks that pass are only looked at; those of ours are literals, which
// need to know nothing of the receiver's table and leave it as it is.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct nghttp2_hd_inflater;

namespace mishap::protocols::h2core {

struct HeaderField {
  std::string name;
  std::string value;
  bool never_indexed = false;  ///< the sender asked that nobody keep it
};
using HeaderFields = std::vector<HeaderField>;

/// Value of the first field of that name, which is in lower case; null when there is none.
const std::string* find_field(const HeaderFields& fields, std::string_view name);

/// What the header blocks of one direction have in their sender's table. Every block of the
/// direction must go through it, in order.
class HeaderReader {
 public:
  /// A table beyond this is not kept, so its sender is no longer understood; programs use 4 to 64
  /// KiB.
  static constexpr size_t kTableLimitBytes = size_t{1} << 20;
  /// Nor are more fields than this, counted as RFC 9113 (6.5.2) counts them.
  static constexpr size_t kListLimitBytes = size_t{1} << 20;

  HeaderReader();
  ~HeaderReader();
  HeaderReader(const HeaderReader&) = delete;
  HeaderReader& operator=(const HeaderReader&) = delete;

  /// The fields of a whole block. Nothing: it makes no sense, and nor will any that follows.
  std::optional<HeaderFields> read(std::string_view block);

 private:
  nghttp2_hd_inflater* inflater_ = nullptr;
};

/// A block of literals without indexing. With `clears_table` it begins by emptying the receiver's
/// table, which ends what the table's former writer has put there.
std::string encode_block(const HeaderFields& fields, bool clears_table = false);

/// The block as HEADERS and CONTINUATION frames that every receiver takes.
std::string encode_headers(uint32_t stream, bool end_stream, std::string_view block);
/// The same as PUSH_PROMISE of `promised`.
std::string encode_push_promise(uint32_t stream, uint32_t promised, std::string_view block);

}  // namespace mishap::protocols::h2core
