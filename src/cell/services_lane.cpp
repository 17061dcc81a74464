// Between two tests of a lane: what is kept, what goes, and whether what was kept still serves.
#include <csignal>
#include <future>

#include <fmt/format.h>

#include "leftovers.h"
#include "services_impl.h"

namespace mishap::cell {

/// The events are those of a start, so that a test sees the same whichever place it has in the
/// lane.
Result<void> Services::keep_one(Running& running, const Hooks& hooks) {
  const std::string& name = running.service->name;
  if (!wait_for_dependencies(running)) return fail("");
  event::Fields fields = start_fields(*running.service);
  fields.set("reused", "true");
  emit("service_started", name, std::move(fields));
  if (running.service->healthcheck || !running.launch->readiness_protocol.empty())
    emit("service_ready", name, {{"reused", "true"}});
  return hooks.reset(name);
}

std::vector<std::string> Services::fresh() const {
  std::vector<std::string> names;
  for (const auto& [name, running] : running_) {
    if (!running->service->reuse) names.push_back(name);
  }
  return names;
}

Result<void> Services::end_fresh() {
  std::vector<Running*> fresh;
  Kept kept;
  {
    std::lock_guard lock(mutex_);
    for (auto& [name, running] : running_) {
      if (running->service->reuse) {
        running->kept = running->kept || running->ready;
        kept.leaders.insert(running->pid);
        kept.services.insert(name);
      } else {
        running->stopping = true;
        fresh.push_back(running.get());
      }
    }
  }
  if (fresh.empty()) return {};
  // As at a cell's end, nobody gets a chance to wind up; all at once, lest one answer the end of
  // another.
  for (auto* running : fresh) {
    if (running->pid != 0) reaper_->signal_group(running->pid, SIGKILL);
  }
  for (auto* running : fresh) {
    if (running->pid != 0) reaper_->stop(running->pid, std::chrono::milliseconds(0), SIGKILL);
  }
  if (!context_.environment.private_proc)
    return fail("what services left running cannot be found: /proc is not the cell's own");
  MISHAP_TRY(kill_leftovers(kept));
  for (auto* running : fresh) MISHAP_TRY(forget(*running));
  return {};
}

/// Makes a service that has ended one that was never started.
Result<void> Services::forget(Running& running) {
  running.supervisor.reset();
  std::promise<void> done;
  context_.outputs.post([&] {
    running.output.reset();
    running.error.reset();
    done.set_value();
  });
  done.get_future().wait();
  if (running.launch != nullptr) MISHAP_TRY(remove_files(*running.launch));
  auto anew = std::make_unique<Running>();
  anew->service = running.service;
  std::lock_guard lock(mutex_);
  running_.at(anew->service->name) = std::move(anew);
  return {};
}

std::string Services::worn_out() const {
  std::lock_guard lock(mutex_);
  for (const auto& [name, running] : running_) {
    if (!running->service->reuse) continue;
    if (running->exited) return fmt::format("service \"{}\" {}", name, running->status.text());
    if (!running->kept) return fmt::format("service \"{}\" did not become ready", name);
  }
  return "";
}

bool Services::kept_one_died() const {
  std::lock_guard lock(mutex_);
  return kept_died_;
}

std::string Services::held() const {
  for (const auto& [name, running] : running_) {
    if (running->service->reuse && running->supervisor && running->supervisor->held_count() > 0)
      return name;
  }
  return "";
}

}  // namespace mishap::cell
