#include "leftovers.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "mishap/base/text.h"

namespace mishap::cell {
namespace {

namespace fs = std::filesystem;

constexpr pid_t kWorker = 1;
constexpr auto kPatience = std::chrono::seconds(2);
constexpr auto kPause = std::chrono::milliseconds(1);

std::string slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// `PID (NAME) STATE PPID …`, proc_pid_stat(5); the name may hold anything, so what counts comes
/// after the last parenthesis. Nothing for one that has ended.
std::optional<pid_t> parent_of(const std::string& stat) {
  size_t end = stat.rfind(')');
  if (end == std::string::npos) return std::nullopt;
  auto words = split(std::string_view(stat).substr(std::min(end + 2, stat.size())), ' ');
  if (words.size() < 2 || words[0] == "Z" || words[0] == "X") return std::nullopt;
  pid_t parent = 0;
  std::from_chars(words[1].data(), words[1].data() + words[1].size(), parent);
  return parent;
}

std::string service_of(const std::string& environ) {
  std::string prefix = std::string(kServiceVariable) + "=";
  for (auto entry : split(environ, '\0')) {
    if (entry.starts_with(prefix)) return std::string(entry.substr(prefix.size()));
  }
  return "";
}

std::vector<Process> read_processes() {
  std::vector<Process> processes;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    std::string name = entry.path().filename();
    Process process;
    auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), process.pid);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    auto parent = parent_of(slurp(entry.path() / "stat"));
    if (!parent) continue;
    process.parent = *parent;
    if (process.parent == kWorker) process.service = service_of(slurp(entry.path() / "environ"));
    processes.push_back(std::move(process));
  }
  return processes;
}

}  // namespace

Leftovers leftovers(const std::vector<Process>& processes, const Kept& kept) {
  std::map<pid_t, const Process*> by_pid;
  for (const Process& process : processes) by_pid[process.pid] = &process;
  Leftovers found;
  for (const Process& process : processes) {
    if (process.pid == kWorker) continue;
    const Process* ancestor = &process;
    while (ancestor != nullptr && !kept.leaders.contains(ancestor->pid) &&
           ancestor->parent > kWorker) {
      auto parent = by_pid.find(ancestor->parent);
      ancestor = parent == by_pid.end() ? nullptr : parent->second;
    }
    if (ancestor == nullptr) {
      found.unsure = true;
      continue;
    }
    // Whoever has no parent here came from outside, as a debugger does.
    bool lives_on = ancestor->parent < kWorker || kept.leaders.contains(ancestor->pid) ||
                    kept.services.contains(ancestor->service);
    if (!lives_on) found.pids.push_back(process.pid);
  }
  return found;
}

Result<void> kill_leftovers(const Kept& kept) {
  auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    Leftovers left = leftovers(read_processes(), kept);
    if (left.pids.empty() && !left.unsure) return {};
    for (pid_t pid : left.pids) kill(pid, SIGKILL);
    if (std::chrono::steady_clock::now() > deadline) {
      return fail(fmt::format("{} process{} of services that are not reused did not end",
                              left.pids.size(), left.pids.size() == 1 ? "" : "es"));
    }
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace mishap::cell
