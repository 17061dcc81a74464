// Partitions and links: what is kept back of what edges carry.
#include <algorithm>
#include <future>

#include "router_impl.h"

namespace mishap::traffic {

CutId Router::Impl::cut(std::vector<Way> ways) {
  CutId id = 0;
  {
    std::lock_guard lock(mutex_);
    id = cuts_.add(std::move(ways));
  }
  apply_and_wait([this] { apply_cuts(); });
  return id;
}

/// A caller may count on what it asked for from the return on, so it waits for the loop, unless it
/// is the loop or that does not run.
void Router::Impl::apply_and_wait(std::function<void()> task) {
  auto applied = std::make_shared<std::promise<void>>();
  post([task = std::move(task), applied] {
    task();
    applied->set_value();
  });
  if (!loop_.in_loop_thread()) applied->get_future().wait_for(std::chrono::seconds(1));
}

void Router::Impl::mend(CutId cut) {
  {
    std::lock_guard lock(mutex_);
    if (!cuts_.remove(cut)) return;
  }
  post([this] {
    apply_cuts();
    release_held();
  });
}

uint64_t Router::Impl::effects(CutId cut) const {
  std::lock_guard lock(mutex_);
  return cuts_.effects(cut);
}

void Router::Impl::count_loss(const EdgeState& edge, Direction direction) {
  const auto& [consumer, service, interface] = edge.edge;
  std::lock_guard lock(mutex_);
  if (direction == Direction::to_server)
    cuts_.count(consumer, service);
  else
    cuts_.count(service, consumer);
}

/// Of a connect, what the consumer sends is lost, or else the answer to it. The caller holds the
/// mutex.
void Router::Impl::count_hanging(const fault::Edge& edge) {
  if (is_cut(edge, Direction::to_server))
    cuts_.count(edge.consumer, edge.service);
  else
    cuts_.count(edge.service, edge.consumer);
}

void Router::Impl::emit_partitioned(const EdgeState& edge, event::Fields fields) {
  fields.set("action", "partitioned");
  emit(edge, "proxy", std::move(fields));
}

void Router::Impl::apply_cuts() {
  std::vector<std::pair<Connection*, Direction>> stalled, moving;
  {
    std::lock_guard lock(mutex_);
    for (auto& [connection, owned] : connections_) {
      for (Direction direction : {Direction::to_server, Direction::to_client}) {
        bool cut = is_cut(connection->edge().edge, direction);
        (cut ? stalled : moving).emplace_back(connection, direction);
      }
    }
  }
  // Resuming may close a connection; it stays valid until the loop's next turn.
  for (auto [connection, direction] : stalled) connection->relay().stall(direction, true);
  for (auto [connection, direction] : moving) connection->relay().stall(direction, false);
}

// --- links
// ------------------------------------------------------------------------------------------------------------------

LinkId Router::Impl::shape(fault::LinkRule rule) {
  LinkId id = 0;
  {
    std::lock_guard lock(mutex_);
    id = links_.add(std::move(rule));
  }
  apply_and_wait([this] { apply_links(); });
  return id;
}

void Router::Impl::unshape(LinkId rule) {
  {
    std::lock_guard lock(mutex_);
    if (!links_.remove(rule)) return;
  }
  post([this] { apply_links(); });
}

uint64_t Router::Impl::shaped(LinkId rule) const {
  std::lock_guard lock(mutex_);
  return links_.effects(rule);
}

void Router::Impl::limit(const fault::BandwidthLimit& limit) {
  {
    std::lock_guard lock(mutex_);
    links_.limit(limit);
  }
  apply_and_wait([this] { apply_links(); });
}

std::vector<BandwidthUse> Router::Impl::unlimit() {
  auto used = std::make_shared<std::vector<BandwidthUse>>();
  apply_and_wait([this, used] {
    {
      std::lock_guard lock(mutex_);
      *used = links_.unlimit();
    }
    apply_links();
  });
  return *used;
}

void Router::Impl::apply_links() {
  struct Change {
    Connection* connection;
    Direction direction;
    Shape shape;
  };
  std::vector<Change> changes;
  {
    std::lock_guard lock(mutex_);
    for (auto& [connection, owned] : connections_) {
      for (Direction direction : {Direction::to_server, Direction::to_client}) {
        changes.push_back(
            {connection, direction, links_.shape_of(connection->edge().edge, direction)});
      }
    }
  }
  // This may close a connection; it stays valid until the loop's next turn.
  for (auto& [connection, direction, shape] : changes) connection->relay().shape(direction, shape);
}

}  // namespace mishap::traffic
