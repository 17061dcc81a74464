// Charges for reservations, each once.
#include <iostream>
#include <map>
#include <mutex>

#include "rpc.h"
#include "service.h"
#include "shop.grpc.pb.h"

namespace {

class Payments final : public shop::Payments::Service {
 public:
  grpc::Status Charge(grpc::ServerContext*, const shop::Charges* charges,
                      shop::Receipt* receipt) override {
    std::lock_guard lock(mutex_);
    auto [known, is_new] = receipts_.try_emplace(charges->reservation(),
                                                 "receipt-" + std::to_string(receipts_.size() + 1));
    receipt->set_id(known->second);
    log_line({{"action", is_new ? "charged" : "charged_before"},
              {"reservation", charges->reservation()},
              {"quantity", charges->quantity()}});
    return grpc::Status::OK;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::string> receipts_;
};

}  // namespace

int main() {
  Payments payments;
  if (serve(payments, 50053)) return 0;
  std::cerr << "cannot listen" << std::endl;
  return 1;
}
