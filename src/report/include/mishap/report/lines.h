// How single things of a run read: an event, a duration, a failed test's block. Shared by the
// reporters.
#pragma once

#include <string>
#include <string_view>

#include "mishap/event/run.h"

namespace mishap::report {

/// "310ms", "4.2s", "2m05s".
std::string short_duration(std::chrono::milliseconds duration);

/// "create_user × db_down" for a matrix cell, else the test's name.
std::string title(const event::TestResult& result);

/// PASS, VACUOUS, FAIL, ERROR, INCONCLUSIVE, HALTED, TOOL ERROR, NOT RUN.
std::string_view verdict_word(event::Verdict verdict);
bool is_red(event::Verdict verdict);

/// Worth showing before a failure: not the syscalls that were simply let through.
bool is_telling(const event::Event& event);

/// `#41 +0.312s  db  pwrite64 deny(no space left on device) /data/base/5 [label]`; `start` is the
/// time of the test's first event.
std::string event_line(const event::Event& event, event::Timestamp start);

/// "write=deny(ENOSPC) on db: 3 matched, 2 applied", or with what happened instead.
std::string fault_line(const event::FaultCount& fault);

/// The block that explains a red test, every line ending in '\n'.
std::string failure_block(const event::TestResult& result, size_t last_events);

}  // namespace mishap::report
