// Takes orders over HTTP and publishes them: POST /orders {"item": …}, GET /health.
//
// 201 means that the broker has the order: it is answered when the broker has acknowledged it.
// Every request opens a client of its own, so a broker that cannot be reached is noticed by the
// request that needs it; after kPatience the caller is told 503. The price is a connection for each
// order.
#include <csignal>
#include <cstdio>
#include <iostream>
#include <memory>
#include <random>

#include <librdkafka/rdkafkacpp.h>

#include "http.h"
#include "service.h"

namespace {

constexpr const char* kTopic = "order-events";
constexpr int kPatienceMilliseconds = 2000;

std::string new_order_id() {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  char text[32];
  std::snprintf(text, sizeof text, "order-%016llx", static_cast<unsigned long long>(random()));
  return text;
}

/// What became of the one message of a client.
class Delivery : public RdKafka::DeliveryReportCb {
 public:
  void dr_cb(RdKafka::Message& message) override {
    acknowledged_ = message.err() == RdKafka::ERR_NO_ERROR;
    why_ = message.errstr();
  }
  bool acknowledged() const { return acknowledged_; }
  const std::string& why() const { return why_; }

 private:
  bool acknowledged_ = false;
  std::string why_ = "no answer";
};

/// Says in the log what the client says of its connections.
class Complaints : public RdKafka::EventCb {
 public:
  void event_cb(RdKafka::Event& event) override {
    if (event.type() != RdKafka::Event::EVENT_ERROR) return;
    log_line({{"action", "kafka_error"}, {"why", event.str()}});
  }
};

/// "" once the broker has acknowledged the order, else why it has not.
std::string publish(const std::string& brokers, const std::string& key, const std::string& order) {
  Delivery delivery;
  Complaints complaints;
  std::string why;
  std::unique_ptr<RdKafka::Conf> conf(RdKafka::Conf::create(RdKafka::Conf::CONF_GLOBAL));
  bool configured = true;
  auto set = [&](const char* name, const auto& value) {
    configured = configured && conf->set(name, value, why) == RdKafka::Conf::CONF_OK;
  };
  set("bootstrap.servers", brokers);
  set("client.id", std::string("orders-producer"));
  // Sent again after a lost answer, an order is still there once.
  set("enable.idempotence", std::string("true"));
  set("linger.ms", std::string("0"));
  set("message.timeout.ms", std::to_string(kPatienceMilliseconds));
  set("dr_cb", static_cast<RdKafka::DeliveryReportCb*>(&delivery));
  set("event_cb", static_cast<RdKafka::EventCb*>(&complaints));
  if (!configured) return why;
  std::unique_ptr<RdKafka::Producer> producer(RdKafka::Producer::create(conf.get(), why));
  if (!producer) return why;
  auto queued = producer->produce(kTopic, RdKafka::Topic::PARTITION_UA,
                                  RdKafka::Producer::RK_MSG_COPY, const_cast<char*>(order.data()),
                                  order.size(), key.data(), key.size(), 0, nullptr);
  if (queued != RdKafka::ERR_NO_ERROR) return RdKafka::err2str(queued);
  producer->flush(kPatienceMilliseconds + 500);
  return delivery.acknowledged() ? "" : delivery.why();
}

Response create_order(const std::string& brokers, const Request& request) {
  Json body = Json::parse(request.body, nullptr, false);
  if (!body.is_object() || !body.contains("item") || !body["item"].is_string())
    return answer(400, {{"error", "want {\"item\": \"…\"}"}});
  Json order = {{"order_id", new_order_id()}, {"item", body["item"]}};
  const std::string id = order["order_id"];
  std::string why =
      publish(brokers, id, order.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!why.empty()) {
    log_line({{"action", "order_refused"}, {"order_id", id}, {"why", why}});
    return answer(503, {{"error", why}});
  }
  log_line({{"action", "order_published"}, {"order_id", id}});
  return answer(201, order);
}

}  // namespace

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  const std::string brokers = variable("KAFKA_BROKERS");
  serve(port_to_serve(8080), [&](const Request& request) -> Response {
    if (request.method == "GET" && request.path == "/health")
      return answer(200, {{"status", "ok"}});
    if (request.method == "POST" && request.path == "/orders")
      return create_order(brokers, request);
    return answer(404, {{"error", "no such route"}});
  });
  std::cerr << "cannot listen" << std::endl;
  return 1;
}
