#include "proc_number.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include <sys/stat.h>
#include <sys/syscall.h>

#include <fmt/format.h>
#include <unistd.h>

#include "mishap/base/text.h"
#include "mishap/base/unique_fd.h"

namespace mishap::syscalls {
namespace {

namespace fs = std::filesystem;

bool proc_is_ours() {
  char text[32];
  ssize_t size = readlink("/proc/self", text, sizeof text);
  pid_t number = 0;
  if (size > 0) std::from_chars(text, text + size, number);
  return number == getpid();
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// proc_pid_fdinfo(5): of a pidfd, the number as the mounted /proc counts.
std::optional<pid_t> by_pidfd(pid_t id) {
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, id, 0)));
  if (!pidfd) pidfd.reset(static_cast<int>(syscall(SYS_pidfd_open, id, PIDFD_THREAD)));
  if (!pidfd) return std::nullopt;
  auto number = last_number(text_of(fmt::format("/proc/self/fdinfo/{}", pidfd.get())), "Pid:");
  return number && *number > 0 ? number : std::nullopt;
}

/// Before Linux 6.9 a thread has no pidfd: it is the one that has this number in our namespace.
std::optional<pid_t> by_search(pid_t id) {
  struct stat ours;
  if (stat("/proc/self/ns/pid", &ours) != 0) return std::nullopt;
  std::error_code ignored;
  for (const auto& process : fs::directory_iterator("/proc", ignored)) {
    std::string directory = process.path().string();
    struct stat theirs;
    if (stat((directory + "/ns/pid").c_str(), &theirs) != 0 || theirs.st_ino != ours.st_ino)
      continue;
    for (const auto& task : fs::directory_iterator(directory + "/task", ignored)) {
      std::string status = text_of(task.path().string() + "/status");
      if (last_number(status, "NSpid:") == id) return last_number(status, "Pid:");
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<pid_t> last_number(std::string_view text, std::string_view key) {
  for (std::string_view line : split(text, '\n')) {
    if (!line.starts_with(key)) continue;
    line.remove_prefix(line.find_last_of(" \t") + 1);
    pid_t number = 0;
    if (std::from_chars(line.data(), line.data() + line.size(), number).ec != std::errc()) break;
    return number;
  }
  return std::nullopt;
}

std::optional<pid_t> number_in_proc(pid_t id) {
  if (proc_is_ours()) return id;
  auto number = by_pidfd(id);
  return number ? number : by_search(id);
}

}  // namespace mishap::syscalls
