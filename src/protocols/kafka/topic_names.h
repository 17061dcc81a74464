// The names behind topic ids. Newer versions of Fetch, Produce and others carry ids alone, and the
// client that sends them learned them over another connection as a rule.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace mishap::protocols::kafka {

/// Shared by all filters: an id is random and means one topic for ever, whatever the cluster. Any
/// thread.
class TopicNames {
 public:
  /// Ids remembered; what comes after them is not.
  static constexpr size_t kMost = 100'000;

  void learn(std::string_view id, std::string_view name) {
    if (name.empty() || id.find_first_not_of('\0') == std::string_view::npos) return;
    std::lock_guard lock(mutex_);
    if (names_.size() < kMost) names_.emplace(id, name);
  }
  /// "" when the id is not known.
  std::string find(std::string_view id) const {
    std::lock_guard lock(mutex_);
    auto found = names_.find(id);
    return found == names_.end() ? "" : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> names_;
};

}  // namespace mishap::protocols::kafka
