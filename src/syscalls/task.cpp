#include "task.h"

#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <fmt/compile.h>
#include <fmt/format.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proc_number.h"

namespace mishap::syscalls {
namespace {

constexpr size_t kMostTasks = 512;

/// "fd/7" without an allocation.
struct Name {
  Name(const char* directory, int fd) {
    *fmt::format_to_n(text, sizeof text - 1, FMT_COMPILE("{}/{}"), directory, fd).out = 0;
  }
  char text[32];
};

std::optional<std::string> read_small(int directory, const char* name) {
  UniqueFd file(openat(directory, name, O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  char buffer[4096];
  ssize_t size = read(file.get(), buffer, sizeof buffer);
  if (size < 0) return std::nullopt;
  return std::string(buffer, size_t(size));
}

/// The number after "\nkey:\t" or at the start of the text.
std::optional<uint64_t> number_after(const std::string& text, std::string_view key, int base) {
  size_t at = text.find(key);
  if (at == std::string::npos) return std::nullopt;
  return strtoull(text.c_str() + at + key.size(), nullptr, base);
}

UniqueFd open_pidfd(pid_t id, int directory) {
  UniqueFd leader(int(syscall(SYS_pidfd_open, id, 0)));
  if (leader) return leader;
  UniqueFd thread(int(syscall(SYS_pidfd_open, id, PIDFD_THREAD)));
  if (thread) return thread;
  auto status = read_small(directory, "status");
  if (!status) return {};
  auto group = last_number(*status, "NStgid:");
  return group ? UniqueFd(int(syscall(SYS_pidfd_open, *group, 0))) : UniqueFd();
}

}  // namespace

std::optional<Task> Task::open(pid_t id) {
  auto number = number_in_proc(id);
  if (!number) return std::nullopt;
  char path[32];
  *fmt::format_to_n(path, sizeof path - 1, "/proc/{}", *number).out = 0;
  UniqueFd directory(::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return std::nullopt;
  return Task(id, std::move(directory));
}

std::optional<struct stat> Task::stat_fd(int fd) const {
  struct stat facts;
  if (fstatat(directory_.get(), Name("fd", fd).text, &facts, 0) != 0) return std::nullopt;
  return facts;
}

bool Task::read_link(const char* name, std::string& into) const {
  char buffer[PATH_MAX];
  ssize_t size = readlinkat(directory_.get(), name, buffer, sizeof buffer);
  into.assign(buffer, size > 0 ? size_t(size) : 0);
  return size > 0;
}

bool Task::link_of_fd(int fd, std::string& into) const {
  return read_link(Name("fd", fd).text, into);
}

bool Task::link_of_cwd(std::string& into) const { return read_link("cwd", into); }

std::optional<Task::Position> Task::position(int fd) const {
  auto text = read_small(directory_.get(), Name("fdinfo", fd).text);
  if (!text) return std::nullopt;
  auto offset = number_after(*text, "pos:", 10);
  auto flags = number_after(*text, "flags:", 8);
  if (!offset || !flags) return std::nullopt;
  return Position{*offset, int(*flags)};
}

UniqueFd Task::reopen(int fd) const {
  return UniqueFd(
      openat(directory_.get(), Name("fd", fd).text, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

UniqueFd Task::duplicate(int fd) {
  if (!pidfd_) pidfd_ = open_pidfd(id_, directory_.get());
  if (!pidfd_) return {};
  return UniqueFd(int(syscall(SYS_pidfd_getfd, pidfd_.get(), fd, 0)));
}

bool Task::is_alive() const {
  struct stat facts;
  return fstatat(directory_.get(), "stat", &facts, 0) == 0;
}

Task* TaskCache::get(pid_t id) {
  auto known = tasks_.find(id);
  if (known != tasks_.end()) return &known->second;
  auto task = Task::open(id);
  if (!task) return nullptr;
  if (tasks_.size() >= kMostTasks) tasks_.clear();
  return &tasks_.emplace(id, std::move(*task)).first->second;
}

}  // namespace mishap::syscalls
