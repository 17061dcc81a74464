#include "mishap/cell/cell.h"

#include <algorithm>
#include <future>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/sandbox/probes.h"
#include "mishap/syscalls/probes.h"

#include "live_session.h"
#include "monitor_feed.h"
#include "undeclared.h"
#include "verdict.h"

namespace mishap::cell {
namespace {

constexpr auto kGrace = std::chrono::seconds(2);           // for a cancelled body to return
constexpr auto kLastGasp = std::chrono::milliseconds(20);  // from closed sockets to a known exit
constexpr auto kQuiet = std::chrono::milliseconds(200);
constexpr auto kDefaultExpectationBudget = std::chrono::seconds(30);

}  // namespace

/// One test.
class CellRun {
 public:
  CellRun(const CellPlan& plan, Script& script, LiveSession& session,
          sandbox::CellEnvironment& environment)
      : plan_(plan), script_(script), session_(session), environment_(environment) {
    session_.on_tool_failure([this] {
      session_.cancel_phase();
      script_.cancel();
    });
  }

  event::TestResult run() {
    started_ = net::Clock::now();
    go();
    auto outcome = result();
    // Whatever came of it, nothing of this test is on in the next.
    if (!left_behind_) {
      feed_.reset();
      if (session_.windows() != nullptr) session_.windows()->close_all();
    }
    return outcome;
  }

  /// Code of the spec did not stop and still runs.
  bool left_behind() const { return left_behind_; }

 private:
  /// Stops early when something makes the rest pointless; the facts say what.
  void go() {
    if (auto started = session_.start(plan_, script_); !started) {
      if (!session_.is_tool_error()) facts_.start_failure = started.error().message;
      return;
    }
    ready_ = net::Clock::now();
    bool watched = add_monitors();
    feed_.emplace(session_.log(), session_.monitors());
    if (!open_windows()) return;
    run_body();
    if (session_.is_tool_error()) return;
    drain(watched);
    session_.monitors().finish(session_.log());
    facts_.violations = session_.monitors().violations();
    if (wants_expectation()) run_expectation();
    session_.catch_up();
    session_.windows()->close_all();
  }

  bool add_monitors() {
    auto monitors = script_.monitors();
    for (const auto& monitor : monitors) session_.monitors().add(monitor);
    return !monitors.empty();
  }

  bool open_windows() {
    for (const auto& window : plan_.windows) {
      auto opened = session_.open(window);
      if (opened) continue;
      facts_.fault_failure = opened.error().message;
      session_.windows()->close_all();
      return false;
    }
    return true;
  }

  void run_body() {
    net::Deadline ceiling = started_ + plan_.ceiling;
    net::Deadline deadline =
        plan_.timeout ? std::min(ceiling, net::Clock::now() + *plan_.timeout) : ceiling;
    session_.begin_phase(deadline);
    // Shared with the body's thread, which is left behind when it does not stop.
    struct Outcomes {
      std::optional<ScriptOutcome> setup, body;
    };
    auto outcomes = std::make_shared<Outcomes>();
    auto done = run_until(deadline, [this, outcomes] {
      outcomes->setup = script_.setup();
      if (outcomes->setup->kind == ScriptOutcome::Kind::returned) outcomes->body = script_.body();
    });
    facts_.timed_out = !done.in_time && !session_.is_tool_error();
    if (!done.returned) return;
    facts_.setup = std::move(outcomes->setup);
    facts_.body = std::move(outcomes->body);
  }

  struct Ran {
    bool in_time = false;
    bool returned = false;
  };

  /// Runs `work` on a thread of its own; past the deadline it is cancelled and given a grace, then
  /// left behind.
  Ran run_until(net::Deadline deadline, std::function<void()> work) {
    auto promise = std::make_shared<std::promise<void>>();
    auto finished = promise->get_future();
    std::thread([promise, work = std::move(work)] {
      work();
      promise->set_value();
    }).detach();
    if (finished.wait_until(deadline) == std::future_status::ready) return {true, true};
    session_.cancel_phase();
    script_.cancel();
    left_behind_ = finished.wait_for(kGrace) != std::future_status::ready;
    return {false, !left_behind_};
  }

  /// Everything that has happened is an event; and, when somebody looks at the whole trace, a while
  /// of silence.
  void drain(bool watched) {
    net::Deadline limit = net::Clock::now() + plan_.drain;
    facts_.unread_sources = session_.catch_up(limit);
    feed_->catch_up();
    if (!watched && !session_.has_sources()) return;
    while (wait_for_quiet(limit)) {
      size_t size = session_.log().size();
      facts_.unread_sources = session_.catch_up(limit);
      if (!has_news(size)) break;
    }
    feed_->catch_up();
  }

  /// Whether there is an event beyond the first `count` that is a sign of life: what somebody looks
  /// at again and again is none.
  bool has_news(size_t count) const {
    auto& log = session_.log();
    for (size_t i = count; i < log.size(); ++i) {
      if (log.at(i).type != "poll") return true;
    }
    return false;
  }

  /// False: the limit came first.
  bool wait_for_quiet(net::Deadline limit) {
    auto& log = session_.log();
    size_t looked_at = log.size();
    auto quiet_since = log.last_append();
    while (true) {
      if (has_news(looked_at)) quiet_since = net::Clock::now();
      looked_at = log.size();
      auto now = net::Clock::now();
      if (now - quiet_since >= kQuiet) return true;
      if (now >= limit) {
        drain_limit_hit_ = true;
        return false;
      }
      log.wait_beyond(looked_at, std::min(limit, quiet_since + kQuiet));
    }
  }

  bool wants_expectation() const {
    if (!script_.has_expectation() || !facts_.violations.empty()) return false;
    if (facts_.timed_out) return true;
    return facts_.body && facts_.body->kind == ScriptOutcome::Kind::returned;
  }

  void run_expectation() {
    net::Deadline deadline = net::Clock::now() + plan_.timeout.value_or(kDefaultExpectationBudget);
    session_.begin_phase(deadline);
    auto outcome = std::make_shared<ScriptOutcome>();
    bool hung = facts_.timed_out;
    auto ran = run_until(deadline, [this, outcome, hung] { *outcome = script_.expect(hung); });
    if (ran.returned) {
      facts_.expectation = *outcome;
    } else {
      facts_.expectation = ScriptOutcome{.kind = ScriptOutcome::Kind::cancelled};
    }
  }

  std::vector<event::FaultCount> fault_counts() {
    std::vector<event::FaultCount> faults;
    for (const auto& c : session_.windows()->counters()) {
      event::FaultCount fault;
      fault.service = c.service;
      fault.interface = c.interface;
      fault.text = c.declared.text;
      fault.assumption = c.declared.assumption;
      fault.label = c.declared.label;
      fault.action = c.action;
      fault.detail = c.detail;
      fault.matched = c.matched;
      fault.applied = c.applied;
      fault.may_not_fire = c.declared.may_not_fire;
      fault.pos = c.declared.pos;
      if (c.applied == 0) fault.instead = what_happened_instead(c, session_.windows()->fits(c));
      faults.push_back(std::move(fault));
    }
    return faults;
  }

  static std::vector<std::string> worded(const std::vector<UnexpectedExit>& exits) {
    std::vector<std::string> texts;
    for (const auto& exit : exits) {
      texts.push_back(fmt::format("service \"{}\" {}", exit.service, exit.status.text()));
    }
    return texts;
  }

  void collect_facts() {
    facts_.tool_error = session_.tool_error();
    if (session_.is_tool_error()) return;
    facts_.early_exits = worded(session_.services().early_exits());
    if (!facts_.start_failure.empty()) return;
    facts_.late_exits = worded(session_.services().late_exits());
    facts_.faults = fault_counts();
  }

  /// What went wrong may be due to a service that has died just now.
  void look_for_a_death() {
    event::TestResult so_far;
    decide(plan_, facts_, so_far);
    if (!may_be_due_to_exits(so_far.verdict) || !facts_.start_failure.empty()) return;
    if (!session_.services().await_exit(kLastGasp)) return;
    session_.catch_up();
    collect_facts();
  }

  event::TestResult result() {
    collect_facts();
    look_for_a_death();
    event::TestResult result;
    result.name = plan_.name;
    result.pos = plan_.pos;
    result.expectation = plan_.expectation;
    result.require_faults_fire = plan_.require_faults_fire;
    decide(plan_, facts_, result);
    if (facts_.body) result.return_value = facts_.body->return_value;
    result.assertions = script_.assertions();
    result.drain_limit_hit = drain_limit_hit_;
    result.faults = facts_.faults;
    if (ready_ > started_)
      result.startup = std::chrono::duration_cast<std::chrono::milliseconds>(ready_ - started_);
    result.notes = shortcomings();
    add_start_notes(result);
    note_unfiltered(result);
    add_outputs(result);
    size_t count = session_.log().size();
    result.events.reserve(count);
    for (size_t i = 0; i < count; ++i) result.events.push_back(session_.log().at(i));
    std::set<std::string> alone;
    for (const auto& [service, network] : environment_.networks) alone.insert(service);
    for (auto& note : undeclared_connections(result.events, alone))
      result.notes.push_back(std::move(note));
    return result;
  }

  void add_start_notes(event::TestResult& result) {
    if (session_.is_tool_error()) return;
    for (auto& note : session_.services().notes()) result.notes.push_back(std::move(note));
  }

  /// What this machine does not give to the cell, in doctor's words.
  std::vector<std::string> shortcomings() const {
    auto texts = sandbox::shortcomings(environment_);
    bool supervised = !plan_.notified.empty() || !plan_.relayed.empty();
    std::string listener = syscalls::listener_shortcoming();
    if (supervised && !listener.empty()) texts.push_back(std::move(listener));
    return texts;
  }

  /// Consumers that the spec does not name cannot be refused: anybody may connect to anything.
  void note_unfiltered(event::TestResult& result) {
    for (const auto& service : plan_.services) {
      if (service.seccomp) continue;
      for (const auto& [provider, interface] : plan_.relayed) {
        if (provider == service.name) continue;
        result.notes.push_back(fmt::format(
            "service \"{}\" runs without a filter (seccomp=False): connections it makes "
            "go past the relay of {}.{}",
            service.name, provider, interface));
      }
    }
  }

  void add_outputs(event::TestResult& result) {
    if (event::result_word(result.verdict) == "pass" || session_.is_tool_error()) return;
    for (const auto& service : plan_.services) {
      std::string tail = session_.services().output_tail(service.name, nullptr);
      if (!tail.empty()) result.outputs.push_back({service.name, redact(tail), ""});
    }
  }

  const CellPlan& plan_;
  Script& script_;
  LiveSession& session_;
  sandbox::CellEnvironment& environment_;
  std::optional<MonitorFeed> feed_;
  Facts facts_;
  net::Deadline started_{}, ready_{};
  bool drain_limit_hit_ = false;
  bool left_behind_ = false;
};

Cell::Cell(LanePlan lane, const CellSettings& settings, sandbox::CellEnvironment& environment)
    : lane_(std::move(lane)),
      session_(std::make_unique<LiveSession>(lane_, settings, environment)),
      environment_(environment) {}

Cell::~Cell() = default;

std::optional<event::TestResult> Cell::run(const CellPlan& plan, Script& script) {
  bool first = runs_.empty();
  runs_.push_back(std::make_unique<CellRun>(plan, script, *session_, environment_));
  CellRun& run = *runs_.back();
  event::TestResult result = run.run();
  if (run.left_behind()) over_ = plan.name + " did not stop when its time was up";
  // A reset that finds nobody at home is a moment faster than the news of the service's end.
  if (!first && result.failure_type == "service_start") session_->services().await_exit(kLastGasp);
  if (!first && session_->kept_one_died()) {
    over_ =
        fmt::format("{} before {} had any fault on", session_->services().worn_out(), plan.name);
    return std::nullopt;
  }
  return result;
}

void Cell::end_test() {
  if (!over_.empty()) return;
  if (!lane_.reuses()) {
    over_ = "nothing in it is reused";
    return;
  }
  if (auto ended = session_->end_test(); !ended)
    over_ = fmt::format("{} in {}", ended.error().message, session_->plan().name);
}

}  // namespace mishap::cell
