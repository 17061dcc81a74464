#include "terminal.h"

#include <cerrno>
#include <csignal>
#include <string_view>
#include <utility>

#include <sys/ioctl.h>
#include <sys/signalfd.h>

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

namespace mishap::run {
namespace {

/// SIGWINCH and the signals that end a process, as a descriptor while it lives.
class Signals {
 public:
  Signals() {
    sigset_t wanted;
    sigemptyset(&wanted);
    for (int signal : {SIGWINCH, SIGINT, SIGTERM, SIGHUP}) sigaddset(&wanted, signal);
    sigprocmask(SIG_BLOCK, &wanted, &before_);
    fd_.reset(signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  ~Signals() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  int fd() const { return fd_.get(); }
  /// 0 when there is none.
  int next() const {
    signalfd_siginfo info{};
    return read(fd_.get(), &info, sizeof info) == sizeof info ? int(info.ssi_signo) : 0;
  }

 private:
  UniqueFd fd_;
  sigset_t before_;
};

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    bytes.remove_prefix(size_t(written));
  }
}

}  // namespace

Result<TerminalBridge> TerminalBridge::open(uid_t uid) {
  TerminalBridge bridge;
  bridge.master_.reset(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!bridge.master_) return fail_errno("make a pseudo terminal");
  if (grantpt(bridge.master_.get()) != 0 || unlockpt(bridge.master_.get()) != 0)
    return fail_errno("unlock a pseudo terminal");
  char name[64];
  if (ptsname_r(bridge.master_.get(), name, sizeof name) != 0)
    return fail_errno("name a pseudo terminal");
  bridge.slave_.reset(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!bridge.slave_) return fail_errno(std::string("open ") + name);
  if (geteuid() == 0 && fchown(bridge.slave_.get(), uid, gid_t(-1)) != 0)
    return fail_errno(std::string("give ") + name + " to the cell's user");
  if (tcgetattr(STDIN_FILENO, &bridge.before_) != 0) return fail_errno("read the terminal's modes");
  tcsetattr(bridge.slave_.get(), TCSANOW, &bridge.before_);
  bridge.copy_size();
  return bridge;
}

TerminalBridge::TerminalBridge(TerminalBridge&& other) noexcept
    : master_(std::move(other.master_)),
      slave_(std::move(other.slave_)),
      before_(other.before_),
      taken_(std::exchange(other.taken_, false)) {}

TerminalBridge::~TerminalBridge() { give_back(); }

/// Every key goes to the program as it is, and what it prints to the user: the program's own
/// terminal has processed it.
void TerminalBridge::take_over() {
  termios raw = before_;
  cfmakeraw(&raw);
  tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
  taken_ = true;
}

void TerminalBridge::give_back() {
  if (std::exchange(taken_, false)) tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
}

void TerminalBridge::copy_size() const {
  winsize size{};
  if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) ioctl(master_.get(), TIOCSWINSZ, &size);
}

bool TerminalBridge::from_user() {
  char bytes[4096];
  ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
  if (got <= 0) return got < 0 && errno == EINTR;
  write_all(master_.get(), {bytes, size_t(got)});
  return true;
}

bool TerminalBridge::to_user() const {
  char bytes[16 * 1024];
  ssize_t got = read(master_.get(), bytes, sizeof bytes);
  if (got <= 0) return got < 0 && errno == EINTR;  // EIO: nobody has the other side open
  write_all(STDOUT_FILENO, {bytes, size_t(got)});
  return true;
}

bool TerminalBridge::pass(int done) {
  Signals signals;
  take_over();
  bool ended_by_signal = false;
  while (true) {
    pollfd polls[] = {{user_gone_ ? -1 : STDIN_FILENO, POLLIN, 0},
                      {master_.get(), POLLIN, 0},
                      {signals.fd(), POLLIN, 0},
                      {done, POLLIN, 0}};
    if (poll(polls, std::size(polls), -1) < 0 && errno != EINTR) break;
    if (polls[2].revents != 0) {
      int signal = signals.next();
      if (signal == SIGWINCH) copy_size();
      ended_by_signal = signal != SIGWINCH && signal != 0;
      if (ended_by_signal) break;
    }
    if (polls[0].revents != 0 && !from_user()) user_gone_ = true;
    if ((polls[1].revents & POLLIN) != 0) {
      to_user();
      continue;  // all of it before the end is looked at
    }
    if (polls[3].revents != 0) break;
    // The program closed its terminal and has not ended yet; polling that would spin.
    if ((polls[1].revents & POLLHUP) != 0) poll(&polls[3], 1, 20);
  }
  give_back();
  return !ended_by_signal;
}

}  // namespace mishap::run
