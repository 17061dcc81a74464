#include "mishap/run/runner.h"

#include <algorithm>
#include <list>
#include <optional>

#include <fmt/format.h>
#include <openssl/sha.h>
#include <poll.h>
#include <unistd.h>

#include "interrupts.h"
#include "prepare.h"
#include "saved_outputs.h"
#include "schedule.h"
#include "worker.h"

namespace mishap::run {
namespace {

using event::RunObserver;
using event::TestResult;
using event::Verdict;

std::string hash_of(const std::map<std::string, std::string>& files) {
  std::string all;
  for (const auto& [path, content] : files) all += content;
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(all.data()), all.size(), digest);
  std::string text;
  for (unsigned char byte : digest) text += fmt::format("{:02x}", byte);
  return text;
}

event::RunPlan plan_of(const spec::Spec& spec, const RunOptions& options,
                       const std::map<std::string, engine::Launch>& launches) {
  event::RunPlan plan;
  plan.spec = spec.path();
  plan.spec_hash = hash_of(spec.files());
  plan.tool_version = options.tool_version;
  plan.seed = options.seed;
  plan.seed_origin = options.seed_origin;
  plan.jobs = options.jobs;
  plan.runs = options.runs;
  for (const auto& test : options.tests)
    plan.tests.push_back({test.name, test.kind, test.scenario, test.fault});
  bool cells = std::any_of(options.tests.begin(), options.tests.end(),
                           [](const auto& t) { return t.kind == "matrix"; });
  for (const auto& matrix : spec.matrices()) {
    if (cells) plan.matrices.push_back({matrix.scenarios, matrix.faults, matrix.excluded});
  }
  for (const auto& service : spec.services()) {
    // Not there when the search for it was interrupted.
    if (auto found = launches.find(service.name); found != launches.end()) {
      plan.services.emplace_back(service.name, found->second.description);
    }
  }
  return plan;
}

std::string keep_directory(const CellFrame& frame, const Job& job, int number) {
  if (frame.keep_root.empty()) return "";
  if (frame.lane) return fmt::format("{}/lane-{}", frame.keep_root, number + 1);
  return fmt::format("{}/{}{}", frame.keep_root, job.test.name,
                     job.run > 0 ? fmt::format(".{}", job.run) : "");
}

class Coordinator {
 public:
  Coordinator(CellFrame frame, const Interrupts& interrupts,
              const std::vector<RunObserver*>& observers)
      : frame_(std::move(frame)),
        interrupts_(interrupts),
        observers_(observers),
        schedule_(frame_.options.tests, frame_.options.runs) {}

  RunOutcome run() {
    while (!interrupts_.any() && (!schedule_.empty() || !working_.empty())) {
      while (!interrupts_.any() && !schedule_.empty() &&
             working_.size() < size_t(frame_.options.jobs)) {
        start_next();
      }
      if (!interrupts_.any()) prepare_spare();
      if (!working_.empty()) collect();
    }
    spare_.reset();
    bool interrupted = !schedule_.empty() || !working_.empty();
    if (interrupted) abandon();
    ending_.clear();
    return {std::move(verdicts_), interrupted, required_fault_missed_};
  }

 private:
  /// Made for the first red test: a green run leaves no directory behind.
  void save_outputs(TestResult& result) {
    if (result.outputs.empty() || frame_.options.output_directory.empty()) return;
    if (!output_directory_) {
      auto made = fresh_output_directory(frame_.options.output_directory);
      output_directory_ = made ? made->string() : "";
      if (!made) result.notes.push_back("long outputs are not saved: " + made.error().message);
    }
    if (!output_directory_->empty()) save_long_outputs(result, *output_directory_);
  }

  void report(TestResult result) {
    save_outputs(result);
    if (!result.kept.empty()) keep_logs(result, frame_.lane.has_value());
    verdicts_.push_back(result.verdict);
    if (result.verdict == Verdict::vacuous && result.require_faults_fire)
      required_fault_missed_ = true;
    if (event::result_word(result.verdict) != "pass") schedule_.not_passed(result.name);
    for (auto* observer : observers_) observer->on_finished(result);
  }

  void announce(const Job& job) {
    for (auto* observer : observers_) observer->on_started(job.test.name, job.run);
  }

  void start_next() {
    Job job = *schedule_.next();
    announce(job);
    auto worker = spare_ ? Result<Worker>(std::move(*spare_))
                         : Worker::start(frame_, keep_directory(frame_, job, started_++));
    spare_.reset();
    if (worker) {
      working_.push_back(std::move(*worker));
      working_.back().give(frame_, std::move(job));
      return;
    }
    TestResult result = blank(job, Verdict::tool_error);
    result.failure_type = "error";
    result.reason = "the cell could not be started: " + worker.error().message;
    report(result);
  }

  /// The cell after those that run is set up beside them: it waits for its job, not the job for it.
  /// Kept cells are told apart by their tests, so they cannot be made before.
  void prepare_spare() {
    if (spare_ || schedule_.empty() || frame_.lane || !frame_.keep_root.empty()) return;
    // Where that fails, the start of the next cell will say why.
    if (auto worker = Worker::start(frame_, "")) spare_ = std::move(*worker);
  }

  void collect() {
    std::vector<pollfd> polls;
    for (const auto& worker : working_) polls.push_back({worker.fd(), POLLIN, 0});
    polls.push_back({interrupts_.fd(), POLLIN, 0});
    if (poll(polls.data(), polls.size(), -1) < 0) return;  // a signal: the caller looks
    collect(polls);
  }

  void collect(const std::vector<pollfd>& polls) {
    size_t at = 0;
    for (auto worker = working_.begin(); worker != working_.end(); ++at) {
      auto next = std::next(worker);
      if (polls[at].revents != 0 && !take_reply(*worker)) let_end(worker);
      worker = next;
    }
  }

  /// A cell takes some milliseconds to vanish; the next one starts meanwhile. No more of them end
  /// at a time than run.
  void let_end(std::list<Worker>::iterator worker) {
    if (worker->can_go_on()) worker->kill();  // a lane that nothing is left for
    ending_.splice(ending_.end(), working_, worker);
    if (ending_.size() > size_t(frame_.options.jobs)) ending_.pop_front();
  }

  /// False: the worker is of no more use.
  bool take_reply(Worker& worker) {
    auto reply = worker.reply(frame_);
    if (!reply) return true;
    if (reply->result) {
      report(*reply->result);
    } else {
      Job job = worker.job();
      job.note = fmt::format("{} was run in a new cell, with services started anew: {}",
                             job.test.name, reply->over);
      schedule_.put_back(std::move(job));
    }
    if (!worker.can_go_on() || schedule_.empty() || interrupts_.any()) return false;
    Job next = *schedule_.next();
    announce(next);
    worker.give(frame_, std::move(next));
    return true;
  }

  /// What is done counts, what is not has not run.
  void abandon() {
    collect(std::vector<pollfd>(working_.size(), pollfd{.fd = -1, .events = 0, .revents = POLLIN}));
    for (auto& worker : working_) worker.kill();
    for (auto& worker : working_) report(blank(worker.job(), Verdict::not_run));
    working_.clear();
    for (const auto& job : schedule_.take_rest()) report(blank(job, Verdict::not_run));
  }

  static TestResult blank(const Job& job, Verdict verdict) {
    TestResult result;
    result.name = job.test.name;
    result.kind = job.test.kind;
    result.scenario = job.test.scenario;
    result.fault = job.test.fault;
    result.pos = job.test.pos;
    result.run = job.run;
    result.verdict = verdict;
    return result;
  }

  CellFrame frame_;
  const Interrupts& interrupts_;
  const std::vector<RunObserver*>& observers_;
  Schedule schedule_;
  std::list<Worker> working_;
  std::optional<Worker> spare_;  ///< that waits for a job
  std::list<Worker> ending_;     ///< that have given their results
  int started_ = 0;
  std::vector<Verdict> verdicts_;
  bool required_fault_missed_ = false;
  std::optional<std::string> output_directory_;
};

/// What the cells must provide when some service lives on from test to test.
std::optional<cell::LanePlan> lane_of(const spec::Spec& spec, const RunOptions& options) {
  const auto& services = spec.services();
  bool reuses = std::any_of(services.begin(), services.end(),
                            [](const auto& service) { return service.reuse; });
  if (!reuses || options.tests.empty()) return std::nullopt;
  std::vector<cell::CellPlan> plans;
  plans.reserve(options.tests.size());
  for (const auto& test : options.tests) plans.push_back(spec.plan(test, options.seed, 0));
  return cell::lane_of(plans);
}

}  // namespace

Result<RunOutcome> run(spec::Spec& spec, const RunOptions& options,
                       const std::vector<RunObserver*>& observers) {
  auto begin = std::chrono::steady_clock::now();
  MISHAP_ASSIGN(Interrupts interrupts, Interrupts::watch());
  CellFrame frame{spec, options, {}, "", nullptr, nullptr, lane_of(spec, options)};
  // What fails once the run is interrupted (a terminal's Ctrl-C ends the programs that are asked
  // for their versions, too) is nobody's error.
  auto ready = prepare(frame, interrupts.fd());
  if (!ready && !interrupts.any()) return fail(std::move(ready).error());
  auto plan = plan_of(spec, options, frame.launches);
  for (auto* observer : observers) observer->on_plan(plan);
  RunOutcome outcome = Coordinator(std::move(frame), interrupts, observers).run();

  event::RunSummary summary;
  summary.duration = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begin);
  summary.interrupted = outcome.interrupted;
  for (auto* observer : observers) observer->on_summary(summary);
  return outcome;
}

}  // namespace mishap::run
