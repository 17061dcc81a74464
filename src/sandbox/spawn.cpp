#include "spawn.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include "mishap/base/check.h"

namespace mishap::sandbox {
namespace {

enum class Step : int {
  kNone,
  kEnter,
  kNames,
  kRoot,
  kDirectory,
  kDescriptors,
  kPrepare,
  kFilter,
  kExec
};

/// The page that parent and child share. The child stores and wakes by memory and futex only: any
/// other system call may be one that its own filter hands to the supervisor.
struct Handshake {
  enum State : uint32_t { kStarting, kListenerReady, kListenerTaken };
  std::atomic<uint32_t> state{kStarting};
  int listener = -1;
  Step failed_step = Step::kNone;
  int error = 0;
};

class SharedPage {
 public:
  SharedPage() {
    void* page =
        mmap(nullptr, sizeof(Handshake), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page != MAP_FAILED) handshake_ = new (page) Handshake;
  }
  ~SharedPage() {
    if (handshake_ != nullptr) munmap(handshake_, sizeof(Handshake));
  }
  SharedPage(const SharedPage&) = delete;
  SharedPage& operator=(const SharedPage&) = delete;
  Handshake* get() const { return handshake_; }

 private:
  Handshake* handshake_ = nullptr;
};

long futex(std::atomic<uint32_t>& word, int operation, uint32_t value, const timespec* timeout) {
  static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t));
  return syscall(SYS_futex, &word, operation, value, timeout, nullptr, 0);
}

/// Everything the child needs, prepared beforehand: it must not allocate.
struct Plan {
  const SpawnRequest* request;
  Handshake* handshake;
  const char* program;
  std::vector<char*> arguments, environment;
  int input, output, error;
};

[[noreturn]] void give_up(Handshake& handshake, Step step, int error) {
  handshake.error = error;
  handshake.failed_step = step;
  _exit(127);
}

void reset_signals() {
  // CLONE_CLEAR_SIGHAND reset the handlers; what the worker ignores (SIGPIPE) would stay ignored
  // across exec.
  // By the system call: the C library's function refuses its own signals (32 and 33), which may
  // have been inherited as ignored. All zeros is SIG_DFL without flags in every layout of the
  // kernel's structure; 8 is the size of its signal set.
  constexpr size_t kKernelSignalSetBytes = 8;
  const char defaults[128] = {};
  for (int signal = 1; signal < NSIG; ++signal) {
    syscall(SYS_rt_sigaction, signal, defaults, nullptr, kKernelSignalSetBytes);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

void drop_capabilities() {
  // NOROOT: were the uid 0, exec would give the capabilities back. Refused (and needless) without
  // CAP_SETPCAP.
  prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED, 0, 0, 0);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  syscall(SYS_capset, &header, none);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/// By the system call itself: the thread sanitizer takes the C library's dup2 for a use of what the
/// parent's other threads had under the same number.
bool place_descriptors(const Plan& plan) {
  // Out of the way first: a borrowed descriptor may itself be 0, 1 or 2.
  int input = fcntl(plan.input, F_DUPFD_CLOEXEC, 3);
  int output = fcntl(plan.output, F_DUPFD_CLOEXEC, 3);
  int error = fcntl(plan.error, F_DUPFD_CLOEXEC, 3);
  if (input < 0 || output < 0 || error < 0) return false;
  auto put = [](int from, int to) { return syscall(SYS_dup3, from, to, 0) == to; };
  if (!put(input, 0) || !put(output, 1) || !put(error, 2)) return false;
  return syscall(SYS_close_range, 3u, UINT_MAX, unsigned{CLOSE_RANGE_CLOEXEC}) == 0;
}

void install_filter(const SpawnRequest& request, Handshake& handshake) {
  sock_fprog program{};
  program.len = static_cast<unsigned short>(request.seccomp_filter.size());
  program.filter = const_cast<sock_filter*>(request.seccomp_filter.data());
  long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, request.seccomp_flags, &program);
  if (result < 0) give_up(handshake, Step::kFilter, errno);
  if ((request.seccomp_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) == 0) return;
  handshake.listener = static_cast<int>(result);
  handshake.state.store(Handshake::kListenerReady, std::memory_order_release);
  futex(handshake.state, FUTEX_WAKE, 1, nullptr);
  while (handshake.state.load(std::memory_order_acquire) == Handshake::kListenerReady) {
    futex(handshake.state, FUTEX_WAIT, Handshake::kListenerReady, nullptr);
  }
}

/// Writes /etc/hosts anew, for this process and what it starts. The file has no name once it is
/// mounted. Plain system calls only.
int cover_hosts(const std::string& content) {
  constexpr const char* kHosts = "/etc/hosts";
  if (access(kHosts, F_OK) != 0) return 0;  // an image without the file does without its names
  // The cell's is a file without a name, on which nothing can be mounted; it goes first.
  umount2(kHosts, MNT_DETACH);
  for (const char* place : {"/dev/shm/.hosts.XXXXXX", "/tmp/.hosts.XXXXXX"}) {
    char path[32];
    std::strcpy(path, place);
    // The pid makes the name unique among children that start at the same time.
    char* digit = path + std::strlen(path);
    for (int rest = getpid(), i = 0; i < 6; ++i, rest /= 10) *--digit = char('0' + rest % 10);
    constexpr int kNew = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
    long file = syscall(SYS_openat, AT_FDCWD, path, kNew, 0644);
    if (file < 0) continue;
    bool covered = syscall(SYS_write, file, content.data(), content.size()) ==
                       static_cast<long>(content.size()) &&
                   mount(path, kHosts, nullptr, MS_BIND, nullptr) == 0;
    int error = covered ? 0 : errno;
    syscall(SYS_close, file);
    unlink(path);
    return error;
  }
  return errno;
}

/// The host name and /etc/hosts of a service, in namespaces of its own. Returns 0 or an errno.
int take_names(const SpawnRequest& request) {
  if (!request.host_name.empty()) {
    size_t size = std::min<size_t>(request.host_name.size(), HOST_NAME_MAX);
    if (unshare(CLONE_NEWUTS) != 0 || sethostname(request.host_name.data(), size) != 0)
      return errno;
  }
  if (request.hosts.empty()) return 0;
  if (unshare(CLONE_NEWNS) != 0) return errno;
  return cover_hosts(request.hosts);
}

[[noreturn]] void child_main(const Plan& plan) {
  const SpawnRequest& request = *plan.request;
  Handshake& handshake = *plan.handshake;
  if (request.controlling_terminal)
    setsid();
  else
    setpgid(0, 0);
  reset_signals();
  if (request.network_namespace >= 0 && setns(request.network_namespace, CLONE_NEWNET) != 0) {
    give_up(handshake, Step::kEnter, errno);
  }
  if (int error = take_names(request); error != 0) give_up(handshake, Step::kNames, error);
  if (!request.root_directory.empty() &&
      (chroot(request.root_directory.c_str()) != 0 || chdir("/") != 0)) {
    give_up(handshake, Step::kRoot, errno);
  }
  if (!request.working_directory.empty() && chdir(request.working_directory.c_str()) != 0) {
    give_up(handshake, Step::kDirectory, errno);
  }
  if (!place_descriptors(plan)) give_up(handshake, Step::kDescriptors, errno);
  if (request.controlling_terminal && ioctl(0, TIOCSCTTY, 0) != 0)
    give_up(handshake, Step::kDescriptors, errno);
  drop_capabilities();
  if (request.prepare != nullptr) {
    int error = request.prepare(request.prepare_argument);
    if (error != 0) give_up(handshake, Step::kPrepare, error);
  }
  if (!request.seccomp_filter.empty()) install_filter(request, handshake);
  execve(plan.program, plan.arguments.data(), plan.environment.data());
  give_up(handshake, Step::kExec, errno);
}

tl::unexpected<Error> explain(const SpawnRequest& request, const std::string& program,
                              const Handshake& handshake) {
  switch (handshake.failed_step) {
    case Step::kEnter:
      return fail_errno("enter the service's network namespace", handshake.error);
    case Step::kNames:
      return fail_errno("give the service its host name and /etc/hosts", handshake.error);
    case Step::kRoot:
      return fail_errno("enter root directory " + request.root_directory, handshake.error);
    case Step::kDirectory:
      return fail_errno("enter directory " + request.working_directory, handshake.error);
    case Step::kDescriptors:
      return fail_errno(fmt::format("run {}: descriptors", program), handshake.error);
    case Step::kPrepare:
      return fail_errno(fmt::format("prepare to run {}", program), handshake.error);
    case Step::kFilter:
      return fail_errno("install the seccomp filter", handshake.error);
    case Step::kNone:
    case Step::kExec:
      break;
  }
  std::string seen = request.root_directory + program;
  if (!program.starts_with('/'))
    seen = request.root_directory + request.working_directory + "/" + program;
  if (handshake.error == ENOENT && access(seen.c_str(), F_OK) == 0) {
    return fail(fmt::format("run {}: the interpreter or loader that it names is missing", program),
                ENOENT);
  }
  return fail_errno("run " + program, handshake.error);
}

/// Takes the listener once it is there; no value when the child failed before.
Result<UniqueFd> take_listener(Handshake& handshake, int pidfd) {
  // The timeout is for a child that dies without a word; a wake-up ends the wait at once.
  constexpr timespec kLook{0, 20'000'000};
  while (handshake.state.load(std::memory_order_acquire) == Handshake::kStarting) {
    pollfd dead{pidfd, POLLIN, 0};
    if (handshake.failed_step != Step::kNone || poll(&dead, 1, 0) == 1) return UniqueFd();
    futex(handshake.state, FUTEX_WAIT, Handshake::kStarting, &kLook);
  }
  UniqueFd listener(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd, handshake.listener, 0)));
  if (!listener) return fail_errno("take the seccomp listener");
  return listener;
}

void let_go(Handshake& handshake) {
  handshake.state.store(Handshake::kListenerTaken, std::memory_order_release);
  futex(handshake.state, FUTEX_WAKE, 1, nullptr);
}

struct Pipe {
  UniqueFd read_end, write_end;
};

Result<Pipe> make_pipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return fail_errno("pipe");
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

std::string_view path_of(const std::vector<std::string>& environment) {
  for (std::string_view entry : environment) {
    if (entry.starts_with("PATH=")) return entry.substr(5);
  }
  return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

bool runnable(const std::string& root, const std::string& path) {
  struct stat info{};
  // Inside another root an absolute symbolic link cannot be followed from here; that it exists must
  // do.
  if (!root.empty() && lstat((root + path).c_str(), &info) == 0 && S_ISLNK(info.st_mode))
    return true;
  return stat((root + path).c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
         access((root + path).c_str(), X_OK) == 0;
}

Result<std::string> find_under(const std::string& root, const std::string& program,
                               std::string_view path_variable) {
  if (program.empty()) return fail("the program's name is empty", ENOENT);
  if (program.find('/') != std::string::npos) return program;
  std::string_view rest = path_variable;
  while (!rest.empty()) {
    std::string_view directory = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), directory.size() + 1));
    std::string path = (directory.empty() ? "." : std::string(directory)) + "/" + program;
    if (runnable(root, path)) return path;
  }
  return fail(fmt::format("program {} not found in PATH ({})", program, path_variable), ENOENT);
}

/// Waits until exec closed the pipe's last writer, or the child failed.
void wait_for_exec(int status_pipe) {
  char byte;
  while (read(status_pipe, &byte, 1) < 0 && errno == EINTR) {
  }
}

}  // namespace

pid_t fork_with_pidfd(uint64_t flags, int exit_signal, int* pidfd) {
  clone_args arguments{};
  arguments.flags = flags | CLONE_PIDFD | CLONE_CLEAR_SIGHAND;
  arguments.exit_signal = static_cast<uint64_t>(exit_signal);
  arguments.pidfd = reinterpret_cast<uint64_t>(pidfd);
  return static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
}

Result<std::string> find_program(const std::string& program, std::string_view path_variable) {
  return find_under("", program, path_variable);
}

Result<Child> spawn_program(const SpawnRequest& request, pid_t& failed_pid) {
  failed_pid = 0;
  MISHAP_ASSIGN(std::string program,
                find_under(request.root_directory, request.program, path_of(request.environment)));
  if (request.seccomp_filter.size() > BPF_MAXINSNS) {
    return fail(fmt::format("the seccomp filter has {} instructions, the kernel takes {}",
                            request.seccomp_filter.size(), BPF_MAXINSNS),
                EINVAL);
  }
  SharedPage page;
  if (page.get() == nullptr) return fail_errno("share memory with a child");
  Handshake& handshake = *page.get();

  Child child;
  UniqueFd null, output, error;
  MISHAP_ASSIGN(Pipe status, make_pipe());
  if (!request.input) {
    null.reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!null) return fail_errno("open /dev/null");
  }
  if (!request.output) {
    MISHAP_ASSIGN(Pipe pipe, make_pipe());
    child.output = std::move(pipe.read_end);
    output = std::move(pipe.write_end);
  }
  if (!request.error) {
    MISHAP_ASSIGN(Pipe pipe, make_pipe());
    child.error = std::move(pipe.read_end);
    error = std::move(pipe.write_end);
  }

  std::vector<std::string> arguments{request.program};
  arguments.insert(arguments.end(), request.arguments.begin(), request.arguments.end());
  Plan plan{&request,
            &handshake,
            program.c_str(),
            pointers(arguments),
            pointers(request.environment),
            request.input.value_or(null.get()),
            request.output.value_or(output.get()),
            request.error.value_or(error.get())};
  int pidfd = -1;
  pid_t pid = fork_with_pidfd(0, SIGCHLD, &pidfd);
  if (pid == 0) child_main(plan);
  if (pid < 0) return fail_errno("fork");
  child.pid = pid;
  child.pidfd.reset(pidfd);
  // The child does it too; whoever is first, a signal to the group cannot miss. The leader of a
  // group could not begin a session any more.
  if (!request.controlling_terminal) setpgid(pid, pid);
  status.write_end.reset();
  output.reset();
  error.reset();

  if ((request.seccomp_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0 &&
      !request.seccomp_filter.empty()) {
    auto listener = take_listener(handshake, child.pidfd.get());
    if (!listener) {
      kill(pid, SIGKILL);
      failed_pid = pid;
      return fail(std::move(listener).error());
    }
    if (*listener && request.on_listener) {
      request.on_listener(std::move(*listener), pid);
    } else {
      child.listener = std::move(*listener);
    }
    let_go(handshake);
  }
  wait_for_exec(status.read_end.get());
  if (handshake.failed_step != Step::kNone) {
    failed_pid = pid;
    return explain(request, program, handshake);
  }
  // A child killed between fork and exec looks as if it ran and ended; its exit status says what
  // happened.
  return child;
}

}  // namespace mishap::sandbox
