#include "mishap/source/poll.h"

#include <algorithm>
#include <mutex>
#include <thread>

#include <poll.h>

#include "mishap/base/text.h"
#include "mishap/net/wake.h"

namespace mishap::source {
namespace {

/// Who catches up again and again would otherwise see nothing but its own questions.
constexpr auto kLately = std::chrono::seconds(1);

class PageFollower final : public traffic::Follower {
 public:
  explicit PageFollower(PollRequest request) : request_(std::move(request)) {
    thread_ = std::thread([this] { run(); });
  }
  ~PageFollower() override {
    stop_.set();
    thread_.join();
  }

  Result<void> catch_up(net::Deadline deadline) override {
    bool lately = false;
    {
      std::lock_guard lock(mutex_);
      lately = net::Clock::now() - asked_ < kLately;
    }
    if (!lately) ask(deadline);
    return {};
  }

 private:
  void run() {
    pollfd stop{stop_.fd(), POLLIN, 0};
    do {
      ask(net::Clock::now() + PollRequest::kAttempt);
    } while (::poll(&stop, 1, milliseconds()) == 0);
  }

  int milliseconds() const {
    auto interval = std::chrono::duration_cast<std::chrono::milliseconds>(request_.interval);
    return std::max(1, static_cast<int>(std::min<int64_t>(interval.count(), 1 << 30)));
  }

  void ask(net::Deadline deadline) {
    std::lock_guard lock(mutex_);
    auto page = request_.fetch(std::min(deadline, net::Clock::now() + PollRequest::kAttempt));
    asked_ = net::Clock::now();
    request_.deliver({{draft_of(page), std::chrono::system_clock::now()}});
  }

  event::Draft draft_of(const Result<Page>& page) const {
    event::Draft draft{.type = "poll", .service = request_.service};
    if (!page) {
      draft.fields = {{"url", request_.url}, {"error", page.error().message}};
      return draft;
    }
    std::string body = page->body.substr(0, PollRequest::kLongestBody);
    if (request_.decoder) {
      event::Decoded decoded = request_.decoder->decode(body);
      draft.fields = std::move(decoded.fields);
      draft.data = std::move(decoded.data);
    } else {
      draft.fields.set("body", std::move(body));
    }
    draft.fields.set("url", request_.url);
    draft.fields.set("status", std::to_string(page->status));
    return draft;
  }

  const PollRequest request_;
  std::mutex mutex_;  ///< one question at a time
  net::Deadline asked_{};
  net::Wake stop_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<traffic::Follower> follow_page(PollRequest request) {
  return std::make_unique<PageFollower>(std::move(request));
}

}  // namespace mishap::source
