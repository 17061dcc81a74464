// Events as specs see them: one type, whichever way they are reached.
#include <algorithm>

#include <fmt/format.h>

#include "values.h"
#include "world.h"

namespace mishap::spec {
namespace {

using starlark::CallContext;
using starlark::Signature;
namespace types = starlark::types;

Result<Value> fields_dict(Heap& heap, const event::Event& event) {
  Value dict = heap.dict();
  for (const auto& [name, text] : event.fields) {
    MISHAP_TRY(dict.as<starlark::Dict>().set(heap.string(name), heap.string(text)));
  }
  return dict;
}

/// The record's own keys, which win over fields; invalid when `name` is none of them.
Result<Value> record_key(Heap& heap, const event::Event& event, std::string_view name) {
  if (name == "seq") return Value::integer(static_cast<int64_t>(event.seq));
  if (name == "type") return heap.string(event.type);
  if (name == "event_type") return heap.string(event.event_type);
  if (name == "service") return heap.string(event.service);
  if (name == "timestamp") return heap.string(event::format_timestamp(event.timestamp));
  return Value();
}

Result<Value> record_or_field(Heap& heap, const event::Event& event, std::string_view name) {
  MISHAP_ASSIGN(Value own, record_key(heap, event, name));
  if (own.is_valid()) return own;
  if (const std::string* field = event.fields.find(name)) return heap.string(*field);
  return Value();
}

const event::Event& other_event(CallContext& call) {
  return starlark::host_cast<EventValue>(call[0])->event;
}

/// A builtin method bound to this event; the log keeps the event as long as the cell lives.
Value method(Heap& heap, const char* name, const event::Event& event,
             std::function<Result<Value>(CallContext&, const event::Event&)> body) {
  return starlark::make_builtin(
      heap, Signature(name).required("event", types::host("event")),
      [&event, body = std::move(body)](CallContext& call) { return body(call, event); });
}

/// The methods that relate two events.
Value relation(Heap& heap, const event::Event& event, std::string_view name) {
  using event::Event;
  auto relate = [&](const char* method_name, bool (*holds)(const Event&, const Event&)) {
    return method(heap, method_name, event,
                  [holds](CallContext& call, const Event& self) -> Result<Value> {
                    return Value::boolean(holds(self, other_event(call)));
                  });
  };
  if (name == "happens_before") return relate("happens_before", event::happens_before);
  if (name == "happens_after") {
    return relate("happens_after",
                  [](const Event& a, const Event& b) { return event::happens_before(b, a); });
  }
  if (name == "concurrent_with") {
    return relate("concurrent_with", [](const Event& a, const Event& b) {
      return !event::happens_before(a, b) && !event::happens_before(b, a);
    });
  }
  if (name == "same_service_as") {
    return relate("same_service_as", [](const Event& a, const Event& b) {
      return !a.service.empty() && a.service == b.service;
    });
  }
  if (name == "duration_since") {
    return method(
        heap, "duration_since", event, [](CallContext& call, const Event& self) -> Result<Value> {
          auto difference = self.timestamp - other_event(call).timestamp;
          return Value::integer(std::chrono::duration_cast<Nanoseconds>(difference).count());
        });
  }
  return Value();
}

Value get_method(Heap& heap, const event::Event& event) {
  return starlark::make_builtin(
      heap, Signature("get").required("key", types::kString).optional("default"),
      [&event](CallContext& call) -> Result<Value> {
        MISHAP_ASSIGN(Value found, record_or_field(call.heap(), event, call.text(0)));
        if (found.is_valid()) return found;
        return call.has(1) ? call[1] : Value::none();
      });
}

}  // namespace

void EventValue::append_repr(std::string& out) const {
  out += fmt::format("<event seq={} type={} service={}>", event.seq, event.type, event.service);
}

Result<bool> EventValue::equals(const HostObject& other, int) const {
  const auto* value = dynamic_cast<const EventValue*>(&other);
  return value != nullptr && &value->event == &event;
}

Result<Value> EventValue::attr(Thread& thread, std::string_view name) {
  Heap& heap = thread.heap();
  MISHAP_ASSIGN(Value own, record_key(heap, event, name));
  if (own.is_valid()) return own;
  if (name == "data")
    return event.data.is_null() ? fields_dict(heap, event)
                                : Result<Value>(starlark::from_json(heap, event.data));
  if (name == "value" && !event.value.is_null()) return starlark::from_json(heap, event.value);
  if (name == "fields") return fields_dict(heap, event);
  if (name == "get") return get_method(heap, event);
  if (Value related = relation(heap, event, name); related.is_valid()) return related;
  if (const std::string* field = event.fields.find(name)) return heap.string(*field);
  return Value();
}

Value EventValue::attr_fallback(Thread& thread, std::string_view) {
  return lenient_ ? thread.heap().string("") : Value();
}

std::vector<std::string> EventValue::attr_names() const {
  std::vector<std::string> names = {"concurrent_with",
                                    "data",
                                    "duration_since",
                                    "event_type",
                                    "fields",
                                    "get",
                                    "happens_after",
                                    "happens_before",
                                    "same_service_as",
                                    "seq",
                                    "service",
                                    "timestamp",
                                    "type"};
  for (const auto& [name, text] : event.fields) names.push_back(name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Result<Value> EventValue::index(Thread& thread, const Value& key) {
  if (!key.is_string())
    return fail(fmt::format("event: got {} as key, want string", starlark::type_name(key)));
  MISHAP_ASSIGN(Value found, record_or_field(thread.heap(), event, key.text()));
  if (found.is_valid()) return found;
  return fail(fmt::format("event has no key \"{}\"; use .get(\"{}\") where it may be missing",
                          key.text(), key.text()));
}

Result<std::optional<bool>> EventValue::contains(Thread& thread, const Value& item) {
  if (!item.is_string()) return std::optional(false);
  MISHAP_ASSIGN(Value found, record_or_field(thread.heap(), event, item.text()));
  return std::optional(found.is_valid());
}

void MatcherValue::append_repr(std::string& out) const {
  switch (kind_) {
    case Kind::event:
      out += "<matcher event(" + filter_.text() + ")>";
      break;
    case Kind::any:
      out += "<matcher any>";
      break;
    case Kind::all:
      out += "<matcher all>";
      break;
    case Kind::never:
      out += "<matcher never>";
      break;
  }
}

void MatcherValue::visit_children(const starlark::ValueVisitor& visit) {
  for (auto& part : parts_) visit(part);
}

bool MatcherValue::matches(const event::Event& event) const {
  auto holds = [&](const Value& part) {
    return starlark::host_cast<MatcherValue>(part)->matches(event);
  };
  switch (kind_) {
    case Kind::event:
      return filter_.matches(event);
    case Kind::any:
      return std::any_of(parts_.begin(), parts_.end(), holds);
    case Kind::all:
      return std::all_of(parts_.begin(), parts_.end(), holds);
    case Kind::never:
      return false;
  }
  return false;
}

bool matches(Thread& thread, const Value& matcher_or_callable, const event::Event& event) {
  if (auto* matcher = starlark::host_cast<MatcherValue>(matcher_or_callable))
    return matcher->matches(event);
  Value argument = thread.heap().make<EventValue>(event, false);
  auto outcome = thread.call(matcher_or_callable, {argument});
  return outcome && starlark::truth(*outcome);
}

}  // namespace mishap::spec
