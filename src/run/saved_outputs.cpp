#include "saved_outputs.h"

#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "mishap/base/text.h"

namespace mishap::run {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kEnding = ".log";

/// Only what we may have written: the directory could be anybody's.
bool is_ours(const fs::directory_entry& entry) {
  std::error_code ignored;
  return entry.is_regular_file(ignored) && entry.path().extension() == kEnding;
}

Result<fs::path> emptied(const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return fail(fmt::format("cannot make {}: {}", directory.string(), error.message()));
  if (access(directory.c_str(), W_OK | X_OK) != 0)
    return fail_errno("cannot write to " + directory.string());
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    std::error_code ignored;
    if (is_ours(entry)) fs::remove(entry.path(), ignored);
  }
  return directory;
}

using Lines = std::vector<std::string>;

/// Everything that services printed, as it came.
std::map<std::string, Lines> printed_lines(const event::TestResult& result) {
  std::map<std::string, Lines> lines;
  for (const auto& event : result.events) {
    if (event.type != "stdout" && event.type != "stderr") continue;
    lines[event.service].push_back(redact(event.fields.get("raw")));
  }
  return lines;
}

bool write_lines(const fs::path& file, const Lines& lines) {
  std::ofstream out(file, std::ios::binary);
  for (const auto& line : lines) out << line << '\n';
  return out.flush().good();
}

/// TEST, or TEST.RUN of one that is repeated.
std::string repetition(const event::TestResult& result) {
  return result.run > 0 ? fmt::format("{}.{}", result.name, result.run) : result.name;
}

void note_unsaved(event::TestResult& result, const std::string& service, const fs::path& file) {
  result.notes.push_back(
      fmt::format("the output of {} could not be saved to {}", service, file.string()));
}

}  // namespace

Result<fs::path> fresh_output_directory(const fs::path& wanted) {
  auto made = emptied(wanted);
  if (made) return made;
  const char* temporary = std::getenv("TMPDIR");
  return emptied(fs::path(temporary != nullptr ? temporary : "/tmp") /
                 fmt::format("mishap-output-{}", geteuid()));
}

void save_long_outputs(event::TestResult& result, const fs::path& directory) {
  auto printed = printed_lines(result);
  for (auto& output : result.outputs) {
    const Lines& lines = printed[output.service];
    if (lines.size() <= event::kShownOutputLines) continue;
    fs::path file = directory / fmt::format("{}.{}{}", repetition(result), output.service, kEnding);
    if (write_lines(file, lines)) {
      output.saved_to = file.string();
    } else {
      note_unsaved(result, output.service, file);
    }
  }
}

void keep_logs(event::TestResult& result, bool in_lane) {
  fs::path directory = fs::path(result.kept) / "logs";
  if (in_lane) directory /= repetition(result);
  std::error_code ignored;  // then the files cannot be written, which is said
  fs::create_directories(directory, ignored);
  for (const auto& [service, lines] : printed_lines(result)) {
    fs::path file = directory / (service + std::string(kEnding));
    if (!write_lines(file, lines)) note_unsaved(result, service, file);
  }
}

}  // namespace mishap::run
