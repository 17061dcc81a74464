#include "mishap/traffic/published_ports.h"

#include <thread>

#include <sys/socket.h>

#include <gmock/gmock.h>
#include <poll.h>

#include "mishap/net/stream.h"

namespace mishap::traffic {
namespace {

net::Deadline soon() { return net::Clock::now() + std::chrono::seconds(20); }

class PublishedPortsTest : public testing::Test {
 protected:
  void SetUp() override {
    loop_ = std::move(*net::Loop::create());
    ports_ = std::make_unique<PublishedPorts>(*loop_);
    listener_ = std::move(*net::listen_on(net::Address::loopback_v4(0)));
    // A port that is free right now; nobody else of this test takes one in between.
    free_port_ = net::local_address(net::listen_on(net::Address::loopback_v4(0))->get())->port();
    thread_ = std::thread([this] { loop_->run(); });
  }
  void TearDown() override {
    loop_->stop();
    thread_.join();
    ports_.reset();
  }
  std::string read(net::Stream& stream) {
    char buffer[16];
    auto got = stream.read_some(buffer);
    if (!got) return got.error().message;
    return *got == 0 ? "end" : std::string(buffer, *got);
  }

  std::unique_ptr<net::Loop> loop_;
  std::unique_ptr<PublishedPorts> ports_;
  UniqueFd listener_;
  uint16_t free_port_ = 0;
  std::thread thread_;
};

TEST_F(PublishedPortsTest, BytesPassBothWaysOverBothFamilies) {
  ASSERT_TRUE(ports_->publish(free_port_, *net::local_address(listener_.get())));
  for (const char* host : {"127.0.0.1", "::1"}) {
    auto client = net::Stream::connect({host, free_port_}, soon(), nullptr);
    if (!client && std::string(host) == "::1") continue;  // no IPv6 here
    ASSERT_TRUE(client) << client.error().message;
    ASSERT_TRUE(client->write_all("hello"));
    ASSERT_TRUE(net::wait_ready(listener_.get(), POLLIN, soon(), nullptr));
    auto server = net::accept_next(listener_.get());
    ASSERT_TRUE(server && *server);
    int fd = (*server)->fd.get();
    char buffer[16];
    ASSERT_TRUE(net::wait_ready(fd, POLLIN, soon(), nullptr));
    EXPECT_EQ(std::string(buffer, size_t(recv(fd, buffer, sizeof buffer, 0))), "hello");
    ASSERT_EQ(send(fd, "back", 4, 0), 4);
    EXPECT_EQ(read(*client), "back");
    (*server)->fd.reset();
    EXPECT_EQ(read(*client), "end");
  }
}

TEST_F(PublishedPortsTest, ARefusalIsAResetAndATakenPortAnError) {
  uint16_t taken = net::local_address(listener_.get())->port();
  auto published = ports_->publish(taken, net::Address::loopback_v4(free_port_));
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().message,
            "listen on 127.0.0.1:" + std::to_string(taken) + ": Address already in use");

  net::Address nobody = *net::local_address(listener_.get());
  listener_.reset();
  ASSERT_TRUE(ports_->publish(free_port_, nobody));
  auto client = net::Stream::connect({"127.0.0.1", free_port_}, soon(), nullptr);
  // The reset may come before the client has seen that it is connected.
  EXPECT_THAT(client ? read(*client) : client.error().message, testing::HasSubstr("reset"));
}

}  // namespace
}  // namespace mishap::traffic
