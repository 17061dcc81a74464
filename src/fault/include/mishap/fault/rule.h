// Rules: what a spec declared may go wrong. Plain values; deciders (decider.h) give them effect.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mishap/base/duration.h"
#include "mishap/base/json.h"
#include "mishap/base/source_pos.h"
#include "mishap/fault/trigger.h"

namespace mishap::fault {

/// Who declared the rule and how it is shown. The unit that is counted: a family (`write=`) is one
/// declared rule.
struct Declared {
  std::string
      text;  ///< as written: `write=deny(ENOSPC)`, `error(query="INSERT*", message="disk full")`
  std::string assumption;  ///< name of the fault_assumption, "" when from a body
  std::string label;
  SourcePos pos;
  bool may_not_fire = false;
};

/// How often a declared rule was looked at. A cell with a rule that never applied is vacuous.
struct Counters {
  Declared declared;
  std::string service;
  std::string interface;  ///< "" for syscall rules
  std::string peer;       ///< of a partition: the other service
  std::string action;     ///< deny delay trace allow; respond error delay drop duplicate; partition
  std::string detail;     ///< errno name or duration, "" when there is neither
  uint64_t seen =
      0;  ///< operations that were put to the rule: calls it names, or requests on its interface
  uint64_t matched = 0;  ///< of them: all its conditions but the trigger fitted
  uint64_t applied = 0;  ///< of them: the fault took effect
  /// Calls it does not name that do the same by other means (`other_ways`), as often as there were.
  std::map<std::string, uint64_t> elsewhere;
  uint64_t unresolved_paths = 0;  ///< of those seen: not matched because the path could not be read
  /// Operations that were not put to the rule, because another, which goes before, decided them:
  /// calls it names, or requests that it matches. `taken_by` is the last such rule, as declared.
  uint64_t taken = 0;
  std::string taken_by;
};

// --- syscalls
// ---------------------------------------------------------------------------------------------------------------

/// Kinds of descriptor a call works on, as a set of bits.
enum class FdKinds : uint32_t {
  none = 0,
  file = 1,  ///< regular file
  directory = 2,
  socket = 4,  ///< IPv4, IPv6
  unix_socket = 8,
  pipe = 16,   ///< pipes and FIFOs
  other = 32,  ///< devices, eventfd, epoll, …
  any = 63,
};
constexpr FdKinds operator|(FdKinds a, FdKinds b) { return FdKinds(uint32_t(a) | uint32_t(b)); }
constexpr bool contains(FdKinds set, FdKinds kind) { return (uint32_t(set) & uint32_t(kind)) != 0; }

/// Which operations an errno makes sense for (semantics, section 4).
enum class ScopeKind {
  any_fd,      ///< every fd, as written
  kinds,       ///< the fds in `kinds`
  new_blocks,  ///< ENOSPC EDQUOT: regular files, and only calls that need new blocks
  changes,     ///< EROFS: anything that changes a file or directory
  grows,       ///< EFBIG: growing a regular file
};
struct Scope {
  ScopeKind kind = ScopeKind::any_fd;
  FdKinds kinds = FdKinds::any;
  bool automatic = true;  ///< derived from the errno, not written in the spec
  bool operator==(const Scope&) const = default;
  std::string text() const;  ///< "auto:file needing new blocks", "socket", …
};
/// The scope that `deny(errno)` has when the spec gives none.
Scope scope_of_errno(int errno_value);
/// From `scope="any" | "file" | "socket" | "pipe"` or a list of them.
Result<Scope> parse_scope(const std::vector<std::string>& words);

enum class SyscallAction { deny, delay, trace, allow };

struct SyscallRule {
  Declared declared;
  std::string service;
  std::string keyword;                ///< as written: family, syscall or op name
  std::string op;                     ///< the named operation, "" when none
  std::vector<std::string> syscalls;  ///< expanded, all known to this architecture
  SyscallAction action = SyscallAction::allow;
  int error = 0;           ///< deny: errno
  std::string error_name;  ///< "ENOSPC"
  Nanoseconds delay{0};
  Trigger trigger;
  std::string path_glob;  ///< "" = any
  Scope scope;
  std::vector<std::string> to;  ///< peers "svc" or "svc.iface"; empty = any

  /// What narrows the rule, as it is shown behind the action: ` to=db path=/data/** nth=2`; "" when
  /// nothing does.
  std::string conditions() const;
};

// --- protocols
// --------------------------------------------------------------------------------------------------------------

enum class ProtocolAction { respond, error, delay, drop, duplicate };
std::string_view to_string(ProtocolAction action);

struct ProtocolRule {
  Declared declared;
  std::string service;  ///< provider
  std::string interface;
  ProtocolAction action = ProtocolAction::drop;
  /// Matcher name (method path query command key topic) -> pattern, in canonical names.
  std::map<std::string, std::string> matchers;
  std::map<std::string, std::string> metadata;  ///< header, in lower case -> pattern
  std::string message;
  std::optional<int> status;
  std::string status_name;  ///< status given as text ("UNAVAILABLE"), "" when it was not
  std::optional<std::string> body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string code;             ///< protocol's own error code (SQLSTATE, …) when given
  std::optional<int> messages;  ///< take effect once the server has sent so many
  Nanoseconds delay{0};
  Trigger trigger;
  std::string contract;  ///< what the interface's spec= names, "" = nothing
  std::string source;    ///< consumer it is limited to, "" = all, the test driver included
};

// --- partitions
// -------------------------------------------------------------------------------------------------------------

enum class PartitionDirection { both, a_to_b, b_to_a };
std::string_view to_string(PartitionDirection direction);

/// What one service sends to the other is lost silently, and new connections between them hang.
struct PartitionRule {
  Declared declared;
  std::string a, b;  ///< services
  PartitionDirection direction = PartitionDirection::both;
};

// --- links
// ------------------------------------------------------------------------------------------------------------------

enum class LinkAction { delay, stall, reset };
std::string_view to_string(LinkAction action);

/// What befalls the bytes of connections to an interface, whatever they mean.
struct LinkRule {
  Declared declared;
  std::string service;  ///< provider
  std::string interface;
  std::string source;  ///< consumer it is limited to, "" = all, the test driver included
  LinkAction action = LinkAction::delay;
  bool to_server = true, to_client = true;  ///< directions
  Nanoseconds delay{0};
  uint64_t after_bytes = 0;  ///< stall, reset: so many still pass on each direction
};

/// A limit to what all relayed connections of a cell carry together, in each direction by itself.
struct BandwidthLimit {
  std::string rate;  ///< as written
  uint64_t bytes_per_second = 0;
  bool to_server = true, to_client = true;
};

}  // namespace mishap::fault
