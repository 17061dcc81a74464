// A run of bytes that go on as they came.
#pragma once

#include <algorithm>
#include <string_view>

#include "mishap/traffic/filter.h"

namespace mishap::protocols::postgres {

/// Collects what of `input` goes on unchanged, so that one chunk stays one send. Input and sink are
/// borrowed.
class PassingRun {
 public:
  PassingRun(traffic::Direction direction, std::string_view input, traffic::Sink& sink)
      : direction_(direction), input_(input), sink_(sink) {}
  void send_up_to(size_t end) {
    if (end > begin_) sink_.send(direction_, input_.substr(begin_, end - begin_));
    begin_ = std::max(begin_, end);
  }
  void skip_to(size_t end) { begin_ = end; }

 private:
  traffic::Direction direction_;
  std::string_view input_;
  traffic::Sink& sink_;
  size_t begin_ = 0;
};

}  // namespace mishap::protocols::postgres
