// What a wrong spec is answered, word by word.
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "spec_files.h"

namespace mishap::spec {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Wrong {
  const char* text;  ///< the spec
  const char* at;    ///< line:column
  const char* message;
};

/// Two services that most specs need.
const std::string kServices =
    "db = service(\"db\", interface(\"pg\", \"postgres\", 5432), image = \"postgres:16\")\n"
    "api = service(\"api\", interface(\"main\", \"http\", 8080), binary = \"./api\", depends_on = "
    "[db])\n";

std::string line_of(const std::string& text, int number) {
  size_t start = 0;
  for (int i = 1; i < number; ++i) start = text.find('\n', start) + 1;
  return text.substr(start, text.find('\n', start) - start);
}

void expect_refused(const std::string& text, const Wrong& wrong) {
  SpecFiles files;
  LoadOutcome outcome = files.load_text(text);
  ASSERT_EQ(outcome.spec, nullptr) << text;
  ASSERT_FALSE(outcome.messages.empty()) << text;
  const LoadMessage& message = outcome.messages[0];
  EXPECT_EQ(files.shown(message.message), wrong.message) << wrong.text;
  EXPECT_EQ(files.shown(message.pos.text()), std::string("spec.star:") + wrong.at) << wrong.text;
  EXPECT_EQ(message.level, LoadMessage::Level::error);
  std::string rendered = files.shown(message.rendered);
  EXPECT_THAT(rendered,
              HasSubstr("spec.star:" + std::string(wrong.at) + ": error: " + wrong.message + "\n"));
  EXPECT_THAT(rendered, HasSubstr(" | " + line_of(text, message.pos.line) + "\n")) << wrong.text;
}

TEST(Messages, OfSyntaxAndNames) {
  const Wrong cases[] = {
      {"x = (1", "1:7", "got end of file, want ')'"},
      {"import os", "1:1", "'import' is not in the language"},
      {"x = srevice(\"api\")", "1:5", "undefined: srevice"},
      {"def test_a():\n  while True:\n    pass", "2:3",
       "this Starlark dialect does not support while loops"},
      {"def f():\n  return 1\nreturn 2", "3:1", "return statement not within a function"},
      {"x = 1 + \"a\"", "1:7", "unknown binary op: int + string (str(x) is the text of a value)"},
      {"fail(\"not today\")", "1:5", "fail: not today"},
  };
  for (const Wrong& wrong : cases) expect_refused(wrong.text, wrong);
}

TEST(Messages, SayTheNearestName) {
  SpecFiles files;
  auto outcome = files.load_text("# one\nx = srevice(\"api\")\n");
  ASSERT_THAT(outcome.messages, testing::SizeIs(1));
  EXPECT_EQ(outcome.messages[0].code, "SPEC_SYNTAX");
  EXPECT_EQ(files.shown(outcome.messages[0].rendered),
            "spec.star:2:5: error: undefined: srevice\n"
            "     2 | x = srevice(\"api\")\n"
            "       |     ^~~~~~~\n"
            "       help: did you mean service?\n");
}

TEST(Messages, AreAllThatIsWrongWithAText) {
  SpecFiles files;
  auto outcome = files.load_text("x = aa1\ny = bb1\n");
  std::vector<std::string> messages;
  messages.reserve(outcome.messages.size());
  for (const auto& message : outcome.messages)
    messages.push_back(files.shown(message.pos.text()) + " " + message.message);
  EXPECT_THAT(messages,
              ElementsAre("spec.star:1:5 undefined: aa1", "spec.star:2:5 undefined: bb1"));
}

TEST(Messages, OfServices) {
  const Wrong cases[] = {
      {"service(\"a\", binary = \"./a\", imgae = \"x\")", "1:8",
       "service: unexpected keyword argument \"imgae\"; did you mean \"image\"?"},
      {"service(\"a\", binary = \"./a\", command = \"x\")", "1:8",
       "service: unexpected keyword argument \"command\"; use args="},
      {"service()", "1:8", "service: missing argument for name"},
      {"service(1, binary = \"./a\")", "1:8", "service: for parameter name: got int, want string"},
      {"service(\"\", binary = \"./a\")", "1:8", "service: the name is empty"},
      {"service(\"test\", binary = \"./a\")", "1:8",
       "service: the name \"test\" is that of the test driver"},
      {"service(\"a\", binary = 1)", "1:8", "service: for parameter binary: got int, want string"},
      {"service(\"a\", binary = \"\")", "1:8", "service: binary is empty"},
      {"service(\"a\")", "1:8",
       "service: \"a\" needs exactly one of binary=, image=, build= and remote=, and has none"},
      {"service(\"a\", binary = \"./a\", image = \"a\")", "1:8",
       "service: \"a\" needs exactly one of binary=, image=, build= and remote=, and has 2"},
      {"service(\"a\", \"./a\", \"./b\")", "1:8", "service: two programs are given by position"},
      {"service(\"a\", 1, binary = \"./a\")", "1:8",
       "service: for parameter 2: got int, want interface(…) or the path of a program"},
      {"service(\"a\", binary = \"./a\", env = {1: \"x\"})", "1:8",
       "service: for parameter env (a name): got int, want string"},
      {"service(\"a\", binary = \"./a\", env = {\"A\": []})", "1:8",
       "service: for parameter env[\"A\"]: got list, want string, number or bool"},
      {"service(\"a\", binary = \"./a\", env = {\"A=B\": \"\"})", "1:8",
       "service: env: \"A=B\" cannot be the name of a variable"},
      {"service(\"a\", binary = \"./a\", args = [1])", "1:8",
       "service: for parameter args[0]: got int, want string"},
      {"service(\"a\", binary = \"./a\", volumes = {\"a\": 1})", "1:8",
       "service: volumes: want a dict of strings"},
      {"service(\"a\", binary = \"./a\", ports = {70000: 1})", "1:8",
       "service: ports: want a dict of port numbers"},
      {"service(\"a\", binary = \"./a\", depends_on = [1])", "1:8",
       "service: for parameter depends_on[0]: got int, want service, or the name of one"},
      {"service(\"a\", binary = \"./a\", observe = [1])", "1:8",
       "service: for parameter observe[0]: got int, want source such as observe.stdout()"},
      {"service(\"a\", binary = \"./a\", ops = {\"x\": 1})", "1:8",
       "service: for parameter ops[\"x\"]: got int, want op(syscalls=[…])"},
      {"service(\"a\", binary = \"./a\", healthcheck = \"tcp\")", "1:8",
       "service: for parameter healthcheck: got string, want healthcheck or None"},
      {"service(\"a\", binary = \"./a\")\nservice(\"a\", binary = \"./b\")", "2:8",
       "service: service \"a\" is already declared at spec.star:1:8"},
      {"service(\"a\", interface(\"m\", \"http\", 80), binary = \"./a\")\n"
       "service(\"b\", interface(\"n\", \"tcp\", 80), binary = \"./b\")",
       "2:8", "service: port 80 of b.n is already that of a.m: binaries share the cell's loopback"},
      {"x = interface(\"m\", \"htpp\", 80)", "1:14",
       "interface: unknown protocol \"htpp\"; did you mean \"http\"?"},
      {"x = interface(\"m\", \"http\", 0)", "1:14", "interface: port 0 is not between 1 and 65535"},
      {"x = interface(\"m\", \"http\", \"80\")", "1:14",
       "interface: for parameter port: got string, want int"},
      {"x = interface(\"m\", \"http\")", "1:14", "interface: missing argument for port"},
      {"x = tcp(\"localhost:80\", timeout = \"5\")", "1:8",
       "tcp: timeout: bad duration \"5\": a number needs a unit, as in \"500ms\" or \"2s\""},
      {"x = tcp(\"localhost:80\", timeout = \"0s\")", "1:8",
       "tcp: timeout=\"0s\" must be more than 0"},
      {"x = http()", "1:9", "http: missing argument for url"},
      {"x = decoder(\"jsn\")", "1:12", "decoder: unknown decoder \"jsn\"; did you mean \"json\"?"},
      {"x = decoder(\"regex\")", "1:12", "decoder: the regex decoder needs pattern="},
      {"x = decoder(\"json\", pattern = \"a\")", "1:12",
       "decoder: the json decoder takes no pattern"},
      {"x = op(syscalls = [])", "1:7", "op: syscalls is empty"},
      {"x = op(syscalls = [\"wrte\"])", "1:7",
       "op: unknown syscall \"wrte\"; did you mean \"write\"?"},
  };
  for (const Wrong& wrong : cases) expect_refused(wrong.text, wrong);
}

TEST(Messages, OfDependencies) {
  SpecFiles files;
  auto outcome = files.load_text(
      "service(\"db\", binary = \"./d\")\nservice(\"api\", binary = \"./a\", depends_on = "
      "[\"bd\"])\n");
  ASSERT_EQ(outcome.spec, nullptr);
  ASSERT_EQ(outcome.messages.size(), 1u);
  EXPECT_EQ(outcome.messages[0].message,
            "service \"api\" depends on \"bd\", which is not declared; did you mean \"db\"?");
  EXPECT_EQ(files.shown(outcome.messages[0].rendered),
            "spec.star:2:8: error: service \"api\" depends on \"bd\", which is not declared; did "
            "you mean \"db\"?\n"
            "     2 | service(\"api\", binary = \"./a\", depends_on = [\"bd\"])\n"
            "       |        ^\n");
  outcome = files.load_text(
      "service(\"x\", binary = \"./d\", depends_on = [\"a\"])\nservice(\"a\", binary = \"./d\", "
      "depends_on = [\"b\"])\n"
      "service(\"b\", binary = \"./a\", depends_on = [\"a\"])\n");
  ASSERT_EQ(outcome.messages.size(), 1u);
  EXPECT_EQ(outcome.messages[0].message, "services depend on each other in a circle: a → b → a");
}

TEST(Messages, OfFaults) {
  const Wrong cases[] = {
      {"x = deny(\"ECONREFUSED\")", "1:9",
       "deny: unknown errno \"ECONREFUSED\"; did you mean \"ECONNREFUSED\"?"},
      {"x = deny(5)", "1:9",
       "deny: for parameter errno: got int, want the name of an errno, such as \"EIO\""},
      {"x = deny()", "1:9", "deny: missing argument for errno"},
      {"x = deny(\"EIO\", scope = \"disk\")", "1:9",
       "deny: unknown scope \"disk\": expected \"any\", \"file\", \"socket\" or \"pipe\""},
      {"x = deny(\"EIO\", scope = 1)", "1:9",
       "deny: for parameter scope: got int, want string or list; write a list: […]"},
      {"x = deny(\"EIO\", scope = [1])", "1:9",
       "deny: for parameter scope[0]: got int, want string"},
      {"x = deny(\"EIO\", scope = [])", "1:9",
       "deny: empty scope: expected \"any\", \"file\", \"socket\" or \"pipe\""},
      {"x = deny(\"EIO\", probablity = 1)", "1:9",
       "deny: unexpected keyword argument \"probablity\"; did you mean \"probability\"?"},
      {"x = deny(\"EIO\", probability = \"many\")", "1:9",
       "deny: probability: \"many\" is not a number such as 0.3 or \"30%\""},
      {"x = deny(\"EIO\", probability = \"101%\")", "1:9",
       "deny: probability: \"101%\" is not between 0 and 100%"},
      {"x = deny(\"EIO\", probability = -1)", "1:9",
       "deny: probability: -1 is not between 0 and 100%"},
      {"x = deny(\"EIO\", probability = [])", "1:9",
       "deny: for parameter probability: got list, want number or string"},
      {"x = deny(\"EIO\", nth = 0)", "1:9", "deny: nth must be more than 0"},
      {"x = deny(\"EIO\", nth = \"1\")", "1:9", "deny: for parameter nth: got string, want int"},
      {"x = deny(\"EIO\", mode = \"all\")", "1:9",
       "deny: mode must be \"exhaustive\" or \"stochastic\", not \"all\""},
      {"x = deny(\"EIO\", mode = \"exhaustive\")", "1:9",
       "deny: mode=\"exhaustive\" needs max_fires="},
      {"x = deny(\"EIO\", max_fires = 2)", "1:9",
       "deny: max_fires= needs a probability below 1; use times="},
      {"x = deny(\"EIO\", to = \"db\")", "1:9",
       "deny: for parameter to: got string, want service or interface"},
      {"x = deny(\"EIO\", path = 1)", "1:9", "deny: for parameter path: got int, want string"},
      {"x = delay(\"5\")", "1:10",
       "delay: duration: bad duration \"5\": a number needs a unit, as in \"500ms\" or \"2s\""},
      {"x = delay(\"-5s\")", "1:10", "delay: duration=\"-5s\" must be more than 0"},
      {"x = delay()", "1:10",
       "delay: needs a duration: delay(\"500ms\") for syscalls, delay(delay=\"500ms\", …) for "
       "requests"},
      {"x = error(queri = \"a\")", "1:10",
       "error: unexpected keyword argument \"queri\"; did you mean \"query\"?"},
      {"x = error(query = 1)", "1:10", "error: for parameter query: got int, want string"},
      {"x = response(status = \"200\")", "1:13",
       "response: for parameter status: got string, want int"},
      {"x = response(headers = [])", "1:13",
       "response: for parameter headers: got list, want dict"},
      {"x = response(body = len)", "1:13",
       "response: body: cannot convert builtin_function_or_method to JSON"},
  };
  for (const Wrong& wrong : cases) expect_refused(wrong.text, wrong);
}

TEST(Messages, OfAssumptionsAndTests) {
  const Wrong cases[] = {
      {"fault_assumption(\"\")", "3:17", "fault_assumption: the name is empty"},
      {"fault_assumption(\"a\", wrte = deny(\"EIO\"), target = api)", "3:17",
       "fault_assumption: unknown syscall \"wrte\"; did you mean \"write\"?"},
      {"fault_assumption(\"a\", write = deny(\"EIO\"))", "3:17",
       "fault_assumption: \"a\": faults need target=, the service or interface that they befall"},
      {"fault_assumption(\"a\", target = \"api\", write = deny(\"EIO\"))", "3:17",
       "fault_assumption: for parameter target: got string, want service or interface"},
      {"fault_assumption(\"a\", target = api, write = \"EIO\")", "3:17",
       "fault_assumption: for parameter write: got string, want deny(…), delay(\"…\") or allow()"},
      {"fault_assumption(\"a\", target = db, rules = [drop()])", "3:17",
       "fault_assumption: rules= needs an interface as target, as in target=db.pg"},
      {"fault_assumption(\"a\", target = db.pg, rules = [deny(\"EIO\")])", "3:17",
       "fault_assumption: for parameter rules[0]: got fault, want error(…), response(…), "
       "delay(delay=\"…\"), drop(…) or duplicate(…)"},
      {"fault_assumption(\"a\", target = db.pg, rules = [response(status = 200)])", "3:17",
       "fault_assumption: response(status=200) cannot take effect on db.pg: postgres interfaces "
       "know error, delay, drop"},
      {"fault_assumption(\"a\", target = db.pg, rules = [error(path = \"/x\")])", "3:17",
       "fault_assumption: error(path=\"/x\") would never match on db.pg: postgres requests have no "
       "path; they are matched by query"},
      {"fault_assumption(\"a\", target = api.main, rules = [error(query = \"SELECT*\")])", "3:17",
       "fault_assumption: error(query=\"SELECT*\") would never match on api.main: http requests "
       "have no query; they are matched by method, path"},
      {"fault_assumption(\"a\", faults = [1])", "3:17",
       "fault_assumption: for parameter faults[0]: got int, want fault_assumption"},
      {"fault_assumption(\"a\", monitors = [1])", "3:17",
       "fault_assumption: for parameter monitors[0]: got int, want monitor"},
      {"fault_scenario(\"a\", scenario = 1)", "3:15",
       "fault_scenario: for parameter scenario: got int, want callable"},
      {"fault_scenario(\"a\", scenario = list, faults = [1])", "3:15",
       "fault_scenario: for parameter faults[0]: got int, want fault_assumption"},
      {"fault_scenario(\"a\", scenario = list, timeout = \"soon\")", "3:15",
       "fault_scenario: timeout: bad duration \"soon\": expected a number and a unit, as in "
       "\"500ms\" or \"1m30s\""},
      {"fault_matrix(scenarios = [], faults = [])", "3:13", "fault_matrix: scenarios is empty"},
      {"fault_matrix(scenarios = [list], faults = [])", "3:13", "fault_matrix: faults is empty"},
      {"fault_matrix(scenarios = [1], faults = [fault_assumption(\"a\")])", "3:13",
       "fault_matrix: for parameter scenarios[0]: got int, want function"},
      {"def s(): pass\nfault_matrix(scenarios = [s, s], faults = [fault_assumption(\"a\")])",
       "4:13", "fault_matrix: scenarios: two are called s"},
      {"a = fault_assumption(\"a\")\ndef s(): pass\nfault_matrix(scenarios = [s], faults = [a], "
       "overrides = {(s, a): 1})",
       "5:13", "fault_matrix: for parameter overrides[(s, a)]: got int, want callable or None"},
      {"def s(): pass\nscenario(s)\nscenario(s)", "5:9",
       "scenario: test_s is already declared at spec.star:4:9"},
      {"test(\"\", list)", "3:5", "test: the name is empty"},
      {"test(\"a\", list)\ntest(\"a\", list)", "4:5",
       "test: test_a is already declared at spec.star:3:5"},
      {"scenario(1)", "3:9", "scenario: for parameter fn: got int, want callable"},
      {"monitor()", "3:8", "monitor: missing argument for name"},
      {"monitor(1)", "3:8",
       "monitor: for parameter name: got int, want name, or function for every event"},
      {"monitor(\"m\")", "3:8",
       "monitor: missing argument for on: a matcher such as match.event(type=\"stdout\")"},
      {"monitor(\"m\", on = 1)", "3:8",
       "monitor: for parameter on: got int, want matcher such as match.event(type=\"stdout\"), or "
       "function"},
      {"monitor(len, service = \"dbb\")", "3:8",
       "monitor: unknown service \"dbb\"; did you mean \"db\"?"},
      {"expect_error_within(ms = 0)", "3:20", "expect_error_within: ms must be more than 0"},
  };
  for (const Wrong& wrong : cases) expect_refused(kServices + wrong.text, wrong);
}

TEST(Messages, OfWhatOnlyTestsMayDo) {
  const Wrong cases[] = {
      {"fault(api, write = deny(\"EIO\"), run = lambda: 1)", "3:6",
       "fault() cannot be called while the spec loads: nothing runs yet; call it from a scenario "
       "or a test"},
      {"trace(api, syscalls = [\"write\"], run = lambda: 1)", "3:6",
       "trace() cannot be called while the spec loads: nothing runs yet; call it from a scenario "
       "or a test"},
      {"parallel(len, len)", "3:9",
       "parallel() cannot be called while the spec loads: nothing runs yet; call it from a "
       "scenario or a test"},
      {"api.main.get(\"/\")", "3:13",
       "api.main.get() cannot be called while the spec loads: no service runs yet; call it from a "
       "scenario or a test"},
      {"api.get(\"/\")", "3:8",
       "api.main.get() cannot be called while the spec loads: no service runs yet; call it from a "
       "scenario or a test"},
      {"sleep(\"1s\")", "3:6",
       "sleep() cannot be called while the spec loads: nothing runs yet; call it from a scenario "
       "or a test"},
      {"events()", "3:7",
       "events() cannot be called while the spec loads: nothing runs yet; call it from a scenario "
       "or a test"},
      {"halt()", "3:5", "halt: can only be called in a test's body"},
      {"api.mian", "3:4", "service has no .mian field or method (did you mean .main?)"},
      {"api.main.gte", "3:9", "interface_ref has no .gte field or method (did you mean .get?)"},
      {"x = load_file(\"none.json\")", "3:14", "load_file: none.json: no such file"},
      {"x = load_json(\"http://a/b\")", "3:14",
       "load_json: http://a/b is a URL; only files can be read"},
      {"x = duration(\"5\")", "3:13",
       "duration: bad duration \"5\": a number needs a unit, as in \"500ms\" or \"2s\""},
      {"assert_eq(1, 2)", "3:10", "assert_eq failed: 1 != 2"},
      {"assert_true(False, \"it is false\")", "3:12", "it is false"},
  };
  for (const Wrong& wrong : cases) expect_refused(kServices + wrong.text, wrong);
}

TEST(Messages, OfLoading) {
  SpecFiles files;
  auto only = [&](const LoadOutcome& outcome) {
    EXPECT_EQ(outcome.spec, nullptr);
    return outcome.messages.empty() ? LoadMessage() : outcome.messages[0];
  };
  EXPECT_EQ(files.shown(only(files.load("none.star")).message),
            "cannot read none.star: no such file");
  EXPECT_EQ(files.shown(only(files.load_text("load(\"none.star\", \"x\")")).message),
            "cannot load none.star: no such file beside the loading file or the spec");
  EXPECT_EQ(files.shown(only(files.load_text("load(\"@std//x.star\", \"x\")")).message),
            "cannot load @std//x.star: this version has no built-in library of that name");
  files.write("a.star", "load(\"b.star\", \"y\")\nx = 1\n");
  files.write("b.star", "load(\"a.star\", \"x\")\ny = 1\n");
  EXPECT_EQ(files.shown(only(files.load_text("load(\"a.star\", \"x\")")).message),
            "cannot load a.star: cycle in load graph: a.star -> b.star -> a.star");
  files.write("a.star", "x = 1\n");
  EXPECT_EQ(files.shown(only(files.load_text("load(\"a.star\", \"y\")")).message),
            "load: name y not found in module a.star");
  // An error in a loaded file shows that file.
  files.write("a.star", "x = 1\ny = zz9\n");
  auto inner = only(files.load_text("load(\"a.star\", \"x\")"));
  EXPECT_EQ(files.shown(inner.rendered),
            "a.star:2:5: error: undefined: zz9\n     2 | y = zz9\n       |     ^~~\n");
  files.write("a.star", "def f():\n  fail(\"deep\")\nx = f\n");
  inner = only(files.load_text("load(\"a.star\", \"x\")\nx()\n"));
  EXPECT_EQ(
      files.shown(inner.rendered),
      "Traceback (most recent call last):\n  spec.star:2:2: in <toplevel>\n  a.star:2:7: in f\n"
      "a.star:2:7: error: fail: deep\n     2 |   fail(\"deep\")\n       |       ^\n");
}

std::vector<std::string> notes(const SpecFiles& files, const LoadOutcome& outcome) {
  std::vector<std::string> lines;
  lines.reserve(outcome.messages.size());
  for (const auto& message : outcome.messages) lines.push_back(files.shown(message.rendered));
  return lines;
}

TEST(Messages, WarnOfPairsOutsideTheMatrix) {
  SpecFiles files;
  std::string call =
      "fault_matrix(scenarios = [s], faults = [a], overrides = {(t, a): expect_hang()}, exclude = "
      "[(s, b)])";
  auto outcome = files.load_text(
      "a = fault_assumption(\"a\")\nb = fault_assumption(\"b\")\ndef s(): pass\ndef t(): pass\n" +
      call);
  ASSERT_NE(outcome.spec, nullptr);
  std::string source = "     5 | " + call + "\n       |             ^\n";
  EXPECT_THAT(notes(files, outcome),
              ElementsAre("spec.star:5:13: warning: fault_matrix: exclude names (s, b), which is "
                          "not a cell of this matrix\n" +
                              source,
                          "spec.star:5:13: warning: fault_matrix: overrides names (t, a), which is "
                          "not a cell of this matrix\n" +
                              source));
}

TEST(Messages, InformOfReplacementsAndOldSpellings) {
  SpecFiles files;
  auto outcome = files.load_text(
      "a = fault_assumption(\"a\")\na = fault_assumption(\"a\")\n"
      "service(\"s\", binary = \"./s\", observe = [stdout(decoder = json_decoder()), "
      "stderr(decoder = logfmt_decoder())])\n"
      "r = regex_decoder(\"(?P<a>x)\")\n");
  ASSERT_NE(outcome.spec, nullptr);
  EXPECT_THAT(
      notes(files, outcome),
      ElementsAre(
          "spec.star:2:21: info: fault_assumption \"a\" replaces the one at spec.star:1:21\n",
          "spec.star:3:70: info: json_decoder() works; the newer spelling is decoder(\"json\")\n",
          "spec.star:3:47: info: stdout() works; the newer spelling is observe.stdout()\n",
          "spec.star:3:106: info: logfmt_decoder() works; the newer spelling is "
          "decoder(\"logfmt\")\n",
          "spec.star:3:81: info: stderr() works; the newer spelling is observe.stderr()\n",
          "spec.star:4:18: info: regex_decoder() works; the newer spelling is decoder(\"regex\", "
          "pattern=…)\n"));
}

TEST(Discovery, FindsTestsOfAllKinds) {
  SpecFiles files;
  files.write("other.star", "def test_elsewhere(): pass\ndef inner(): pass\nscenario(inner)\n");
  auto outcome = files.load_text(
      "load(\"other.star\", \"inner\")\ndef test_b(): pass\ndef helper(): pass\ntest_data = 1\ndef "
      "s(): pass\n"
      "a = fault_assumption(\"a\")\nb = fault_assumption(\"b\")\nscenario(s)\ntest(\"x\", helper)\n"
      "fault_scenario(\"y\", scenario = s, faults = a)\n"
      "fault_matrix(scenarios = [s, helper], faults = [a, b], exclude = [(helper, "
      "b)])\nscenario(lambda: 1)\n");
  ASSERT_NE(outcome.spec, nullptr);
  std::vector<std::string> found;
  for (const auto& test : outcome.spec->tests()) {
    found.push_back(test.name + " " + test.kind + " " + test.scenario + "/" + test.fault);
  }
  EXPECT_THAT(found,
              ElementsAre("test_b test /", "test_inner scenario inner/",
                          "test_lambda scenario lambda/", "test_matrix_helper_a matrix helper/a",
                          "test_matrix_s_a matrix s/a", "test_matrix_s_b matrix s/b",
                          "test_s scenario s/", "test_x test /", "test_y fault_scenario s/"));
  ASSERT_EQ(outcome.spec->matrices().size(), 1u);
  EXPECT_THAT(outcome.spec->matrices()[0].excluded,
              ElementsAre(std::pair<std::string, std::string>("helper", "b")));
  EXPECT_EQ(outcome.spec->assumption_count(), 2u);
  EXPECT_EQ(outcome.spec->files().size(), 2u);
}

}  // namespace
}  // namespace mishap::spec
