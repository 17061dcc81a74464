// Deciders: attempted operation in, decision out. Pure: no kernel, socket or clock; randomness from
// the run's seed.
//
// Rules come in windows. A window is what one `fault(...)`, `trace(...)` or assumption opened; the
// newest window is asked first, its rules in order, and leaving a window removes its own rules
// only. While a window with faults is open, rules of trace-only windows below it are suspended (the
// reference's QUIRK-1).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/fault/rule.h"

namespace mishap::fault {

using WindowId = uint64_t;

/// Rules that were opened together and leave together.
template <class ActiveRule>
struct RuleWindow {
  WindowId id = 0;
  std::vector<std::shared_ptr<ActiveRule>> rules;
};

/// What a decider keeps of its rules.
template <class ActiveRule>
struct RuleWindows {
  WindowId next_id = 1;
  std::vector<RuleWindow<ActiveRule>> open;      ///< oldest first
  std::vector<std::shared_ptr<ActiveRule>> all;  ///< every rule ever opened, in order
};

/// What is known of an attempted call. The backend resolves only what `SyscallDecider::needs` asks
/// for.
struct SyscallOperation {
  std::string_view syscall;
  FdKinds fd_kind =
      FdKinds::none;  ///< none: the call has no fd (open, rename, connect's socket is one)
  std::optional<std::string>
      path;  ///< nothing: the call has none, or it could not be read (`path_unresolved`)
  bool path_unresolved = false;
  bool changes_file_system = false;  ///< creates, removes, renames, writes, truncates
  bool grows_file = false;           ///< write past the end of a regular file
  bool needs_new_blocks = false;     ///< past the last block, into a hole, fallocate
  uint64_t writable_bytes =
      0;  ///< of a write that needs new blocks: bytes that still fit before the edge
  std::string peer_service;  ///< of a socket call, when known
  std::string peer_interface;
};

/// Facts a call must be resolved to before it can be decided.
struct Needs {
  bool fd_kind = false;
  bool path = false;
  bool growth = false;
  bool peer = false;
};

struct SyscallDecision {
  enum class Kind { proceed, deny, shorten, delay } kind = Kind::proceed;
  int error = 0;               ///< deny
  uint64_t allowed_bytes = 0;  ///< shorten: let this many bytes be written and report them
  Nanoseconds delay{0};
  /// As events show it: "allow", "allow (system path)", "deny(no space left on device)",
  /// "delay(500ms)", "trace", "short(288)".
  std::string text = "allow";
  std::string label, op, errno_name, scope;  ///< of the rule that decided; "" when none
};

/// The rules of one service. Any thread.
class SyscallDecider {
 public:
  explicit SyscallDecider(uint64_t seed) : seed_(seed) {}

  /// As if made anew with this seed: no windows, nothing counted.
  void restart(uint64_t seed);
  WindowId open(std::vector<SyscallRule> rules);
  /// Removes the window and returns what its rules counted, one entry per rule, in order. Empty for
  /// an unknown window.
  std::vector<Counters> close(WindowId window);
  /// Counters of all faults (deny, delay) that are or were open, for the verdict. A declared rule
  /// that was opened several times is one entry.
  std::vector<Counters> counters() const;

  Needs needs(std::string_view syscall) const;
  bool anything_open() const;
  SyscallDecision decide(const SyscallOperation& operation);

 private:
  struct ActiveRule;
  /// Nothing: the rule does not decide. Sets `exempt` when it would have, were the path not a
  /// system path.
  std::optional<SyscallDecision> try_rule(ActiveRule& rule, const SyscallOperation& operation,
                                          bool& exempt);

  mutable std::mutex mutex_;
  uint64_t seed_;
  RuleWindows<ActiveRule> windows_;
};

/// One edge: who talks to whom.
struct Edge {
  std::string consumer;  ///< service, or "test"
  std::string service;   ///< provider
  std::string interface;
  auto operator<=>(const Edge&) const = default;
};

/// What a protocol's filter does to one request.
struct ProtocolDecision {
  Nanoseconds delay{0};                  ///< sum of the delay rules that fired
  std::optional<ProtocolRule> terminal;  ///< respond, error or drop
  bool duplicate = false;
};

/// The protocol rules of all interfaces of a cell. Any thread.
class ProtocolDecider {
 public:
  explicit ProtocolDecider(uint64_t seed) : seed_(seed) {}

  /// As if made anew with this seed: no windows, nothing counted.
  void restart(uint64_t seed);
  WindowId open(std::vector<ProtocolRule> rules);
  std::vector<Counters> close(WindowId window);
  std::vector<Counters> counters() const;

  /// Whether any open rule is about this edge (otherwise a filter need not parse).
  bool concerns(const Edge& edge) const;
  /// Asks the rules of the edge, newest window first, in order; delays add up and the scan goes on,
  /// a terminal rule ends it. `matches` compares a rule's matchers with the request in the
  /// protocol's own way; it must not call the decider.
  ProtocolDecision decide(const Edge& edge,
                          const std::function<bool(const ProtocolRule&)>& matches);

 private:
  struct ActiveRule;
  mutable std::mutex mutex_;
  uint64_t seed_;
  RuleWindows<ActiveRule> windows_;
};

}  // namespace mishap::fault
