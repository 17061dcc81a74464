#include "addresses.h"

#include <gmock/gmock.h>

namespace mishap::cell {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

engine::Service service(const std::string& name, uint16_t port) {
  engine::Service out;
  out.name = name;
  out.interfaces = {{"main", "http", port, ""}};
  return out;
}

/// db and api have networks, both on 8080; web and tool share the cell's loopback.
class AddressesTest : public testing::Test {
 protected:
  std::string find(const std::string& consumer, const std::string& host, uint16_t port) {
    Addresses addresses(services_, {{"db", "172.18.0.2"}, {"api", "172.18.0.3"}}, "172.18.0.1");
    auto place = addresses.find(consumer, *net::Address::numeric(host, port));
    return place ? place->service + "." + place->interface + " " + place->address.text() : "nobody";
  }
  std::vector<std::string> published() {
    Addresses addresses(services_, {{"db", "172.18.0.2"}, {"api", "172.18.0.3"}}, "172.18.0.1");
    std::vector<std::string> out;
    for (const auto& one : addresses.published())
      out.push_back(std::to_string(one.port) + "=" + one.place.address.text());
    return out;
  }
  std::vector<engine::Service> services_ = {service("db", 8080), service("api", 8080),
                                            service("web", 80), service("tool", 81)};
};

TEST_F(AddressesTest, LocalhostIsWhereTheConsumerIs) {
  for (const char* local : {"127.0.0.1", "127.0.0.2", "0.0.0.0"}) {
    std::string host = local;
    EXPECT_EQ(find("db", host, 8080), "db.main " + host + ":8080");
    EXPECT_EQ(find("api", host, 8080), "api.main " + host + ":8080");
    EXPECT_EQ(find("tool", host, 80), "web.main " + host + ":80");
    EXPECT_EQ(find("test", host, 80), "web.main " + host + ":80");
    EXPECT_EQ(find("db", host, 80), "nobody") << "web is not in the network of db";
    EXPECT_EQ(find("web", host, 8080), "nobody") << "two want the number";
  }
  EXPECT_EQ(find("db", "::1", 8080), "db.main [::1]:8080");
  EXPECT_EQ(find("db", "::", 8080), "db.main [::]:8080");
  EXPECT_EQ(find("db", "::ffff:127.0.0.1", 8080), "db.main 127.0.0.1:8080");
}

TEST_F(AddressesTest, AddressesOfTheCellsNetworkAreTheSameForAll) {
  for (const char* consumer : {"db", "api", "web", "test"}) {
    EXPECT_EQ(find(consumer, "172.18.0.2", 8080), "db.main 172.18.0.2:8080");
    EXPECT_EQ(find(consumer, "172.18.0.3", 8080), "api.main 172.18.0.3:8080");
    EXPECT_EQ(find(consumer, "::ffff:172.18.0.3", 8080), "api.main 172.18.0.3:8080");
    EXPECT_EQ(find(consumer, "172.18.0.1", 80), "web.main 172.18.0.1:80");
    EXPECT_EQ(find(consumer, "172.18.0.2", 80), "nobody");
    EXPECT_EQ(find(consumer, "172.18.0.1", 8080), "nobody");
    EXPECT_EQ(find(consumer, "10.1.2.3", 8080), "nobody");
  }
}

TEST_F(AddressesTest, APortThatOneWantsIsPublished) {
  EXPECT_THAT(published(), IsEmpty());
  services_[0] = service("db", 5432);
  EXPECT_THAT(published(), ElementsAre("5432=172.18.0.2:5432", "8080=172.18.0.3:8080"));
  EXPECT_EQ(find("web", "127.0.0.1", 5432), "db.main 172.18.0.2:5432");
  EXPECT_EQ(find("web", "::1", 5432), "db.main 172.18.0.2:5432");
  EXPECT_EQ(find("api", "127.0.0.1", 5432), "nobody");

  services_[2] = service("web", 8080);
  EXPECT_THAT(published(), ElementsAre("5432=172.18.0.2:5432"));
  EXPECT_EQ(find("tool", "127.0.0.1", 8080), "web.main 127.0.0.1:8080");

  services_[1].ports = {{8080, 9000}, {1, 2}};
  EXPECT_THAT(published(), ElementsAre("5432=172.18.0.2:5432", "9000=172.18.0.3:8080"));
  EXPECT_EQ(find("tool", "127.0.0.1", 9000), "api.main 172.18.0.3:8080");
}

TEST_F(AddressesTest, TwoInterfacesOnOnePortArePublishedOnce) {
  services_[0].interfaces = {{"http", "http", 5000, ""}, {"raw", "tcp", 5000, ""}};
  EXPECT_THAT(published(), ElementsAre("5000=172.18.0.2:5000", "8080=172.18.0.3:8080"));
}

TEST_F(AddressesTest, WithoutNetworksAllAreOnTheLoopback) {
  Addresses addresses({service("db", 1), service("api", 2)}, {}, "");
  EXPECT_EQ(addresses.find("db", net::Address::loopback_v4(2))->service, "api");
  EXPECT_EQ(addresses.from_cell("db", 1).text(), "127.0.0.1:1");
  EXPECT_THAT(addresses.published(), IsEmpty());
}

TEST_F(AddressesTest, PortsThatClashOnOneLoopback) {
  EXPECT_EQ(find_port_clash(services_), "port 8080 is wanted by db.main and api.main");
  EXPECT_EQ(find_port_clash({service("a", 1), service("b", 2)}), std::nullopt);
  services_ = {service("a", 1)};
  services_[0].interfaces.push_back({"raw", "tcp", 1, ""});
  EXPECT_EQ(find_port_clash(services_), std::nullopt);
}

}  // namespace
}  // namespace mishap::cell
