#include "mishap/source/lines.h"

namespace mishap::source {

void LineSplitter::emit(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (!line.empty()) line_(line);
}

void LineSplitter::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    size_t end = bytes.find('\n');
    size_t room = kLongestLineBytes - partial_.size();
    size_t take = std::min(end == std::string_view::npos ? bytes.size() : end, room);
    bool whole = end != std::string_view::npos && take == end;
    if (whole && partial_.empty()) {
      emit(bytes.substr(0, take));
    } else {
      partial_.append(bytes.substr(0, take));
      if (whole || partial_.size() == kLongestLineBytes) {
        emit(partial_);
        partial_.clear();
      }
    }
    bytes.remove_prefix(whole ? take + 1 : take);
  }
}

void LineSplitter::finish() {
  emit(partial_);
  partial_.clear();
}

}  // namespace mishap::source
