#include "mishap/traffic/published_ports.h"

#include <algorithm>

namespace mishap::traffic {

PublishedPorts::~PublishedPorts() {
  while (!relays_.empty()) relays_.front()->abort(CloseReason::context_cancel);
}

Result<void> PublishedPorts::publish(uint16_t port, const net::Address& target) {
  MISHAP_ASSIGN(UniqueFd v4, net::listen_on(net::Address::loopback_v4(port)));
  watch(std::move(v4), target);
  if (auto v6 = net::listen_on(net::Address::loopback_v6(port)); v6) watch(std::move(*v6), target);
  return {};
}

void PublishedPorts::watch(UniqueFd listener, const net::Address& target) {
  auto shared = std::make_shared<UniqueFd>(std::move(listener));  // std::function copies
  loop_.post([this, shared, target] {
    int fd = shared->get();
    auto watch =
        loop_.watch(fd, {.read = true}, [=, this](net::Readiness) { accept_from(fd, target); });
    if (watch) listeners_.push_back({std::move(*shared), std::move(*watch)});
  });
}

void PublishedPorts::accept_from(int listener, const net::Address& target) {
  while (true) {
    auto next = net::accept_next(listener);
    if (!next || !*next) return;
    auto upstream = net::start_connect(target);
    if (!upstream) {
      net::close_with_reset(std::move((*next)->fd));
      continue;
    }
    relays_.push_back(std::make_unique<Relay>(loop_, std::move((*next)->fd), std::move(*upstream),
                                              nullptr, buffer_, *this));
    relays_.back()->start();
  }
}

void PublishedPorts::closed(Relay& relay, CloseReason) {
  auto found = std::find_if(relays_.begin(), relays_.end(),
                            [&](const auto& owned) { return owned.get() == &relay; });
  if (found == relays_.end()) return;
  // The relay is still on the stack.
  finished_.splice(finished_.end(), relays_, found);
  loop_.post([this] { finished_.clear(); });
}

}  // namespace mishap::traffic
