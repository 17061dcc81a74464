// Turns published orders into rows: reads the topic in a group, from the first order on, and stores
// each before it says so to the broker. GET /health answers 200 once it reads.
//
// An order whose row cannot be written is tried again until it can, and none is taken before it: a
// database that is away delays orders and loses none. What was stored but not yet committed is read
// again after a restart; storing it twice leaves one row.
#include <atomic>
#include <chrono>
#include <csignal>
#include <iostream>
#include <memory>
#include <thread>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafkacpp.h>

#include "http.h"
#include "orders_table.h"
#include "service.h"

namespace {

constexpr const char* kTopic = "order-events";
constexpr const char* kGroup = "orders-consumer";
constexpr auto kPause = std::chrono::milliseconds(200);
constexpr int kPollMilliseconds = 1000;

/// Knows whether the group has given us anything to read.
class Assignment : public RdKafka::RebalanceCb {
 public:
  void rebalance_cb(RdKafka::KafkaConsumer* consumer, RdKafka::ErrorCode code,
                    std::vector<RdKafka::TopicPartition*>& partitions) override {
    const bool given = code == RdKafka::ERR__ASSIGN_PARTITIONS;
    if (given) {
      consumer->assign(partitions);
    } else {
      consumer->unassign();
    }
    reads_ = given && !partitions.empty();
    log_line({{"action", given ? "assigned" : "revoked"}, {"partitions", partitions.size()}});
  }
  bool reads() const { return reads_; }

 private:
  std::atomic<bool> reads_ = false;
};

std::unique_ptr<RdKafka::KafkaConsumer> open_consumer(const std::string& brokers,
                                                      Assignment& assignment, std::string& why) {
  std::unique_ptr<RdKafka::Conf> conf(RdKafka::Conf::create(RdKafka::Conf::CONF_GLOBAL));
  bool configured = true;
  auto set = [&](const char* name, const auto& value) {
    configured = configured && conf->set(name, value, why) == RdKafka::Conf::CONF_OK;
  };
  set("bootstrap.servers", brokers);
  set("client.id", std::string("orders-consumer"));
  set("group.id", std::string(kGroup));
  set("auto.offset.reset", std::string("earliest"));
  set("enable.auto.commit", std::string("false"));
  // Should somebody else have to make the topic, it is looked for every second.
  set("topic.metadata.refresh.interval.ms", std::string("1000"));
  set("rebalance_cb", static_cast<RdKafka::RebalanceCb*>(&assignment));
  if (!configured) return nullptr;
  return std::unique_ptr<RdKafka::KafkaConsumer>(RdKafka::KafkaConsumer::create(conf.get(), why));
}

/// Makes the topic where it is missing, as large as the broker makes topics. A consumer that
/// subscribes to one that is not there waits for it. The C++ interface has no administration.
void create_topic(RdKafka::KafkaConsumer& consumer) {
  constexpr int kPatienceMilliseconds = 5000;
  using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, decltype(&rd_kafka_NewTopic_destroy)>;
  using Queue = std::unique_ptr<rd_kafka_queue_t, decltype(&rd_kafka_queue_destroy)>;
  using Event = std::unique_ptr<rd_kafka_event_t, decltype(&rd_kafka_event_destroy)>;
  rd_kafka_t* client = consumer.c_ptr();
  char why[512] = "";
  NewTopic topic(rd_kafka_NewTopic_new(kTopic, -1, -1, why, sizeof why),
                 &rd_kafka_NewTopic_destroy);
  Queue answers(rd_kafka_queue_new(client), &rd_kafka_queue_destroy);
  rd_kafka_NewTopic_t* topics[] = {topic.get()};
  rd_kafka_CreateTopics(client, topics, 1, nullptr, answers.get());
  Event answer(rd_kafka_queue_poll(answers.get(), kPatienceMilliseconds), &rd_kafka_event_destroy);
  std::string problem = answer ? "" : "no answer";
  if (answer && rd_kafka_event_error(answer.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    problem = rd_kafka_event_error_string(answer.get());
  } else if (answer) {
    size_t count = 0;
    const auto** made = rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result(answer.get()), &count);
    auto code = count == 1 ? rd_kafka_topic_result_error(made[0]) : RD_KAFKA_RESP_ERR_UNKNOWN;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
      problem = rd_kafka_err2str(code);
  }
  if (!problem.empty()) log_line({{"action", "topic_not_made"}, {"why", problem}});
}

/// Does not return before the order is a row.
void store(OrdersTable& table, const std::string& order_id, const std::string& item) {
  while (true) {
    std::string why = table.insert(order_id, item);
    if (why.empty()) break;
    log_line({{"action", "order_not_stored"}, {"order_id", order_id}, {"why", why}});
    std::this_thread::sleep_for(kPause);
  }
  log_line({{"action", "order_stored"}, {"order_id", order_id}});
}

void handle(RdKafka::KafkaConsumer& consumer, OrdersTable& table, RdKafka::Message& message) {
  if (message.err() == RdKafka::ERR__TIMED_OUT) return;
  if (message.err() != RdKafka::ERR_NO_ERROR) {
    log_line({{"action", "kafka_error"}, {"why", message.errstr()}});
    return;
  }
  const char* text = static_cast<const char*>(message.payload());
  Json order = Json::parse(text, text + message.len(), nullptr, false);
  auto is_text = [&](const char* key) {
    return order.is_object() && order.contains(key) && order[key].is_string();
  };
  if (is_text("order_id") && is_text("item")) {
    store(table, order["order_id"], order["item"]);
  } else {
    // Nobody can store it, now or later.
    log_line({{"action", "not_an_order"}, {"offset", message.offset()}});
  }
  auto committed = consumer.commitSync(&message);
  if (committed != RdKafka::ERR_NO_ERROR)
    log_line({{"action", "not_committed"}, {"why", RdKafka::err2str(committed)}});
}

void work(const std::string& brokers, OrdersTable& table, Assignment& assignment) {
  for (std::string why = table.prepare(); !why.empty(); why = table.prepare()) {
    log_line({{"action", "database_not_ready"}, {"why", why}});
    std::this_thread::sleep_for(kPause);
  }
  std::string why;
  auto consumer = open_consumer(brokers, assignment, why);
  if (consumer) create_topic(*consumer);
  if (!consumer || consumer->subscribe({kTopic}) != RdKafka::ERR_NO_ERROR) {
    std::cerr << "cannot read " << kTopic << ": " << why << std::endl;
    std::_Exit(1);
  }
  while (true) {
    std::unique_ptr<RdKafka::Message> message(consumer->consume(kPollMilliseconds));
    handle(*consumer, table, *message);
  }
}

}  // namespace

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  const std::string brokers = variable("KAFKA_BROKERS");
  OrdersTable table(variable("DATABASE_URL"));
  Assignment assignment;
  std::thread worker(work, std::cref(brokers), std::ref(table), std::ref(assignment));
  worker.detach();
  serve(port_to_serve(8081), [&](const Request& request) -> Response {
    if (request.method != "GET" || request.path != "/health")
      return answer(404, {{"error", "no such route"}});
    if (!assignment.reads()) return answer(503, {{"status", "starting"}});
    return answer(200, {{"status", "ok"}});
  });
  std::cerr << "cannot listen" << std::endl;
  // The worker uses what belongs to this function.
  std::_Exit(1);
}
