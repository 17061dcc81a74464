#include "services.h"

#include <future>

#include <fmt/format.h>

#include "mishap/base/text.h"

#include "readiness.h"
#include "services_impl.h"

namespace mishap::cell {

Services::Services(Context context)
    : context_(std::move(context)), reaper_(std::make_unique<sandbox::Reaper>()) {
  for (const auto& service : context_.plan.services) {
    auto running = std::make_unique<Running>();
    running->service = &service;
    running_.emplace(service.name, std::move(running));
  }
}

Services::~Services() = default;

void Services::emit(const std::string& type, const std::string& service, event::Fields fields) {
  event::Draft draft;
  draft.type = type;
  draft.service = service;
  draft.fields = std::move(fields);
  context_.log.append(std::move(draft));
}

Result<void> Services::prepare_files(const engine::Launch& launch) {
  auto& environment = context_.environment;
  // A data directory may lie within a named volume.
  for (const auto& directory : launch.private_dirs) {
    MISHAP_TRY(environment.mount_tmpfs(directory, 0));
  }
  for (const auto& clone : launch.clones) {
    MISHAP_TRY(environment.clone_directory(clone.prepared, clone.path));
  }
  for (const auto& bind : launch.binds) {
    MISHAP_TRY(environment.bind(bind.host, bind.path, bind.read_only));
  }
  return {};
}

Result<void> Services::remove_files(const engine::Launch& launch) {
  auto& environment = context_.environment;
  // The latest first: a bind may lie within a private directory.
  for (const auto& bind : launch.binds) MISHAP_TRY(environment.unmount(bind.path));
  for (const auto& clone : launch.clones) MISHAP_TRY(environment.unmount(clone.path));
  for (const auto& directory : launch.private_dirs) MISHAP_TRY(environment.unmount(directory));
  return {};
}

Result<void> Services::begin(const CellPlan& test) {
  {
    std::lock_guard lock(mutex_);
    test_ = &test;
    given_up_ = kept_died_ = faults_on_ = false;
    early_exits_.clear();
    late_exits_.clear();
    notes_.clear();
    for (auto& [name, running] : running_) {
      running->ready = false;
      kept_died_ = kept_died_ || (running->kept && running->exited);
    }
    if (kept_died_) return fail("");
  }
  for (auto& [name, running] : running_) {
    if (running->kept) {
      running->tail.clear();
      if (running->decider) running->decider->restart(test.seed);
      continue;
    }
    auto launch = context_.settings.launches.find(name);
    if (launch == context_.settings.launches.end())
      return fail("service \"" + name + "\" has no program");
    running->launch = &launch->second;
    // Mounts first and from one thread: a service must find all of the cell's files in place.
    MISHAP_TRY(prepare_files(*running->launch));
  }
  std::lock_guard lock(mutex_);
  for (auto& [name, running] : running_)
    notes_.insert(notes_.end(), running->launch->notes.begin(), running->launch->notes.end());
  return {};
}

Result<void> Services::start(const CellPlan& test, const Hooks& hooks, net::Deadline ceiling) {
  MISHAP_TRY(begin(test));
  std::vector<std::future<Result<void>>> starts;
  starts.reserve(running_.size());
  for (auto& [name, running] : running_) {
    starts.push_back(std::async(
        std::launch::async, [this, &hooks, ceiling, r = running.get()]() -> Result<void> {
          auto started = r->kept ? keep_one(*r, hooks) : start_one(*r, hooks, ceiling);
          std::lock_guard lock(mutex_);
          if (started)
            r->ready = true;
          else
            given_up_ = true;
          changed_.notify_all();
          return started;
        }));
  }
  // The failure that made the others give up says why; theirs are empty.
  Result<void> outcome;
  for (auto& start : starts) {
    auto started = start.get();
    if (!started && (outcome || outcome.error().message.empty())) outcome = std::move(started);
  }
  return outcome;
}

bool Services::wait_for_dependencies(const Running& running) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] {
    if (given_up_) return true;
    for (const auto& name : running.service->depends_on) {
      auto found = running_.find(name);
      if (found != running_.end() && !found->second->ready) return false;
    }
    return true;
  });
  return !given_up_;
}

Error Services::start_failure(const Running& running, const Error& why) const {
  std::string text = fmt::format("service \"{}\" ", running.service->name);
  {
    std::lock_guard lock(mutex_);
    text += running.exited ? fmt::format("exited before becoming ready ({})", running.status.text())
                           : why.message;
  }
  std::vector<std::string> lines;
  std::string tail = running.tail.text();
  for (auto line : split(tail, '\n')) lines.emplace_back(line);
  if (auto hint = engine::explain_start_failure(lines, running.service->env)) text += "\n" + *hint;
  return Error{text, why.code};
}

Result<void> Services::start_one(Running& running, const Hooks& hooks, net::Deadline ceiling) {
  const std::string& name = running.service->name;
  if (!wait_for_dependencies(running)) return fail("");
  if (auto spawned = spawn(running); !spawned) return fail(start_failure(running, spawned.error()));
  auto alive = [&] {
    std::lock_guard lock(mutex_);
    return !running.exited && !given_up_;
  };
  if (auto ready = wait_until_ready(*running.service, *running.launch, namespace_of(name),
                                    context_.tls, alive, ceiling);
      !ready) {
    {
      std::lock_guard lock(mutex_);
      if (given_up_ && !running.exited) return fail("");
    }
    catch_up();
    return fail(start_failure(running, ready.error()));
  }
  if (running.service->healthcheck || !running.launch->readiness_protocol.empty())
    emit("service_ready", name);
  note_ports_nobody_reaches(running);
  if (auto observed = hooks.ready(*running.service); !observed)
    return fail(start_failure(running, observed.error()));
  return hooks.seed(name);
}

fault::SyscallDecider* Services::decider(const std::string& service) const {
  auto found = running_.find(service);
  return found == running_.end() ? nullptr : found->second->decider.get();
}

bool Services::running(const std::string& service) const {
  std::lock_guard lock(mutex_);
  auto found = running_.find(service);
  return found != running_.end() && found->second->spawned && !found->second->exited;
}

std::vector<UnexpectedExit> Services::early_exits() const {
  std::lock_guard lock(mutex_);
  return early_exits_;
}

std::vector<UnexpectedExit> Services::late_exits() const {
  std::lock_guard lock(mutex_);
  return late_exits_;
}

bool Services::await_exit(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit,
                           [&] { return !early_exits_.empty() || !late_exits_.empty(); });
}

std::vector<std::string> Services::notes() const {
  std::lock_guard lock(mutex_);
  return notes_;
}

const sandbox::ServiceNetwork* Services::network_of(const std::string& service) const {
  auto found = context_.environment.networks.find(service);
  return found == context_.environment.networks.end() ? nullptr : &found->second;
}

int Services::namespace_of(const std::string& service) const {
  const auto* network = network_of(service);
  return network == nullptr ? -1 : network->network_namespace.get();
}

void Services::note_ports_nobody_reaches(const Running& running) {
  const engine::Service& service = *running.service;
  const auto* network = network_of(service.name);
  if (network == nullptr) return;
  for (uint16_t port : ports_nobody_reaches(service, *running.launch,
                                            network->network_namespace.get(), network->address)) {
    std::lock_guard lock(mutex_);
    notes_.push_back(
        fmt::format("service \"{}\" listens on port {} of its own loopback only, where nobody else "
                    "reaches it, as in a container: let it listen on 0.0.0.0",
                    service.name, port));
  }
}

std::shared_ptr<syscalls::ExemptProcesses> Services::exempt(const std::string& service) const {
  return running_.at(service)->exempt;
}

std::string Services::output_tail(const std::string& service, bool* complete) const {
  auto found = running_.find(service);
  if (found == running_.end()) return "";
  if (complete != nullptr) *complete = found->second->tail.complete();
  return found->second->tail.text();
}

}  // namespace mishap::cell
