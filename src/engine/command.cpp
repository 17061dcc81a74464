#include "command.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "mishap/base/unique_fd.h"
#include "mishap/sandbox/cell.h"
#include "mishap/sandbox/process.h"

namespace mishap::engine {
namespace {

constexpr int kNotStarted = 127;

struct Pipe {
  UniqueFd reading, writing;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno("pipe");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

[[noreturn]] void child_failed(const char* what) {
  dprintf(2, "%s: %s\n", what, strerror(errno));
  _exit(kNotStarted);
}

/// Reads to the end. Error: interrupted.
Result<std::string> read_all(int fd, int interrupt_fd) {
  std::string text;
  char buffer[4096];
  while (true) {
    pollfd polls[] = {{fd, POLLIN, 0}, {interrupt_fd, POLLIN, 0}};
    if (poll(polls, 2, -1) < 0 && errno != EINTR) return fail_errno("wait for a program");
    if (polls[1].revents != 0) return fail("interrupted", ECANCELED);
    if (polls[0].revents == 0) continue;
    const ssize_t count = read(fd, buffer, sizeof buffer);
    if (count > 0) {
      text.append(buffer, static_cast<size_t>(count));
    } else if (count == 0 || errno != EINTR) {
      return text;
    }
  }
}

/// Files that a preparation makes are its user's alone.
int private_files(void*) {
  umask(077);
  return 0;
}

/// The first process of the confinement: runs the program and passes its exit code on.
int run_inside(const Command& command, int output) {
  sandbox::SpawnRequest request;
  request.program = command.argv.front();
  request.arguments.assign(command.argv.begin() + 1, command.argv.end());
  for (const auto& [name, value] : command.env)
    request.environment.push_back(fmt::format("{}={}", name, value));
  request.working_directory = command.cwd;
  request.output = output;
  request.error = output;
  request.prepare = private_files;
  sandbox::Reaper reaper;
  auto child = reaper.spawn(request);
  if (!child) {
    dprintf(output, "%s\n", child.error().message.c_str());
    _exit(kNotStarted);
  }
  auto status = reaper.wait(child->pid, sandbox::Reaper::Clock::time_point::max());
  // Not by way of destructors: what the program left running must not be waited for.
  _exit(status->signal != 0 ? 128 + status->signal : status->code);
}

}  // namespace

Result<CommandOutput> run_command(const Command& command) {
  std::vector<std::string> env_text;
  env_text.reserve(command.env.size());
  for (const auto& [name, value] : command.env)
    env_text.push_back(fmt::format("{}={}", name, value));
  std::vector<char*> env;
  env.reserve(env_text.size());
  for (std::string& entry : env_text) env.push_back(entry.data());
  env.push_back(nullptr);
  std::vector<char*> argv;
  argv.reserve(command.argv.size());
  for (const std::string& word : command.argv) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);

  MISHAP_ASSIGN(Pipe pipe, make_pipe());
  const pid_t caller = getpid();
  const pid_t pid = fork();
  if (pid < 0) return fail_errno("fork");
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != caller) _exit(kNotStarted);  // it was killed before this was asked for
    const int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(pipe.writing.get(), 1);
    dup2(pipe.writing.get(), 2);
    if (chdir(command.cwd.c_str()) != 0) child_failed(command.cwd.c_str());
    execve(argv[0], argv.data(), env.data());
    child_failed(argv[0]);
  }
  pipe.writing.reset();
  auto text = read_all(pipe.reading.get(), command.interrupt_fd);
  if (!text) kill(pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return fail_errno("wait for " + command.argv.front());
  }
  if (!text) return fail(std::move(text).error());
  return CommandOutput{WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                       std::move(*text)};
}

Result<CommandOutput> run_confined(const Command& command, const Confinement& confinement) {
  sandbox::CellOptions options;
  for (const auto& path : confinement.visible) options.visible_paths.push_back(path.string());
  options.shared_paths = {{confinement.writes.string(), true}};
  MISHAP_ASSIGN(Pipe pipe, make_pipe());
  MISHAP_ASSIGN(auto cell, sandbox::spawn_cell(options, [&](sandbox::CellEnvironment&) {
                  return run_inside(command, pipe.writing.get());
                }));
  pipe.writing.reset();
  MISHAP_TRY(cell.wait_ready());
  MISHAP_ASSIGN(std::string text, read_all(pipe.reading.get(), command.interrupt_fd));
  sandbox::ExitStatus status = cell.wait();
  return CommandOutput{status.signal != 0 ? 128 + status.signal : status.code, std::move(text)};
}

}  // namespace mishap::engine
