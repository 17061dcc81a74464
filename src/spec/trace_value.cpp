// The trace that predicates of properties look at, and the events that its methods give.
#include <algorithm>

#include <fmt/format.h>

#include "binding.h"
#include "matching.h"
#include "values.h"

namespace mishap::spec {
namespace {

using event::Event;
using event::Trace;
using starlark::Signature;
namespace types = starlark::types;

using Found = std::vector<const Event*>;

Value event_or_none(Heap& heap, const Event* event, const Trace& trace) {
  return event == nullptr ? Value::none() : heap.make<EventValue>(*event, false, trace);
}

const starlark::TypeSet kPositional =
    types::kCallable.described("matcher or function; criteria are named, as in type=\"stdout\"");

/// What a query looks for: one matcher or callable, or named criteria.
struct Query {
  event::Filter criteria;
  Value matcher;  ///< invalid: the criteria
};

Result<Query> query_of(const CallContext& call) {
  Query query;
  if (call.varargs().size() > 1) return call.error("takes one matcher at most");
  if (call.varargs().size() == 1 && !call.kwargs().empty())
    return call.error("takes a matcher or named criteria, not both; match.all(…) joins them");
  if (call.varargs().size() == 1) {
    query.matcher = call.varargs()[0];
    MISHAP_TRY(require_matcher(call, "matcher", query.matcher, kPositional));
    return query;
  }
  MISHAP_ASSIGN(query.criteria, criteria_argument(call, call.kwargs()));
  return query;
}

bool fits(Thread& thread, const Query& query, const Event& event, const Trace& trace) {
  return query.matcher.is_valid() ? matches(thread, query.matcher, event, trace)
                                  : query.criteria.matches(event);
}

/// What a predicate looks at.
struct Looked {
  Trace trace;
  std::shared_ptr<event::MatchIndex> index;
};

/// The matches of criteria and matchers, which are pure; nothing for a function.
std::optional<std::span<const Event* const>> known(Thread& thread, const Query& query,
                                                   const Looked& at) {
  std::string key;
  if (!query.matcher.is_valid()) {
    append_key(key, query.criteria);
  } else if (auto* matcher = starlark::host_cast<MatcherValue>(query.matcher)) {
    matcher->append_key(key);
  } else {
    return std::nullopt;
  }
  return at.index->find(*at.trace.log, at.trace.size(), key,
                        [&](const Event& event) { return fits(thread, query, event, at.trace); });
}

Found all(Thread& thread, const Query& query, const Looked& at) {
  if (auto found = known(thread, query, at)) return {found->begin(), found->end()};
  Found found;
  for (size_t i = 0, size = at.trace.size(); i < size; ++i) {
    const Event& event = at.trace.at(i);
    if (fits(thread, query, event, at.trace)) found.push_back(&event);
  }
  return found;
}

size_t count(Thread& thread, const Query& query, const Looked& at) {
  auto found = known(thread, query, at);
  return found ? found->size() : all(thread, query, at).size();
}

const Event* earliest(Thread& thread, const Query& query, const Looked& at) {
  if (auto found = known(thread, query, at)) return found->empty() ? nullptr : found->front();
  for (size_t i = 0, size = at.trace.size(); i < size; ++i) {
    if (fits(thread, query, at.trace.at(i), at.trace)) return &at.trace.at(i);
  }
  return nullptr;
}

const Event* latest(Thread& thread, const Query& query, const Looked& at) {
  if (auto found = known(thread, query, at)) return found->empty() ? nullptr : found->back();
  for (size_t i = at.trace.size(); i > 0; --i) {
    if (fits(thread, query, at.trace.at(i - 1), at.trace)) return &at.trace.at(i - 1);
  }
  return nullptr;
}

using Body = std::function<Result<Value>(CallContext&, const Looked&)>;

Value method(Heap& heap, Signature signature, const Looked& at, Body body) {
  return starlark::make_builtin(
      heap, std::move(signature),
      [at, body = std::move(body)](CallContext& call) { return body(call, at); });
}

/// A method that takes a query.
Value query_method(Heap& heap, std::string_view name, const Looked& at,
                   std::function<Value(CallContext&, const Query&, const Looked&)> body) {
  return method(heap, Signature("trace." + std::string(name)).varargs().kwargs(), at,
                [body = std::move(body)](CallContext& call, const Looked& looked) -> Result<Value> {
                  MISHAP_ASSIGN(auto query, query_of(call));
                  return body(call, query, looked);
                });
}

const starlark::TypeSet kEventOrNone = (types::host("event") | types::kNone).described("event");

const Event* event_argument(const CallContext& call, size_t index) {
  auto* value = call.has(index) ? starlark::host_cast<EventValue>(call[index]) : nullptr;
  return value == nullptr ? nullptr : &value->event;
}

Result<Value> events_between(CallContext& call, const Looked& at) {
  return call.heap().make<EventsValue>(
      event::events_between(at.trace, event_argument(call, 0), event_argument(call, 1)), at.trace);
}

Result<Value> events_within(CallContext& call, const Looked& at) {
  MISHAP_TRY(require_matcher(call, "matcher", call[0]));
  MISHAP_ASSIGN(Nanoseconds window, positive_duration(call, "window", call.text(1)));
  Found found = all(call.thread(), Query{{}, call[0]}, at);
  if (const Event* of = event_argument(call, 2)) {
    std::erase_if(found, [&](const Event* event) {
      return std::chrono::abs(event::time_between(*of, *event)) > window;
    });
  }
  return call.heap().make<EventsValue>(std::move(found), at.trace);
}

class EventsIterator final : public starlark::HostIterator {
 public:
  explicit EventsIterator(const EventsValue& value) : events_(value.events), trace_(value.trace) {}
  Result<Value> next(Thread& thread) override {
    if (at_ == events_->size()) return Value();
    return thread.heap().make<EventValue>(*(*events_)[at_++], false, trace_);
  }

 private:
  std::shared_ptr<const Found> events_;
  Trace trace_;
  size_t at_ = 0;
};

/// The methods of events are bound to a copy of what they look at.
struct Listed {
  std::shared_ptr<const Found> events;
  Trace trace;
};

constexpr const char* kEvent[] = {"the event"};
constexpr const char* kSoFarAndEvent[] = {"the result so far", "the event"};

Result<Value> map_events(CallContext& call, const Listed& listed) {
  MISHAP_TRY(require_arity(call, "fn", call[0], kEvent));
  std::vector<Value> results;
  for (const Event* event : *listed.events) {
    MISHAP_ASSIGN(Value result,
                  call.thread().call(call[0], {event_or_none(call.heap(), event, listed.trace)}));
    results.push_back(std::move(result));
  }
  return call.heap().list(std::move(results));
}

Result<Value> filter_events(CallContext& call, const Listed& listed) {
  MISHAP_TRY(require_matcher(call, "fn", call[0]));
  auto* matcher = starlark::host_cast<MatcherValue>(call[0]);
  Found found;
  for (const Event* event : *listed.events) {
    bool keep = matcher != nullptr && matcher->matches(*event);
    if (matcher == nullptr) {
      MISHAP_ASSIGN(Value answer,
                    call.thread().call(call[0], {event_or_none(call.heap(), event, listed.trace)}));
      keep = starlark::truth(answer);
    }
    if (keep) found.push_back(event);
  }
  return call.heap().make<EventsValue>(std::move(found), listed.trace);
}

Result<Value> reduce_events(CallContext& call, const Listed& listed) {
  MISHAP_TRY(require_arity(call, "fn", call[0], kSoFarAndEvent));
  Value result = call[1];
  for (const Event* event : *listed.events) {
    MISHAP_ASSIGN(result, call.thread().call(
                              call[0], {result, event_or_none(call.heap(), event, listed.trace)}));
  }
  return result;
}

Value listed_method(Heap& heap, Signature signature, Listed listed,
                    Result<Value> (*body)(CallContext&, const Listed&)) {
  return starlark::make_builtin(
      heap, std::move(signature),
      [listed = std::move(listed), body](CallContext& call) { return body(call, listed); });
}

}  // namespace

Result<Value> TraceValue::attr(Thread& thread, std::string_view name) {
  Heap& heap = thread.heap();
  Looked at{trace, index_};
  if (name == "event" || name == "last") {
    return query_method(heap, name, at, [](CallContext& call, const Query& q, const Looked& l) {
      return event_or_none(call.heap(), latest(call.thread(), q, l), l.trace);
    });
  }
  if (name == "first") {
    return query_method(heap, name, at, [](CallContext& call, const Query& q, const Looked& l) {
      return event_or_none(call.heap(), earliest(call.thread(), q, l), l.trace);
    });
  }
  if (name == "events") {
    return query_method(heap, name, at, [](CallContext& call, const Query& q, const Looked& l) {
      return call.heap().make<EventsValue>(all(call.thread(), q, l), l.trace);
    });
  }
  if (name == "count") {
    return query_method(heap, name, at, [](CallContext& call, const Query& q, const Looked& l) {
      return Value::integer(static_cast<int64_t>(count(call.thread(), q, l)));
    });
  }
  if (name == "events_between") {
    return method(heap,
                  Signature("trace.events_between")
                      .required("start", kEventOrNone)
                      .required("end", kEventOrNone)
                      .positional_only(),
                  at, events_between);
  }
  if (name == "events_within") {
    return method(heap,
                  Signature("trace.events_within")
                      .required("matcher")
                      .required("window", kDurationType)
                      .nullable("of", types::host("event")),
                  at, events_within);
  }
  if (name == "causal_chain") {
    return method(
        heap,
        Signature("trace.causal_chain").required("event", types::host("event")).positional_only(),
        at, [](CallContext& call, const Looked& looked) -> Result<Value> {
          return call.heap().make<EventsValue>(
              event::causal_chain(looked.trace, *event_argument(call, 0)), looked.trace);
        });
  }
  return Value();
}

std::vector<std::string> TraceValue::attr_names() const {
  return {"causal_chain",   "count",         "event", "events",
          "events_between", "events_within", "first", "last"};
}

void EventsValue::append_repr(std::string& out) const {
  out += fmt::format("<events count={}>", events->size());
}

Result<Value> EventsValue::attr(Thread& thread, std::string_view name) {
  Heap& heap = thread.heap();
  Listed listed{events, trace};
  if (name == "count") return Value::integer(static_cast<int64_t>(events->size()));
  if (name == "first")
    return event_or_none(heap, events->empty() ? nullptr : events->front(), trace);
  if (name == "last") return event_or_none(heap, events->empty() ? nullptr : events->back(), trace);
  if (name == "map")
    return listed_method(heap, Signature("events.map").required("fn", types::kCallable), listed,
                         map_events);
  if (name == "filter")
    return listed_method(heap, Signature("events.filter").required("fn"), listed, filter_events);
  if (name == "reduce")
    return listed_method(
        heap, Signature("events.reduce").required("fn", types::kCallable).required("initial"),
        listed, reduce_events);
  return Value();
}

std::vector<std::string> EventsValue::attr_names() const {
  return {"count", "filter", "first", "last", "map", "reduce"};
}

Result<Value> EventsValue::index(Thread& thread, const Value& key) {
  auto size = static_cast<int64_t>(events->size());
  if (!key.is_int64())
    return fail(fmt::format("events: got {} as index, want int", starlark::type_name(key)));
  int64_t at = key.as_int64();  // the interpreter has counted from the end where it was below 0
  if (at < 0 || at >= size)
    return fail(fmt::format("events: index out of range: there are {} events", size));
  return thread.heap().make<EventValue>(*(*events)[static_cast<size_t>(at)], false, trace);
}

std::unique_ptr<starlark::HostIterator> EventsValue::iterate(Thread&) {
  return std::make_unique<EventsIterator>(*this);
}

}  // namespace mishap::spec
