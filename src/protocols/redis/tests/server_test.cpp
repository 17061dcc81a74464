// Steps and readiness against the real server.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include <sys/wait.h>

#include <gtest/gtest.h>
#include <spawn.h>

#include "mishap/base/testing/temporary_directory.h"
#include "mishap/net/sockets.h"
#include "mishap/protocols/redis/redis.h"

extern char** environ;

namespace mishap::protocols::redis {
namespace {

using std::chrono::seconds;

/// A redis-server of our own on a Unix socket in a new directory.
class RedisServer {
 public:
  explicit RedisServer(std::vector<std::string> extra = {}) {
    std::vector<std::string> words = {
        "redis-server",     "--port", "0", "--unixsocket", socket_, "--dir",
        directory_,         "--save", "",  "--daemonize",  "no",    "--logfile",
        directory_ + "/log"};
    words.insert(words.end(), extra.begin(), extra.end());
    std::vector<char*> argv;
    argv.reserve(words.size());
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    if (posix_spawnp(&pid_, "redis-server", nullptr, nullptr, argv.data(), environ) != 0) pid_ = -1;
  }
  ~RedisServer() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  bool started() const { return pid_ > 0; }
  net::Endpoint endpoint() const { return {socket_, 0}; }

  /// Asks until the server answers, as a cell does.
  Result<void> wait(const std::map<std::string, std::string>& env = {}) const {
    net::Deadline deadline = net::Clock::now() + seconds(20);
    while (true) {
      auto ready = redis_protocol().ready(endpoint(), env, deadline);
      if (ready || net::Clock::now() > deadline) return ready;
      std::this_thread::yield();
    }
  }
  traffic::StepResult step(const std::string& method, Json arguments,
                           std::map<std::string, std::string> env = {}) const {
    traffic::StepCall call;
    call.method = method;
    call.arguments = std::move(arguments);
    call.endpoint = endpoint();
    call.service_env = std::move(env);
    call.deadline = net::Clock::now() + seconds(20);
    auto result = redis_protocol().step(call);
    return result ? std::move(*result)
                  : traffic::StepResult{.error = "E: " + result.error().message};
  }

 private:
  const TemporaryDirectory temporary_;
  const std::string directory_ = temporary_.path(), socket_ = directory_ + "/s";
  pid_t pid_ = -1;
};

TEST(RedisServer, AnswersEveryStep) {
  RedisServer server;
  if (!server.started()) GTEST_SKIP() << "no redis-server";
  ASSERT_TRUE(server.wait());
  EXPECT_EQ(server.step("ping", Json::object()).data, Json("PONG"));
  EXPECT_EQ(server.step("set", {{"key", "user:1"}, {"value", 5}}).data, Json("OK"));
  auto got = server.step("get", {{"key", "user:1"}});
  EXPECT_TRUE(got.ok && got.wraps_value);
  EXPECT_EQ(got.data, Json("5"));
  EXPECT_EQ(got.body, "{\"value\":\"5\"}");
  EXPECT_EQ(server.step("get", {{"key", "absent"}}).data, Json());
  EXPECT_EQ(server.step("incr", {{"key", "user:1"}}).data, Json(6));
  EXPECT_EQ(server.step("keys", {{"pattern", "user:*"}}).data, Json({"user:1"}));
  EXPECT_EQ(server.step("rpush", {{"key", "l"}, {"value", "b"}}).data, Json(1));
  EXPECT_EQ(server.step("lpush", {{"key", "l"}, {"value", "a"}}).data, Json(2));
  EXPECT_EQ(server.step("lrange", {{"key", "l"}, {"start", 0}}).data, Json({"a", "b"}));
  EXPECT_EQ(server.step("del", {{"key", "l"}}).data, Json(1));
  EXPECT_EQ(server.step("command", {{"cmd", "append"}, {"args", {"n", 1}}}).data, Json(1));
  EXPECT_EQ(server.step("command", {{"cmd", "ECHO \"a b\""}}).data, Json("a b"));
  auto hello = server.step("command", {{"cmd", "HELLO"}, {"args", "3"}});
  EXPECT_EQ(hello.data["proto"], 3) << hello.error;
}

TEST(RedisServer, LargeValuesComeWhole) {
  RedisServer server;
  if (!server.started()) GTEST_SKIP() << "no redis-server";
  ASSERT_TRUE(server.wait());
  std::string large(3'000'000, 'x');
  EXPECT_EQ(server.step("set", {{"key", "k"}, {"value", large}}).data, Json("OK"));
  EXPECT_EQ(server.step("get", {{"key", "k"}}).data, Json(large));
}

TEST(RedisServer, ErrorsSayWhatTheServerSaid) {
  RedisServer server;
  if (!server.started()) GTEST_SKIP() << "no redis-server";
  ASSERT_TRUE(server.wait());
  auto failed = server.step("command", {{"cmd", "NOSUCH"}});
  EXPECT_FALSE(failed.ok);
  EXPECT_EQ(failed.error.substr(0, 46), "read: redis error: ERR unknown command 'NOSUCH");
  EXPECT_EQ(server.step("ping", Json::object(), {{"REDIS_PASSWORD", "x"}}).error.substr(0, 24),
            "redis AUTH rejected: ERR");
  EXPECT_EQ(server.step("command", Json::object()).error, "E: command(): cmd is required");
  EXPECT_EQ(server.step("command", {{"cmd", "GET \"x"}}).error,
            "E: command(): unbalanced quotes in cmd");
}

TEST(RedisServer, UsesTheCredentialsOfTheService) {
  RedisServer server({"--requirepass", "secret"});
  if (!server.started()) GTEST_SKIP() << "no redis-server";
  ASSERT_TRUE(server.wait()) << "NOAUTH counts as ready";
  ASSERT_TRUE(server.wait({{"REDIS_PASSWORD", "secret"}}));
  EXPECT_EQ(server.step("ping", Json::object()).error,
            "read: redis error: NOAUTH Authentication required.");
  EXPECT_TRUE(server.step("ping", Json::object(), {{"REDIS_PASSWORD", "secret"}}).ok);
  EXPECT_TRUE(server.step("ping", {{"password", "secret"}, {"user", "default"}}).ok);
  auto wrong = redis_protocol().ready(server.endpoint(), {{"REDIS_PASSWORD", "no"}},
                                      net::Clock::now() + seconds(5));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message.substr(0, 30), "redis AUTH rejected: WRONGPASS");
}

}  // namespace
}  // namespace mishap::protocols::redis
