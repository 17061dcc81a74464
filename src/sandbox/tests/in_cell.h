// Running code and scripts in a cell, from a test.
#pragma once

#include <array>
#include <functional>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "mishap/sandbox/cell.h"

namespace mishap::sandbox {

/// Runs `body` in a cell and returns what it returned as text, through a pipe.
inline std::string in_cell(const CellOptions& options,
                           const std::function<std::string(CellEnvironment&)>& body) {
  int fds[2];
  EXPECT_EQ(pipe2(fds, O_CLOEXEC), 0);
  UniqueFd read_end(fds[0]), write_end(fds[1]);
  auto cell = spawn_cell(options, [&](CellEnvironment& environment) {
    std::string text = body(environment);
    return write(write_end.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size())
               ? 0
               : 1;
  });
  if (!cell) return "no cell: " + cell.error().message;
  write_end.reset();
  if (auto ready = cell->wait_ready(); !ready) return "not ready: " + ready.error().message;
  std::string out;
  std::array<char, 4096> buffer;
  for (ssize_t count; (count = read(read_end.get(), buffer.data(), buffer.size())) > 0;) {
    out.append(buffer.data(), static_cast<size_t>(count));
  }
  ExitStatus status = cell->wait();
  if (!status.success()) out += " [" + status.text() + "]";
  return out;
}

/// In a cell: what `script` prints, run by sh as `request` says.
inline std::string output_of(SpawnRequest request, const std::string& script) {
  Reaper reaper;
  request.program = "sh";
  request.arguments = {"-c", "exec 2>&1; " + script};
  request.environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C"};
  auto child = reaper.spawn(request);
  if (!child) return child.error().message;
  std::string out;
  std::array<char, 4096> buffer;
  for (ssize_t count; (count = read(child->output.get(), buffer.data(), buffer.size())) > 0;) {
    out.append(buffer.data(), static_cast<size_t>(count));
  }
  return out;
}

/// What a service sees: `script` run by sh in a cell.
inline std::string in_service(const CellOptions& options, const std::string& script) {
  return in_cell(options, [&](CellEnvironment&) { return output_of({}, script); });
}

}  // namespace mishap::sandbox
