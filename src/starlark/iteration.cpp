// Iteration, and how many items a value has.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "mishap/starlark/operations.h"
#include "mishap/starlark/thread.h"

#include "bounds.h"

namespace mishap::starlark {

bool is_iterable(const Value& value) {
  switch (value.kind()) {
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kSet:
    case Kind::kRange:
      return true;
    case Kind::kHost:
      return value.as<HostObject>().iterable();
    default:
      return false;
  }
}

Result<Iteration> Iteration::start(Thread& thread, const Value& iterable) {
  Iteration iteration;
  iteration.thread_ = &thread;
  switch (iterable.kind()) {
    case Kind::kList:
      iterable.as<List>().begin_iteration();
      break;
    case Kind::kDict:
    case Kind::kSet:
      iterable.as<TableObject>().begin_iteration();
      iteration.position_ = std::as_const(iterable.as<TableObject>()).table().front();
      break;
    case Kind::kTuple:
      break;
    case Kind::kRange: {
      const auto& range = iterable.as<Range>();
      iteration.left_ = static_cast<uint64_t>(range.size);
      iteration.next_ = static_cast<uint64_t>(range.start);
      iteration.step_ = static_cast<uint64_t>(range.step);
      break;
    }
    default:
      if (!is_iterable(iterable))
        return fail(fmt::format("{} value is not iterable", type_name(iterable)));
      iteration.host_ = iterable.as<HostObject>().iterate(thread);
      if (iteration.host_ == nullptr)
        return fail(fmt::format("{} value is not iterable", type_name(iterable)));
  }
  iteration.source_ = iterable;
  return iteration;
}

Iteration::Iteration(Iteration&& other) noexcept = default;

Iteration& Iteration::operator=(Iteration&& other) noexcept {
  finish();
  thread_ = other.thread_;
  source_ = std::move(other.source_);
  position_ = other.position_;
  left_ = other.left_;
  next_ = other.next_;
  step_ = other.step_;
  host_ = std::move(other.host_);
  return *this;
}

Iteration::~Iteration() { finish(); }

void Iteration::finish() {
  if (source_.is_list()) {
    source_.as<List>().end_iteration();
  } else if (source_.is_dict() || source_.is_set()) {
    source_.as<TableObject>().end_iteration();
  }
  source_ = Value();
}

bool Iteration::step(Value& out) {
  switch (source_.kind()) {
    case Kind::kList: {
      const auto items = source_.as<List>().items();
      if (position_ >= items.size()) return false;
      out = items[position_++];
      return true;
    }
    case Kind::kTuple: {
      const auto items = source_.as<Tuple>().items();
      if (position_ >= items.size()) return false;
      out = items[position_++];
      return true;
    }
    case Kind::kRange:
      return step_range(out);
    case Kind::kDict:
    case Kind::kSet: {
      const auto entries = std::as_const(source_.as<TableObject>()).table().entries();
      while (position_ < entries.size() && !entries[position_].key.is_valid()) ++position_;
      if (position_ >= entries.size()) return false;
      out = entries[position_++].key;
      return true;
    }
    default:
      return false;
  }
}

Result<Value> Iteration::next() {
  if (host_ != nullptr) return host_->next(*thread_);
  Value item;
  step(item);
  return item;
}

Result<std::vector<Value>> to_vector(Thread& thread, const Value& iterable) {
  if (iterable.is_list()) {
    const auto items = iterable.as<List>().items();
    return std::vector<Value>(items.begin(), items.end());
  }
  MISHAP_ASSIGN(auto iteration, Iteration::start(thread, iterable));
  std::vector<Value> items;
  if (const auto size = length(iterable)) {
    if (!thread.heap().can_allocate(static_cast<uint64_t>(*size) * sizeof(Value)))
      return fail("memory limit exceeded");
    items.reserve(static_cast<size_t>(std::clamp<int64_t>(*size, 0, 1 << 20)));
  }
  while (true) {
    MISHAP_ASSIGN(Value item, iteration.next());
    if (!item.is_valid()) return items;
    items.push_back(std::move(item));
    // An endless host iterable must end somewhere; so must one that is only very long.
    constexpr size_t kAtOnce = 256;
    if (items.size() % kAtOnce != 0) continue;
    MISHAP_TRY(count_work(kAtOnce));
    if (!thread.heap().can_allocate(items.size() * sizeof(Value)))
      return fail("memory limit exceeded");
  }
}

std::optional<int64_t> length(const Value& value) {
  switch (value.kind()) {
    case Kind::kString:
    case Kind::kBytes:
      return static_cast<int64_t>(value.text().size());
    case Kind::kList:
      return static_cast<int64_t>(value.as<List>().size());
    case Kind::kTuple:
      return static_cast<int64_t>(value.as<Tuple>().size());
    case Kind::kDict:
    case Kind::kSet:
      return static_cast<int64_t>(value.as<TableObject>().size());
    case Kind::kRange:
      return value.as<Range>().size;
    case Kind::kHost:
      return value.as<HostObject>().length();
    default:
      return std::nullopt;
  }
}

}  // namespace mishap::starlark
