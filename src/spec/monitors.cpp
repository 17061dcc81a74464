#include "monitors.h"

#include <fmt/format.h>

#include "matching.h"
#include "onlooker.h"
#include "values.h"

namespace mishap::spec {
namespace {

constexpr int kCopyDepth = 64;

/// A changeable copy, so that registrations do not share state.
Result<Value> deep_copy(Heap& heap, const Value& value, int depth) {
  if (depth == 0) return fail("state_init is nested too deep");
  if (value.is_list()) {
    std::vector<Value> items;
    for (const Value& item : value.as<starlark::List>().items()) {
      MISHAP_ASSIGN(Value copy, deep_copy(heap, item, depth - 1));
      items.push_back(std::move(copy));
    }
    return heap.list(std::move(items));
  }
  if (value.is_tuple()) {
    std::vector<Value> items;
    for (const Value& item : value.as<starlark::Tuple>().items()) {
      MISHAP_ASSIGN(Value copy, deep_copy(heap, item, depth - 1));
      items.push_back(std::move(copy));
    }
    return heap.tuple(items);
  }
  if (value.is_dict()) {
    Value dict = heap.dict();
    for (const auto& entry : value.as<starlark::Dict>().table().entries()) {
      if (!entry.key.is_valid()) continue;
      MISHAP_ASSIGN(Value copy, deep_copy(heap, entry.value, depth - 1));
      MISHAP_TRY(dict.as<starlark::Dict>().set(entry.key, std::move(copy)));
    }
    return dict;
  }
  if (value.is_set()) {
    Value set = heap.set();
    for (const Value& key : value.as<starlark::Set>().keys())
      MISHAP_TRY(set.as<starlark::Set>().add(key));
    return set;
  }
  return value;
}

class StreamMonitor final : public monitor::StreamMonitor {
 public:
  StreamMonitor(World& world, const MonitorDeclaration& declared)
      : world_(world), declared_(declared) {
    BatonHold hold(world_.baton);
    task_ = std::make_unique<Onlooker>(world_, TaskKind::monitor);
    state_ = Value::none();
    if (!declared_.state_init.is_valid()) return;
    auto copy = deep_copy(world_.interpreter.heap(), declared_.state_init, kCopyDepth);
    if (copy)
      state_ = *copy;
    else
      broken_ = copy.error().message;
  }

  ~StreamMonitor() override {
    BatonHold hold(world_.baton);
    state_ = Value();
    task_.reset();
  }

  bool accepts(const event::Event& event) override {
    BatonHold hold(world_.baton);
    return matches(task_->thread(), declared_.on, event, so_far(event));
  }

  monitor::Judgement step(const event::Event& event) override {
    if (!broken_.empty()) return monitor::Objection{.message = broken_};
    BatonHold hold(world_.baton);
    Value argument = world_.interpreter.heap().make<EventValue>(event, false, so_far(event));
    Value next = state_;
    if (declared_.update.is_valid()) {
      auto updated = task_->thread().run(declared_.update, {argument, state_});
      if (!updated) return objection_of(world_, updated.error(), "update: ");
      next = *updated;
    }
    if (declared_.check.is_valid()) {
      auto checked = task_->thread().run(declared_.check, {argument, next});
      if (!checked) return objection_of(world_, checked.error(), "check: ");
      if (!starlark::truth(*checked)) return said_no();
    }
    state_ = next;
    return std::nullopt;
  }

 private:
  /// What a monitor knows when it is shown an event.
  event::Trace so_far(const event::Event& event) const {
    return {&world_.session->log(), event.seq};
  }

  /// A check that returned False points at itself.
  monitor::Objection said_no() const {
    SourcePos pos = function_pos(declared_.check);
    return {.pos = pos, .source_line = source_line(world_, pos)};
  }

  World& world_;
  const MonitorDeclaration& declared_;  // the world keeps the value
  std::unique_ptr<Onlooker> task_;
  Value state_;
  std::string broken_;
};

}  // namespace

monitor::MonitorSpec monitor_spec(World& world, const Value& monitor_value) {
  const MonitorDeclaration& declared = starlark::host_cast<MonitorValue>(monitor_value)->value;
  monitor::MonitorSpec spec;
  spec.id = reinterpret_cast<uintptr_t>(monitor_value.object());
  spec.name = declared.name;
  spec.service = declared.service;
  spec.kind = declared.finished_trace ? monitor::Kind::finished_trace : monitor::Kind::stream;
  if (declared.finished_trace) {
    auto task = std::make_shared<Onlooker>(world, TaskKind::monitor);
    spec.on_event = [&world, &declared, task](const event::Event& event) -> monitor::Judgement {
      BatonHold hold(world.baton);
      Value argument = world.interpreter.heap().make<EventValue>(
          event, true, event::Trace{&world.session->log(), event::Trace::kAll});
      auto outcome = task->thread().run(declared.on_event, {argument});
      if (!outcome) return objection_of(world, outcome.error());
      return std::nullopt;
    };
  } else {
    spec.make_stream = [&world, &declared] {
      return std::make_unique<StreamMonitor>(world, declared);
    };
  }
  return spec;
}

monitor::MonitorSpec start_monitor(World& world, const Value& monitor_value) {
  world.kept.push_back(monitor_value);
  auto spec = monitor_spec(world, monitor_value);
  BatonRest rest(world.baton);
  world.session->monitors().add(spec);
  return spec;
}

}  // namespace mishap::spec
