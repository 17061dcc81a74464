// Filters over events: `assert_eventually(service="db", syscall="write")`,
// `match.event(type="stdout")`.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mishap/event/event.h"

namespace mishap::event {

/// Every criterion must match (glob_field). `type`, `event_type`, `service` and `seq` read the
/// record; any other name a field, a missing field being "".
struct Filter {
  std::vector<std::pair<std::string, std::string>> criteria;
  bool names_type() const;  ///< has a `type` or `event_type` criterion
  bool matches(const Event& event) const;
  std::string text() const;  ///< `service="db" syscall="write"`
};

/// Every type an event can have, of all sources there are; for telling slips of the pen.
const std::vector<std::string>& known_types();
/// Types that an assertion without `type=` and `where=` looks at: syscall stdout topic wal
/// (reference section 7.1).
bool in_assertion_default(std::string_view type);
/// Types that `events()` without `type=` and `where=` returns: the above plus client_call
/// client_return contract_violation.
bool in_events_default(std::string_view type);

}  // namespace mishap::event
