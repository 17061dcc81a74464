#include "worker.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <list>

#include <sys/socket.h>
#include <sys/syscall.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace mishap::run {
namespace {

constexpr std::string_view kNotSetUp = "the cell could not be set up: ";

uint64_t seed_of(const RunOptions& options, int run) {
  return options.seed + static_cast<uint64_t>(run);
}

/// A reset that failed needs the test `before` it, which is "" otherwise.
std::string replay_command(const RunOptions& options, const event::TestResult& result,
                           const std::string& before) {
  std::string test =
      before.empty() ? result.name : fmt::format("{} --test {} --jobs 1", before, result.name);
  return fmt::format("{} --test {} --seed {}", options.replay_prefix, test, result.seed);
}

sandbox::CellOptions cell_options(const CellFrame& frame, const std::string& keep) {
  namespace fs = std::filesystem;
  sandbox::CellOptions options;
  for (const auto& service : frame.spec.services()) {
    auto launch = frame.launches.find(service.name);
    if (launch != frame.launches.end() && launch->second.own_network)
      options.networks.push_back(service.name);
    else
      options.hosts.push_back({service.name, "127.0.0.1"});
    for (const auto& interface : service.interfaces)
      options.reserved_ports.push_back(interface.port);
  }
  std::error_code ignored;
  options.visible_paths.push_back(fs::current_path(ignored));
  options.visible_paths.push_back(fs::absolute(frame.spec.path()).parent_path());
  for (const auto& [name, launch] : frame.launches) {
    options.visible_paths.push_back(fs::path(launch.argv.front()).parent_path());
    options.visible_paths.push_back(launch.cwd);
    // An interpreter's script, a configuration file: what the command line names must be there,
    // under /tmp too.
    for (const auto& word : launch.argv) {
      if (word.starts_with("/") && fs::exists(word, ignored)) {
        options.visible_paths.push_back(fs::path(word).parent_path());
      }
    }
    for (const auto& bind : launch.binds) options.visible_paths.push_back(bind.host);
    for (const auto& clone : launch.clones) options.shared_paths.push_back({clone.prepared, false});
    for (const auto& path : launch.host_files) options.shared_paths.push_back({path, false});
  }
  options.keep_directory = keep;
  return options;
}

/// As _exit, but at once also where a sanitizer would first look for threads that nobody has waited
/// for: nobody will, the cell ends with its worker.
[[noreturn]] void end_worker(int code) {
  while (true) syscall(SYS_exit_group, code);
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

/// The worker's end of the channel. Ends the process when the coordinator is not there any more.
class Desk {
 public:
  explicit Desk(int channel) : channel_(channel) {}

  /// Index of a test and of a run. Blocks; the end of the channel is the end of the worker.
  std::pair<size_t, int> next() {
    std::string line;
    while (!line.ends_with('\n')) {
      char c = 0;
      ssize_t got = read(channel_, &c, 1);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) end_worker(0);
      line += c;
    }
    std::pair<size_t, int> asked;
    const char* end = line.data() + line.size();
    auto index = std::from_chars(line.data(), end, asked.first);
    std::from_chars(std::min(index.ptr + 1, end), end, asked.second);
    return asked;
  }

  /// For the functions of result_channel.h.
  std::function<bool(std::string_view)> writer() const {
    return [fd = channel_](std::string_view lines) { return write_all(fd, lines); };
  }

 private:
  int channel_;
};

cell::CellPlan plan_of(const CellFrame& frame, const spec::TestInfo& test, int run) {
  cell::CellPlan plan = frame.spec.plan(test, seed_of(frame.options, run), run);
  if (frame.shell != nullptr) without_deadlines(plan);
  return plan;
}

std::unique_ptr<cell::Script> script_of(const CellFrame& frame, const spec::TestInfo& test) {
  auto script = frame.spec.script(test);
  return frame.shell != nullptr ? shell_script(std::move(script), *frame.shell) : std::move(script);
}

/// The worker's whole life. A body that does not stop may still be on its thread at the end.
[[noreturn]] void work(const CellFrame& frame, Desk desk, sandbox::CellEnvironment& environment) {
  cell::CellSettings settings;
  settings.launches = frame.launches;
  settings.authority = frame.authority;
  settings.keep = !frame.keep_root.empty();
  settings.echo_output = frame.options.echo_output;
  std::unique_ptr<cell::Cell> cell;
  // What tests used stays: a thread of one may still look at it.
  std::list<cell::CellPlan> plans;
  std::list<std::unique_ptr<cell::Script>> scripts;
  while (true) {
    auto [index, run] = desk.next();
    const spec::TestInfo& test = frame.options.tests.at(index);
    if (cell && !cell->over().empty()) end_worker(send_over(cell->over(), desk.writer()) ? 0 : 1);
    bool sent = send_started(desk.writer());
    const cell::CellPlan& plan = plans.emplace_back(plan_of(frame, test, run));
    cell::Script& script = *scripts.emplace_back(script_of(frame, test));
    if (!cell) {
      cell = std::make_unique<cell::Cell>(frame.lane ? *frame.lane : cell::lane_of({plan}),
                                          settings, environment);
    }
    auto result = cell->run(plan, script);
    std::fflush(nullptr);
    // Whoever has the last answer may end this process.
    bool last = !frame.lane || !result;
    sent = sent && (result ? send_result(std::move(*result), desk.writer())
                           : send_over(cell->over(), desk.writer()));
    if (last || !sent) end_worker(sent ? 0 : 1);
    cell->end_test();
  }
}

}  // namespace

Result<Worker> Worker::start(const CellFrame& frame, const std::string& keep) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return fail_errno("make a channel to a worker");
  UniqueFd ours(ends[0]), theirs(ends[1]);
  Worker worker;
  worker.lane_ = frame.lane.has_value();
  worker.keep_ = keep;
  if (!keep.empty()) {
    std::error_code error;
    std::filesystem::create_directories(keep, error);
    if (error) return fail(fmt::format("cannot make {}: {}", keep, error.message()));
  }
  std::fflush(nullptr);
  auto body = [&](sandbox::CellEnvironment& environment) -> int {
    ours.reset();  // or it would never see the channel's end
    work(frame, Desk(theirs.get()), environment);
  };
  MISHAP_ASSIGN(worker.process_, sandbox::spawn_cell(cell_options(frame, keep), body));
  fcntl(ours.get(), F_SETFL, O_NONBLOCK);
  worker.channel_ = std::move(ours);
  return worker;
}

/// A worker that has died meanwhile does not read it; its end says so.
void Worker::give(const CellFrame& frame, Job job) {
  previous_ = std::exchange(job_, std::move(job)).test.name;
  started_ = std::chrono::steady_clock::now();
  reader_ = ResultReader();
  const auto& tests = frame.options.tests;
  auto index = std::find_if(tests.begin(), tests.end(),
                            [&](const auto& test) { return test.name == job_.test.name; });
  std::string line = fmt::format("{} {}\n", index - tests.begin(), job_.run);
  (void)send(channel_.get(), line.data(), line.size(), MSG_NOSIGNAL);
}

/// True when the answer has come, or nothing will come any more.
bool Worker::read_available() {
  char chunk[64 * 1024];
  while (!reader_.done()) {
    ssize_t got = read(channel_.get(), chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return !(got < 0 && errno == EAGAIN);
    bool had_started = reader_.started();
    reader_.feed({chunk, static_cast<size_t>(got)});
    bool is_first = previous_.empty();
    if (!is_first && !had_started && reader_.started()) started_ = std::chrono::steady_clock::now();
  }
  return true;
}

std::optional<Reply> Worker::reply(const CellFrame& frame) {
  if (!read_available()) return std::nullopt;
  Reply reply;
  if (!reader_.over().empty()) {
    over_ = true;
    reply.over = reader_.over();
    return reply;
  }
  auto parsed = reader_.take();
  if (parsed) {
    reply.result = std::move(*parsed);
  } else {
    over_ = true;
    std::string ended = how_it_ended();
    if (!previous_.empty() && !reader_.started()) {
      reply.over = fmt::format("the worker {} after {}", ended, previous_);
      return reply;
    }
    reply.result.emplace();
    reply.result->verdict = event::Verdict::tool_error;
    reply.result->failure_type = "error";
    reply.result->reason = ended.starts_with(kNotSetUp)
                               ? ended
                               : fmt::format("the worker {} before it had a result", ended);
  }
  complete(frame, *reply.result);
  return reply;
}

std::string Worker::how_it_ended() {
  std::string set_up;
  if (auto ready = process_.wait_ready(); !ready) set_up = ready.error().message;
  sandbox::ExitStatus status = process_.wait();
  return set_up.empty() ? status.text() : std::string(kNotSetUp) + set_up;
}

void Worker::complete(const CellFrame& frame, event::TestResult& result) const {
  result.name = job_.test.name;
  result.kind = job_.test.kind;
  result.scenario = job_.test.scenario;
  result.fault = job_.test.fault;
  result.seed = seed_of(frame.options, job_.run);
  result.run = job_.run;
  result.duration = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - started_);
  if (result.pos.line == 0) result.pos = job_.test.pos;
  result.kept = keep_;
  if (!job_.note.empty()) result.notes.push_back(job_.note);
  bool needs_previous = result.failure_type == "service_start";
  result.replay_command = replay_command(frame.options, result, needs_previous ? previous_ : "");
}

}  // namespace mishap::run
