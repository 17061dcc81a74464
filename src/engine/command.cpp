#include "command.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "mishap/base/unique_fd.h"

namespace mishap::engine {
namespace {

/// A file that goes with its owner.
class TemporaryFile {
 public:
  TemporaryFile() = default;
  explicit TemporaryFile(std::string path) : path_(std::move(path)) {}
  TemporaryFile(TemporaryFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFile& operator=(TemporaryFile&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~TemporaryFile() {
    if (!path_.empty()) unlink(path_.c_str());
  }
  const char* path() const { return path_.c_str(); }

 private:
  std::string path_;
};

/// A copy of /etc/passwd with a line for the user. It needs a path: a bind mount takes no
/// descriptor that was opened in another mount namespace (EINVAL).
Result<TemporaryFile> passwd_with(RunAs user) {
  std::ifstream in("/etc/passwd");
  std::ostringstream text;
  text << in.rdbuf() << "mishap:x:" << user.uid << ":" << user.gid << ":mishap:/tmp:/bin/sh\n";
  char name[] = "/tmp/mishap-passwd-XXXXXX";
  UniqueFd file(mkostemp(name, O_CLOEXEC));
  if (!file) return fail_errno("make a passwd file");
  TemporaryFile owner(name);
  const std::string content = text.str();
  if (write(file.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size())) {
    return fail_errno("write a passwd file");
  }
  fchmod(file.get(), 0644);
  return owner;
}

/// In the child, as root: a mount namespace in which the user exists, then that user for good.
/// Returns what failed.
const char* become(RunAs user, const char* passwd) {
  if (unshare(CLONE_NEWNS) != 0) return "unshare";
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return "make mounts private";
  if (mount(passwd, "/etc/passwd", nullptr, MS_BIND, nullptr) != 0) return "bind /etc/passwd";
  if (setgroups(0, nullptr) != 0) return "setgroups";
  if (setresgid(user.gid, user.gid, user.gid) != 0) return "setresgid";
  if (setresuid(user.uid, user.uid, user.uid) != 0) return "setresuid";
  return nullptr;
}

[[noreturn]] void child_failed(const char* what) {
  dprintf(2, "%s: %s\n", what, strerror(errno));
  _exit(127);
}

std::string read_all(int fd) {
  std::string text;
  char buffer[4096];
  while (true) {
    const ssize_t count = read(fd, buffer, sizeof buffer);
    if (count > 0) {
      text.append(buffer, static_cast<size_t>(count));
    } else if (count == 0 || errno != EINTR) {
      return text;
    }
  }
}

}  // namespace

Result<CommandOutput> run_command(const Command& command) {
  std::vector<std::string> env_text;
  for (const auto& [name, value] : command.env) env_text.push_back(name + "=" + value);
  std::vector<char*> env;
  for (std::string& entry : env_text) env.push_back(entry.data());
  env.push_back(nullptr);
  std::vector<char*> argv;
  for (const std::string& word : command.argv) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);

  TemporaryFile passwd;
  const bool drop = command.run_as && geteuid() == 0 && command.run_as->uid != 0;
  if (drop) {
    MISHAP_ASSIGN(passwd, passwd_with(*command.run_as));
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno("pipe");
  UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  const pid_t pid = fork();
  if (pid < 0) return fail_errno("fork");
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    const int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(writing.get(), 1);
    dup2(writing.get(), 2);
    if (drop) {
      if (const char* what = become(*command.run_as, passwd.path())) child_failed(what);
      prctl(PR_SET_PDEATHSIG, SIGTERM);  // changing ids cleared it
    }
    umask(077);
    if (chdir(command.cwd.c_str()) != 0) child_failed(command.cwd.c_str());
    execve(argv[0], argv.data(), env.data());
    child_failed(argv[0]);
  }
  writing.reset();
  CommandOutput output;
  output.text = read_all(reading.get());
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return fail_errno("wait for " + command.argv.front());
  }
  output.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return output;
}

}  // namespace mishap::engine
