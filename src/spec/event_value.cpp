// Events as specs see them: one type, whichever way they are reached.
#include <algorithm>

#include <fmt/format.h>

#include "event_relations.h"
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
  if (Value related = event_relation(thread, *this, name); related.is_valid()) return related;
  if (const std::string* field = event.fields.find(name)) return heap.string(*field);
  return Value();
}

Value EventValue::attr_fallback(Thread& thread, std::string_view) {
  return lenient_ ? thread.heap().string("") : Value();
}

std::vector<std::string> EventValue::attr_names() const {
  std::vector<std::string> names = {"data", "event_type", "fields",    "get",
                                    "seq",  "service",    "timestamp", "type"};
  for (std::string_view name : event_relation_names()) names.emplace_back(name);
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

}  // namespace mishap::spec
