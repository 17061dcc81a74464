// Which ways between consumers and providers are cut now, and how often that made a difference.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/traffic/router.h"

namespace mishap::traffic {

/// Not synchronised: its owner's mutex guards it.
class Cuts {
 public:
  CutId add(std::vector<Way> ways);
  /// False: there is no such cut, or it has been taken back.
  bool remove(CutId cut);
  /// Whether what `from` sends to `to` is lost.
  bool lost(std::string_view from, std::string_view to) const;
  /// Something from `from` to `to` was lost: every cut of that way gets the credit.
  void count(std::string_view from, std::string_view to);
  /// What was counted for a cut, also after it was taken back.
  uint64_t effects(CutId cut) const;

 private:
  struct Cut {
    std::vector<Way> ways;
    uint64_t effects = 0;
    bool open = true;
  };
  static bool has_way(const Cut& cut, std::string_view from, std::string_view to);

  CutId next_ = 1;
  std::map<CutId, Cut> cuts_;
};

}  // namespace mishap::traffic
