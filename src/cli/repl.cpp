#include "repl.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <thread>

#include <sys/signalfd.h>

#include <poll.h>
#include <unistd.h>

#include "mishap/base/text.h"
#include "mishap/net/wake.h"
#include "mishap/starlark/diagnostic.h"
#include "mishap/starlark/operations.h"
#include "mishap/starlark/parser.h"

#include "commands.h"
#include "line_editor.h"

namespace mishap::cli {
namespace {

namespace fs = std::filesystem;
using starlark::Value;

constexpr std::array kKeywords = {"and", "break",  "continue", "def", "elif", "else", "for",   "if",
                                  "in",  "lambda", "load",     "not", "or",   "pass", "return"};

/// $XDG_STATE_HOME/mishap/starlark_history. Empty where there is no home.
fs::path history_file() {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  fs::path directory;
  if (state != nullptr && *state == '/') {
    directory = state;
  } else if (home != nullptr && *home == '/') {
    directory = fs::path(home) / ".local/state";
  } else {
    return {};
  }
  std::error_code error;
  fs::create_directories(directory / "mishap", error);
  return error ? fs::path() : directory / "mishap" / "starlark_history";
}

/// While it lives, Ctrl-C cancels what the thread evaluates.
class CtrlCCancels {
 public:
  explicit CtrlCCancels(starlark::Thread& thread) : thread_(thread) {
    sigset_t interrupt;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    pthread_sigmask(SIG_BLOCK, &interrupt, &before_);
    signals_.reset(signalfd(-1, &interrupt, SFD_CLOEXEC));
    watcher_ = std::thread([this] { watch(); });
  }
  ~CtrlCCancels() {
    done_.set();
    watcher_.join();
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    thread_.clear_cancel();
  }
  CtrlCCancels(const CtrlCCancels&) = delete;
  CtrlCCancels& operator=(const CtrlCCancels&) = delete;

 private:
  void watch() {
    std::array<pollfd, 2> polls{{{signals_.get(), POLLIN, 0}, {done_.fd(), POLLIN, 0}}};
    while (poll(polls.data(), polls.size(), -1) < 0 && errno == EINTR) {
    }
    signalfd_siginfo info{};
    if (polls[0].revents != 0 && read(signals_.get(), &info, sizeof info) == sizeof info)
      thread_.cancel("interrupted");
  }

  starlark::Thread& thread_;
  sigset_t before_{};
  UniqueFd signals_;
  net::Wake done_;
  std::thread watcher_;
};

class Repl {
 public:
  explicit Repl(starlark::Interpreter& interpreter)
      : interpreter_(interpreter), thread_(interpreter) {
    // What is typed continues this module.
    starlark::ExecuteOptions empty;
    empty.freeze = false;
    options_.session = *interpreter_.execute(thread_, {"<input>", ""}, empty);
  }

  int run() {
    auto lines = LineEditor::open(
        history_file(), [this](auto before, auto word) { return complete(before, word); });
    std::string input, line;
    while (true) {
      const auto ending = lines->read(input.empty() ? ">>> " : "... ", line);
      if (ending == LineEditor::Ending::end_of_input) break;
      if (ending == LineEditor::Ending::interrupted) {
        input.clear();
        continue;
      }
      input += line + "\n";
      // An empty line ends a block.
      if (!line.empty() && starlark::wants_more(input.substr(0, input.size() - 1))) continue;
      evaluate(input);
      input.clear();
    }
    if (!input.empty()) evaluate(input);
    return 0;
  }

 private:
  void evaluate(const std::string& input) {
    if (trim(input).empty()) return;
    const starlark::SourceText source{"<input>", input};
    CtrlCCancels interrupts(thread_);
    const bool expression =
        starlark::parse_expression("<input>", input, interpreter_.dialect()).module != nullptr;
    if (expression) {
      auto value = interpreter_.evaluate(thread_, source, options_);
      if (!value) return complain(value.error(), input);
      if (!value->is_none()) std::cout << starlark::repr(*value) << std::endl;
    } else if (auto module = interpreter_.execute(thread_, source, options_); !module) {
      complain(module.error(), input);
    }
    std::cout.flush();
  }

  static void complain(const starlark::EvalError& error, const std::string& input) {
    starlark::Sources sources;
    sources.add("<input>", input);
    std::cout.flush();
    std::cerr << starlark::render(error, sources, {.color = has_colour(STDERR_FILENO)});
  }

  /// A tabulator before anything else indents.
  std::vector<std::string> complete(std::string_view before, std::string_view word) {
    if (word.empty() && trim(before).empty()) return {"    "};
    const size_t dot = word.rfind('.');
    std::vector<std::string> names =
        dot == std::string_view::npos ? all_names() : attributes_of(word.substr(0, dot));
    const std::string prefix(dot == std::string_view::npos ? "" : word.substr(0, dot + 1));
    std::vector<std::string> found;
    for (const std::string& name : names) {
      if (std::string whole = prefix + name; whole.starts_with(word)) found.push_back(whole);
    }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
  }

  std::vector<std::string> all_names() const {
    std::vector<std::string> names(kKeywords.begin(), kKeywords.end());
    if (interpreter_.dialect().allow_while) names.emplace_back("while");
    for (const auto& global : options_.session->globals()) names.push_back(global.name);
    for (const auto& [name, value] : interpreter_.predeclared()) names.push_back(name);
    for (const auto& [name, value] : interpreter_.library().universe) names.emplace_back(name);
    return names;
  }

  /// Of a name, or of attributes of one; nothing is called for it.
  std::vector<std::string> attributes_of(std::string_view path) {
    Value value;
    for (std::string_view part : split(path, '.')) {
      if (value.is_valid()) {
        auto member = starlark::attr(thread_, value, part);
        if (!member) {
          thread_.take_error(std::move(member).error());
          return {};
        }
        value = *member;
      } else {
        value = named(part);
      }
      if (!value.is_valid()) return {};
    }
    return starlark::attr_names(thread_, value);
  }

  Value named(std::string_view name) const {
    if (Value global = options_.session->global(name); global.is_valid()) return global;
    const auto& predeclared = interpreter_.predeclared();
    if (auto found = predeclared.find(name); found != predeclared.end()) return found->second;
    const auto& universe = interpreter_.library().universe;
    if (auto found = universe.find(name); found != universe.end()) return found->second;
    return {};
  }

  starlark::Interpreter& interpreter_;
  starlark::Thread thread_;
  starlark::ExecuteOptions options_;
};

}  // namespace

int run_repl(starlark::Interpreter& interpreter) { return Repl(interpreter).run(); }

}  // namespace mishap::cli
