// The one implementation of Session: everything that runs in a worker besides the spec's own code.
// Loops, relays and reused services live as long as the cell; the log, the windows and the monitors
// are begun anew for each test.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "mishap/cell/cell.h"
#include "mishap/cell/session.h"
#include "mishap/traffic/published_ports.h"
#include "mishap/traffic/router.h"

#include "addresses.h"
#include "services.h"
#include "sources.h"
#include "tls.h"
#include "windows.h"

namespace mishap::cell {

class LiveSession final : public Session {
 public:
  LiveSession(const LanePlan& lane, const CellSettings& settings,
              sandbox::CellEnvironment& environment);
  ~LiveSession() override;

  /// Begins a test, which is used until the next begins: loops and relays the first time, then
  /// services. Error as of Services::start, or what of ours could not be set up (then
  /// `is_tool_error`).
  Result<void> start(const CellPlan& plan, Script& script);
  /// Ends it once its result has been taken: what happens from here on until the next test begins
  /// is nobody's event. Nothing of the test may run any more. Error: why the cell cannot take
  /// another.
  Result<void> end_test();
  bool is_tool_error() const { return tool_failed_; }
  std::string tool_error() const;
  Services& services() { return *services_; }
  bool kept_one_died() const { return services_ && services_->kept_one_died(); }
  /// Null until services were about to be started.
  Windows* windows() { return windows_.get(); }

  /// A phase has a deadline and a cancel of its own: the body, then the expectation.
  void begin_phase(net::Deadline deadline);
  void cancel_phase();
  /// To be called (once, any thread) when Mishap cannot go on; what was set before is forgotten.
  void on_tool_failure(std::function<void()> callback);

  const CellPlan& plan() const override { return *plan_; }
  event::Log& log() override { return log_; }
  monitor::MonitorSet& monitors() override { return *monitors_; }
  monitor::PropertySet& properties() override { return *properties_; }
  Result<TimedStep> step(const std::string& service, const std::string& interface,
                         const std::string& method, Json arguments,
                         const std::string& spec) override;
  Result<WindowHandle> open(const WindowPlan& window) override { return windows_->open(window); }
  void close(WindowHandle window) override { windows_->close(window); }
  Result<sandbox::ExitStatus> run_program(const sandbox::SpawnRequest& request) override {
    return services_->run_program(request, cancel());
  }
  void catch_up() override { (void)catch_up(net::Clock::now() + kLongestCatchUp); }
  /// As catch_up; for each event source of which it cannot be said that it has delivered all, why.
  std::vector<std::string> catch_up(net::Deadline deadline);
  bool has_sources() const { return sources_ && !sources_->empty(); }
  net::Deadline deadline() const override;
  const net::Cancel& cancel() const override;

 private:
  class Redirect;
  static constexpr auto kLongestCatchUp = std::chrono::seconds(3);
  struct Phase {
    net::Deadline deadline;
    net::Cancel cancel;
  };
  Result<void> set_up();
  Result<void> start_loops();
  Result<void> set_up_tls();
  Result<void> start_relays();
  Sources::Context sources_context();
  void begin_log();
  void announce_kept_relays();
  Result<void> run_hook(std::string_view what, const std::string& service,
                        const std::function<ScriptOutcome()>& call);
  std::string held();
  void fail_tool(Error error);
  Result<void> check_networks() const;
  Result<void> publish_ports();
  std::optional<syscalls::Peer> peer_of(const std::string& consumer,
                                        const syscalls::SocketAddress& address) const;
  net::Endpoint past_relays(const engine::Service& service,
                            const engine::Interface& interface) const;
  net::Endpoint endpoint_of(const std::string& service, const engine::Interface& interface) const;
  std::optional<net::Endpoint> endpoint_at(const std::string& host, uint16_t port) const;
  const engine::Service* find_service(const std::string& name) const;

  const LanePlan& lane_;
  const CellPlan* plan_ = nullptr;
  const CellSettings& settings_;
  sandbox::CellEnvironment& environment_;
  Addresses addresses_;
  event::Log log_;
  std::unique_ptr<monitor::MonitorSet> monitors_;
  std::unique_ptr<monitor::PropertySet> properties_;
  fault::ProtocolDecider protocols_;
  std::unique_ptr<net::Loop> traffic_loop_, output_loop_;
  std::thread traffic_thread_, output_thread_;
  std::unique_ptr<traffic::PublishedPorts> published_;
  std::unique_ptr<Tls> tls_;  ///< none: no interface speaks it
  std::unique_ptr<traffic::Router> router_;
  std::unique_ptr<Redirect> redirect_;
  std::unique_ptr<Services> services_;
  std::unique_ptr<Sources> sources_;
  std::unique_ptr<Windows> windows_;

  mutable std::mutex mutex_;
  std::shared_ptr<Phase> phase_;
  std::vector<std::shared_ptr<Phase>> old_phases_;  // a left-behind body may still look at its own
  std::function<void()> tool_failure_callback_;
  std::string tool_error_;
  std::atomic<bool> tool_failed_{false};
};

}  // namespace mishap::cell
