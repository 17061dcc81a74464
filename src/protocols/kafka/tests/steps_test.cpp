// Steps and the reader of topics on librdkafka's mock cluster, which speaks Kafka on real sockets.
// Groups are joined on a real broker alone (tests/kafka_clients.py): the mock cluster of 2.0 leaves
// one JoinGroup in ten without an answer.
#include "steps.h"

#include <mutex>
#include <set>
#include <thread>

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mishap/net/sockets.h"
#include "mishap/protocols/kafka/kafka.h"
#include "mishap/protocols/kafka/topic_reader.h"
#include "mishap/traffic/router.h"

#include "client.h"

// Wants to come after the library's own header.
#include <librdkafka/rdkafka_mock.h>

namespace mishap::protocols::kafka {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class Function>
Function* mock_function(const char* name) {
  return reinterpret_cast<Function*>(dlsym(dlopen("librdkafka.so.1", RTLD_NOW), name));
}
#define MOCK(name) mock_function<decltype(name)>(#name)

/// Brokers that a client of the library holds, and a relay for each of them.
class Steps : public ::testing::Test {
 protected:
  void SetUp() override {
    holder_ = std::move(*Client::open({RD_KAFKA_PRODUCER, {"127.0.0.1", 1}, {}, {}}));
    cluster_ = MOCK(rd_kafka_mock_cluster_new)(holder_->handle(), 2);
    ASSERT_NE(cluster_, nullptr);
    std::string brokers = MOCK(rd_kafka_mock_cluster_bootstraps)(cluster_);
    loop_ = std::move(*net::Loop::create());
    router_ = std::move(*traffic::Router::create(*loop_, log_, decider_));
    thread_ = std::thread([this] { loop_->run(); });
    for (size_t at = 0; at < brokers.size();) {
      size_t end = std::min(brokers.find(',', at), brokers.size());
      auto broker = *net::parse_endpoint(brokers.substr(at, end - at));
      std::string service = "kafka" + std::to_string(brokers_.size());
      ASSERT_TRUE(router_->relay(service, "main", broker, &kafka_protocol()));
      brokers_.push_back({broker, *router_->dial_address(service, "main")});
      at = end + 1;
    }
  }
  void TearDown() override {
    loop_->stop();
    thread_.join();
    router_.reset();
    MOCK(rd_kafka_mock_cluster_destroy)(cluster_);
  }

  traffic::BrokerResolver resolver() {
    return [this](const std::string&, uint16_t port) -> std::optional<net::Endpoint> {
      for (const auto& [direct, relay] : brokers_) {
        if (direct.port == port) return relay;
      }
      return std::nullopt;
    };
  }
  traffic::StepResult step(const std::string& method, Json arguments,
                           net::Deadline::duration limit = seconds(15)) {
    traffic::StepCall call{.method = method,
                           .arguments = std::move(arguments),
                           .endpoint = brokers_[0].second,
                           .resolve = resolver(),
                           .test = "test_steps"};
    call.deadline = net::Clock::now() + limit;
    auto result = kafka_protocol().step(call);
    EXPECT_TRUE(result) << result.error().message;
    return *result;
  }
  void open_rule(fault::ProtocolAction action, std::string topic, const std::string& code = "") {
    std::vector<fault::ProtocolRule> rules;
    for (const char* service : {"kafka0", "kafka1"}) {
      fault::ProtocolRule rule;
      rule.service = service;
      rule.interface = "main";
      rule.action = action;
      rule.code = code;
      rule.matchers = {{"topic", topic}};
      rules.push_back(rule);
    }
    decider_.open(rules);
  }

  std::unique_ptr<Client> holder_;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
  std::vector<std::pair<net::Endpoint, net::Endpoint>> brokers_;
  event::Log log_;
  fault::ProtocolDecider decider_{1};
  std::unique_ptr<net::Loop> loop_;
  std::unique_ptr<traffic::Router> router_;
  std::thread thread_;
};

TEST_F(Steps, PublishAndConsumeOneAfterTheOther) {
  for (const char* data : {"first", "second"}) {
    auto published = step("publish", {{"topic", "orders"}, {"data", data}, {"key", "k"}});
    ASSERT_TRUE(published.ok) << published.error;
    EXPECT_EQ(published.data, (Json{{"published", true}, {"topic", "orders"}}));
    EXPECT_EQ(published.fields.get("topic"), "orders");
  }
  std::vector<std::string> values;
  for (int i = 0; i < 2; ++i) {
    auto consumed = step("consume", {{"topic", "orders"}});
    ASSERT_TRUE(consumed.ok) << consumed.error;
    EXPECT_EQ(consumed.data["topic"], "orders");
    EXPECT_EQ(consumed.data["key"], "k");
    values.push_back(consumed.data["value"].get<std::string>());
  }
  EXPECT_THAT(values, ElementsAre("first", "second")) << "one key is one partition";
}

TEST_F(Steps, EveryConnectionGoesThroughARelay) {
  MOCK(rd_kafka_mock_topic_create)(cluster_, "spread", 2, 1);
  for (int partition : {0, 1})
    MOCK(rd_kafka_mock_partition_set_leader)(cluster_, "spread", partition, partition + 1);
  for (int i = 0; i < 8; ++i)
    ASSERT_TRUE(step("publish", {{"topic", "spread"}, {"key", std::to_string(i)}}).ok);
  int from_us = 0;
  std::set<std::string> services;
  for (size_t i = 0; i < log_.size(); ++i) {
    if (log_.at(i).type != "proxy_conn_open") continue;
    ++from_us;
    services.insert(log_.at(i).service);
  }
  EXPECT_GE(from_us, 8);
  EXPECT_THAT(services, ElementsAre("kafka0", "kafka1")) << "each leads a partition";
}

TEST_F(Steps, WhatRulesRefuseIsTheStepsError) {
  open_rule(fault::ProtocolAction::error, "big", "MESSAGE_TOO_LARGE");
  EXPECT_EQ(step("publish", {{"topic", "big"}, {"data", "x"}}).error,
            "kafka: MESSAGE_TOO_LARGE (error code 10)");
  open_rule(fault::ProtocolAction::error, "moved", "NOT_LEADER_OR_FOLLOWER");
  EXPECT_EQ(step("publish", {{"topic", "moved"}, {"data", "x"}}, seconds(2)).error,
            "kafka: not published within 2 s: Broker: Not leader for partition");
  auto consumed = step("consume", {{"topic", "moved"}}, seconds(2));
  EXPECT_FALSE(consumed.ok);
  EXPECT_THAT(consumed.error, HasSubstr("kafka: no message within 2 s"));
}

TEST_F(Steps, ADroppedMessageWasPublishedAndIsNeverThere) {
  open_rule(fault::ProtocolAction::drop, "lossy");
  EXPECT_TRUE(step("publish", {{"topic", "lossy"}, {"data", "x"}}).ok);
  EXPECT_EQ(step("consume", {{"topic", "lossy"}}, seconds(1)).error,
            "kafka: no message within 1 s");
}

TEST_F(Steps, CancelEndsAStepAtOnce) {
  net::Cancel cancel;
  cancel.set();
  traffic::StepCall call{
      .method = "consume", .arguments = {{"topic", "never"}}, .endpoint = brokers_[0].second};
  call.deadline = net::Clock::now() + seconds(60);
  call.cancel = &cancel;
  auto begin = net::Clock::now();
  EXPECT_EQ(kafka_protocol().step(call)->error, "kafka: cancelled");
  EXPECT_LT(net::Clock::now() - begin, seconds(5));
}

TEST_F(Steps, TheTopicIsRequired) {
  traffic::StepCall call{.method = "publish", .arguments = Json::object()};
  EXPECT_EQ(kafka_protocol().step(call).error().message, "publish: missing argument \"topic\"");
  call.method = "send";
  call.arguments = {{"topic", "t"}};
  EXPECT_EQ(kafka_protocol().step(call).error().message,
            "kafka has no method \"send\"; it has publish and consume");
}

TEST(AutomaticGroup, IsOfTheTest) {
  EXPECT_THAT(automatic_group("test a/b"), ::testing::MatchesRegex("mishap-[0-9a-f]+-test-a-b"));
  EXPECT_EQ(automatic_group("x"), automatic_group("x"));
  EXPECT_THAT(automatic_group(""), ::testing::EndsWith("-spec"));
  EXPECT_LE(automatic_group(std::string(300, 'x')).size(), 100u);
}

TEST_F(Steps, ABrokerIsReadyWhenItAnswers) {
  net::Deadline deadline = net::Clock::now() + seconds(5);
  EXPECT_TRUE(kafka_protocol().ready(brokers_[0].second, {}, deadline));
  auto refused = kafka_protocol().ready({"127.0.0.1", 1}, {}, deadline);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("connection refused"));
}

/// What a reader delivered.
class Delivered {
 public:
  TopicReader::OnMessage on_message() {
    return [this](TopicMessage message) {
      std::lock_guard lock(mutex_);
      messages_.push_back(std::move(message));
    };
  }
  TopicReader::OnError on_error() {
    return [this](const Error& error) {
      std::lock_guard lock(mutex_);
      errors_.push_back(error.message);
    };
  }
  std::vector<TopicMessage> messages() {
    std::lock_guard lock(mutex_);
    return messages_;
  }
  std::vector<std::string> errors() {
    std::lock_guard lock(mutex_);
    return errors_;
  }

 private:
  std::mutex mutex_;
  std::vector<TopicMessage> messages_;
  std::vector<std::string> errors_;
};

TEST_F(Steps, AReaderDeliversWhatWasThereAndWhatComes) {
  Delivered delivered;
  auto reader = TopicReader::open({brokers_[0].second, "followed", resolver()},
                                  delivered.on_message(), delivered.on_error());
  ASSERT_TRUE(reader) << reader.error().message;
  net::Deadline deadline = net::Clock::now() + seconds(30);
  // There is no such topic yet.
  ASSERT_TRUE((*reader)->catch_up(deadline));
  size_t sent = 0;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 5; ++i, ++sent) {
      ASSERT_TRUE(step("publish", {{"topic", "followed"},
                                   {"data", "value " + std::to_string(sent)},
                                   {"key", std::to_string(sent)}})
                      .ok);
    }
    auto caught_up = (*reader)->catch_up(deadline);
    ASSERT_TRUE(caught_up) << caught_up.error().message;
    EXPECT_EQ(delivered.messages().size(), sent);
  }
  std::set<std::string> values;
  for (const TopicMessage& message : delivered.messages()) {
    EXPECT_EQ(message.topic, "followed");
    EXPECT_GT(message.timestamp_ms, 0);
    EXPECT_EQ("value " + message.key.value_or(""), message.value.value_or(""));
    values.insert(*message.value);
  }
  EXPECT_EQ(values.size(), sent);
  EXPECT_THAT(delivered.errors(), ElementsAre());
  auto begin = net::Clock::now();
  (*reader)->stop();
  EXPECT_LT(net::Clock::now() - begin, seconds(2));
}

TEST(TopicReader, SaysOnceThatNoBrokerAnswersAndStopsAllTheSame) {
  Delivered delivered;
  auto reader =
      TopicReader::open({{"127.0.0.1", 1}, "t", {}}, delivered.on_message(), delivered.on_error());
  ASSERT_TRUE(reader);
  auto begin = net::Clock::now();
  while (delivered.errors().empty() && net::Clock::now() - begin < seconds(10))
    std::this_thread::yield();
  EXPECT_FALSE(delivered.errors().empty());
  auto end = (*reader)->end(net::Clock::now() + std::chrono::milliseconds(100));
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().message, "no broker answered within the time");
  begin = net::Clock::now();
  (*reader)->stop();
  EXPECT_LT(net::Clock::now() - begin, seconds(2));
}

}  // namespace
}  // namespace mishap::protocols::kafka
