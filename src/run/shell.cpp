#include "mishap/run/shell.h"

#include <charconv>

#include <poll.h>
#include <unistd.h>

#include "prepare.h"
#include "saved_outputs.h"
#include "terminal.h"

namespace mishap::run {
namespace {

/// Waits for the worker to say something, and hears it.
std::optional<Reply> hear(Worker& worker, const CellFrame& frame) {
  pollfd more{worker.fd(), POLLIN, 0};
  poll(&more, 1, -1);
  return worker.reply(frame);
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
  CellFrame frame{spec, options, {}, "", nullptr, &program, std::nullopt};
  MISHAP_TRY(prepare(frame));
  MISHAP_ASSIGN(Worker worker, Worker::start(frame, ""));
  worker.give(frame, {test, 0, ""});
  ShellOutcome outcome;
  std::optional<Reply> reply;
  while (!reply && !worker.begun()) reply = hear(worker, frame);
  if (terminal && !reply) {
    terminal->close_program_side();
    outcome.interrupted = !terminal->pass(worker.fd());
    if (outcome.interrupted) worker.kill();
  }
  while (!reply) reply = hear(worker, frame);
  // In a cell of its own the first job always has a result.
  outcome.result = std::move(*reply->result);
  if (!outcome.result.kept.empty()) keep_logs(outcome.result, false);
  outcome.exit_code = exit_code_of(outcome.result);
  return outcome;
}

}  // namespace mishap::run
