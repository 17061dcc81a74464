#include "interrupts.h"

#include <cerrno>
#include <string_view>
#include <utility>

#include <sys/eventfd.h>

#include <poll.h>
#include <unistd.h>

namespace mishap::run {
namespace {

volatile std::sig_atomic_t count = 0;
volatile std::sig_atomic_t wake_fd = -1;

/// Says so and ends. Whoever has stopped reading is not waited for.
[[noreturn]] void stop_at_once() {
  constexpr std::string_view kLastWords =
      "\nstopped at once: no summary, and no documents were written\n";
  pollfd room{STDERR_FILENO, POLLOUT, 0};
  if (poll(&room, 1, 0) == 1) {
    [[maybe_unused]] ssize_t written = write(STDERR_FILENO, kLastWords.data(), kLastWords.size());
  }
  _exit(130);
}

extern "C" void on_signal(int) {
  count = count + 1;
  if (count > 1) stop_at_once();
  int before = errno;
  uint64_t one = 1;
  [[maybe_unused]] ssize_t written = write(wake_fd, &one, sizeof one);
  errno = before;
}

}  // namespace

Result<Interrupts> Interrupts::watch() {
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return fail_errno("make an eventfd");
  Interrupts interrupts(std::move(wake));
  count = 0;
  wake_fd = interrupts.wake_.get();
  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, &interrupts.old_int_);
  sigaction(SIGTERM, &action, &interrupts.old_term_);
  interrupts.installed_ = true;
  return interrupts;
}

Interrupts::Interrupts(Interrupts&& other) noexcept
    : wake_(std::move(other.wake_)),
      installed_(std::exchange(other.installed_, false)),
      old_int_(other.old_int_),
      old_term_(other.old_term_) {}

Interrupts::~Interrupts() {
  if (!installed_) return;
  sigaction(SIGINT, &old_int_, nullptr);
  sigaction(SIGTERM, &old_term_, nullptr);
}

bool Interrupts::any() const { return count > 0; }

}  // namespace mishap::run
