// The event source `tail`: the lines that are added to a file.
#pragma once

#include <memory>
#include <string>

#include "mishap/event/decoder.h"
#include "mishap/traffic/follower.h"

namespace mishap::source {

struct TailRequest {
  std::string service;
  std::string path;  ///< as this process sees it
  std::shared_ptr<const event::Decoder> decoder;
  std::function<void(std::vector<traffic::Sighting>)> deliver;
  std::function<void(const Error&)> interrupted;
};

/// Lines that are there when it begins are not delivered; of a file that appears later, or takes
/// the place of the one at this path, all are. A file that shrinks is read anew from its beginning.
std::unique_ptr<traffic::Follower> follow_tail(TailRequest request);

}  // namespace mishap::source
