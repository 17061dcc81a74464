#include "mishap/cell/cell.h"

#include <algorithm>
#include <atomic>

#include <fmt/format.h>

#include "bounded_run.h"
#include "findings.h"
#include "live_session.h"
#include "monitor_feed.h"
#include "undeclared.h"
#include "verdict.h"

namespace mishap::cell {
namespace {

constexpr auto kLastGasp = std::chrono::milliseconds(20);  // from closed sockets to a known exit
constexpr auto kQuiet = std::chrono::milliseconds(200);
constexpr auto kDefaultBudget = std::chrono::seconds(30);  // where a test has no time of its own
constexpr auto kLook = std::chrono::milliseconds(50);  // for what ends a wait besides properties

}  // namespace

/// One test.
class CellRun {
 public:
  CellRun(const CellPlan& plan, Script& script, LiveSession& session,
          sandbox::CellEnvironment& environment)
      : plan_(plan), script_(script), session_(session), environment_(environment) {
    session_.on_tool_failure([this] { code_.stop(); });
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
    feed_.emplace(session_.log(), session_.monitors(), session_.properties());
    add_monitors();
    add_properties();
    if (!open_windows()) return;
    run_body();
    if (session_.is_tool_error()) return;
    await_properties();
    drain(session_.monitors().any() || session_.properties().any_to_hold());
    session_.monitors().finish();
    facts_.violations = session_.monitors().violations();
    if (wants_expectation()) run_expectation();
    session_.catch_up();
    judge_properties();
    session_.windows()->close_all();
  }

  void add_monitors() {
    for (const auto& monitor : script_.monitors()) session_.monitors().add(monitor);
  }

  /// Those of the test itself come first; a violated one, or the one that says that the test is
  /// over, ends the body.
  void add_properties() {
    monitor::PropertySet& properties = session_.properties();
    properties.listen({.violated = [this] { end_body(monitor::Cause::failed); },
                       .terminated = [this] { end_body(monitor::Cause::terminate_when); }});
    for (auto& [spec, role] : script_.properties()) properties.add(std::move(spec), role);
  }

  /// Called by the feed.
  void end_body(monitor::Cause cause) {
    if (decide_cause(cause)) code_.stop();
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
    auto begin = net::Clock::now();
    net::Deadline ceiling = started_ + plan_.ceiling;
    net::Deadline deadline = plan_.timeout ? std::min(ceiling, begin + *plan_.timeout) : ceiling;
    wait_deadline_ = std::min(deadline, begin + budget());
    session_.begin_phase(deadline);
    // Shared with the body's thread, which is left behind when it does not stop.
    struct Outcomes {
      std::optional<ScriptOutcome> setup, assumption, body;
    };
    auto outcomes = std::make_shared<Outcomes>();
    auto done = run_until(deadline, [this, outcomes] {
      using Kind = ScriptOutcome::Kind;
      outcomes->setup = script_.setup();
      if (outcomes->setup->kind != Kind::returned) return;
      session_.properties().signal(monitor::Moment::body_start);
      outcomes->assumption = script_.assume();
      if (outcomes->assumption->kind == Kind::returned) outcomes->body = script_.body();
    });
    if (done.returned) {
      facts_.setup = std::move(outcomes->setup);
      facts_.assumption = std::move(outcomes->assumption);
      facts_.body = std::move(outcomes->body);
    }
    if (!session_.is_tool_error()) end_of_body(done);
  }

  /// What the body has caused is judged before it counts as over.
  void end_of_body(const BoundedRun::Ran& done) {
    bool judged = session_.properties().any();
    if (judged) session_.catch_up();
    session_.properties().signal(monitor::Moment::body_end);
    if (judged) feed_->catch_up();
    // A wait gives up at the very moment at which the time is up.
    auto cancelled = [](const auto& outcome) {
      return outcome && outcome->kind == ScriptOutcome::Kind::cancelled;
    };
    bool gave_up =
        cancelled(facts_.setup) || cancelled(facts_.assumption) || cancelled(facts_.body);
    if (!done.in_time || gave_up) decide_cause(monitor::Cause::timeout);
    facts_.timed_out = cause_ == monitor::Cause::timeout;
  }

  BoundedRun::Ran run_until(net::Deadline deadline, std::function<void()> work) {
    auto ran = code_.run(deadline, std::move(work));
    left_behind_ = left_behind_ || !ran.returned;
    return ran;
  }

  /// What ended the body first is the cause.
  bool decide_cause(monitor::Cause cause) {
    auto undecided = monitor::Cause::returned;
    return cause_.compare_exchange_strong(undecided, cause);
  }

  /// A body that has returned leaves each eventually() the rest of the test's time.
  void await_properties() {
    monitor::PropertySet& properties = session_.properties();
    if (!facts_.body || facts_.body->kind != ScriptOutcome::Kind::returned) return;
    while (!properties.settled() && cause_ == monitor::Cause::returned) {
      auto now = net::Clock::now();
      bool pointless = session_.is_tool_error() || session_.monitors().violation_count() > 0;
      if (pointless || now >= wait_deadline_) return;
      properties.wait_for_change(std::min(wait_deadline_, now + kLook));
    }
  }

  /// The end of all that properties look at; what they come to. One that holds for want of anything
  /// to look at leaves an event.
  void judge_properties() {
    monitor::PropertySet& properties = session_.properties();
    feed_->catch_up();
    if (!left_behind_) {
      feed_.reset();
      properties.finish();
    }
    bool raised = facts_.body && facts_.body->kind != ScriptOutcome::Kind::returned;
    monitor::Cause cause = cause_;
    if (cause == monitor::Cause::returned && raised) cause = monitor::Cause::failed;
    facts_.properties = properties.outcomes(cause, budget());
    for (const auto& property : facts_.properties) {
      if (property.vacuous.empty()) continue;
      event::Draft draft{.type = "vacuous_property", .service = "test"};
      draft.fields = {{"property", property.name}, {"reason", property.vacuous}};
      session_.log().append(std::move(draft));
    }
  }

  Nanoseconds budget() const { return plan_.timeout.value_or(kDefaultBudget); }

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
    if (session_.properties().violated()) return false;
    if (facts_.body && is_failure(*facts_.body)) return false;
    if (facts_.timed_out) return true;
    return facts_.body && facts_.body->kind == ScriptOutcome::Kind::returned;
  }

  void run_expectation() {
    net::Deadline deadline = net::Clock::now() + budget();
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

  void collect_facts() {
    facts_.tool_error = session_.tool_error();
    if (session_.is_tool_error()) return;
    facts_.early_exits = worded(session_.services().early_exits());
    if (!facts_.start_failure.empty()) return;
    facts_.late_exits = worded(session_.services().late_exits());
    facts_.faults = fault_counts(*session_.windows(), session_.log());
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
    result.notes = shortcomings(plan_, environment_);
    note_properties(result);
    add_start_notes(result);
    note_unfiltered(plan_, result);
    note_leak(result);
    if (!session_.is_tool_error()) add_outputs(plan_, session_.services(), result);
    size_t count = session_.log().size();
    result.events.reserve(count);
    for (size_t i = 0; i < count; ++i) result.events.push_back(session_.log().at(i));
    std::set<std::string> alone;
    for (const auto& [service, network] : environment_.networks) alone.insert(service);
    for (auto& note : undeclared_connections(result.events, alone, plan_.partitioned))
      result.notes.push_back(std::move(note));
    return result;
  }

  void note_properties(event::TestResult& result) {
    for (const auto& property : facts_.properties) {
      result.properties.push_back({property.name, std::string(to_string(property.verdict)),
                                   property.why, property.vacuous});
      if (property.vacuous.empty()) continue;
      result.notes.push_back(
          fmt::format("{}: {} was never checked: {}", plan_.name, property.name, property.vacuous));
    }
    if (session_.is_tool_error() || cause_ == monitor::Cause::terminate_when) return;
    if (auto why = session_.properties().broken_terminator(); !why.empty())
      result.notes.push_back(fmt::format("{}: terminate_when={}", plan_.name, why));
  }

  void add_start_notes(event::TestResult& result) {
    if (session_.is_tool_error()) return;
    for (auto& note : session_.services().notes()) result.notes.push_back(std::move(note));
  }

  void note_leak(event::TestResult& result) {
    if (session_.windows() == nullptr) return;
    std::string leak = session_.windows()->leak();
    if (!leak.empty()) result.notes.push_back(fmt::format("{}: {}", plan_.name, leak));
  }

  const CellPlan& plan_;
  Script& script_;
  LiveSession& session_;
  sandbox::CellEnvironment& environment_;
  std::optional<MonitorFeed> feed_;
  Facts facts_;
  BoundedRun code_{[this] {
    session_.cancel_phase();
    script_.cancel();
  }};
  std::atomic<monitor::Cause> cause_{monitor::Cause::returned};  ///< of the body's end
  net::Deadline started_{}, ready_{};
  net::Deadline wait_deadline_{};  ///< for what the body has left to come
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
