// Where Kafka and Java are looked for. Installations are directories of empty files.
#include "kafka_installation.h"

#include <cstdlib>
#include <fstream>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mishap/base/testing/temporary_directory.h"
#include "mishap/engine/native.h"

#include "checksum.h"
#include "java.h"
#include "kafka_release.h"

namespace mishap::engine {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

/// A variable that has its old value again afterwards.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    setenv(name, value.c_str(), 1);
  }
  ~Variable() {
    if (before_) {
      setenv(name_, before_->c_str(), 1);
    } else {
      unsetenv(name_);
    }
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

void touch(const fs::path& file, fs::perms mode = fs::perms(0644)) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << "";
  fs::permissions(file, mode);
}

class FindKafka : public ::testing::Test {
 protected:
  TemporaryDirectory root_;
  fs::path cache_ = root_.path() / "cache";
  Variable home_{"KAFKA_HOME", ""};
  Variable path_{"PATH", (root_.path() / "bin").string()};
};

TEST_F(FindKafka, NowhereSaysWhere) {
  EXPECT_EQ(find_kafka(cache_).tried,
            "KAFKA_HOME (not set), PATH (neither kafka-server-start.sh nor kafka-run-class), " +
                provisioned_kafka(cache_).string() + " (not there)");
  const Variable home("KAFKA_HOME", "/nowhere");
  touch(root_.path() / "bin/kafka-run-class", fs::perms(0755));
  EXPECT_EQ(find_kafka(cache_).tried,
            "KAFKA_HOME=/nowhere (no kafka_*.jar in its libs), PATH with " +
                (root_.path() / "bin/kafka-run-class").string() + " (no kafka_*.jar beside it), " +
                provisioned_kafka(cache_).string() + " (not there)");
}

TEST_F(FindKafka, TheErrorNamesTheCommand) {
  Service service;
  service.name = "kafka";
  service.source = Service::Source::image;
  service.text = "confluentinc/cp-kafka:7.6";
  service.interfaces = {{"broker", "kafka", 9092, ""}};
  EngineOptions options;
  options.cache_dir = cache_;
  EXPECT_EQ(resolve(service, options, {}).error().message,
            "service \"kafka\": nothing here runs image \"confluentinc/cp-kafka:7.6\". Tried:\n"
            "  --image and mishap.yaml: no entry for \"confluentinc/cp-kafka:7.6\", "
            "\"confluentinc/cp-kafka\" and no pattern that fits\n"
            "  catalogue: no Kafka: KAFKA_HOME (not set), PATH (neither kafka-server-start.sh nor "
            "kafka-run-class), " +
                provisioned_kafka(cache_).string() +
                " (not there)\n"
                "To mend it:\n"
                "  mishap provision kafka\n"
                "  --image confluentinc/cp-kafka:7.6=PROGRAM, or in mishap.yaml:\n"
                "    images:\n"
                "      confluentinc/cp-kafka:7.6: PROGRAM");
}

TEST_F(FindKafka, HomeThenPathThenCache) {
  touch(provisioned_kafka(cache_) / "kafka_2.13-3.9.1.jar");
  EXPECT_EQ(find_kafka(cache_).found->libs, provisioned_kafka(cache_));
  // As a package has it: the script is a link into the installation.
  touch(root_.path() / "opt/bin/kafka-server-start.sh", fs::perms(0755));
  touch(root_.path() / "opt/libs/kafka_2.13-3.7.0.jar");
  fs::create_directories(root_.path() / "bin");
  fs::create_symlink(root_.path() / "opt/bin/kafka-server-start.sh",
                     root_.path() / "bin/kafka-server-start.sh");
  EXPECT_EQ(find_kafka(cache_).found->version, "3.7.0");
  touch(root_.path() / "home/libs/kafka_2.13-4.0.0.jar");
  touch(root_.path() / "home/libs/kafka-clients-4.0.0.jar");
  touch(root_.path() / "home/libs/kafka_2.13-4.0.0-sources.jar");
  touch(root_.path() / "home/libs/NOTICE");
  const Variable home("KAFKA_HOME", (root_.path() / "home").string());
  const auto found = find_kafka(cache_).found;
  ASSERT_TRUE(found);
  EXPECT_EQ(found->version, "4.0.0");
  EXPECT_THAT(found->jars, ElementsAre("kafka-clients-4.0.0.jar", "kafka_2.13-4.0.0.jar"));
}

TEST_F(FindKafka, WhatNeedsZooKeeperIsPassedOver) {
  touch(root_.path() / "old/libs/kafka_2.12-2.8.1.jar");
  const std::string home = (root_.path() / "old").string();
  const Variable variable("KAFKA_HOME", home);
  EXPECT_THAT(find_kafka(cache_).tried,
              HasSubstr("KAFKA_HOME=" + home + " (2.8.1 needs ZooKeeper; 3.3 and newer do not)"));
}

/// What is refused before anything is run: neither Kafka nor Java is real here.
TEST_F(FindKafka, WhatTheImageTakesAndThisBrokerCannot) {
  touch(root_.path() / "home/libs/kafka_2.13-3.9.1.jar");
  touch(root_.path() / "jdk/bin/java", fs::perms(0755));
  std::ofstream(root_.path() / "jdk/release") << "JAVA_VERSION=\"17\"\n";
  const Variable home("KAFKA_HOME", (root_.path() / "home").string());
  const Variable java("JAVA_HOME", (root_.path() / "jdk").string());
  Service service;
  service.name = "kafka";
  service.source = Service::Source::image;
  service.text = "apache/kafka:3.8.0";
  service.interfaces = {{"broker", "kafka", 9092, ""}};
  EngineOptions options;
  options.cache_dir = cache_;
  options.spec_dir = root_.path();
  service.args = {"kafka-server-start.sh"};
  EXPECT_EQ(resolve(service, options, {}).error().message,
            "service \"kafka\": args= of the apache/kafka image must be empty: its command is a "
            "script that is not here; settings are variables, as in env={\"KAFKA_NUM_PARTITIONS\": "
            "\"3\"}");
  service.args = {};
  fs::create_directories(root_.path() / "data");
  // At the storage's place and above it.
  for (const char* place : {"/var/lib/kafka/data", "/var/lib/kafka"}) {
    service.volumes = {{"./data", place, false}};
    EXPECT_EQ(resolve(service, options, {}).error().message,
              std::string("service \"kafka\": volume ./data at ") + place +
                  ": a cell's broker has storage of its own, empty at first");
  }
  touch(root_.path() / "my.properties");
  service.volumes = {{"./my.properties", "/opt/kafka/config/server.properties", true}};
  EXPECT_EQ(resolve(service, options, {}).error().message,
            "service \"kafka\": volume ./my.properties at /opt/kafka/config/server.properties: the "
            "broker's settings are variables, as in env={\"KAFKA_NUM_PARTITIONS\": \"3\"}");
  service.volumes = {};
  service.env = {{"KAFKA_LISTENERS", "PLAINTEXT://:29092"}};
  EXPECT_THAT(
      resolve(service, options, {}).error().message,
      testing::StartsWith("service \"kafka\": KAFKA_LISTENERS is \"PLAINTEXT://:29092\": "));
}

TEST(KafkaVersion, OfAJar) {
  EXPECT_EQ(kafka_version_of_jar("kafka_2.13-3.9.1.jar"), "3.9.1");
  EXPECT_EQ(kafka_version_of_jar("kafka_2.13-7.6.0-ccs.jar"), "7.6.0-ccs");
  EXPECT_EQ(kafka_version_of_jar("kafka_2.13-3.9.1-test.jar"), "");
  EXPECT_EQ(kafka_version_of_jar("kafka-clients-3.9.1.jar"), "");
  EXPECT_TRUE(runs_without_zookeeper("3.3.0"));
  EXPECT_TRUE(runs_without_zookeeper("3.10"));
  EXPECT_TRUE(runs_without_zookeeper("7.6.0-ccs"));
  EXPECT_FALSE(runs_without_zookeeper("3.2.3"));
  EXPECT_FALSE(runs_without_zookeeper("2.8.1"));
}

TEST(KafkaRelease, IsWhole) {
  EXPECT_EQ(kafka_release(), "3.9.1");
  EXPECT_THAT(kafka_artefacts(), SizeIs(58));
  EXPECT_EQ(kafka_artefacts().front().file(), "reload4j-1.2.19.jar");
}

TEST(KafkaRelease, MalformedLines) {
  const std::string checksum(64, 'a');
  EXPECT_TRUE(parse_artefacts("# x\n\ng:a 1 " + checksum + "\n"));
  for (const std::string& line :
       std::vector<std::string>{"g:a 1", "ga 1 " + checksum, ":a 1 " + checksum, "g: 1 " + checksum,
                                "g:a 1 " + checksum + "a", "g:a 1 x"}) {
    EXPECT_EQ(parse_artefacts("# x\n" + line).error().message,
              "line 2: not \"group:artefact version sha256\"");
  }
}

TEST(Checksum, OfAFile) {
  TemporaryDirectory root;
  std::ofstream(root.path() / "abc") << "abc";
  EXPECT_EQ(*sha256_of_file(root.path() / "abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_FALSE(sha256_of_file(root.path() / "none"));
}

TEST(Java, Versions) {
  EXPECT_EQ(java_major("17.0.15"), 17);
  EXPECT_EQ(java_major("21-ea"), 21);
  EXPECT_EQ(java_major("1.8.0_392"), 8);
  EXPECT_EQ(java_major("x"), 0);
  EXPECT_EQ(java_version_of_release("IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"17.0.15\"\n"), "17.0.15");
  EXPECT_EQ(java_version_of_release("JAVA_VERSION=21\n"), "21");
  EXPECT_EQ(java_version_of_release("OTHER=1\n"), "");
}

TEST(Java, HomeThenPath) {
  TemporaryDirectory root;
  const fs::path home = root.path() / "jdk";
  touch(home / "bin/java", fs::perms(0755));
  std::ofstream(home / "release") << "JAVA_VERSION=\"99.0.1\"\n";
  const Variable variable("JAVA_HOME", home.string());
  const auto found = find_java(99).found;
  ASSERT_TRUE(found);
  EXPECT_EQ(found->program, home / "bin/java");
  EXPECT_EQ(found->home, home);
  EXPECT_EQ(found->version, "99.0.1");
  const Variable path("PATH", "/nowhere");
  EXPECT_THAT(
      find_java(100).tried,
      testing::StartsWith("JAVA_HOME=" + home.string() + " (" + (home / "bin/java").string() +
                          " is 99.0.1), PATH (no java), /usr/lib/jvm ("));
}

TEST(Java, AScriptIsAsked) {
  TemporaryDirectory root;
  const fs::path home = root.path() / "real";
  touch(home / "bin/java", fs::perms(0755));
  fs::create_directories(root.path() / "shims");
  std::ofstream(root.path() / "shims/java") << "#!/bin/sh\necho '    java.home = " << home.string()
                                            << "'\necho '    java.version = 98.0.2'\n";
  fs::permissions(root.path() / "shims/java", fs::perms(0755));
  const Variable none("JAVA_HOME", "");
  const Variable path("PATH", (root.path() / "shims").string());
  const auto found = find_java(98).found;
  ASSERT_TRUE(found);
  EXPECT_EQ(found->program, home / "bin/java");
  EXPECT_EQ(found->major, 98);
}

}  // namespace
}  // namespace mishap::engine
