// The event source `poll`: what a page answers, asked again and again.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "mishap/event/decoder.h"
#include "mishap/traffic/follower.h"

namespace mishap::source {

struct Page {
  int status = 0;
  std::string body;
};

struct PollRequest {
  static constexpr auto kAttempt = std::chrono::seconds(5);
  static constexpr size_t kLongestBody = 64 * 1024;

  std::string service;
  std::string url;
  Nanoseconds interval = std::chrono::seconds(5);
  std::shared_ptr<const event::Decoder> decoder;
  /// Asks once; blocks until the deadline at most.
  std::function<Result<Page>(net::Deadline)> fetch;
  std::function<void(std::vector<traffic::Sighting>)> deliver;
};

/// An answer that is not had is a sighting, too: its field `error` says why. Catching up asks once
/// more, unless it was asked within the last second.
std::unique_ptr<traffic::Follower> follow_page(PollRequest request);

}  // namespace mishap::source
