// A pseudo terminal between the user's terminal and a program in a cell.
#pragma once

#include <termios.h>

#include "mishap/base/result.h"
#include "mishap/base/unique_fd.h"

namespace mishap::run {

/// The user's terminal passed through to a program that cannot have it itself, because it lives in
/// other namespaces and in a session of its own. One at a time, on the process's only thread.
class TerminalBridge {
 public:
  /// Of the terminal that is this process's stdin; `uid` is to own the program's side.
  static Result<TerminalBridge> open(uid_t uid);
  TerminalBridge(TerminalBridge&& other) noexcept;
  TerminalBridge& operator=(TerminalBridge&&) = delete;
  ~TerminalBridge();  ///< the user's terminal is as it was

  int program_side() const { return slave_.get(); }
  /// Once the program has been started: this process keeps its own side only.
  void close_program_side() { slave_.reset(); }

  /// Passes on what is typed, what is printed and the window's size until `done` is readable or a
  /// signal to end comes; then what is still to be printed. False: a signal came.
  bool pass(int done);

 private:
  TerminalBridge() = default;
  void take_over();
  void give_back();
  void copy_size() const;
  bool from_user();
  bool to_user() const;

  UniqueFd master_, slave_;
  termios before_{};
  bool taken_ = false;
  bool user_gone_ = false;
};

}  // namespace mishap::run
