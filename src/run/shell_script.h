// The cell's script when a person looks around in it: its services and faults as in the test, and a
// shell instead of the body.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mishap/cell/plan.h"
#include "mishap/cell/script.h"

namespace mishap::run {

/// The program that is run instead of the body. The descriptors are borrowed and inherited.
struct ShellProgram {
  std::vector<std::string> command;      ///< argv; the program is looked up in PATH
  std::vector<std::string> environment;  ///< "NAME=value", all of it
  int input = 0, output = 1, error = 2;
  bool terminal = false;  ///< `input` is a terminal of its own, to be its controlling one
};

/// The shell that the environment asks for, or /bin/sh, with an environment that names the cell in
/// MISHAP_CELL and in its prompt.
ShellProgram shell_program(const std::vector<std::string>& command, const std::string& cell);

/// Nothing ends such a cell but its shell.
void without_deadlines(cell::CellPlan& plan);

/// Seeds are `script`'s; there are no monitors and no expectation. The body says on `program.error`
/// what is up, runs the program, and returns its exit code as the test's value.
std::unique_ptr<cell::Script> shell_script(std::unique_ptr<cell::Script> script,
                                           ShellProgram program);

/// What is said before the shell starts: services with their addresses, faults that are on.
std::string shell_greeting(const cell::CellPlan& plan);

}  // namespace mishap::run
