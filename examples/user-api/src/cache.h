// The cache: Redis, dialled afresh for every use, so that its absence is noticed at once and mends
// itself.
#pragma once

#include <optional>
#include <string>

class Cache {
 public:
  /// `url` is redis://host:port.
  explicit Cache(const std::string& url);

  enum class State { reachable, down };
  struct Found {
    State state;
    std::optional<std::string> value;
  };
  Found get(const std::string& key) const;
  State set(const std::string& key, const std::string& value) const;

 private:
  std::string host_, port_;
};
