// What is said of services: reuse, ports, volumes, and faults that seccomp=False would hide.
#include <gmock/gmock.h>

#include "spec_files.h"

namespace mishap::spec {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// The first lines of all messages.
std::vector<std::string> said(const std::string& text) {
  SpecFiles files;
  std::vector<std::string> out;
  for (const auto& message : files.load_text(text).messages) {
    bool error = message.level == LoadMessage::Level::error;
    bool warning = message.level == LoadMessage::Level::warning;
    out.push_back(files.shown(message.pos.text()) + ": " +
                  (error     ? "error: "
                   : warning ? "warning: "
                             : "info: ") +
                  message.message);
  }
  return out;
}

const std::string kUnfiltered =
    "web = service(\"web\", interface(\"main\", \"http\", 80), binary = \"./w\", seccomp = False)\n"
    "db = service(\"db\", interface(\"pg\", \"postgres\", 5432), image = \"postgres\")\n"
    "api = service(\"api\", interface(\"main\", \"http\", 81), binary = \"./a\", seccomp = False, "
    "depends_on = [db])\n"
    "ok = service(\"ok\", binary = \"./a\", depends_on = [db])\n"
    "def go(): pass\n";

const std::string kUnseen =
    " on service \"web\" cannot be seen: the service runs without a filter (seccomp=False). Take "
    "seccomp=False away, or fault the requests to one of its interfaces";
const std::string kMissed =
    " on db.pg would miss the requests of service \"api\": it runs without a filter "
    "(seccomp=False), so its connections are not redirected to the relay. Take seccomp=False away";
const std::string kOrSource = ", or name the consumer that is meant with source=";

TEST(Services, ReuseWithoutResetOrWithAStrangeDependency) {
  EXPECT_THAT(
      said("db = service(\"db\", binary = \"./a\")\n"
           "service(\"api\", binary = \"./a\", reuse = True, depends_on = [db])\n"
           "service(\"x\", binary = \"./a\", reset = lambda: 1)\n"
           "service(\"y\", binary = \"./a\", reuse = True, seed = lambda: 1)\n"
           "service(\"z\", binary = \"./a\", reuse = True, reset = lambda: 1)\n"),
      ElementsAre("spec.star:2:8: warning: service \"api\" is reused with neither seed= nor "
                  "reset=: each test sees what those before it left",
                  "spec.star:2:8: warning: service \"api\" is reused, but \"db\", which it "
                  "depends on, is not: each later test starts a new one under it",
                  "spec.star:3:8: warning: service \"x\": reset= is never called without "
                  "reuse=True"));
}

TEST(Services, PortsThatHaveNoEffect) {
  const std::string image =
      "service(\"a\", interface(\"m\", \"http\", 80), image = \"a\", ports = ";
  EXPECT_THAT(said(image + "{80: 8080})"), IsEmpty());
  EXPECT_THAT(said(image + "{})"), IsEmpty());
  EXPECT_THAT(said(image + "{80: 0, 81: 8080})"),
              ElementsAre("spec.star:1:8: info: service \"a\": ports= has no effect for 81: the "
                          "service has no interface with that port"));
  EXPECT_THAT(said("service(\"a\", binary = \"./a\", ports = {80: 8080})"),
              ElementsAre("spec.star:1:8: info: service \"a\": ports= has no effect for 80: a "
                          "binary listens on the cell's loopback itself"));
}

TEST(Services, Volumes) {
  auto with = [](const std::string& volumes) {
    return said("service(\"a\", binary = \"./a\", volumes = {" + volumes + "})");
  };
  EXPECT_THAT(with("\"./x\": \"/x:ro\", \"./y\": \"/y:rw\", \"z\": \"/z\""), IsEmpty());
  EXPECT_THAT(with("\"./x\": \"/x:z\""),
              ElementsAre("spec.star:1:8: error: service: volumes: unknown option \"z\" in "
                          "\"/x:z\"; known are ro (read-only) and rw"));
  EXPECT_THAT(with("\"./x\": \"x\""),
              ElementsAre("spec.star:1:8: error: service: volumes: the path in the container, "
                          "\"x\", must be absolute"));
  EXPECT_THAT(with("\"\": \"/x\""),
              ElementsAre("spec.star:1:8: error: service: volumes: the host path is empty"));
  EXPECT_THAT(said("service(\"a\", binary = \"./a\", volumes = {\"data\": \"/x\"})\n"
                   "service(\"b\", binary = \"./a\", volumes = {\"data\": \"/y\"})\n"),
              ElementsAre("spec.star:2:8: error: service: volumes: service \"a\" has the volume "
                          "\"data\" too: named volumes are not shared between services; share a "
                          "directory, as in \"./data\""));
}

TEST(Unseen, FaultsOfAServiceWithoutAFilter) {
  EXPECT_THAT(said(kUnfiltered + "fault_assumption(\"a\", target = web, write = deny(\"EIO\"))"),
              ElementsAre("spec.star:6:17: error: fault_assumption: [FAULT_NOT_FILTERABLE] "
                          "write=deny(EIO)" +
                          kUnseen));
  EXPECT_THAT(said(kUnfiltered + "def test_a(): fault(web, write = deny(\"EIO\"), run = go)\n"
                                 "def test_b(): trace(web, syscalls = [\"openat\"], run = go)\n"
                                 "def test_c(): fault_start(web, fsync = delay(\"1s\"))\n"
                                 "def unused(): fault(web, write = deny(\"EIO\"), run = go)\n"),
              ElementsAre("spec.star:6:20: error: [FAULT_NOT_FILTERABLE] write=…" + kUnseen,
                          "spec.star:7:20: error: [FAULT_NOT_FILTERABLE] trace(openat)" + kUnseen,
                          "spec.star:8:26: error: [FAULT_NOT_FILTERABLE] fsync=…" + kUnseen));
}

TEST(Unseen, RequestsThatPassTheRelay) {
  EXPECT_THAT(
      said(kUnfiltered + "fault_assumption(\"a\", target = db.pg, rules = [drop()])"),
      ElementsAre("spec.star:6:52: error: [FAULT_NOT_FILTERABLE] drop()" + kMissed + kOrSource));
  EXPECT_THAT(
      said(kUnfiltered + "def test_a(): fault(db.pg, drop(), run = go)\n"
                         "def test_b(): fault(db.pg, drop(), source = api, run = go)\n"
                         "def test_c(): fault(db.pg, drop(), source = ok, run = go)\n"),
      ElementsAre("spec.star:6:20: error: [FAULT_NOT_FILTERABLE] a rule" + kMissed + kOrSource,
                  "spec.star:7:20: error: [FAULT_NOT_FILTERABLE] a rule" + kMissed));
}

TEST(Unseen, WhatIsSeenIsFine) {
  EXPECT_THAT(said(kUnfiltered + "fault_assumption(\"a\", target = db, write = deny(\"EIO\"))\n"
                                 "def test_a(): fault(web.main, drop(), run = go)\n"
                                 "def test_b(): fault(ok, write = deny(\"EIO\"), run = go)\n"),
              IsEmpty());
}

}  // namespace
}  // namespace mishap::spec
