// What the shop has: looks it up, puts it aside for an order, takes it back.
#include <iostream>
#include <map>
#include <mutex>

#include "rpc.h"
#include "service.h"
#include "shop.grpc.pb.h"

namespace {

class Inventory final : public shop::Inventory::Service {
 public:
  grpc::Status Look(grpc::ServerContext*, const shop::ItemName* item, shop::Stock* stock) override {
    std::lock_guard lock(mutex_);
    auto found = stock_.find(item->name());
    if (found == stock_.end()) return unknown(item->name());
    stock->set_item(item->name());
    stock->set_quantity(found->second);
    log_line({{"action", "looked"}, {"item", item->name()}, {"quantity", found->second}});
    return grpc::Status::OK;
  }

  grpc::Status Reserve(grpc::ServerContext*, const shop::Order* order,
                       shop::Reservation* reservation) override {
    Json wanted = Json::parse(order->text(), nullptr, false);
    bool clear = wanted.is_object() && wanted.value("item", Json()).is_string() &&
                 wanted.value("qty", Json(1)).is_number_integer() && wanted.value("qty", 1) > 0;
    if (!clear) return {grpc::INVALID_ARGUMENT, R"(want {"item": "…", "qty": a number above 0})"};
    const std::string item = wanted["item"];
    const int64_t quantity = wanted.value("qty", 1);
    std::lock_guard lock(mutex_);
    auto found = stock_.find(item);
    if (found == stock_.end()) return unknown(item);
    if (found->second < quantity) return {grpc::RESOURCE_EXHAUSTED, "not enough of " + item};
    found->second -= quantity;
    reservation->set_id("reservation-" + std::to_string(++last_));
    reservation->set_item(item);
    reservation->set_quantity(quantity);
    log_line({{"action", "reserved"},
              {"id", reservation->id()},
              {"item", item},
              {"quantity", quantity}});
    return grpc::Status::OK;
  }

  grpc::Status Release(grpc::ServerContext*, const shop::Reservation* reservation,
                       shop::Stock* stock) override {
    std::lock_guard lock(mutex_);
    auto found = stock_.find(reservation->item());
    if (found == stock_.end()) return unknown(reservation->item());
    found->second += reservation->quantity();
    stock->set_item(reservation->item());
    stock->set_quantity(found->second);
    log_line({{"action", "released"}, {"id", reservation->id()}, {"item", reservation->item()}});
    return grpc::Status::OK;
  }

 private:
  static grpc::Status unknown(const std::string& item) {
    return {grpc::NOT_FOUND, "no such item: " + item};
  }

  std::mutex mutex_;
  std::map<std::string, int64_t> stock_ = {{"widget", 100}, {"gadget", 3}};
  int64_t last_ = 0;
};

}  // namespace

int main() {
  Inventory inventory;
  if (serve(inventory, 50052)) return 0;
  std::cerr << "cannot listen" << std::endl;
  return 1;
}
