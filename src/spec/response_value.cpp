// What steps give back.
#include <fmt/format.h>

#include "values.h"

namespace mishap::spec {

using starlark::Heap;

void ResponseValue::append_repr(std::string& out) const {
  out += result.ok
             ? fmt::format("<response status={}>", result.status)
             : "<response error=" +
                   Json(result.error).dump(-1, ' ', false, Json::error_handler_t::replace) + ">";
}

Result<uint64_t> ResponseValue::hash() const { return fail("unhashable type: response"); }

Result<Value> ResponseValue::attr(Thread& thread, std::string_view name) {
  Heap& heap = thread.heap();
  if (name == "status" || name == "status_code") return Value::integer(result.status);
  if (name == "ok") return Value::boolean(result.ok);
  if (name == "body") return heap.string(result.body);
  if (name == "error") return heap.string(result.error);
  if (name == "duration_ms") return Value::integer(duration_ms);
  if (name == "client" || name == "operation" || name == "contract_error") return heap.string("");
  if (name == "contract_ok") return Value::boolean(true);
  if (name == "data") {
    if (!data_.is_valid()) {
      data_ = starlark::from_json(heap, result.data);
      if (result.wraps_value) data_ = heap.make<WrappedValue>(data_);
    }
    return data_;
  }
  if (name == "headers" || name == "fields") {
    Value dict = heap.dict();
    auto add = [&](const auto& items) -> Result<void> {
      for (const auto& [key, text] : items) {
        MISHAP_TRY(dict.as<starlark::Dict>().set(heap.string(key), heap.string(text)));
      }
      return {};
    };
    if (name == "headers") MISHAP_TRY(add(result.headers));
    if (name == "fields") MISHAP_TRY(add(result.fields));
    return dict;
  }
  return Value();
}

std::vector<std::string> ResponseValue::attr_names() const {
  return {"body",        "client", "contract_error", "contract_ok", "data",
          "duration_ms", "error",  "fields",         "headers",     "ok",
          "operation",   "status", "status_code"};
}

namespace {

/// Walks what a wrapped value iterates over.
class WrappedIterator final : public starlark::HostIterator {
 public:
  explicit WrappedIterator(std::vector<Value> items) : items_(std::move(items)) {}
  Result<Value> next(Thread&) override { return at_ < items_.size() ? items_[at_++] : Value(); }

 private:
  std::vector<Value> items_;
  size_t at_ = 0;
};

}  // namespace

Result<Value> WrappedValue::attr(Thread& thread, std::string_view name) {
  if (name == "get") {
    // A dict's `get` for the one key there is.
    return starlark::make_builtin(
        thread.heap(),
        starlark::Signature("get").required("key").optional("default").positional_only(),
        [inner = value_](starlark::CallContext& call) -> Result<Value> {
          if (call[0].is_string() && call.text(0) == "value") return inner;
          return call.has(1) ? call[1] : Value::none();
        });
  }
  return starlark::find_attr(thread, value_, name);
}

std::optional<int64_t> WrappedValue::length() const { return starlark::length(value_); }

Result<Value> WrappedValue::index(Thread& thread, const Value& key) {
  if (key.is_string() && key.text() == "value") return value_;
  return starlark::index(thread, value_, key);
}

std::unique_ptr<starlark::HostIterator> WrappedValue::iterate(Thread& thread) {
  auto items = starlark::to_vector(thread, value_);
  return std::make_unique<WrappedIterator>(items ? std::move(*items) : std::vector<Value>());
}

Result<std::optional<bool>> WrappedValue::contains(Thread& thread, const Value& item) {
  if (item.is_string() && item.text() == "value" && !value_.is_string() && !value_.is_list())
    return std::optional(true);
  MISHAP_ASSIGN(bool found, starlark::contains(thread, value_, item));
  return std::optional(found);
}

Result<Value> WrappedValue::binary(Thread& thread, starlark::BinaryOperator op, const Value& other,
                                   bool reversed) {
  auto* wrapped = starlark::host_cast<WrappedValue>(other);
  const Value& plain = wrapped != nullptr ? wrapped->value_ : other;
  return reversed ? starlark::binary(thread, op, plain, value_)
                  : starlark::binary(thread, op, value_, plain);
}

}  // namespace mishap::spec
