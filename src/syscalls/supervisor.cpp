#include "mishap/syscalls/supervisor.h"

#include "loop.h"

namespace mishap::syscalls {
namespace {

/// syscall, pid, decision, path: what nearly every event has.
constexpr size_t kUsualFields = 4;

}  // namespace

Supervisor::Supervisor(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}

Supervisor::~Supervisor() { stop(); }

Result<std::unique_ptr<Supervisor>> Supervisor::start(UniqueFd fd, SupervisorOptions options) {
  MISHAP_ASSIGN(Listener listener, Listener::take(std::move(fd)));
  auto loop = std::make_unique<Loop>(std::move(listener), std::move(options));
  MISHAP_TRY(loop->start());
  return std::unique_ptr<Supervisor>(new Supervisor(std::move(loop)));
}

void Supervisor::stop() { loop_->stop(); }
uint64_t Supervisor::held_count() const { return loop_->held_count(); }
uint64_t Supervisor::answered_count() const { return loop_->answered_count(); }
uint64_t Supervisor::vanished_count() const { return loop_->vanished_count(); }

event::Draft to_draft(std::string_view service, const SyscallEvent& event) {
  event::Draft draft;
  draft.type = "syscall";
  draft.service = service;
  draft.fields.reserve(kUsualFields);
  auto add = [&draft](std::string_view name, std::string_view value) {
    if (!value.empty()) draft.fields.set(name, std::string(value));
  };
  add("syscall", event.syscall);
  add("pid", std::to_string(event.pid));
  add("decision", event.decision);
  add("path", event.path);
  if (event.latency.count() > 0) {
    auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(event.latency);
    add("latency_ms", std::to_string(milliseconds.count()));
  }
  add("label", event.label);
  add("op", event.op);
  add("errno", event.errno_name);
  add("scope", event.scope);
  add("peer", event.peer);
  add("address", event.address);
  // Whom it reaches there, and what those know, nobody here can tell.
  bool reaches_out = event.syscall == "connect" || event.syscall == "sendto";
  draft.merges_all = reaches_out && !event.decision.starts_with("deny");
  return draft;
}

}  // namespace mishap::syscalls
