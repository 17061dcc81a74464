#include "line_editor.h"

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include <editline/readline.h>
#include <unistd.h>

#include "mishap/base/dynamic_library.h"

namespace mishap::cli {
namespace {

namespace fs = std::filesystem;

/// The part of libedit that speaks as GNU readline does, under the names of its header.
struct Libedit {
  decltype(&::readline) read = nullptr;
  decltype(&::add_history) add_history = nullptr;
  decltype(&::read_history) read_history = nullptr;
  decltype(&::write_history) write_history = nullptr;
  decltype(&::stifle_history) stifle_history = nullptr;
  decltype(&::using_history) using_history = nullptr;
  decltype(&::rl_attempted_completion_function) complete = nullptr;
  decltype(&::rl_attempted_completion_over) nothing_else = nullptr;
  decltype(&::rl_completion_append_character) appended = nullptr;
  decltype(&::rl_completer_word_break_characters) breaks = nullptr;
  decltype(&::rl_line_buffer) line = nullptr;
  decltype(&::rl_getc_function) next_character = nullptr;
};

Result<Libedit> load_libedit() {
  MISHAP_ASSIGN(auto library, DynamicLibrary::load("libedit.so.2", "line editor", "libedit2"));
  Libedit edit;
  MISHAP_TRY(library.find("readline", edit.read));
  MISHAP_TRY(library.find("add_history", edit.add_history));
  MISHAP_TRY(library.find("read_history", edit.read_history));
  MISHAP_TRY(library.find("write_history", edit.write_history));
  MISHAP_TRY(library.find("stifle_history", edit.stifle_history));
  MISHAP_TRY(library.find("using_history", edit.using_history));
  MISHAP_TRY(library.find("rl_attempted_completion_function", edit.complete));
  MISHAP_TRY(library.find("rl_attempted_completion_over", edit.nothing_else));
  MISHAP_TRY(library.find("rl_completion_append_character", edit.appended));
  MISHAP_TRY(library.find("rl_completer_word_break_characters", edit.breaks));
  MISHAP_TRY(library.find("rl_line_buffer", edit.line));
  MISHAP_TRY(library.find("rl_getc_function", edit.next_character));
  return edit;
}

volatile std::sig_atomic_t interrupted = 0;

/// While it lives, Ctrl-C ends a read and nothing else.
class CtrlC {
 public:
  CtrlC() {
    interrupted = 0;
    struct sigaction action{};
    action.sa_handler = [](int) { interrupted = 1; };
    sigaction(SIGINT, &action, &before_);
  }
  ~CtrlC() { sigaction(SIGINT, &before_, nullptr); }
  CtrlC(const CtrlC&) = delete;
  CtrlC& operator=(const CtrlC&) = delete;

 private:
  struct sigaction before_{};
};

/// A byte of the terminal; EOF at the end, and when Ctrl-C was pressed.
int next_byte() {
  unsigned char byte = 0;
  while (true) {
    const ssize_t got = interrupted != 0 ? 0 : read(STDIN_FILENO, &byte, 1);
    if (got == 1) return byte;
    if (got == 0 || errno != EINTR) return EOF;
  }
}

/// libedit's own would try again after the first signal, and bytes are no characters for it.
int next_character(FILE*) {
  const int first = next_byte();
  const int more = first < 0xc0 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
  int character = first < 0xc0 ? first : first & (0x3f >> more);
  for (int i = 0; i < more; ++i) {
    const int next = next_byte();
    if (next == EOF) return EOF;
    character = character << 6 | (next & 0x3f);
  }
  return character;
}

/// libedit keeps its state in global variables, and so must its completion.
LineEditor::Complete completion;
const Libedit* editing = nullptr;

/// As libedit wants it: what all have in common, then each, then null; all of it is freed there.
char** offered(const std::vector<std::string>& words) {
  if (words.empty()) return nullptr;
  std::string common = words.front();
  for (const std::string& word : words) {
    const auto differs = std::mismatch(common.begin(), common.end(), word.begin(), word.end());
    common.erase(differs.first, common.end());
  }
  auto** list = static_cast<char**>(std::calloc(words.size() + 2, sizeof(char*)));
  list[0] = strdup(common.c_str());
  for (size_t i = 0; words.size() > 1 && i < words.size(); ++i)
    list[i + 1] = strdup(words[i].c_str());
  return list;
}

char** complete_word(const char* word, int start, int /*end*/) {
  *editing->nothing_else = 1;  // no names of files
  *editing->appended = 0;
  const std::string_view line = *editing->line;
  return offered(completion(line.substr(0, static_cast<size_t>(start)), word));
}

class EditedLines final : public LineEditor {
 public:
  EditedLines(Libedit edit, fs::path history, Complete complete)
      : edit_(edit), history_(std::move(history)) {
    constexpr int kMostEntries = 1000;
    static char word_breaks[] = " \t\n\"'()[]{}<>=+-*/%&|^~,:;!";
    completion = std::move(complete);
    editing = &edit_;
    *edit_.complete = complete_word;
    *edit_.breaks = word_breaks;
    *edit_.next_character = next_character;
    std::setlocale(LC_CTYPE, "");
    edit_.using_history();
    edit_.stifle_history(kMostEntries);
    if (!history_.empty()) edit_.read_history(history_.c_str());
  }
  ~EditedLines() override {
    if (!history_.empty()) edit_.write_history(history_.c_str());
    *edit_.complete = nullptr;
    completion = nullptr;
    editing = nullptr;
  }

  Ending read(const std::string& prompt, std::string& line) override {
    CtrlC ctrl_c;
    const std::unique_ptr<char, void (*)(void*)> text(edit_.read(prompt.c_str()), std::free);
    if (interrupted != 0) {
      std::cout << '\n';
      return Ending::interrupted;
    }
    if (text == nullptr) {
      std::cout << '\n';
      return Ending::end_of_input;
    }
    line = text.get();
    if (line.find_first_not_of(" \t") != std::string::npos) edit_.add_history(line.c_str());
    return Ending::line;
  }

 private:
  const Libedit edit_;
  const fs::path history_;
};

class PlainLines final : public LineEditor {
 public:
  explicit PlainLines(bool prompts) : prompts_(prompts) {}
  Ending read(const std::string& prompt, std::string& line) override {
    if (prompts_) std::cout << prompt << std::flush;
    return std::getline(std::cin, line) ? Ending::line : Ending::end_of_input;
  }

 private:
  const bool prompts_;
};

}  // namespace

std::unique_ptr<LineEditor> LineEditor::open(fs::path history, Complete complete) {
  const bool terminal = isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0;
  if (terminal) {
    if (auto edit = load_libedit())
      return std::make_unique<EditedLines>(*edit, std::move(history), std::move(complete));
  }
  return std::make_unique<PlainLines>(isatty(STDIN_FILENO) != 0);
}

}  // namespace mishap::cli
