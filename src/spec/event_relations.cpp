#include "event_relations.h"

#include <algorithm>
#include <array>

#include "binding.h"
#include "matching.h"

namespace mishap::spec {
namespace {

using event::Event;
using starlark::Signature;
namespace types = starlark::types;

constexpr std::array<std::string_view, 11> kNames = {
    "concurrent_with",    "directly_caused_by",  "duration_since", "followed_by",
    "followed_by_within", "happens_after",       "happens_before", "preceded_by",
    "preceded_by_within", "same_correlation_as", "same_service_as"};

/// The event and its trace; both belong to the log, which lives as long as the cell.
struct Bound {
  const Event& event;
  event::Trace trace;
};

// --- to one other event ---

bool concurrent(const Event& a, const Event& b) {
  return !event::happens_before(a, b) && !event::happens_before(b, a);
}

bool same_service(const Event& a, const Event& b) {
  return !a.service.empty() && a.service == b.service;
}

bool same_correlation(const Event& a, const Event& b) {
  std::string_view id = a.fields.get("correlation_id");
  return !id.empty() && id == b.fields.get("correlation_id");
}

Value pair_method(Heap& heap, std::string_view name, const Bound& self,
                  std::function<Value(const Event&, const Event&)> relate) {
  return starlark::make_builtin(
      heap, Signature(std::string(name)).required("event", types::host("event")),
      [self, relate = std::move(relate)](CallContext& call) -> Result<Value> {
        return relate(self.event, starlark::host_cast<EventValue>(call[0])->event);
      });
}

Value truth_method(Heap& heap, std::string_view name, const Bound& self,
                   bool (*holds)(const Event&, const Event&)) {
  return pair_method(heap, name, self, [holds](const Event& a, const Event& b) {
    return Value::boolean(holds(a, b));
  });
}

// --- to some event of the log ---

enum class Side { before, after };

/// Whether one of the events on that side matches and satisfies `holds`.
bool any_event(Thread& thread, const Bound& self, Side side, const Value& matcher,
               const std::function<bool(const Event&)>& holds) {
  size_t from = side == Side::before ? 0 : self.event.seq;
  size_t to = side == Side::before ? std::min<size_t>(self.trace.size(), self.event.seq - 1)
                                   : self.trace.size();
  for (size_t i = from; i < to; ++i) {
    const Event& other = self.trace.at(i);
    if (holds(other) && matches(thread, matcher, other, self.trace)) return true;
  }
  return false;
}

Value log_method(Heap& heap, std::string_view name, const Bound& self, Side side,
                 std::function<bool(const Event& self, const Event& other)> holds) {
  return starlark::make_builtin(
      heap, Signature(std::string(name)).required("matcher"),
      [self, side, holds = std::move(holds)](CallContext& call) -> Result<Value> {
        MISHAP_TRY(require_matcher(call, "matcher", call[0]));
        return Value::boolean(
            any_event(call.thread(), self, side, call[0],
                      [&](const Event& other) { return holds(self.event, other); }));
      });
}

Value window_method(Heap& heap, std::string_view name, const Bound& self, Side side) {
  return starlark::make_builtin(
      heap, Signature(std::string(name)).required("matcher").required("window", kDurationType),
      [self, side](CallContext& call) -> Result<Value> {
        MISHAP_TRY(require_matcher(call, "matcher", call[0]));
        MISHAP_ASSIGN(Nanoseconds window, positive_duration(call, "window", call.text(1)));
        return Value::boolean(
            any_event(call.thread(), self, side, call[0], [&](const Event& other) {
              auto distance = side == Side::before ? event::time_between(other, self.event)
                                                   : event::time_between(self.event, other);
              return distance <= window;
            }));
      });
}

bool anyhow(const Event&, const Event&) { return true; }

}  // namespace

std::span<const std::string_view> event_relation_names() { return kNames; }

Value event_relation(Thread& thread, const EventValue& value, std::string_view name) {
  Heap& heap = thread.heap();
  Bound self{value.event, value.trace};
  if (name == "happens_before") return truth_method(heap, name, self, event::happens_before);
  if (name == "happens_after") {
    return truth_method(heap, name, self,
                        [](const Event& a, const Event& b) { return event::happens_before(b, a); });
  }
  if (name == "concurrent_with") return truth_method(heap, name, self, concurrent);
  if (name == "same_service_as") return truth_method(heap, name, self, same_service);
  if (name == "same_correlation_as") return truth_method(heap, name, self, same_correlation);
  if (name == "duration_since") {
    return pair_method(heap, name, self, [](const Event& a, const Event& b) {
      return Value::integer(event::time_between(b, a).count());
    });
  }
  if (name == "preceded_by") return log_method(heap, name, self, Side::before, anyhow);
  if (name == "followed_by") return log_method(heap, name, self, Side::after, anyhow);
  if (name == "preceded_by_within") return window_method(heap, name, self, Side::before);
  if (name == "followed_by_within") return window_method(heap, name, self, Side::after);
  if (name == "directly_caused_by") {
    return log_method(heap, name, self, Side::before, [](const Event& own, const Event& other) {
      return event::happens_before(other, own);
    });
  }
  return Value();
}

}  // namespace mishap::spec
