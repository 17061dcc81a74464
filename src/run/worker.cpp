#include "worker.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace mishap::run {
namespace {

uint64_t seed_of(const RunOptions& options, int run) {
  return options.seed + static_cast<uint64_t>(run);
}

std::string replay_command(const RunOptions& options, const event::TestResult& result) {
  return fmt::format("{} --test {} --seed {}", options.replay_prefix, result.name, result.seed);
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
  }
  options.keep_directory = keep;
  return options;
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

/// The worker's whole life. Ends by _exit: a body that does not stop may still be on its thread.
[[noreturn]] void work(const CellFrame& frame, const spec::TestInfo& test, int run, int pipe,
                       sandbox::CellEnvironment& environment) {
  cell::CellPlan plan = frame.spec.plan(test, seed_of(frame.options, run), run);
  auto script = frame.spec.script(test);
  if (frame.shell != nullptr) {
    without_deadlines(plan);
    script = shell_script(std::move(script), *frame.shell);
  }
  cell::CellSettings settings;
  settings.launches = frame.launches;
  settings.keep = !frame.keep_root.empty();
  settings.echo_output = frame.options.echo_output;
  event::TestResult result = cell::run_cell(plan, *script, settings, environment);
  std::fflush(nullptr);
  // Whoever has the result may end this process.
  bool sent = send_result(std::move(result),
                          [pipe](std::string_view lines) { return write_all(pipe, lines); });
  _exit(sent ? 0 : 1);
}

}  // namespace

Result<Worker> Worker::start(const CellFrame& frame, const spec::TestInfo& test, int run) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno("make a pipe to a worker");
  UniqueFd read_end(ends[0]), write_end(ends[1]);
  Worker worker;
  worker.test_ = test;
  worker.run_ = run;
  worker.started_ = std::chrono::steady_clock::now();
  if (!frame.keep_root.empty()) {
    worker.keep_ =
        fmt::format("{}/{}{}", frame.keep_root, test.name, run > 0 ? fmt::format(".{}", run) : "");
    std::error_code error;
    std::filesystem::create_directories(worker.keep_, error);
    if (error) return fail(fmt::format("cannot make {}: {}", worker.keep_, error.message()));
  }
  std::fflush(nullptr);
  MISHAP_ASSIGN(worker.process_,
                sandbox::spawn_cell(cell_options(frame, worker.keep_),
                                    [&](sandbox::CellEnvironment& environment) -> int {
                                      work(frame, test, run, write_end.get(), environment);
                                    }));
  fcntl(read_end.get(), F_SETFL, O_NONBLOCK);
  worker.pipe_ = std::move(read_end);
  return worker;
}

bool Worker::read_available() {
  char chunk[64 * 1024];
  while (!result_.done()) {
    ssize_t got = read(pipe_.get(), chunk, sizeof chunk);
    if (got > 0)
      result_.feed({chunk, static_cast<size_t>(got)});
    else if (got < 0 && errno == EINTR)
      continue;
    else
      return !(got < 0 && errno == EAGAIN);
  }
  return true;
}

event::TestResult Worker::finish(const CellFrame& frame) {
  auto parsed = result_.take();
  event::TestResult result;
  if (parsed) {
    result = std::move(*parsed);
  } else {
    std::string set_up;
    if (auto ready = process_.wait_ready(); !ready) set_up = ready.error().message;
    sandbox::ExitStatus status = process_.wait();
    result.verdict = event::Verdict::tool_error;
    result.failure_type = "error";
    result.reason = !set_up.empty()
                        ? "the cell could not be set up: " + set_up
                        : fmt::format("the worker {} before it had a result", status.text());
  }
  result.name = test_.name;
  result.kind = test_.kind;
  result.scenario = test_.scenario;
  result.fault = test_.fault;
  result.seed = seed_of(frame.options, run_);
  result.run = run_;
  result.duration = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - started_);
  if (result.pos.line == 0) result.pos = test_.pos;
  result.kept = keep_;
  result.replay_command = replay_command(frame.options, result);
  return result;
}

}  // namespace mishap::run
