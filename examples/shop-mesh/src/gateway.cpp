// The shop's front door: POST /orders {"item": …, "qty": …}, GET /inventory/ITEM, GET /health.
//
// It knows nothing of orders: it hands on what it is sent and tells its callers honestly what came
// of it. Every answer to an order is a line of its log: its status, and whether reservation and
// receipt are both there.
#include <csignal>
#include <iostream>

#include "http.h"
#include "rpc.h"
#include "service.h"
#include "shop.grpc.pb.h"

namespace {

/// What a caller over HTTP is told.
int http_status(grpc::StatusCode code) {
  switch (code) {
    case grpc::INVALID_ARGUMENT:
      return 400;
    case grpc::NOT_FOUND:
      return 404;
    case grpc::RESOURCE_EXHAUSTED:
      return 409;
    case grpc::UNAVAILABLE:
      return 503;
    case grpc::DEADLINE_EXCEEDED:
      return 504;
    default:
      return 502;
  }
}

Response refused(const grpc::Status& status) {
  return answer(http_status(status.error_code()),
                {{"error", status.error_message()}, {"code", code_name(status.error_code())}});
}

Response place_order(const std::string& orders, const Request& request) {
  shop::Order order;
  order.set_text(request.body);
  shop::Placed placed;
  auto status =
      call<shop::Orders>(orders, &shop::Orders::Stub::Place, order, &placed, kPatienceOfGateway);
  bool complete = status.ok() && placed.has_reservation() && placed.has_receipt();
  Response response = status.ok() ? answer(200, {{"order", placed.order()},
                                                 {"reservation", placed.reservation().id()},
                                                 {"receipt", placed.receipt().id()}})
                                  : refused(status);
  log_line({{"action", "order"}, {"status", response.status}, {"order_complete", complete}});
  return response;
}

Response look(const std::string& orders, const std::string& name) {
  shop::ItemName item;
  item.set_name(name);
  shop::Stock stock;
  auto status =
      call<shop::Orders>(orders, &shop::Orders::Stub::Look, item, &stock, kPatienceOfGateway);
  if (!status.ok()) return refused(status);
  return answer(200, {{"item", stock.item()}, {"quantity", stock.quantity()}});
}

}  // namespace

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  const std::string orders = variable("ORDERS_ADDR");
  const std::string items = "/inventory/";
  serve(port_to_serve(8080), [&](const Request& request) -> Response {
    if (request.method == "GET" && request.path == "/health")
      return answer(200, {{"status", "ok"}});
    if (request.method == "POST" && request.path == "/orders") return place_order(orders, request);
    if (request.method == "GET" && request.path.starts_with(items))
      return look(orders, request.path.substr(items.size()));
    return answer(404, {{"error", "no such route"}});
  });
  std::cerr << "cannot listen" << std::endl;
  return 1;
}
