// What services printed in red tests, saved where people can read all of it.
#pragma once

#include <filesystem>

#include "mishap/base/result.h"
#include "mishap/event/run.h"

namespace mishap::run {

/// The directory for a run's outputs, made anew: `wanted`, or where that cannot be written a
/// directory of this user's under TMPDIR. What an earlier run saved there is removed. Error:
/// neither can be made.
Result<std::filesystem::path> fresh_output_directory(const std::filesystem::path& wanted);

/// Writes what each service of a red test printed to `directory`/TEST[.RUN].SERVICE.log, one file
/// for stdout and stderr as they came, secrets hidden, and names the files in `result.outputs`.
/// Only outputs that the report does not show whole are saved. What cannot be written becomes a
/// note.
void save_long_outputs(event::TestResult& result, const std::filesystem::path& directory);

/// Writes what every service printed, in the same form, to logs/SERVICE.log in the directory that
/// the test leaves behind (`result.kept`); in a lane, which leaves one for several tests, to
/// logs/TEST[.RUN]/SERVICE.log. What cannot be written becomes a note.
void keep_logs(event::TestResult& result, bool in_lane);

}  // namespace mishap::run
