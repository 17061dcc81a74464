// The command line.
#pragma once

namespace mishap::cli {

/// Runs one command and returns the exit code: 0 fine, 1 usage, load or tool error, 2 failed tests,
/// 3 inconclusive, 130 interrupted.
int main(int argc, char** argv);

}  // namespace mishap::cli
