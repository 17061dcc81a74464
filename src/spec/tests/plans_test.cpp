// Which syscalls and which traffic a test's cell must see, told before anything runs.
#include <string>
#include <vector>

#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include "mishap/base/text.h"

#include "spec_files.h"

namespace mishap::spec {
namespace {

const std::string kServices =
    "db = service(\"db\", interface(\"pg\", \"postgres\", 5432), image = \"postgres:16\",\n"
    "             ops = {\"persist\": op(syscalls = [\"fsync\"])})\n"
    "api = service(\"api\", interface(\"main\", \"http\", 8080), binary = \"./api\")\n"
    "def go(): pass\n";

/// "db: fdatasync fsync; relays db.pg" of the test `name`.
std::string seen(const std::string& text, const std::string& name = "test_it") {
  SpecFiles files;
  files.write("lib.star",
              "def inject(svc, **faults):\n  return fault(svc, run = lambda: 1, **faults)\n"
              "def quiet(): pass\ndb = 1\n");
  LoadOutcome outcome = files.load_text(kServices + text);
  if (outcome.spec == nullptr) return outcome.messages.at(0).rendered;
  for (const auto& test : outcome.spec->tests()) {
    if (test.name != name) continue;
    auto plan = outcome.spec->plan(test, 1, 0);
    std::string out;
    for (const auto& [service, syscalls] : plan.notified) {
      out += fmt::format("{}: {}; ", service, fmt::join(syscalls, " "));
    }
    out += "relays";
    for (const auto& [service, interface] : plan.relayed)
      out += fmt::format(" {}.{}", service, interface);
    return out;
  }
  return "no such test";
}

struct Case {
  const char* text;
  const char* expected;
};

void expect_seen(const std::vector<Case>& cases) {
  for (const Case& one : cases) EXPECT_EQ(seen(one.text), one.expected) << one.text;
}

TEST(Plan, SeesNothingWithoutFaults) {
  expect_seen(
      {{"def test_it(): go()", "relays"},
       {"def other(): fault(db, fsync = deny(\"EIO\"), run = go)\ndef test_it(): go()", "relays"}});
}

TEST(Plan, SeesWhatABodyFaults) {
  expect_seen({
      {"def test_it(): fault(db, connect = deny(\"EIO\"), run = go)", "db: connect; relays"},
      {"def test_it(): fault(db, fsync = deny(\"EIO\"), run = go)", "db: fdatasync fsync; relays"},
      {"def test_it(): fault(db, persist = deny(\"EIO\"), run = go)",
       "db: fdatasync fsync; relays"},
      {"def test_it(): fault(db.pg, drop(), run = go)", "relays db.pg"},
      {"def test_it(): fault_all([db, api], connect = deny(\"EIO\"), run = go)",
       "api: connect; db: connect; relays"},
      {"def test_it():\n  fault_start(api, connect = deny(\"EIO\"))\n  fault_stop(api)",
       "api: connect; relays"},
      {"def test_it(): trace(api, syscalls = [\"openat\", \"connect\"], run = go)",
       "api: connect openat; relays"},
      {"def test_it(): trace_start(db, syscalls = [\"persist\"])", "db: fdatasync fsync; relays"},
  });
}

TEST(Plan, FollowsFunctions) {
  expect_seen({
      {"def hit(): fault(db, connect = deny(\"EIO\"), run = go)\ndef test_it(): hit()",
       "db: connect; relays"},
      {"def test_it():\n  def inner(): fault(db, connect = deny(\"EIO\"), run = go)\n  inner()",
       "db: connect; relays"},
      {"hit = lambda: fault(db, connect = deny(\"EIO\"), run = go)\ndef test_it(): hit()",
       "db: connect; relays"},
      {"def hit(): fault(db, connect = deny(\"EIO\"), run = go)\nalias = hit\ndef test_it(): "
       "alias()",
       "db: connect; relays"},
      {"def hit(): fault(db, connect = deny(\"EIO\"), run = go)\ndef test_it(): parallel(hit, go)",
       "db: connect; relays"},
      {"def test_it(): fault(api, connect = deny(\"EIO\"), run = lambda: fault(db, accept = "
       "deny(\"EIO\"), run = go))",
       "api: connect; db: accept accept4; relays"},
      {"def body(): fault(db, connect = deny(\"EIO\"), run = go)\ntest(\"it\", go, setup = body)",
       "db: connect; relays"},
      {"test(\"it\", lambda: fault(db, connect = deny(\"EIO\"), run = go))", "db: connect; relays"},
      // Functions in data, and closures.
      {"steps = {\"a\": [lambda: fault(db, connect = deny(\"EIO\"), run = go)]}\ndef test_it(): "
       "steps[\"a\"][0]()",
       "db: connect; relays"},
      {"tools = struct(hit = lambda: fault(db, connect = deny(\"EIO\"), run = go))\ndef test_it(): "
       "tools.hit()",
       "db: connect; relays"},
      {"def wrap(f): return lambda: f()\nrun = wrap(lambda: fault(db, connect = deny(\"EIO\"), run "
       "= go))\n"
       "def test_it(): run()",
       "db: connect; relays"},
      {"def wrap(f): return lambda: f()\ntest(\"it\", wrap(lambda: fault(db, connect = "
       "deny(\"EIO\"), run = go)))",
       "db: connect; relays"},
      // A function that was loaded under another name.
      {"load(\"lib.star\", hit = \"inject\")\ndef test_it(): hit(api, connect = deny(\"EIO\"))",
       "api: connect fdatasync fsync; db: connect fdatasync fsync; relays api.main db.pg"},
      {"load(\"lib.star\", hit = \"quiet\")\ndef test_it(): hit()", "relays"},
  });
}

TEST(Plan, AssumesTheWorstOfUnknownTargets) {
  expect_seen({
      {"def hit(svc): fault_start(svc, connect = deny(\"EIO\"))\ndef test_it(): hit(api)",
       "api: connect; db: connect; relays"},
      // A parameter that is called like a global is another variable.
      {"def hit(db): fault_start(db, connect = deny(\"EIO\"))\ndef test_it(): hit(api)",
       "api: connect; db: connect; relays"},
      {"def test_it():\n  for db in [api]: fault_start(db, connect = deny(\"EIO\"))",
       "api: connect; db: connect; relays"},
      // So is a name that another file binds.
      {"load(\"lib.star\", \"quiet\")\ndef test_it(): fault_start(db, connect = deny(\"EIO\"))",
       "api: connect; db: connect; relays"},
      {"def test_it(): fault(go() or api.main, drop(), run = go)", "relays api.main db.pg"},
      {"def cut(target): fault(target, drop(), run = go)\ndef test_it(): cut(db.pg)",
       "relays api.main db.pg"},
  });
}

TEST(Plan, AssumesTheWorstOfUnknownFaults) {
  // Every word of the files that names a syscall counts: here also the fsync of the operation.
  expect_seen({
      {"def hit(**faults): fault(api, run = go, **faults)\ndef test_it(): hit(connect = "
       "deny(\"EIO\"))",
       "api: connect fdatasync fsync; relays"},
      {"def test_it(): fault(api, run = go, **{\"connect\": deny(\"EIO\")})",
       "api: connect fdatasync fsync; relays"},
      {"def test_it(): fault(api, run = go, **dict(connect = deny(\"EIO\")))",
       "api: connect fdatasync fsync; relays"},
      {"calls = [\"openat\"]\ndef test_it(): trace(api, syscalls = calls, run = go)",
       "api: fdatasync fsync openat; relays"},
      {"def test_it(): trace(api, syscalls = [\"connect\"] + [\"openat\"], run = go)",
       "api: connect fdatasync fsync openat; relays"},
      {"call = \"openat\"\ndef test_it(): trace(api, syscalls = [call], run = go)",
       "api: fdatasync fsync openat; relays"},
  });
}

TEST(Plan, FollowsBuiltinsThatTravel) {
  expect_seen({
      {"inject = fault_start\ndef test_it(): inject(api, connect = deny(\"EIO\"))",
       "api: connect; relays"},
      {"def test_it():\n  f = fault\n  f(api, connect = deny(\"EIO\"), run = go)",
       "api: connect; relays"},
      {"def call(f): f(api, connect = deny(\"EIO\"), run = go)\ndef test_it(): call(fault)",
       "api: connect; relays"},
      {"tools = struct(inject = fault)\ndef test_it(): tools.inject(api, connect = deny(\"EIO\"), "
       "run = go)",
       "api: connect; relays"},
  });
}

TEST(Plan, KnowsAssumptions) {
  expect_seen({
      {"down = fault_assumption(\"down\", target = db, connect = deny(\"EIO\"))\ndef test_it(): "
       "fault(down, run = go)",
       "db: connect; relays"},
      {"cut = fault_assumption(\"cut\", target = db.pg, rules = [drop()])\ndef test_it(): "
       "fault(cut, run = go)",
       "relays db.pg"},
      {"all = [fault_assumption(\"down\", target = db, connect = deny(\"EIO\"))]\n"
       "def test_it(): fault(all[0], run = go)",
       "db: connect; relays api.main db.pg"},
      // Replaced since, but still held.
      {"all = [fault_assumption(\"down\", target = db, connect = deny(\"EIO\"))]\n"
       "fault_assumption(\"down\", target = api, accept = deny(\"EIO\"))\n"
       "def test_it(): fault(all[0], run = go)",
       "api: accept accept4; db: connect; relays api.main db.pg"},
      // Made while the test runs.
      {"def test_it(): fault(fault_assumption(\"x\", target = db, connect = deny(\"EIO\")), run = "
       "go)",
       "db: connect; relays api.main db.pg"},
  });
}

TEST(Plan, SeesWhatAScenariosAssumptionsSay) {
  const std::string text =
      "down = fault_assumption(\"down\", target = api, connect = deny(\"EIO\"))\n"
      "cut = fault_assumption(\"cut\", target = db.pg, rules = [drop()])\n"
      "both = fault_assumption(\"both\", faults = [down, cut])\n"
      "def s(): fault(db, accept = deny(\"EIO\"), run = go)\n"
      "fault_matrix(scenarios = [go, s], faults = [down, cut, both])\n"
      "fault_scenario(\"f\", scenario = go, faults = [down, cut])\n";
  EXPECT_EQ(seen(text, "test_matrix_go_down"), "api: connect; relays");
  EXPECT_EQ(seen(text, "test_matrix_go_cut"), "relays db.pg");
  EXPECT_EQ(seen(text, "test_matrix_go_both"), "api: connect; relays db.pg");
  EXPECT_EQ(seen(text, "test_matrix_s_down"), "api: connect; db: accept accept4; relays");
  EXPECT_EQ(seen(text, "test_f"), "api: connect; relays db.pg");
}

TEST(Plan, SeesFamiliesAtTheirWidest) {
  EXPECT_EQ(seen("def test_it(): fault_start(api, write = deny(\"ENOSPC\"))"),
            "api: fallocate pwrite64 pwritev pwritev2 write writev; relays");
}

TEST(Plan, RelaysWhatALinkRuleIsAboutAndAllUnderALimit) {
  EXPECT_EQ(seen("def test_it(): fault(db.pg, packet_delay(\"1s\"), run = go)"), "relays db.pg");
  EXPECT_EQ(seen("def test_it(): bandwidth(\"1mbit\")"), "relays api.main db.pg");
  EXPECT_EQ(seen("limit = bandwidth\ndef test_it(): limit(\"1mbit\")"), "relays api.main db.pg");
}

TEST(Plan, RelaysBothSidesOfAPartition) {
  const std::string kRelays = "relays api.main db.pg";
  EXPECT_EQ(seen("def test_it(): partition(api, db, run = go)"), kRelays);
  EXPECT_EQ(seen("def cut(): partition_start(b = db, a = api)\ndef test_it(): cut()"), kRelays);
  EXPECT_EQ(seen("def cut(x, y): partition(x, y, run = go)\ndef test_it(): cut(api, db)"), kRelays)
      << "sides that cannot be told may be any";
  EXPECT_EQ(seen("def test_it():\n  begin = partition_start\n  begin(api, db)"), kRelays);
  EXPECT_EQ(seen("tools = [partition_start]\ndef test_it(): tools[0](api, db)"), kRelays);
  EXPECT_EQ(seen("split = partition(api, db)\nfault_matrix(scenarios = [go], faults = [split])",
                 "test_matrix_go_partition_api_db"),
            kRelays);
  EXPECT_EQ(seen("x = fault_assumption(\"x\", faults = [partition(db, api, direction = "
                 "\"a_to_b\")])\ndef test_it(): fault(x, run = go)"),
            kRelays);
  EXPECT_EQ(seen("split = partition(api, db)\ndef test_it(): go()"), "relays");
}

}  // namespace
}  // namespace mishap::spec
