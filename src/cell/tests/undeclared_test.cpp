#include "undeclared.h"

#include <gtest/gtest.h>

namespace mishap::cell {
namespace {

event::Event connect(std::string service, std::string decision, const event::Fields& more) {
  event::Event event;
  event.type = "syscall";
  event.service = std::move(service);
  event.fields = {{"syscall", "connect"}, {"decision", std::move(decision)}};
  for (const auto& [name, value] : more) event.fields.set(name, value);
  return event;
}

TEST(UndeclaredConnections, OneNoteForEachServiceAndAddress) {
  EXPECT_EQ(
      undeclared_connections(
          {
              connect("api", "allow", {{"address", "127.0.0.1:5432"}, {"peer", "db.pg"}}),
              connect("api", "allow", {{"address", "10.0.0.7:443"}}),
              connect("api", "delay(1s)", {{"address", "10.0.0.7:443"}}),
              connect("api", "deny(connection refused)", {{"address", "10.0.0.8:443"}}),
              connect("api", "allow", {{"path", "unix:/run/x"}}),
              connect("db", "allow", {{"address", "[::1]:9"}}),
              connect("db", "allow", {{"address", "10.0.0.2:53"}}),
              connect("db", "allow", {{"address", "127.0.0.1:0"}}),
              connect("kafka", "allow", {{"address", "127.0.0.1:9093"}}),
              connect("kafka", "allow", {{"address", "[::ffff:127.0.0.1]:9093"}}),
              connect("kafka", "allow", {{"address", "10.0.0.7:443"}}),
          },
          {"kafka"}, {}),
      (std::vector<std::string>{"api connects to 10.0.0.7:443, where no declared service listens",
                                "db connects to [::1]:9, where no declared service listens",
                                "db asks the name server 10.0.0.2:53, too; the names of services "
                                "are in /etc/hosts",
                                "kafka connects to 10.0.0.7:443, where no declared service "
                                "listens"}));
}

TEST(UndeclaredConnections, SaysWhatAPartitionCannotCut) {
  EXPECT_EQ(undeclared_connections(
                {
                    connect("api", "allow", {{"address", "127.0.0.1:9"}}),
                    connect("api", "allow", {{"address", "10.0.0.7:443"}}),
                    connect("db", "allow", {{"address", "127.0.0.1:9"}}),
                },
                {}, {"api"}),
            (std::vector<std::string>{
                "api connects to 127.0.0.1:9, where no declared service listens; should that be "
                "who it is partitioned from, the partition does not cut this",
                "api connects to 10.0.0.7:443, where no declared service listens",
                "db connects to 127.0.0.1:9, where no declared service listens"}));
}

}  // namespace
}  // namespace mishap::cell
