#include "mishap/monitor/monitor.h"

#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/check.h"

namespace mishap::monitor {
namespace {

constexpr uint64_t kMaxRecorded = 1000;

bool concerns(const MonitorSpec& spec, const event::Event& event) {
  return spec.service.empty() || spec.service == event.service;
}

}  // namespace

/// Owned by the set and by a feed that is going on while the monitor is removed.
struct MonitorSet::Running {
  MonitorSpec spec;
  std::unique_ptr<StreamMonitor> stream;
  uint64_t references = 1;
  uint64_t after = 0;           ///< sees events with a greater number
  uint64_t until = UINT64_MAX;  ///< and none with a greater one than this
  uint64_t violations = 0;
};

void MonitorSet::add(const MonitorSpec& spec) {
  MISHAP_CHECK(spec.kind == Kind::stream ? spec.make_stream != nullptr : spec.on_event != nullptr,
               "monitor {}", spec.name);
  {
    std::lock_guard lock(mutex_);
    for (const auto& running : running_) {
      if (running->spec.id == spec.id && running->references > 0) {
        ++running->references;
        return;
      }
    }
  }
  auto running = std::make_shared<Running>();
  running->spec = spec;
  if (spec.kind == Kind::stream) running->stream = spec.make_stream();
  std::lock_guard lock(mutex_);
  running->after = log_.size();
  running_.push_back(std::move(running));
}

void MonitorSet::remove(uint64_t id) {
  std::lock_guard lock(mutex_);
  for (const auto& running : running_) {
    if (running->spec.id != id || running->references == 0) continue;
    if (--running->references == 0) running->until = log_.size();
  }
  std::erase_if(running_, [](const auto& running) {
    return running->references == 0 && running->spec.kind == Kind::finished_trace;
  });
}

bool MonitorSet::any() const {
  std::lock_guard lock(mutex_);
  return !running_.empty();
}

std::vector<std::shared_ptr<MonitorSet::Running>> MonitorSet::running(Kind kind) const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Running>> found;
  for (const auto& one : running_) {
    if (one->spec.kind == kind) found.push_back(one);
  }
  return found;
}

/// The stream monitors that see the event `seq`; who has seen its last one goes.
std::vector<std::shared_ptr<MonitorSet::Running>> MonitorSet::watching(uint64_t seq) {
  std::vector<std::shared_ptr<Running>> over;  // let go without the lock: a monitor may wait then
  {
    std::lock_guard lock(mutex_);
    auto rest = std::stable_partition(running_.begin(), running_.end(),
                                      [&](const auto& one) { return one->until >= seq; });
    over.assign(rest, running_.end());
    running_.erase(rest, running_.end());
  }
  auto found = running(Kind::stream);
  std::erase_if(found, [&](const auto& one) { return one->after >= seq; });
  return found;
}

void MonitorSet::record(Running& monitor, const event::Event& event, Objection objection) {
  std::lock_guard lock(mutex_);
  ++violation_count_;
  if (++monitor.violations > kMaxRecorded) return;
  violations_.push_back(Violation{
      monitor.spec.name, std::move(objection.message), event.seq, event.type, event.service,
      std::move(objection.pos), std::move(objection.source_line), std::move(objection.backtrace)});
}

void MonitorSet::feed(const event::Event& event) {
  for (const auto& monitor : watching(event.seq)) {
    if (!concerns(monitor->spec, event) || !monitor->stream->accepts(event)) continue;
    Judgement objection = monitor->stream->step(event);
    if (!objection) continue;
    objection->message =
        fmt::format("monitor \"{}\" violated at event seq={} type={} service={}{}{}",
                    monitor->spec.name, event.seq, event.type, event.service,
                    objection->message.empty() ? "" : ": ", objection->message);
    record(*monitor, event, std::move(*objection));
  }
}

void MonitorSet::finish() {
  const size_t size = log_.size();  // what monitors themselves cause is not judged
  for (const auto& monitor : running(Kind::finished_trace)) {
    for (size_t i = 0; i < size; ++i) {
      const event::Event& event = log_.at(i);
      if (!concerns(monitor->spec, event)) continue;
      Judgement objection = monitor->spec.on_event(event);
      if (!objection) continue;
      objection->message += fmt::format(" (event seq={})", event.seq);
      record(*monitor, event, std::move(*objection));
    }
  }
}

std::vector<Violation> MonitorSet::violations() const {
  std::lock_guard lock(mutex_);
  return violations_;
}

uint64_t MonitorSet::violation_count() const {
  std::lock_guard lock(mutex_);
  return violation_count_;
}

}  // namespace mishap::monitor
