#include "services.h"

#include <csignal>
#include <future>
#include <thread>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/fault/names.h"
#include "mishap/syscalls/probes.h"

#include "leftovers.h"
#include "readiness.h"
#include "tls.h"

namespace mishap::cell {
namespace {

/// How often a wait for a program looks whether it is cancelled.
constexpr auto kCancelLook = std::chrono::milliseconds(50);

event::Fields start_fields(const engine::Service& service) {
  return {{"kind", service.from_image() ? "image" : "binary"}};
}

}  // namespace

struct Services::Running {
  const engine::Service* service = nullptr;
  const engine::Launch* launch = nullptr;
  source::OutputTail tail;
  std::shared_ptr<source::OutputSource> output, error;  // the output loop's
  std::shared_ptr<fault::SyscallDecider> decider;
  std::shared_ptr<syscalls::ExemptProcesses> exempt = std::make_shared<syscalls::ExemptProcesses>();
  std::unique_ptr<syscalls::Supervisor> supervisor;
  // Guarded by Services::mutex_.
  pid_t pid = 0;
  bool spawned = false, followed = false, exited = false;
  bool ready = false;     // for this test: others may start
  bool kept = false;      // it was ready in an earlier test
  bool stopping = false;  // its end is ours
  sandbox::ExitStatus status;
};

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

std::set<std::string> Services::notified_of(const engine::Service& service) const {
  const auto& notified = service.reuse ? context_.plan.notified : test_->notified;
  auto found = notified.find(service.name);
  return found == notified.end() ? std::set<std::string>() : found->second;
}

std::set<std::string> Services::noticed_beside(const std::set<std::string>& notified) {
  auto others = fault::other_ways({notified.begin(), notified.end()});
  return {others.begin(), others.end()};
}

syscalls::FilterPlan Services::filter_of(const engine::Service& service) const {
  syscalls::FilterPlan plan;
  if (!service.seccomp) return plan;
  std::set<std::string> notified = notified_of(service);
  notified.merge(noticed_beside(notified));
  plan.notify.assign(notified.begin(), notified.end());
  plan.redirect_connects = context_.router != nullptr;
  return plan;
}

Result<void> Services::spawn(Running& running) {
  const engine::Launch& launch = *running.launch;
  sandbox::SpawnRequest request;
  request.program = launch.argv.front();
  request.arguments.assign(launch.argv.begin() + 1, launch.argv.end());
  std::map<std::string, std::string> variables{launch.env.begin(), launch.env.end()};
  if (context_.tls != nullptr) {
    for (auto& [name, value] : context_.tls->variables(*running.service)) variables[name] = value;
  }
  for (const auto& [name, value] : variables) request.environment.push_back(name + "=" + value);
  request.environment.push_back(std::string(kServiceVariable) + "=" + running.service->name);
  request.working_directory = launch.cwd;
  if (const auto* network = network_of(running.service->name)) {
    request.network_namespace = network->network_namespace.get();
    request.host_name = running.service->name;
    request.hosts = network->hosts;
  }

  syscalls::FilterPlan plan = filter_of(*running.service);
  std::vector<sock_filter> filter;
  Result<void> supervised;
  if (!plan.empty()) {
    MISHAP_ASSIGN(filter, syscalls::compile_filter(plan));
    request.seccomp_filter = filter;
    request.seccomp_flags = syscalls::listener_flags();
    request.on_listener = [&](UniqueFd listener, pid_t) {
      supervised = supervise(running, std::move(listener));
    };
  }
  MISHAP_ASSIGN(auto child, reaper_->spawn(request, [this, &running](sandbox::ExitStatus status) {
    on_exit(running, status);
  }));
  MISHAP_TRY(std::move(supervised));
  {
    std::lock_guard lock(mutex_);
    running.spawned = true;
    running.pid = child.pid;
  }
  // Before its output is followed, and its end with it.
  emit("service_started", running.service->name, start_fields(*running.service));
  follow_output(running, child);
  return {};
}

Result<void> Services::supervise(Running& running, UniqueFd listener) {
  running.decider = std::make_shared<fault::SyscallDecider>(test_->seed);
  syscalls::SupervisorOptions options;
  options.service = running.service->name;
  options.decider = running.decider;
  options.sink = [this, name = running.service->name,
                  noticed = noticed_beside(notified_of(*running.service))](
                     const syscalls::SyscallEvent& event) {
    if (noticed.contains(std::string(event.syscall))) return;
    context_.log.append(syscalls::to_draft(name, event));
  };
  options.on_failure = context_.on_supervisor_failure;
  options.peer_of = [this, name = running.service->name](const syscalls::SocketAddress& address) {
    return context_.peer_of(name, address);
  };
  options.network_namespace = namespace_of(running.service->name);
  options.router = context_.router;
  options.exempt = running.exempt;
  options.always.path = !filter_of(*running.service).notify.empty();
  MISHAP_ASSIGN(running.supervisor,
                syscalls::Supervisor::start(std::move(listener), std::move(options)));
  return {};
}

void Services::follow_output(Running& running, sandbox::Child& child) {
  auto decoder_of = [&](engine::Observation::Source source) {
    for (const auto& observation : running.service->observe) {
      if (observation.source == source && observation.decoder) return observation.decoder;
    }
    return event::automatic_decoder();
  };
  auto follow = [&](const char* type, engine::Observation::Source source, UniqueFd pipe) {
    auto output = std::make_shared<source::OutputSource>(
        source::OutputSource::Options{running.service->name, type, decoder_of(source),
                                      context_.settings.echo_output},
        std::move(pipe), context_.log, running.tail);
    auto& place =
        source == engine::Observation::Source::standard_output ? running.output : running.error;
    context_.outputs.post([&loop = context_.outputs, &place, output] {
      place = output;
      (void)output->follow(loop);
    });
  };
  follow("stdout", engine::Observation::Source::standard_output, std::move(child.output));
  follow("stderr", engine::Observation::Source::standard_error, std::move(child.error));
  std::lock_guard lock(mutex_);
  running.followed = true;
  if (running.exited) post_exit(running);
}

void Services::on_exit(Running& running, sandbox::ExitStatus status) {
  std::lock_guard lock(mutex_);
  running.exited = true;
  running.status = status;
  if (!running.stopping) {
    if (!status.success()) {
      (faults_on_ ? late_exits_ : early_exits_).push_back({running.service->name, status});
    }
    kept_died_ = kept_died_ || (running.kept && !faults_on_);
  }
  if (running.followed) post_exit(running);
  changed_.notify_all();
}

void Services::post_exit(Running& running) {
  // On the loop that reads its pipes, so that its last words come before its end.
  context_.outputs.post([this, &running, status = running.status] {
    for (auto& source : {running.output, running.error}) {
      if (source != nullptr) source->read_available();
    }
    event::Fields fields{{"code", std::to_string(status.code)}};
    if (status.signal != 0) fields.set("signal", std::to_string(status.signal));
    emit("service_exited", running.service->name, std::move(fields));
  });
}

Result<sandbox::ExitStatus> Services::run_program(const sandbox::SpawnRequest& request,
                                                  const net::Cancel& cancel) {
  MISHAP_ASSIGN(auto child, reaper_->spawn(request));
  while (true) {
    if (auto ended = reaper_->wait(child.pid, net::Clock::now() + kCancelLook)) return *ended;
    if (cancel.is_set()) return reaper_->stop(child.pid, std::chrono::milliseconds(0));
  }
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

void Services::catch_up() {
  std::promise<void> done;
  context_.outputs.post([&] {
    for (auto& [name, running] : running_) {
      for (auto& source : {running->output, running->error}) {
        if (source != nullptr) source->read_available();
      }
    }
    done.set_value();
  });
  done.get_future().wait();
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
