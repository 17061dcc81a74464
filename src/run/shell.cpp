#include "mishap/run/shell.h"

#include <charconv>

#include <poll.h>
#include <unistd.h>

#include "prepare.h"
#include "saved_outputs.h"
#include "terminal.h"

namespace mishap::run {
namespace {

/// Reads until the worker has said everything.
void read_all(Worker& worker) {
  pollfd more{worker.fd(), POLLIN, 0};
  while (!worker.read_available()) poll(&more, 1, -1);
}

std::optional<int> exit_code_of(const event::TestResult& result) {
  if (!result.return_value) return std::nullopt;
  int code = 0;
  const std::string& text = *result.return_value;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return code;
}

}  // namespace

Result<ShellOutcome> open_shell(spec::Spec& spec, const RunOptions& options,
                                const std::vector<std::string>& command) {
  const spec::TestInfo& test = options.tests.front();
  ShellProgram program = shell_program(command, test.name);
  std::optional<TerminalBridge> terminal;
  if (isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0) {
    MISHAP_ASSIGN(auto bridge, TerminalBridge::open(sandbox::cell_user().uid));
    terminal.emplace(std::move(bridge));
    program.input = program.output = program.error = terminal->program_side();
    program.terminal = true;
  }
  CellFrame frame{spec, options, {}, "", &program};
  MISHAP_TRY(prepare(frame));
  MISHAP_ASSIGN(Worker worker, Worker::start(frame, test, 0));
  ShellOutcome outcome;
  if (terminal) {
    terminal->close_program_side();
    outcome.interrupted = !terminal->pass(worker.fd());
    if (outcome.interrupted) worker.kill();
  }
  read_all(worker);
  outcome.result = worker.finish(frame);
  if (!outcome.result.kept.empty()) keep_logs(outcome.result);
  outcome.exit_code = exit_code_of(outcome.result);
  return outcome;
}

}  // namespace mishap::run
