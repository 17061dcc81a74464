// Runs a test program under a filter and a supervisor.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "mishap/base/testing/temporary_directory.h"
#include "mishap/fault/decider.h"
#include "mishap/fault/names.h"
#include "mishap/syscalls/filter.h"
#include "mishap/syscalls/probes.h"
#include "mishap/syscalls/supervisor.h"

#include "programs/notes.h"

namespace mishap::syscalls {

/// A started program, stopped by nothing, whose filter's listener nobody serves yet.
struct Launched {
  pid_t pid = -1;
  UniqueFd listener;
  report* notes = nullptr;
};

/// What parent and child agree on without a call that a filter could notify.
struct Handover {
  std::atomic<int> listener{-1};
  std::atomic<bool> taken{false};
};

inline void become_program(const std::vector<sock_filter>& program, std::vector<char*>& arguments,
                           int notes_fd, Handover& handover) {
  dup2(notes_fd, kReportFd);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  sock_fprog filter{static_cast<unsigned short>(program.size()),
                    const_cast<sock_filter*>(program.data())};
  handover.listener =
      int(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, long{listener_flags()}, &filter));
  while (!handover.taken) sched_yield();
  execv(arguments[0], arguments.data());
  _exit(127);
}

inline Launched launch(const FilterPlan& plan, const std::string& name,
                       std::vector<std::string> arguments) {
  Launched launched;
  auto program = compile_filter(plan);
  if (!program) {
    ADD_FAILURE() << program.error().message;
    return launched;
  }
  const char* elsewhere = std::getenv("MISHAP_TEST_PROGRAMS");  // tests/as_nobody copies them
  std::string programs = elsewhere != nullptr ? elsewhere : MISHAP_TEST_PROGRAMS;
  arguments.insert(arguments.begin(), programs + "/" + name);
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  UniqueFd memory(memfd_create("notes", MFD_CLOEXEC));
  EXPECT_EQ(ftruncate(memory.get(), sizeof(report)), 0);
  launched.notes = static_cast<report*>(
      mmap(nullptr, sizeof(report), PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0));
  auto* shared = new (mmap(nullptr, sizeof(Handover), PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Handover;
  launched.pid = fork();
  if (launched.pid == 0) become_program(*program, pointers, memory.get(), *shared);
  while (shared->listener == -1 && waitpid(launched.pid, nullptr, WNOHANG) == 0) sched_yield();
  UniqueFd pidfd(int(syscall(SYS_pidfd_open, launched.pid, 0)));
  launched.listener =
      UniqueFd(int(syscall(SYS_pidfd_getfd, pidfd.get(), shared->listener.load(), 0)));
  EXPECT_TRUE(launched.listener) << strerror(errno);
  // The child's own copy goes with exec: the kernel makes it close-on-exec.
  shared->taken = true;
  munmap(shared, sizeof(Handover));
  return launched;
}

/// An event, kept.
struct Kept {
  std::string syscall, decision, path, label, errno_name, scope, peer;
  bool operator==(const Kept&) const = default;
};

class SupervisedTest : public ::testing::Test {
 protected:
  /// A rule on `keyword`, applied when the program starts.
  fault::SyscallRule& rule(const std::string& keyword, fault::SyscallAction action,
                           const std::string& error = "") {
    fault::SyscallRule one;
    one.service = "svc";
    one.keyword = keyword;
    one.declared.text = keyword;
    one.action = action;
    if (!error.empty()) {
      one.error_name = error;
      one.error = fault::resolve_errno(error).value().number;
      one.scope = fault::scope_of_errno(one.error);
    }
    one.syscalls = fault::resolve_syscalls(keyword, one.error).value();
    for (const std::string& syscall : one.syscalls) plan.notify.push_back(syscall);
    rules.push_back(one);
    return rules.back();
  }
  fault::SyscallRule& deny(const std::string& keyword, const std::string& error) {
    return rule(keyword, fault::SyscallAction::deny, error);
  }

  void start(const std::string& program, std::vector<std::string> arguments = {}) {
    launched = launch(plan, program, std::move(arguments));
    SupervisorOptions options;
    options.service = "svc";
    options.decider = std::make_shared<fault::SyscallDecider>(1);
    options.decider->open(rules);
    options.sink = [this](const SyscallEvent& event) {
      std::lock_guard lock(mutex);
      events.push_back({std::string(event.syscall), std::string(event.decision),
                        std::string(event.path), std::string(event.label),
                        std::string(event.errno_name), std::string(event.scope),
                        std::string(event.peer)});
    };
    options.on_failure = [](const Error& error) { ADD_FAILURE() << error.message; };
    options.peer_of = peer_of;
    options.router = router;
    auto exempt = std::make_shared<ExemptProcesses>();
    if (works_for_us) exempt->add(launched.pid);
    options.exempt = exempt;
    auto started = Supervisor::start(std::move(launched.listener), std::move(options));
    ASSERT_TRUE(started) << started.error().message;
    supervisor = std::move(*started);
  }
  /// Exit status of the program, or -signal.
  int finish() {
    int status = 0;
    EXPECT_EQ(waitpid(launched.pid, &status, 0), launched.pid);
    supervisor->stop();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  int run(const std::string& program, std::vector<std::string> arguments = {}) {
    start(program, std::move(arguments));
    return finish();
  }

  /// What the program's calls returned: "1", "-EIO".
  std::vector<std::string> results() const {
    std::vector<std::string> all;
    for (int i = 0; i < launched.notes->count; ++i) {
      auto& one = launched.notes->notes[i];
      all.push_back(one.value == -1 ? std::string("-") + strerrorname_np(one.error)
                                    : std::to_string(one.value));
    }
    return all;
  }
  std::vector<std::string> decisions(const std::string& syscall) const {
    std::vector<std::string> all;
    for (const Kept& event : events) {
      if (event.syscall == syscall) all.push_back(event.decision);
    }
    return all;
  }
  std::string file(const std::string& name, size_t size = 0) const {
    std::string path = directory / name;
    UniqueFd fd(open(path.c_str(), O_CREAT | O_WRONLY, 0600));
    std::string bytes(size, 'a');
    EXPECT_EQ(write(fd.get(), bytes.data(), size), ssize_t(size));
    return path;
  }

  const TemporaryDirectory temporary;
  const std::filesystem::path directory = temporary.path();
  FilterPlan plan;
  std::vector<fault::SyscallRule> rules;
  std::function<std::optional<Peer>(const SocketAddress&)> peer_of;
  ConnectRouter* router = nullptr;
  bool works_for_us = false;
  Launched launched;
  std::unique_ptr<Supervisor> supervisor;
  std::mutex mutex;
  std::vector<Kept> events;
};

}  // namespace mishap::syscalls
