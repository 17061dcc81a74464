// From an image's environment to the broker's properties. No broker is needed.
#include "kafka_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kafka_files.h"

namespace mishap::engine {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

KafkaRequest request_of(KafkaImage image, Environment env = {}) {
  return {image, "kafka", {9092, "broker"}, std::move(env), {9092}};
}

KafkaSettings settings_of(KafkaImage image, Environment env = {}) {
  auto settings = kafka_settings(request_of(image, std::move(env)));
  EXPECT_TRUE(settings) << settings.error().message;
  return settings ? *settings : KafkaSettings{};
}

std::string error_of(KafkaImage image, Environment env) {
  auto settings = kafka_settings(request_of(image, std::move(env)));
  return settings ? "no error" : settings.error().message;
}

constexpr KafkaImage kImages[] = {KafkaImage::confluent, KafkaImage::apache, KafkaImage::bitnami};

TEST(KafkaSettings, NothingGivenIsAWholeCluster) {
  for (KafkaImage image : kImages) {
    const KafkaSettings settings = settings_of(image);
    EXPECT_THAT(settings.properties,
                IsSupersetOf({Pair("process.roles", "broker,controller"), Pair("node.id", "1"),
                              Pair("listeners", "PLAINTEXT://:9092,CONTROLLER://localhost:9093"),
                              Pair("advertised.listeners", "PLAINTEXT://kafka:9092"),
                              Pair("controller.listener.names", "CONTROLLER"),
                              Pair("controller.quorum.voters", "1@localhost:9093"),
                              Pair("listener.security.protocol.map",
                                   "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,"
                                   "SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL"),
                              Pair("offsets.topic.replication.factor", "1"),
                              Pair("offsets.topic.num.partitions", "1"),
                              Pair("transaction.state.log.replication.factor", "1"),
                              Pair("transaction.state.log.min.isr", "1"),
                              Pair("transaction.state.log.num.partitions", "1"),
                              Pair("group.initial.rebalance.delay.ms", "0")}));
    EXPECT_THAT(settings.java_options,
                ElementsAre("-Xms128m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    EXPECT_THAT(
        settings.log_directories,
        ElementsAre(image == KafkaImage::bitnami ? "/bitnami/kafka/data" : "/var/lib/kafka/data"));
    EXPECT_EQ(settings.cluster_id, "5L6g3nShT-eMCtK--X86sw");
    EXPECT_TRUE(settings.is_broker);
    EXPECT_THAT(settings.notes, IsEmpty());
  }
}

TEST(KafkaSettings, NamesOfProperties) {
  auto confluent = [](const char* name) { return kafka_property_of(KafkaImage::confluent, name); };
  EXPECT_EQ(confluent("KAFKA_AUTO_CREATE_TOPICS_ENABLE"), "auto.create.topics.enable");
  EXPECT_EQ(confluent("KAFKA_A__B___C_D"), "a_b-c.d");
  EXPECT_EQ(confluent("KAFKA_HEAP_OPTS"), "");
  EXPECT_EQ(confluent("KAFKA_"), "");
  EXPECT_EQ(confluent("CLUSTER_ID"), "");
  EXPECT_EQ(kafka_property_of(KafkaImage::apache, "KAFKA_NUM_PARTITIONS"), "num.partitions");
  EXPECT_EQ(kafka_property_of(KafkaImage::bitnami, "KAFKA_CFG_NUM_PARTITIONS"), "num.partitions");
  EXPECT_EQ(kafka_property_of(KafkaImage::bitnami, "KAFKA_NUM_PARTITIONS"), "");
}

TEST(KafkaSettings, AComposeFileOfTheConfluentImage) {
  const KafkaSettings settings = settings_of(
      KafkaImage::confluent,
      {{"KAFKA_NODE_ID", "7"},
       {"KAFKA_PROCESS_ROLES", "broker,controller"},
       {"KAFKA_LISTENERS",
        "PLAINTEXT://kafka:29092,CTL://kafka:29093,PLAINTEXT_HOST://0.0.0.0:9092"},
       {"KAFKA_ADVERTISED_LISTENERS", "PLAINTEXT://kafka:29092,PLAINTEXT_HOST://localhost:9092"},
       {"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP",
        "CTL:PLAINTEXT,PLAINTEXT:PLAINTEXT,PLAINTEXT_HOST:PLAINTEXT"},
       {"KAFKA_CONTROLLER_LISTENER_NAMES", "CTL"},
       {"KAFKA_INTER_BROKER_LISTENER_NAME", "PLAINTEXT"},
       {"KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS", "3"},
       {"KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false"},
       {"KAFKA_LOG_DIRS", "/data/a, /data/b"},
       {"KAFKA_HEAP_OPTS", "-Xmx1g"},
       {"KAFKA_OPTS", "-Da=\"b c\""},
       {"KAFKA_LOG4J_ROOT_LOGLEVEL", "INFO"},
       {"KAFKA_LOG4J_LOGGERS", "kafka.controller=TRACE, x=WARN"},
       {"CLUSTER_ID", "MkU3OEVBNTcwNTJENDM2Qk"},
       {"OTHER", "x"}});
  EXPECT_THAT(
      settings.properties,
      IsSupersetOf(
          {Pair("node.id", "7"),
           Pair("listeners",
                "PLAINTEXT://kafka:29092,CTL://kafka:29093,PLAINTEXT_HOST://0.0.0.0:9092"),
           Pair("advertised.listeners", "PLAINTEXT://kafka:29092,PLAINTEXT_HOST://localhost:9092"),
           Pair("listener.security.protocol.map",
                "CTL:PLAINTEXT,PLAINTEXT:PLAINTEXT,PLAINTEXT_HOST:PLAINTEXT"),
           Pair("controller.quorum.voters", "7@kafka:29093"),
           Pair("inter.broker.listener.name", "PLAINTEXT"),
           Pair("offsets.topic.num.partitions", "3"), Pair("auto.create.topics.enable", "false")}));
  EXPECT_THAT(settings.log_directories, ElementsAre("/data/a", "/data/b"));
  EXPECT_THAT(settings.java_options,
              ElementsAre("-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Da=b c"));
  EXPECT_EQ(settings.root_level, "INFO");
  EXPECT_THAT(settings.loggers,
              AllOf(Contains(Pair("kafka.controller", "TRACE")), Contains(Pair("x", "WARN"))));
  EXPECT_EQ(settings.cluster_id, "MkU3OEVBNTcwNTJENDM2Qk");
  EXPECT_EQ(settings.client_host, "127.0.0.1");
  EXPECT_THAT(settings.properties, Not(Contains(Key("heap.opts"))));
}

TEST(KafkaSettings, ZooKeeperIsLeftAside) {
  const KafkaSettings settings =
      settings_of(KafkaImage::confluent,
                  {{"KAFKA_BROKER_ID", "3"},
                   {"KAFKA_ZOOKEEPER_CONNECT", "zookeeper:2181"},
                   {"KAFKA_ZOOKEEPER_CONNECTION_TIMEOUT_MS", "6000"},
                   {"KAFKA_ADVERTISED_LISTENERS", "PLAINTEXT://kafka:9092,IN://kafka:9093"},
                   {"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", "PLAINTEXT:PLAINTEXT,IN:PLAINTEXT"}});
  EXPECT_THAT(settings.properties, Not(Contains(Key("zookeeper.connect"))));
  EXPECT_THAT(settings.properties, Not(Contains(Key("zookeeper.connection.timeout.ms"))));
  // Listeners follow what is advertised, as in the image; the controller's port is another.
  EXPECT_THAT(settings.properties,
              IsSupersetOf({Pair("node.id", "3"), Pair("broker.id", "3"),
                            Pair("listeners",
                                 "PLAINTEXT://0.0.0.0:9092,IN://0.0.0.0:9093,"
                                 "CONTROLLER://localhost:9094"),
                            Pair("listener.security.protocol.map",
                                 "PLAINTEXT:PLAINTEXT,IN:PLAINTEXT,CONTROLLER:PLAINTEXT"),
                            Pair("controller.quorum.voters", "3@localhost:9094")}));
  EXPECT_THAT(settings.notes,
              ElementsAre("service \"kafka\": KAFKA_ZOOKEEPER_CONNECT has no effect: the broker "
                          "keeps its metadata itself (KRaft)"));
}

TEST(KafkaSettings, BrokerIdsOfOldFiles) {
  const auto generated = settings_of(KafkaImage::confluent, {{"KAFKA_BROKER_ID", "-1"}});
  EXPECT_THAT(generated.properties, Contains(Pair("node.id", "1")));
  EXPECT_THAT(generated.properties, Not(Contains(Key("broker.id"))));
}

TEST(KafkaSettings, Bitnami) {
  const KafkaSettings settings = settings_of(
      KafkaImage::bitnami, {{"KAFKA_CFG_NODE_ID", "0"},
                            {"KAFKA_CFG_LISTENERS", "PLAINTEXT://:9092,CONTROLLER://:9093"},
                            {"KAFKA_CFG_CONTROLLER_QUORUM_VOTERS", "0@kafka:9093"},
                            {"KAFKA_CFG_ZOOKEEPER_CONNECT", "zk:2181"},
                            {"KAFKA_KRAFT_CLUSTER_ID", "abcdefghijklmnopqrstuv"},
                            {"KAFKA_ENABLE_KRAFT", "no"},
                            {"KAFKA_JMX_PORT", "9999"},
                            {"ALLOW_PLAINTEXT_LISTENER", "yes"},
                            {"KAFKA_NUM_PARTITIONS", "3"}});
  EXPECT_THAT(settings.properties,
              IsSupersetOf({Pair("node.id", "0"), Pair("controller.quorum.voters", "0@kafka:9093"),
                            Pair("listeners", "PLAINTEXT://:9092,CONTROLLER://:9093"),
                            Pair("advertised.listeners", "PLAINTEXT://kafka:9092")}));
  EXPECT_THAT(settings.properties, Not(Contains(Key("num.partitions"))));
  EXPECT_EQ(settings.cluster_id, "abcdefghijklmnopqrstuv");
  EXPECT_THAT(
      settings.notes,
      ElementsAre("service \"kafka\": KAFKA_JMX_PORT has no effect: nothing reads a broker's JMX "
                  "in a cell",
                  "service \"kafka\": KAFKA_NUM_PARTITIONS has no effect, as in the image: write "
                  "KAFKA_CFG_NUM_PARTITIONS",
                  "service \"kafka\": KAFKA_CFG_ZOOKEEPER_CONNECT has no effect: the broker keeps "
                  "its metadata itself (KRaft)",
                  "service \"kafka\": KAFKA_ENABLE_KRAFT has no effect: the broker keeps its "
                  "metadata itself (KRaft)"));
}

TEST(KafkaSettings, OneRoleAlone) {
  const KafkaSettings broker =
      settings_of(KafkaImage::apache, {{"KAFKA_PROCESS_ROLES", "broker"},
                                       {"KAFKA_NODE_ID", "2"},
                                       {"KAFKA_CONTROLLER_QUORUM_VOTERS", "1@ctl:9093"}});
  EXPECT_THAT(broker.properties, IsSupersetOf({Pair("listeners", "PLAINTEXT://:9092"),
                                               Pair("controller.quorum.voters", "1@ctl:9093")}));
  EXPECT_TRUE(broker.is_broker);
  const KafkaSettings controller =
      settings_of(KafkaImage::apache, {{"KAFKA_PROCESS_ROLES", "controller"}});
  EXPECT_THAT(controller.properties,
              IsSupersetOf({Pair("listeners", "CONTROLLER://:9092"),
                            Pair("controller.quorum.voters", "1@localhost:9092")}));
  EXPECT_THAT(controller.properties, Not(Contains(Key("advertised.listeners"))));
  EXPECT_FALSE(controller.is_broker);
}

TEST(KafkaSettings, TheControllerTakesNobodysPort) {
  KafkaRequest request = request_of(KafkaImage::confluent);
  request.taken_ports = {9092, 9093, 9094};
  EXPECT_THAT(kafka_settings(request)->properties,
              Contains(Pair("controller.quorum.voters", "1@localhost:9095")));
}

TEST(KafkaSettings, ABrokerThatListensOnItsNameAlone) {
  const auto settings =
      settings_of(KafkaImage::apache, {{"KAFKA_LISTENERS", "PLAINTEXT://kafka:9092"}});
  EXPECT_EQ(settings.client_host, "kafka");
}

TEST(KafkaSettings, Directories) {
  const KafkaSettings settings = settings_of(
      KafkaImage::apache, {{"KAFKA_LOG_DIR", "/one"}, {"KAFKA_METADATA_LOG_DIR", "/meta"}});
  EXPECT_THAT(settings.log_directories, ElementsAre("/one"));
  EXPECT_EQ(settings.metadata_directory, "/meta");
  for (const char* name : {"log.dir", "log.dirs", "metadata.log.dir"})
    EXPECT_THAT(settings.properties, Not(Contains(Key(name))));
}

TEST(KafkaSettings, Errors) {
  EXPECT_EQ(
      error_of(KafkaImage::confluent, {{"KAFKA_LISTENERS", "PLAINTEXT://:29092"}}),
      "KAFKA_LISTENERS is \"PLAINTEXT://:29092\": no listener for clients on port 9092, which "
      "interface \"broker\" declares");
  EXPECT_EQ(error_of(KafkaImage::bitnami, {{"KAFKA_CFG_LISTENERS", "CONTROLLER://:9092"}}),
            "KAFKA_CFG_LISTENERS is \"CONTROLLER://:9092\": no listener for clients on port 9092, "
            "which interface \"broker\" declares");
  EXPECT_EQ(error_of(KafkaImage::confluent, {{"KAFKA_ADVERTISED_LISTENERS", "A://kafka:1"}}),
            "KAFKA_ADVERTISED_LISTENERS is \"A://kafka:1\": no listener for clients on port 9092, "
            "which interface \"broker\" declares");
  EXPECT_EQ(
      error_of(KafkaImage::confluent, {{"KAFKA_SSL_KEYSTORE_FILENAME", "k.jks"}}),
      "KAFKA_SSL_KEYSTORE_FILENAME: the image's script makes files of it, and the broker that "
      "stands for it has no such script; give KAFKA_SSL_KEYSTORE_LOCATION");
  EXPECT_EQ(error_of(KafkaImage::bitnami, {{"KAFKA_CLIENT_USERS", "u"}}),
            "KAFKA_CLIENT_USERS: the image's script makes files of it, and the broker that stands "
            "for it has no such script; give KAFKA_CFG_LISTENER_NAME_…_SASL_JAAS_CONFIG");
  EXPECT_EQ(error_of(KafkaImage::apache, {{"KAFKA_OPTS", "-Da='b"}}),
            "KAFKA_OPTS: unfinished quote in \"-Da='b\"");
  EXPECT_EQ(
      error_of(KafkaImage::apache, {{"KAFKA_CONTROLLER_QUORUM_BOOTSTRAP_SERVERS", "kafka:9093"}}),
      "controller.quorum.bootstrap.servers: a quorum that is found at start needs storage "
      "that was formatted for it, and a cell's is not; name its members in "
      "controller.quorum.voters");
  // How listeners are written is the broker's affair.
  EXPECT_EQ(error_of(KafkaImage::confluent, {{"KAFKA_LISTENERS", "nonsense"}}), "no error");
}

TEST(KafkaSettings, TextOfAPropertiesFile) {
  EXPECT_EQ(properties_text({{"a", "C:\\x \"y\""}, {"b", "  \xc3\xa4\n"}}),
            "a=C:\\\\x \"y\"\nb=\\  \\u00e4\\n\n");
}

TEST(KafkaSettings, TextOfAnArgumentFile) {
  EXPECT_EQ(argument_file({"-Da=b c", "-Dd=\"\\"}), "\"-Da=b c\"\n\"-Dd=\\\"\\\\\"\n");
}

}  // namespace
}  // namespace mishap::engine
