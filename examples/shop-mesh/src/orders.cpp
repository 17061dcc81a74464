// Places orders: reserves with the inventory, charges with the payments, and takes the reservation
// back when the charge failed.
#include <atomic>
#include <iostream>

#include "rpc.h"
#include "service.h"
#include "shop.grpc.pb.h"

namespace {

class Orders final : public shop::Orders::Service {
 public:
  Orders(std::string inventory, std::string payments)
      : inventory_(std::move(inventory)), payments_(std::move(payments)) {}

  grpc::Status Look(grpc::ServerContext*, const shop::ItemName* item, shop::Stock* stock) override {
    return told("inventory",
                call<shop::Inventory>(inventory_, &shop::Inventory::Stub::Look, *item, stock));
  }

  grpc::Status Place(grpc::ServerContext*, const shop::Order* order,
                     shop::Placed* placed) override {
    shop::Reservation* reservation = placed->mutable_reservation();
    grpc::Status reserved = told(
        "inventory",
        call<shop::Inventory>(inventory_, &shop::Inventory::Stub::Reserve, *order, reservation));
    if (!reserved.ok()) return reserved;

    shop::Charges charges;
    charges.set_reservation(reservation->id());
    charges.set_quantity(reservation->quantity());
    grpc::Status charged =
        told("payments", call<shop::Payments>(payments_, &shop::Payments::Stub::Charge, charges,
                                              placed->mutable_receipt()));
    if (!charged.ok()) {
      shop::Stock stock;
      told("inventory", call<shop::Inventory>(inventory_, &shop::Inventory::Stub::Release,
                                              *reservation, &stock));
      return charged;
    }
    placed->set_order("order-" + std::to_string(++last_));
    log_line({{"action", "placed"}, {"order", placed->order()}});
    return grpc::Status::OK;
  }

 private:
  /// Says in the log what a service could not do, and names it to the caller.
  static grpc::Status told(const std::string& service, const grpc::Status& status) {
    if (status.ok()) return status;
    log_line({{"action", "call_failed"},
              {"service", service},
              {"code", code_name(status.error_code())},
              {"why", status.error_message()}});
    return {status.error_code(), service + ": " + status.error_message()};
  }

  const std::string inventory_, payments_;
  std::atomic<int64_t> last_ = 0;
};

}  // namespace

int main() {
  Orders orders(variable("INVENTORY_ADDR"), variable("PAYMENTS_ADDR"));
  if (serve(orders, 50051)) return 0;
  std::cerr << "cannot listen" << std::endl;
  return 1;
}
