#include "shell_script.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "mishap/base/text.h"
#include "mishap/cell/session.h"

namespace mishap::run {
namespace {

using cell::ScriptOutcome;

constexpr auto kNoLimit = std::chrono::hours(24 * 365);
constexpr int kKilledBySignal = 128;  // as shells count
constexpr int kNotStarted = 127;

class ShellScript final : public cell::Script {
 public:
  ShellScript(std::unique_ptr<cell::Script> script, ShellProgram program)
      : script_(std::move(script)), program_(std::move(program)) {}

  void attach(cell::Session& session) override {
    session_ = &session;
    script_->attach(session);
  }
  bool has_seed(const std::string& service) const override { return script_->has_seed(service); }
  ScriptOutcome seed(const std::string& service) override { return script_->seed(service); }
  bool has_reset(const std::string& service) const override { return script_->has_reset(service); }
  ScriptOutcome reset(const std::string& service) override { return script_->reset(service); }
  ScriptOutcome setup() override { return script_->setup(); }
  ScriptOutcome assume() override { return {}; }
  bool has_expectation() const override { return false; }
  ScriptOutcome expect(bool) override { return {}; }
  std::vector<monitor::MonitorSpec> monitors() override { return {}; }
  std::vector<std::pair<monitor::PropertySpec, monitor::PropertySet::Role>> properties() override {
    return {};
  }
  void cancel() override { script_->cancel(); }
  uint64_t assertions() const override { return 0; }

  ScriptOutcome body() override {
    say(shell_greeting(session_->plan()));
    sandbox::SpawnRequest request;
    request.program = program_.command.front();
    request.arguments.assign(program_.command.begin() + 1, program_.command.end());
    request.environment = program_.environment;
    request.input = program_.input;
    request.output = program_.output;
    request.error = program_.error;
    request.controlling_terminal = program_.terminal;
    ScriptOutcome outcome;
    auto ended = session_->run_program(request);
    if (!ended) {
      say("error: " + ended.error().message + "\n");
      outcome.return_value = std::to_string(kNotStarted);
      return outcome;
    }
    outcome.return_value =
        std::to_string(ended->signal != 0 ? kKilledBySignal + ended->signal : ended->code);
    return outcome;
  }

 private:
  void say(const std::string& text) const {
    [[maybe_unused]] ssize_t written = write(program_.error, text.data(), text.size());
  }

  std::unique_ptr<cell::Script> script_;
  ShellProgram program_;
  cell::Session* session_ = nullptr;
};

std::string variable(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

std::string shell_of_this_user() {
  std::string shell = variable("SHELL", "/bin/sh");
  return access(shell.c_str(), X_OK) == 0 ? shell : "/bin/sh";
}

}  // namespace

ShellProgram shell_program(const std::vector<std::string>& command, const std::string& cell) {
  ShellProgram program;
  program.command = command.empty() ? std::vector<std::string>{shell_of_this_user()} : command;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view text = *entry;
    bool replaced = text.starts_with("MISHAP_CELL=") || text.starts_with("PS1=") ||
                    text.starts_with("PROMPT_COMMAND=") ||
                    (geteuid() == 0 && text.starts_with("HOME="));
    if (!replaced) program.environment.emplace_back(text);
  }
  program.environment.push_back("MISHAP_CELL=" + cell);
  program.environment.push_back(fmt::format("PS1=({}) \\w \\$ ", cell));
  // Where the distribution's start-up file sets bash's prompt, this comes after it, once.
  program.environment.emplace_back(
      "PROMPT_COMMAND=PS1='($MISHAP_CELL) \\w \\$ '; unset PROMPT_COMMAND");
  // Cells of root run as an ordinary user, who may not enter root's home.
  if (geteuid() == 0) program.environment.emplace_back("HOME=/tmp");
  return program;
}

void without_deadlines(cell::CellPlan& plan) {
  plan.timeout.reset();
  plan.ceiling = kNoLimit;
}

std::unique_ptr<cell::Script> shell_script(std::unique_ptr<cell::Script> script,
                                           ShellProgram program) {
  return std::make_unique<ShellScript>(std::move(script), std::move(program));
}

std::string shell_greeting(const cell::CellPlan& plan) {
  size_t width = 0;
  for (const auto& service : plan.services) width = std::max(width, service.name.size());
  std::string text = fmt::format("cell {}\n", plan.name);
  for (const auto& service : plan.services) {
    std::vector<std::string> addresses;
    addresses.reserve(service.interfaces.size());
    for (const auto& interface : service.interfaces) {
      addresses.push_back(
          fmt::format("{}:{} ({})", service.name, interface.port, interface.protocol));
    }
    text += fmt::format("  {:<{}}  {}\n", service.name, width,
                        addresses.empty() ? "no interface" : join(addresses, ", "));
  }
  for (const auto& window : plan.windows) {
    for (const auto& rule : window.syscall_rules)
      text += fmt::format("  fault: {} on {}\n", rule.declared.text, rule.service);
    for (const auto& rule : window.protocol_rules) {
      text +=
          fmt::format("  fault: {} on {}.{}\n", rule.declared.text, rule.service, rule.interface);
    }
    for (const auto& rule : window.partitions)
      text += fmt::format("  fault: {}\n", rule.declared.text);
  }
  return text + "The end of the shell ends the cell.\n\n";
}

}  // namespace mishap::run
