// The processes of services: their start under a filter, their output, their end; and programs that
// are no services.
#include <future>

#include <fmt/format.h>

#include "mishap/fault/names.h"
#include "mishap/syscalls/probes.h"

#include "leftovers.h"
#include "services_impl.h"
#include "tls.h"

namespace mishap::cell {
namespace {

/// How often a wait for a program looks whether it is cancelled.
constexpr auto kCancelLook = std::chrono::milliseconds(50);

}  // namespace

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
  for (const auto& [name, value] : variables)
    request.environment.push_back(fmt::format("{}={}", name, value));
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

Result<sandbox::ExitStatus> Services::run_program(sandbox::SpawnRequest request,
                                                  const net::Cancel& cancel) {
  if (context_.tls != nullptr) {
    // What the caller's own environment says of it is about the world outside the cell.
    for (const auto& [name, value] : context_.tls->trust_variables()) {
      const std::string start = name + "=";
      std::erase_if(request.environment,
                    [&](const std::string& entry) { return entry.starts_with(start); });
      request.environment.push_back(start + value);
    }
  }
  MISHAP_ASSIGN(auto child, reaper_->spawn(request));
  while (true) {
    if (auto ended = reaper_->wait(child.pid, net::Clock::now() + kCancelLook)) return *ended;
    if (cancel.is_set()) return reaper_->stop(child.pid, std::chrono::milliseconds(0));
  }
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

}  // namespace mishap::cell
