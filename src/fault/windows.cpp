#include "windows.h"

#include <algorithm>

namespace mishap::fault {
namespace {

bool same_declaration(const Counters& a, const Counters& b) {
  const Declared& x = a.declared;
  const Declared& y = b.declared;
  return x.text == y.text && x.assumption == y.assumption && x.label == y.label &&
         x.pos.file == y.pos.file && x.pos.line == y.pos.line && x.pos.column == y.pos.column &&
         a.service == b.service && a.interface == b.interface;
}

}  // namespace

void merge_counters(std::vector<Counters>& all, Counters one) {
  auto same = std::find_if(all.begin(), all.end(),
                           [&](const Counters& other) { return same_declaration(other, one); });
  if (same == all.end()) {
    all.push_back(std::move(one));
    return;
  }
  same->matched += one.matched;
  same->applied += one.applied;
  same->seen += one.seen;
  same->unresolved_paths += one.unresolved_paths;
  same->taken += one.taken;
  if (one.taken > 0) same->taken_by = one.taken_by;
  for (const auto& [syscall, count] : one.elsewhere) same->elsewhere[syscall] += count;
}

}  // namespace mishap::fault
