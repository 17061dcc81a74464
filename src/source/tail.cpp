#include "mishap/source/tail.h"

#include <array>
#include <cerrno>
#include <mutex>
#include <thread>

#include <sys/stat.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "mishap/base/unique_fd.h"
#include "mishap/net/wake.h"
#include "mishap/source/lines.h"

namespace mishap::source {
namespace {

/// How often the file is looked at. Notices of the kernel would be quicker, but not every file
/// system in a container has them.
constexpr auto kLook = std::chrono::milliseconds(10);

class TailFollower final : public traffic::Follower {
 public:
  explicit TailFollower(TailRequest request)
      : request_(std::move(request)), splitter_([this](std::string_view line) { add(line); }) {
    if (open_file()) offset_ = lseek(file_.get(), 0, SEEK_END);
    thread_ = std::thread([this] { run(); });
  }
  ~TailFollower() override {
    stop_.set();
    thread_.join();
  }

  Result<void> catch_up(net::Deadline) override {
    look();
    return {};
  }

 private:
  void run() {
    pollfd stop{stop_.fd(), POLLIN, 0};
    while (::poll(&stop, 1, static_cast<int>(kLook.count())) == 0) look();
  }

  void look() {
    std::lock_guard lock(mutex_);
    if (!file_ && !open_file()) return;
    read_on();
    if (!replaced()) return;
    splitter_.finish();
    file_.reset();
    if (open_file()) read_on();
    deliver();
  }

  bool open_file() {
    file_ = UniqueFd(open(request_.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    offset_ = 0;
    if (!file_ && errno != ENOENT && !std::exchange(told_, true))
      request_.interrupted(fail_errno("open " + request_.path).value());
    return static_cast<bool>(file_);
  }

  /// Another file has the path now.
  bool replaced() const {
    struct stat here{}, there{};
    if (fstat(file_.get(), &here) != 0 || stat(request_.path.c_str(), &there) != 0) return false;
    return here.st_ino != there.st_ino || here.st_dev != there.st_dev;
  }

  void read_on() {
    struct stat status{};
    if (fstat(file_.get(), &status) == 0 && status.st_size < offset_) offset_ = 0;
    std::array<char, 16 * 1024> buffer;
    while (true) {
      ssize_t count = pread(file_.get(), buffer.data(), buffer.size(), offset_);
      if (count <= 0) break;
      offset_ += count;
      splitter_.feed({buffer.data(), static_cast<size_t>(count)});
    }
    deliver();
  }

  void add(std::string_view line) {
    event::Draft draft{.type = "tail", .service = request_.service};
    event::Decoded decoded = request_.decoder->decode(line);
    draft.fields = std::move(decoded.fields);
    draft.fields.set("path", request_.path);
    draft.data = std::move(decoded.data);
    found_.push_back({std::move(draft), std::chrono::system_clock::now()});
  }

  void deliver() {
    if (!found_.empty()) request_.deliver(std::exchange(found_, {}));
  }

  const TailRequest request_;
  std::mutex mutex_;  // guards all below but the last two
  UniqueFd file_;
  off_t offset_ = 0;
  bool told_ = false;
  std::vector<traffic::Sighting> found_;
  LineSplitter splitter_;
  net::Wake stop_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<traffic::Follower> follow_tail(TailRequest request) {
  return std::make_unique<TailFollower>(std::move(request));
}

}  // namespace mishap::source
