// The services of a running cell: starting them in order, following their output, noticing their
// end; and, in a lane, keeping those that are reused for the next test while the others go.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "mishap/cell/cell.h"
#include "mishap/event/log.h"
#include "mishap/fault/decider.h"
#include "mishap/net/loop.h"
#include "mishap/net/stream.h"
#include "mishap/sandbox/process.h"
#include "mishap/source/output.h"
#include "mishap/syscalls/filter.h"
#include "mishap/syscalls/supervisor.h"

namespace mishap::cell {

class Tls;

/// A service that did not end with code 0.
struct UnexpectedExit {
  std::string service;
  sandbox::ExitStatus status;
};

class Services {
 public:
  struct Context {
    const LanePlan& plan;
    const CellSettings& settings;
    sandbox::CellEnvironment& environment;
    event::Log& log;
    net::Loop& outputs;                         ///< runs already; follows the pipes
    syscalls::ConnectRouter* router = nullptr;  ///< none: no interface is relayed
    /// Whom a consumer means by an address.
    std::function<std::optional<syscalls::Peer>(const std::string&, const syscalls::SocketAddress&)>
        peer_of;
    std::function<void(Error)> on_supervisor_failure;
    const Tls* tls = nullptr;  ///< none: no interface speaks it
  };
  explicit Services(Context context);
  ~Services();

  /// What is run once a service is ready: after a start first `ready`, then its seed; its reset
  /// when it was kept.
  struct Hooks {
    std::function<Result<void>(const engine::Service&)> ready;
    std::function<Result<void>(const std::string&)> seed, reset;
  };
  /// Begins a test: starts what does not run and resets what was kept, a service once those it
  /// depends on are ready and seeded, independent ones at the same time. `test` is used until the
  /// next start. Error: the first failure, naming the service; the others are then given up.
  Result<void> start(const CellPlan& test, const Hooks& hooks, net::Deadline ceiling);
  /// Between two tests: ends the services that are not reused, all their processes included, and
  /// takes their directories away. Error: something of them is left, or might be.
  Result<void> end_fresh();
  /// Those that the next test gets anew.
  std::vector<std::string> fresh() const;
  /// Why the reused services cannot serve another test: one ended or never became ready. "" when
  /// they can.
  std::string worn_out() const;
  /// A service that was kept for this test has ended without any fault being on in it: what an
  /// earlier test did may be the reason.
  bool kept_one_died() const;
  /// A reused service of which a delay holds a call now; "" when there is none.
  std::string held() const;

  /// Runs a program that is no service, but is told whom to trust as services are, and waits for
  /// its end; a cancel kills it.
  Result<sandbox::ExitStatus> run_program(sandbox::SpawnRequest request, const net::Cancel& cancel);

  /// Null when the service runs without a filter.
  fault::SyscallDecider* decider(const std::string& service) const;
  bool running(const std::string& service) const;
  /// Processes of a service whose calls are not its own doing.
  std::shared_ptr<syscalls::ExemptProcesses> exempt(const std::string& service) const;
  /// From here on a service that ends is an event, not a verdict.
  void faults_are_on() { faults_on_ = true; }
  std::vector<UnexpectedExit> early_exits() const;  ///< before any fault was on
  std::vector<UnexpectedExit> late_exits() const;   ///< once faults were on
  /// Waits for an unexpected exit, up to `limit`: a service's connections are refused a moment
  /// before its end can be known.
  bool await_exit(std::chrono::milliseconds limit);
  /// What people should know of the start, though nothing failed.
  std::vector<std::string> notes() const;

  /// Until every line that services had written when this was called is an event.
  void catch_up();
  std::string output_tail(const std::string& service, bool* complete) const;

 private:
  struct Running;
  Result<void> begin(const CellPlan& test);
  Result<void> prepare_files(const engine::Launch& launch);
  Result<void> remove_files(const engine::Launch& launch);
  Result<void> start_one(Running& running, const Hooks& hooks, net::Deadline ceiling);
  Result<void> keep_one(Running& running, const Hooks& hooks);
  Result<void> forget(Running& running);
  /// What a reused service may need in any test of the lane, and another in this one.
  std::set<std::string> notified_of(const engine::Service& service) const;
  /// Beyond those: only counted, so that a fault that was in vain can say what was done instead.
  static std::set<std::string> noticed_beside(const std::set<std::string>& notified);
  syscalls::FilterPlan filter_of(const engine::Service& service) const;
  Result<void> spawn(Running& running);
  Result<void> supervise(Running& running, UniqueFd listener);
  void follow_output(Running& running, sandbox::Child& child);
  void on_exit(Running& running, sandbox::ExitStatus status);
  void post_exit(Running& running);
  const sandbox::ServiceNetwork* network_of(const std::string& service) const;
  int namespace_of(const std::string& service) const;
  void note_ports_nobody_reaches(const Running& running);
  Error start_failure(const Running& running, const Error& why) const;
  bool wait_for_dependencies(const Running& running);
  void emit(const std::string& type, const std::string& service, event::Fields fields = {});

  Context context_;
  const CellPlan* test_ = nullptr;
  std::atomic<bool> faults_on_{false};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool given_up_ = false;
  std::vector<UnexpectedExit> early_exits_, late_exits_;  // guarded by mutex_
  std::vector<std::string> notes_;                        // guarded by mutex_
  bool kept_died_ = false;
  std::map<std::string, std::unique_ptr<Running>> running_;
  std::unique_ptr<sandbox::Reaper> reaper_;
};

}  // namespace mishap::cell
