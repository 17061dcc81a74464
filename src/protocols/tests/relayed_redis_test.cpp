// The real Redis server and its own client, with a relay between them.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <sys/wait.h>

#include <gtest/gtest.h>
#include <spawn.h>

#include "mishap/base/testing/temporary_directory.h"
#include "mishap/net/sockets.h"
#include "mishap/protocols/registry.h"
#include "mishap/traffic/router.h"

extern char** environ;

namespace mishap::protocols {
namespace {

std::string run(const std::string& command) {
  std::string out;
  FILE* pipe = popen(command.c_str(), "r");
  char buffer[4096];
  while (size_t count = fread(buffer, 1, sizeof buffer, pipe)) out.append(buffer, count);
  pclose(pipe);
  return out;
}

class RelayedRedis : public ::testing::Test {
 protected:
  void SetUp() override {
    {
      // Redis cannot pick a free port itself.
      auto probe = net::listen_on(net::Address::loopback_v4(0));
      port_ = net::local_address(probe->get())->port();
    }
    std::vector<std::string> words = {"redis-server", "--port",           std::to_string(port_),
                                      "--bind",       "127.0.0.1",        "--dir",
                                      directory_,     "--save",           "",
                                      "--logfile",    directory_ + "/log"};
    std::vector<char*> argv;
    argv.reserve(words.size());
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    if (posix_spawnp(&pid_, "redis-server", nullptr, nullptr, argv.data(), environ) != 0) {
      GTEST_SKIP() << "no redis-server";
    }
    net::Deadline deadline = net::Clock::now() + std::chrono::seconds(20);
    net::Endpoint direct{"127.0.0.1", port_};
    while (!find("redis")->ready(direct, {}, deadline) && net::Clock::now() < deadline) {
      std::this_thread::yield();
    }
    loop_ = std::move(*net::Loop::create());
    router_ = std::move(*traffic::Router::create(*loop_, log_, decider_));
    thread_ = std::thread([this] { loop_->run(); });
    ASSERT_TRUE(router_->relay("cache", "main", direct, find("redis")));
    relay_port_ = router_->dial_address("cache", "main")->port;
  }
  void TearDown() override {
    if (thread_.joinable()) {
      loop_->stop();
      thread_.join();
    }
    router_.reset();
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  std::string cli(const std::string& arguments) {
    return run("redis-cli -p " + std::to_string(relay_port_) + " " + arguments + " 2>&1");
  }
  fault::ProtocolRule rule(fault::ProtocolAction action,
                           std::map<std::string, std::string> matchers) {
    fault::ProtocolRule out;
    out.service = "cache";
    out.interface = "main";
    out.action = action;
    out.matchers = std::move(matchers);
    return out;
  }

  const TemporaryDirectory temporary_;
  const std::string directory_ = temporary_.path();
  uint16_t port_ = 0, relay_port_ = 0;
  pid_t pid_ = -1;
  event::Log log_;
  fault::ProtocolDecider decider_{1};
  std::unique_ptr<net::Loop> loop_;
  std::unique_ptr<traffic::Router> router_;
  std::thread thread_;
};

TEST_F(RelayedRedis, PassesPipelinesOfTheRealClient) {
  // With a rule open that does not match, so that commands are parsed and held until they are
  // whole.
  decider_.open({rule(fault::ProtocolAction::error, {{"key", "no-such-key"}})});
  std::string file = directory_ + "/pipe";
  std::ofstream commands(file);
  for (int i = 0; i < 20'000; ++i) commands << "SET key:" << i << " value-" << i << "\r\n";
  commands.close();
  EXPECT_NE(cli("--pipe < " + file).find("errors: 0, replies: 20000"), std::string::npos);
  EXPECT_EQ(cli("get key:19999"), "value-19999\n");
  EXPECT_EQ(cli("-3 hello 3 > /dev/null; echo $?"), "0\n");
  EXPECT_EQ(cli("eval \"return redis.call('dbsize')\" 0"), "20000\n");
}

TEST_F(RelayedRedis, FaultsReachTheRealClient) {
  fault::ProtocolRule error = rule(fault::ProtocolAction::error, {{"key", "bad:*"}});
  error.message = "READONLY You can't write against a read only replica.";
  fault::WindowId window = decider_.open({error});
  std::string text = "READONLY You can't write against a read only replica.\n";
  EXPECT_EQ(cli("set bad:1 x").substr(0, text.size()), text);
  EXPECT_EQ(cli("set good x"), "OK\n");
  std::string transaction = "MULTI\nSET good y\nSET bad:2 z\nEXEC\nGET good\n";
  std::string answers =
      run("printf '" + transaction + "' | redis-cli -p " + std::to_string(relay_port_) + " 2>&1");
  EXPECT_NE(answers.find("EXECABORT Transaction discarded because of previous errors."),
            std::string::npos)
      << answers;
  EXPECT_NE(answers.find("\nx\n"), std::string::npos) << "nothing of it was done: " << answers;
  decider_.close(window);
  EXPECT_EQ(cli("set bad:1 x"), "OK\n");
}

}  // namespace
}  // namespace mishap::protocols
