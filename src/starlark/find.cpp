#include "find.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "bounds.h"

namespace mishap::starlark {

size_t find_part(std::string_view text, std::string_view part, size_t from) {
  if (from > text.size()) return kNotFound;
  if (part.size() == 1) return text.find(part[0], from);
  if (part.empty()) return from;
  // The C library's takes linear time for any part.
  const void* found = memmem(text.data() + from, text.size() - from, part.data(), part.size());
  const size_t at = found == nullptr
                        ? kNotFound
                        : static_cast<size_t>(static_cast<const char*>(found) - text.data());
  note_bytes(std::min(at, text.size()) - from);
  return at;
}

size_t rfind_part(std::string_view text, std::string_view part) {
  // Trying every place is as good as anything for a short part; a long one is looked for from the
  // start of the text read backwards.
  constexpr size_t kShort = 64;
  if (part.size() <= kShort || part.size() > text.size()) return text.rfind(part);
  const std::string backwards(text.rbegin(), text.rend());
  const size_t at = find_part(backwards, std::string(part.rbegin(), part.rend()));
  return at == kNotFound ? kNotFound : text.size() - at - part.size();
}

}  // namespace mishap::starlark
