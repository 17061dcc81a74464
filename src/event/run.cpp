#include "mishap/event/run.h"

#include <algorithm>
#include <array>

namespace mishap::event {
namespace {

struct VerdictRow {
  Verdict verdict;
  std::string_view name;
  std::string_view result;
};

constexpr std::array kVerdicts = {
    VerdictRow{Verdict::passed, "passed", "pass"},
    VerdictRow{Verdict::vacuous, "vacuous", "pass"},
    VerdictRow{Verdict::failed, "failed", "fail"},
    VerdictRow{Verdict::expectation_violated, "expectation_violated", "fail"},
    VerdictRow{Verdict::errored, "errored", "error"},
    VerdictRow{Verdict::inconclusive, "inconclusive", "inconclusive"},
    VerdictRow{Verdict::halted, "halted", "halted"},
    VerdictRow{Verdict::tool_error, "tool_error", "error"},
    VerdictRow{Verdict::not_run, "not_run", "not_run"},
};

const VerdictRow& row(Verdict verdict) { return kVerdicts[static_cast<size_t>(verdict)]; }

Result<Verdict> verdict_from(std::string_view name) {
  auto found = std::find_if(kVerdicts.begin(), kVerdicts.end(),
                            [&](const VerdictRow& r) { return r.name == name; });
  if (found == kVerdicts.end()) return fail("unknown verdict \"" + std::string(name) + "\"");
  return found->verdict;
}

Json pos_json(const SourcePos& pos) {
  return Json{{"file", pos.file}, {"line", pos.line}, {"column", pos.column}};
}

SourcePos pos_from(const Json& json) {
  return {json.value("file", ""), json.value("line", 0), json.value("column", 0)};
}

Json fault_json(const FaultCount& f) {
  return Json{{"service", f.service}, {"interface", f.interface},
              {"text", f.text},       {"assumption", f.assumption},
              {"label", f.label},     {"action", f.action},
              {"detail", f.detail},   {"matched", f.matched},
              {"applied", f.applied}, {"may_not_fire", f.may_not_fire},
              {"instead", f.instead}, {"pos", pos_json(f.pos)}};
}

FaultCount fault_from(const Json& j) {
  FaultCount f;
  f.service = j.value("service", "");
  f.interface = j.value("interface", "");
  f.text = j.value("text", "");
  f.assumption = j.value("assumption", "");
  f.label = j.value("label", "");
  f.action = j.value("action", "");
  f.detail = j.value("detail", "");
  f.matched = j.value("matched", uint64_t{0});
  f.applied = j.value("applied", uint64_t{0});
  f.may_not_fire = j.value("may_not_fire", false);
  f.instead = j.value("instead", "");
  f.pos = pos_from(j.value("pos", Json::object()));
  return f;
}

Json assertion_json(const AssertionFailure& a) {
  return Json{{"func", a.func},
              {"expected", a.expected},
              {"actual", a.actual},
              {"message", a.message},
              {"pos", pos_json(a.pos)}};
}

AssertionFailure assertion_from(const Json& j) {
  return {j.value("func", ""), j.value("expected", ""), j.value("actual", ""),
          j.value("message", ""), pos_from(j.value("pos", Json::object()))};
}

Json diagnostic_json(const Diagnostic& d) {
  return Json{{"level", d.level},
              {"code", d.code},
              {"message", d.message},
              {"suggestion", d.suggestion},
              {"service", d.service}};
}

Diagnostic diagnostic_from(const Json& j) {
  return {j.value("level", ""), j.value("code", ""), j.value("message", ""),
          j.value("suggestion", ""), j.value("service", "")};
}

Json property_json(const PropertyResult& p) {
  return Json{{"name", p.name}, {"verdict", p.verdict}, {"why", p.why}, {"vacuous", p.vacuous}};
}

PropertyResult property_from(const Json& j) {
  return {j.value("name", ""), j.value("verdict", ""), j.value("why", ""), j.value("vacuous", "")};
}

Json output_json(const ServiceOutput& o) {
  return Json{{"service", o.service}, {"tail", o.tail}, {"saved_to", o.saved_to}};
}

ServiceOutput output_from(const Json& j) {
  return {j.value("service", ""), j.value("tail", ""), j.value("saved_to", "")};
}

template <class T, class F>
Json list_json(const std::vector<T>& items, F to) {
  Json list = Json::array();
  for (const auto& item : items) list.push_back(to(item));
  return list;
}

template <class T, class F>
std::vector<T> list_from(const Json& json, const char* key, F from) {
  std::vector<T> items;
  if (auto found = json.find(key); found != json.end() && found->is_array()) {
    for (const auto& item : *found) items.push_back(from(item));
  }
  return items;
}

Result<TestResult> read_result(const Json& j) {
  TestResult r;
  MISHAP_ASSIGN(r.verdict, verdict_from(j.value("verdict", "")));
  r.name = j.value("name", "");
  r.kind = j.value("kind", "");
  r.scenario = j.value("scenario", "");
  r.fault = j.value("fault", "");
  r.reason = j.value("reason", "");
  r.failure_type = j.value("failure_type", "");
  r.backtrace = j.value("backtrace", "");
  r.pos = pos_from(j.value("pos", Json::object()));
  r.source_line = j.value("source_line", "");
  r.seed = j.value("seed", uint64_t{0});
  r.run = j.value("run", 0);
  r.duration = std::chrono::milliseconds(j.value("duration_ms", int64_t{0}));
  r.startup = std::chrono::milliseconds(j.value("startup_ms", int64_t{0}));
  if (j.contains("return_value")) r.return_value = j["return_value"].get<std::string>();
  r.replay_command = j.value("replay_command", "");
  r.expectation = j.value("expectation", "");
  if (j.contains("assertion")) r.assertion = assertion_from(j["assertion"]);
  r.assertions = j.value("assertions", uint64_t{0});
  r.drain_limit_hit = j.value("drain_limit_hit", false);
  r.require_faults_fire = j.value("require_faults_fire", false);
  r.faults = list_from<FaultCount>(j, "faults", fault_from);
  r.properties = list_from<PropertyResult>(j, "properties", property_from);
  r.diagnostics = list_from<Diagnostic>(j, "diagnostics", diagnostic_from);
  r.notes = j.value("notes", std::vector<std::string>{});
  r.outputs = list_from<ServiceOutput>(j, "outputs", output_from);
  r.kept = j.value("kept", "");
  for (const auto& item : j.value("events", Json::array())) {
    MISHAP_ASSIGN(auto event, from_json(item));
    r.events.push_back(std::move(event));
  }
  return r;
}

/// Whether every number is whole, as those of a result are. The library would cut the fraction off,
/// and a number that does not fit would become any.
bool numbers_are_whole(const Json& json) {
  if (json.is_number_float()) return false;
  return !json.is_structured() || std::all_of(json.begin(), json.end(), numbers_are_whole);
}

/// The key whose value holds a number that is not whole; null when none does. Events hold data of
/// any kind and are read with more care.
const std::string* broken_number(const Json& result) {
  if (!result.is_object()) return nullptr;
  for (const auto& [key, value] : result.get_ref<const Json::object_t&>()) {
    if (key != "events" && !numbers_are_whole(value)) return &key;
  }
  return nullptr;
}

}  // namespace

std::string placed_text(const FaultCount& fault) {
  if (fault.action == "partition") return fault.text;
  std::string place =
      fault.interface.empty() ? fault.service : fault.service + "." + fault.interface;
  return fault.text + " on " + place;
}

std::string_view to_string(Verdict verdict) { return row(verdict).name; }
std::string_view result_word(Verdict verdict) { return row(verdict).result; }

int exit_code(const std::vector<Verdict>& verdicts, bool strict) {
  auto any = [&](auto... wanted) {
    return std::any_of(verdicts.begin(), verdicts.end(),
                       [&](Verdict v) { return ((v == wanted) || ...); });
  };
  if (any(Verdict::tool_error)) return 1;
  if (any(Verdict::failed, Verdict::expectation_violated, Verdict::errored)) return 2;
  if (strict && any(Verdict::vacuous)) return 2;
  if (any(Verdict::inconclusive)) return 3;
  return 0;
}

Json to_json(const TestResult& r) {
  Json j{{"name", r.name},
         {"kind", r.kind},
         {"scenario", r.scenario},
         {"fault", r.fault},
         {"verdict", to_string(r.verdict)},
         {"reason", r.reason},
         {"failure_type", r.failure_type},
         {"backtrace", r.backtrace},
         {"pos", pos_json(r.pos)},
         {"source_line", r.source_line},
         {"seed", r.seed},
         {"run", r.run},
         {"duration_ms", r.duration.count()},
         {"startup_ms", r.startup.count()},
         {"replay_command", r.replay_command},
         {"expectation", r.expectation},
         {"assertions", r.assertions},
         {"drain_limit_hit", r.drain_limit_hit},
         {"require_faults_fire", r.require_faults_fire},
         {"faults", list_json(r.faults, fault_json)},
         {"properties", list_json(r.properties, property_json)},
         {"diagnostics", list_json(r.diagnostics, diagnostic_json)},
         {"notes", r.notes},
         {"outputs", list_json(r.outputs, output_json)},
         {"kept", r.kept}};
  if (r.return_value) j["return_value"] = *r.return_value;
  if (r.assertion) j["assertion"] = assertion_json(*r.assertion);
  j["events"] = list_json(r.events, [](const Event& e) { return to_json(e); });
  return j;
}

Result<TestResult> test_result_from_json(const Json& json) {
  if (const std::string* key = broken_number(json))
    return fail("bad test result: \"" + *key + "\" holds a number that is not whole");
  try {
    return read_result(json);
  } catch (const nlohmann::json::exception& error) {  // a key of another type
    return fail(std::string("bad test result: ") + error.what());
  }
}

}  // namespace mishap::event
