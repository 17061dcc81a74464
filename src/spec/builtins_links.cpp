// packet_delay, packet_drop, packet_reset and bandwidth, as far as relays can do them; what needs
// packets says so.
#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "mishap/base/text.h"

#include "binding.h"
#include "values.h"
#include "world.h"

namespace mishap::spec {
namespace {

using fault::LinkAction;
using fault::LinkRule;
using starlark::KeywordArg;
using starlark::Signature;
namespace types = starlark::types;

/// What tells packets apart.
const std::vector<std::string> kOfPackets = {
    "proto", "flags",       "port",  "len",   "len_gt",      "len_lt",    "payload_prefix",
    "where", "nth",         "after", "every", "probability", "max_fires", "payload_contains",
    "mode",  "corrupt_mode"};

constexpr const char* kStreams =
    "connections go through relays, which carry streams of bytes and see no packets";

struct Directions {
  bool to_server = true, to_client = true;
};

Result<Directions> directions_of(const CallContext& call, const Value& dir) {
  if (!dir.is_valid()) return Directions{};
  const std::vector<std::string> known = {"both", "c2s", "s2c"};
  if (dir.text() == known[0]) return Directions{};
  if (dir.text() == known[1]) return Directions{true, false};
  if (dir.text() == known[2]) return Directions{false, true};
  return call.error(
      fmt::format("unknown direction \"{}\"{}", dir.text(), nearest_or_all(dir.text(), known)));
}

/// As it was written.
std::string written(const CallContext& call, bool has_duration) {
  std::string text;
  if (has_duration && call.has(0)) text = starlark::repr(call[0]);
  for (const auto& [name, value] : call.kwargs()) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", name.text(), starlark::repr(value));
  }
  return fmt::format("{}({})", call.name(), text);
}

Result<LinkRule> take_link(CallContext& call, LinkAction action) {
  bool delays = action == LinkAction::delay;
  LinkRule rule;
  rule.action = action;
  rule.declared.pos = call.thread().caller_pos();
  rule.declared.text = written(call, delays);
  std::vector<KeywordArg> rest(call.kwargs().begin(), call.kwargs().end());
  for (const auto& [name, value] : rest) {
    if (std::find(kOfPackets.begin(), kOfPackets.end(), name.text()) == kOfPackets.end()) continue;
    return call.error(fmt::format("{}= tells packets apart, but {}; what is left is {}",
                                  name.text(), kStreams,
                                  delays ? "dir= and label=" : "dir=, after_bytes= and label="));
  }
  MISHAP_ASSIGN(Value dir, take_keyword(call, rest, "dir", types::kString));
  MISHAP_ASSIGN(auto directions, directions_of(call, dir));
  rule.to_server = directions.to_server;
  rule.to_client = directions.to_client;
  MISHAP_ASSIGN(Value label, take_keyword(call, rest, "label", types::kString));
  if (label.is_valid()) rule.declared.label = label.text();
  std::vector<std::string> known = {"dir", "label"};
  if (!delays) {
    known.emplace_back("after_bytes");
    MISHAP_ASSIGN(Value bytes, take_keyword(call, rest, "after_bytes", types::kInt));
    if (bytes.is_valid() && (!bytes.is_int64() || bytes.as_int64() < 0))
      return call.error(fmt::format("after_bytes={} is below 0", starlark::repr(bytes)));
    if (bytes.is_valid()) rule.after_bytes = static_cast<uint64_t>(bytes.as_int64());
  }
  MISHAP_TRY(refuse_rest(call, rest, known));
  return rule;
}

Result<Value> make_delay(CallContext& call) {
  MISHAP_ASSIGN(LinkRule rule, take_link(call, LinkAction::delay));
  MISHAP_ASSIGN(rule.delay, positive_duration(call, "duration", call.text(0)));
  return call.heap().make<PacketFaultValue>(std::move(rule));
}

Result<Value> make_link(CallContext& call, LinkAction action) {
  MISHAP_ASSIGN(LinkRule rule, take_link(call, action));
  return call.heap().make<PacketFaultValue>(std::move(rule));
}

struct Unit {
  std::string_view name;
  double bytes_per_second;
};
/// Bits in any case, bytes as written.
constexpr std::array<Unit, 8> kBits = {{{"gbps", 125e6},
                                        {"gbit", 125e6},
                                        {"mbps", 125e3},
                                        {"mbit", 125e3},
                                        {"kbps", 125},
                                        {"kbit", 125},
                                        {"bps", 0.125},
                                        {"bit", 0.125}}};
constexpr std::array<Unit, 4> kBytes = {{{"GB/s", 1e9}, {"MB/s", 1e6}, {"kB/s", 1e3}, {"B/s", 1}}};

double unit_of(std::string_view unit) {
  for (const Unit& one : kBytes) {
    if (one.name == unit) return one.bytes_per_second;
  }
  for (const Unit& one : kBits) {
    if (one.name == to_lower(unit)) return one.bytes_per_second;
  }
  return 0;
}

/// Bytes a second of "10mbit".
Result<uint64_t> rate_of(const CallContext& call, const std::string& text) {
  size_t digits = text.find_first_not_of("0123456789.");
  double factor = digits == std::string::npos ? 0 : unit_of(trim(text.substr(digits)));
  char* end = nullptr;
  double number = std::strtod(text.c_str(), &end);
  bool whole = digits != 0 && digits != std::string::npos && end == text.c_str() + digits;
  double rate = number * factor;
  if (!whole || factor == 0) {
    return call.error(fmt::format(
        "rate \"{}\" is not a number with a unit, such as \"10mbit\", \"512kbps\" or \"2MB/s\"",
        text));
  }
  if (!(rate >= 1 && rate <= 1e12))
    return call.error(fmt::format("rate \"{}\" is not between 1B/s and 1000GB/s", text));
  return static_cast<uint64_t>(std::llround(rate));
}

Result<Value> set_bandwidth(CallContext& call) {
  MISHAP_ASSIGN(auto* session, acting_session_of(call));
  if (call.has(2)) {
    return call.error(fmt::format(
        "queue= says when packets are dropped, but {}; a sender is slowed instead", kStreams));
  }
  fault::BandwidthLimit limit;
  limit.rate = call.text(0);
  MISHAP_ASSIGN(limit.bytes_per_second, rate_of(call, limit.rate));
  MISHAP_ASSIGN(auto directions, directions_of(call, call.has(1) ? call[1] : Value()));
  limit.to_server = directions.to_server;
  limit.to_client = directions.to_client;
  cell::WindowPlan window;
  window.pos = call.thread().caller_pos();
  window.bandwidth = limit;
  auto handle = session->open(window);
  if (!handle) return call.error(handle.error().message);
  return Value::none();
}

Result<Value> needs_packets(CallContext& call) {
  return call.error(fmt::format("needs packets, but {}", kStreams));
}

}  // namespace

void install_links(World& world) {
  define(world, Signature("packet_delay").required("duration", kDurationType).kwargs(), make_delay);
  define(world, Signature("packet_drop").kwargs(),
         [](CallContext& call) { return make_link(call, LinkAction::stall); });
  define(world, Signature("packet_reset").kwargs(),
         [](CallContext& call) { return make_link(call, LinkAction::reset); });
  define(world,
         Signature("bandwidth")
             .required("rate", types::kString)
             .optional("dir", types::kString)
             .optional("queue", types::kString),
         set_bandwidth);
  for (const char* name : {"packet_pass", "packet_reorder", "packet_duplicate", "packet_corrupt",
                           "packet_window", "mtu"}) {
    define(world, Signature(name).varargs().kwargs(), needs_packets);
  }
}

}  // namespace mishap::spec
