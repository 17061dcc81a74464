// One thread of the service as /proc and a pidfd show it.
//
// Both handles are pinned to the thread itself: when it dies, they fail, even when its id is given
// to another. So they may be kept from one call to the next, which facts about its descriptors may
// not (another thread can replace a descriptor unseen).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include <sys/stat.h>
#include <sys/types.h>

#include "mishap/base/unique_fd.h"

namespace mishap::syscalls {

class Task {
 public:
  /// Nothing when the thread is gone or hidden from us.
  static std::optional<Task> open(pid_t id);

  pid_t id() const { return id_; }
  std::optional<struct stat> stat_fd(int fd) const;
  /// Where a descriptor leads: "/abs/file", "socket:[123]", "pipe:[45]". Reuses the storage of
  /// `into`.
  bool link_of_fd(int fd, std::string& into) const;
  /// The working directory.
  bool link_of_cwd(std::string& into) const;
  struct Position {
    uint64_t offset = 0;
    int flags = 0;  ///< O_APPEND and others
  };
  std::optional<Position> position(int fd) const;
  /// A new open file description of a regular file, read-only: its offset is ours alone.
  UniqueFd reopen(int fd) const;
  /// A descriptor for the same open file description. None when the thread is gone or has no such
  /// descriptor.
  UniqueFd duplicate(int fd);
  bool is_alive() const;

 private:
  Task(pid_t id, UniqueFd directory) : id_(id), directory_(std::move(directory)) {}
  bool read_link(const char* name, std::string& into) const;

  pid_t id_;
  UniqueFd directory_;  // /proc/<id>
  UniqueFd pidfd_;      // opened when first needed
};

/// The threads seen lately. One thread of ours.
class TaskCache {
 public:
  /// Valid until the next call. Nothing when the thread is gone or hidden.
  Task* get(pid_t id);
  /// Whether `get` was asked for it before. When such a thread still answers, it is the one of this
  /// id: what it says needs no further check.
  bool knows(pid_t id) const { return tasks_.contains(id); }
  /// Drops a thread that turned out to be dead, so that the next `get` meets its successor.
  void forget(pid_t id) { tasks_.erase(id); }

 private:
  std::unordered_map<pid_t, Task> tasks_;
};

}  // namespace mishap::syscalls
