// What a lane covers, what of it a test sees, and what is left of services that were killed.
#include <gmock/gmock.h>

#include "mishap/cell/plan.h"
#include "mishap/cell/unseen.h"

#include "leftovers.h"

namespace mishap::cell {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

engine::Service service(const std::string& name) {
  engine::Service out;
  out.name = name;
  return out;
}

CellPlan plan(std::map<std::string, std::set<std::string>> notified,
              std::set<std::pair<std::string, std::string>> relayed) {
  CellPlan out;
  out.services = {service("db"), service("api")};
  out.notified = std::move(notified);
  out.relayed = std::move(relayed);
  return out;
}

event::Draft syscall(const std::string& who, const std::string& name) {
  return {.type = "syscall", .service = who, .fields = {{"syscall", name}}};
}

event::Draft relay(const std::string& type, const std::string& interface) {
  return {.type = type, .service = "db", .fields = {{"interface", interface}}};
}

TEST(Lane, CoversAllTests) {
  auto lane = lane_of({plan({{"db", {"write"}}}, {}),
                       plan({{"db", {"fsync"}}, {"api", {"connect"}}}, {{"db", "pg"}})});
  EXPECT_THAT(lane.notified["db"], ElementsAre("fsync", "write"));
  EXPECT_THAT(lane.notified["api"], ElementsAre("connect"));
  EXPECT_THAT(lane.relayed, ElementsAre(std::pair<std::string, std::string>("db", "pg")));
  EXPECT_EQ(lane.services.size(), 2u);
  EXPECT_FALSE(lane.reuses());
  lane.services[1].reuse = true;
  EXPECT_TRUE(lane.reuses());
}

TEST(Lane, ATestSeesWhatItWouldSeeAlone) {
  auto faults = plan({{"db", {"write"}}}, {});
  EXPECT_TRUE(belongs_to(faults, syscall("db", "write")));
  EXPECT_TRUE(belongs_to(faults, syscall("db", "io_uring_setup")));
  EXPECT_FALSE(belongs_to(faults, syscall("db", "fsync")));
  EXPECT_FALSE(belongs_to(faults, syscall("db", "connect")));
  EXPECT_FALSE(belongs_to(faults, syscall("api", "write")));
  EXPECT_FALSE(belongs_to(faults, syscall("api", "io_uring_setup")));
  EXPECT_FALSE(belongs_to(faults, relay("proxy_conn_open", "pg")));
  EXPECT_TRUE(belongs_to(faults, {.type = "stdout", .service = "api"}));

  auto relays = plan({}, {{"db", "pg"}});
  EXPECT_TRUE(belongs_to(relays, syscall("api", "connect")));
  EXPECT_TRUE(belongs_to(relays, relay("proxy", "pg")));
  EXPECT_TRUE(belongs_to(relays, relay("proxy_active", "pg")));
  EXPECT_FALSE(belongs_to(relays, relay("proxy", "admin")));
}

TEST(Leftovers, AreWhatBelongsToNoKeptService) {
  Kept kept{{10}, {"db"}};
  std::vector<Process> processes = {
      {1, 0, ""},     {10, 1, "db"}, {11, 10, ""}, {12, 11, ""},  // the kept service
      {20, 1, "api"}, {21, 20, ""},                               // a killed one's orphan
      {30, 1, ""},                                                // says nothing
      {40, 1, "db"},  {41, 40, ""},                               // a kept one's orphan
      {50, 0, ""},    {51, 50, ""},                               // came from outside
  };
  auto found = leftovers(processes, kept);
  EXPECT_THAT(found.pids, ElementsAre(20, 21, 30));
  EXPECT_FALSE(found.unsure);
}

TEST(Leftovers, AVanishedParentMeansToLookAgain) {
  auto found = leftovers({{1, 0, ""}, {12, 11, ""}}, {{10}, {}});
  EXPECT_THAT(found.pids, IsEmpty());
  EXPECT_TRUE(found.unsure);
}

TEST(Unseen, SystemCallsOfAServiceWithoutAFilter) {
  auto db = service("db");
  EXPECT_FALSE(unseen(db, "write=deny(EIO)"));
  db.seccomp = false;
  EXPECT_EQ(*unseen(db, "write=deny(EIO)"),
            "[FAULT_NOT_FILTERABLE] write=deny(EIO) on service \"db\" cannot be seen: the service "
            "runs without a filter (seccomp=False). Take seccomp=False away, or fault the requests "
            "to one of its interfaces");
}

TEST(Unseen, RequestsOfAConsumerWithoutAFilter) {
  fault::ProtocolRule rule;
  rule.service = "db";
  rule.interface = "pg";
  rule.declared.text = "drop()";
  auto api = service("api");
  api.seccomp = false;
  EXPECT_FALSE(unseen({service("db"), api}, rule));
  api.depends_on = {"db"};
  EXPECT_EQ(*unseen({service("db"), api}, rule),
            "[FAULT_NOT_FILTERABLE] drop() on db.pg would miss the requests of service \"api\": it "
            "runs without a filter (seccomp=False), so its connections are not redirected to the "
            "relay. Take seccomp=False away, or name the consumer that is meant with source=");
  rule.source = "web";
  EXPECT_FALSE(unseen({service("db"), api}, rule));
  rule.source = "api";
  EXPECT_EQ(*unseen({service("db"), api}, rule),
            "[FAULT_NOT_FILTERABLE] drop() on db.pg would miss the requests of service \"api\": it "
            "runs without a filter (seccomp=False), so its connections are not redirected to the "
            "relay. Take seccomp=False away");
}

}  // namespace
}  // namespace mishap::cell
