#include "steps.h"

#include <algorithm>
#include <array>

#include <sys/random.h>

#include <fmt/format.h>

#include "mishap/base/text.h"

#include "client.h"

namespace mishap::protocols::kafka {
namespace {

using std::chrono::milliseconds;
using traffic::StepCall;
using traffic::StepResult;

constexpr auto kStepLimit = std::chrono::seconds(10);
constexpr auto kPollSlice = milliseconds(50);
constexpr auto kRetryPause = milliseconds(25);
constexpr size_t kLongestTestName = 80;

milliseconds left_until(net::Deadline limit) {
  auto left = std::chrono::duration_cast<milliseconds>(limit - net::Clock::now());
  return std::max(left, milliseconds(0));
}

bool is_over(const StepCall& call, net::Deadline limit) {
  return left_until(limit) == milliseconds(0) || (call.cancel != nullptr && call.cancel->is_set());
}

std::string text_argument(const StepCall& call, const char* name) {
  auto found = call.arguments.find(name);
  return found == call.arguments.end() || found->is_null() ? "" : scalar_text(*found);
}

StepResult failed(const StepCall& call, std::string why) {
  StepResult result;
  bool cancelled = call.cancel != nullptr && call.cancel->is_set();
  result.error = "kafka: " + (cancelled ? "cancelled" : std::move(why));
  return result;
}

/// What passes by itself: a topic that is being made, a leader that is being elected, a broker that
/// is coming up.
bool is_passing(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
      return true;
    default:
      return false;
  }
}

/// One attempt: what the broker said of the message, or nothing within the time.
std::optional<Client::Report> send_once(const StepCall& call, Client& producer,
                                        const std::string& topic, net::Deadline limit) {
  std::string key = text_argument(call, "key"), data = text_argument(call, "data");
  auto error = producer.library().rd_kafka_producev(
      producer.handle(), RD_KAFKA_V_TOPIC(topic.c_str()),
      RD_KAFKA_V_KEY(key.empty() ? nullptr : key.data(), key.size()),
      RD_KAFKA_V_VALUE(data.data(), data.size()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
      RD_KAFKA_V_END);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return Client::Report{error, -1, -1};
  while (!is_over(call, limit)) {
    producer.poll(std::min(kPollSlice, left_until(limit)));
    if (auto report = producer.take_report()) return report;
  }
  return std::nullopt;
}

/// Partitions of a topic that there may not be yet.
Result<std::vector<int32_t>> wait_for_partitions(const StepCall& call, Client& consumer,
                                                 const std::string& topic, net::Deadline limit) {
  std::string why = "the topic does not exist";
  while (!is_over(call, limit)) {
    auto found = consumer.partitions(topic, std::min(milliseconds(500), left_until(limit)));
    if (found && *found) return **found;
    if (!found) why = found.error().message;
    consumer.poll(std::min(kRetryPause, left_until(limit)));
  }
  return fail(why);
}

Result<StepResult> publish(const StepCall& call, const std::string& topic) {
  net::Deadline limit = std::min(call.deadline, net::Clock::now() + kStepLimit);
  const int64_t limit_seconds = (left_until(limit) + milliseconds(500)) / std::chrono::seconds(1);
  // Retries are ours, so that the last refusal is known when time is up.
  MISHAP_ASSIGN(auto producer, Client::open({RD_KAFKA_PRODUCER,
                                             call.endpoint,
                                             call.resolve,
                                             {{"acks", "all"},
                                              {"message.send.max.retries", "0"},
                                              {"linger.ms", "0"},
                                              {"debug", "msg"},  // Client::log reads it
                                              {"topic.metadata.refresh.fast.interval.ms", "50"}}}));
  const Rdkafka& library = producer->library();
  // Asking makes a topic that is not there yet. A producer would look for it once a second only.
  auto partitions = wait_for_partitions(call, *producer, topic, limit);
  std::string why = partitions ? "" : partitions.error().message;
  while (!is_over(call, limit)) {
    auto report = send_once(call, *producer, topic, limit);
    if (!report) break;
    if (report->error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      StepResult result;
      result.ok = true;
      result.data = Json{{"published", true}, {"topic", topic}};
      result.body = to_text(result.data);
      result.fields = {{"topic", topic},
                       {"partition", std::to_string(report->partition)},
                       {"offset", std::to_string(report->offset)}};
      return result;
    }
    why = error_text(library, report->error);
    if (!is_passing(report->error)) return failed(call, why);
    producer->poll(std::min(kRetryPause, left_until(limit)));
  }
  if (why.empty()) why = producer->take_trouble();
  if (why.empty()) why = "no acknowledgement came";
  return failed(call, fmt::format("not published within {} s: {}", limit_seconds, why));
}

/// Reads as the group's only member, without joining: the committed offset is where it goes on. So
/// nothing waits for a rebalance (three seconds, unless the broker is told otherwise).
Result<void> read_alone(const StepCall& call, Client& consumer, const std::string& topic,
                        net::Deadline limit) {
  MISHAP_ASSIGN(auto partitions, wait_for_partitions(call, consumer, topic, limit));
  const Rdkafka& library = consumer.library();
  auto* list = library.rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size()));
  for (int32_t partition : partitions) {
    library.rd_kafka_topic_partition_list_add(list, topic.c_str(), partition)->offset =
        RD_KAFKA_OFFSET_STORED;
  }
  auto error = library.rd_kafka_assign(consumer.handle(), list);
  library.rd_kafka_topic_partition_list_destroy(list);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(error_text(library, error));
  return {};
}

Result<void> join(Client& consumer, const std::string& topic) {
  const Rdkafka& library = consumer.library();
  auto* list = library.rd_kafka_topic_partition_list_new(1);
  library.rd_kafka_topic_partition_list_add(list, topic.c_str(), RD_KAFKA_PARTITION_UA);
  auto error = library.rd_kafka_subscribe(consumer.handle(), list);
  library.rd_kafka_topic_partition_list_destroy(list);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(error_text(library, error));
  return {};
}

/// Leaves the group that was joined. One that was not joined yet cannot be left: that would wait
/// for the coordinator's answer, beyond the step's time; it forgets us when the session times out.
void leave(Client& consumer) {
  const Rdkafka& library = consumer.library();
  rd_kafka_topic_partition_list_t* assigned = nullptr;
  if (library.rd_kafka_assignment(consumer.handle(), &assigned) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return;
  bool joined = assigned->cnt > 0;
  library.rd_kafka_topic_partition_list_destroy(assigned);
  if (joined) library.rd_kafka_consumer_close(consumer.handle());
}

StepResult consumed(const rd_kafka_message_t& message, const std::string& topic,
                    const std::string& group) {
  auto text = [](const void* bytes, size_t length) {
    return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), length);
  };
  StepResult result;
  result.ok = true;
  result.data = Json{{"topic", topic},
                     {"partition", message.partition},
                     {"offset", message.offset},
                     {"key", text(message.key, message.key_len)},
                     {"value", text(message.payload, message.len)}};
  if (message.payload == nullptr) result.data["value"] = nullptr;
  result.body = to_text(result.data);
  result.fields = {{"topic", topic},
                   {"partition", std::to_string(message.partition)},
                   {"offset", std::to_string(message.offset)},
                   {"group", group}};
  return result;
}

Result<StepResult> consume(const StepCall& call, const std::string& topic) {
  net::Deadline limit = std::min(call.deadline, net::Clock::now() + kStepLimit);
  const int64_t limit_seconds = (left_until(limit) + milliseconds(500)) / std::chrono::seconds(1);
  std::string group = text_argument(call, "group");
  bool alone = group.empty();
  if (alone) group = automatic_group(call.test);
  MISHAP_ASSIGN(auto consumer, Client::open({RD_KAFKA_CONSUMER,
                                             call.endpoint,
                                             call.resolve,
                                             {{"group.id", group},
                                              {"enable.auto.commit", "false"},
                                              {"auto.offset.reset", "earliest"},
                                              {"session.timeout.ms", "6000"},
                                              // A tenth of it is the pause between looks for a
                                              // coordinator that a young broker has not made yet.
                                              {"coordinator.query.interval.ms", "1000"},
                                              {"topic.metadata.refresh.interval.ms", "500"},
                                              {"fetch.wait.max.ms", "100"}}}));
  auto begun = alone ? read_alone(call, *consumer, topic, limit) : join(*consumer, topic);
  if (!begun) return failed(call, begun.error().message);
  const Rdkafka& library = consumer->library();
  std::string why;
  StepResult result;
  while (!result.ok && !is_over(call, limit)) {
    Message message = consumer->poll(std::min(kPollSlice, left_until(limit)));
    if (message == nullptr) continue;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      why = error_text(library, message->err);
      continue;
    }
    auto error = library.rd_kafka_commit_message(consumer->handle(), message.get(), 0);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return failed(call, "read, but not committed: " + error_text(library, error));
    }
    result = consumed(*message, topic, group);
  }
  if (!alone) leave(*consumer);
  if (result.ok) return result;
  if (why.empty()) why = consumer->take_trouble();
  std::string text = fmt::format("no message within {} s", limit_seconds);
  return failed(call, why.empty() ? text : text + ": " + why);
}

std::string process_nonce() {
  uint32_t random = 0;
  if (getrandom(&random, sizeof random, 0) != sizeof random) random = 0;
  return fmt::format("{:08x}", random);
}

}  // namespace

std::string automatic_group(const std::string& test) {
  static const std::string nonce = process_nonce();
  std::string name = test.empty() ? "spec" : test.substr(0, kLongestTestName);
  for (char& c : name) {
    bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   c == '.' || c == '_' || c == '-';
    if (!allowed) c = '-';
  }
  return "mishap-" + nonce + "-" + name;
}

std::vector<traffic::StepMethod> step_methods() {
  const traffic::StepParameter topic{.name = "topic", .primary = true, .required = true};
  return {{"publish", {topic, {.name = "data"}, {.name = "key"}}},
          {"consume", {topic, {.name = "group"}}}};
}

Result<StepResult> run_step(const StepCall& call) {
  std::string topic = text_argument(call, "topic");
  if (topic.empty()) return fail(call.method + ": missing argument \"topic\"");
  if (call.method == "publish") return publish(call, topic);
  if (call.method == "consume") return consume(call, topic);
  return fail("kafka has no method \"" + call.method + "\"; it has publish and consume");
}

}  // namespace mishap::protocols::kafka
