// Wakes a thread that polls.
#pragma once

#include "mishap/base/unique_fd.h"

namespace mishap::net {

class Wake {
 public:
  Wake();
  void set();                              ///< any thread
  void clear();                            ///< the thread that polls, once it is awake
  int fd() const { return event_.get(); }  ///< readable from `set` to `clear`

 private:
  UniqueFd event_;
};

}  // namespace mishap::net
