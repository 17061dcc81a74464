#include "saved_outputs.h"

#include <cstdlib>
#include <fstream>

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

/// Everything that a service printed, as it came.
std::vector<std::string> lines_of(const event::TestResult& result, const std::string& service) {
  std::vector<std::string> lines;
  for (const auto& event : result.events) {
    bool output = event.type == "stdout" || event.type == "stderr";
    if (output && event.service == service) lines.push_back(redact(event.fields.get("raw")));
  }
  return lines;
}

bool write_lines(const fs::path& file, const std::vector<std::string>& lines) {
  std::ofstream out(file, std::ios::binary);
  for (const auto& line : lines) out << line << '\n';
  return out.flush().good();
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
  for (auto& output : result.outputs) {
    auto lines = lines_of(result, output.service);
    if (lines.size() <= event::kShownOutputLines) continue;
    std::string run = result.run > 0 ? fmt::format(".{}", result.run) : "";
    fs::path file = directory / fmt::format("{}{}.{}{}", result.name, run, output.service, kEnding);
    if (write_lines(file, lines)) {
      output.saved_to = file.string();
    } else {
      result.notes.push_back(
          fmt::format("the output of {} could not be saved to {}", output.service, file.string()));
    }
  }
}

}  // namespace mishap::run
