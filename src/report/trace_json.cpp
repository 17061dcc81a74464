#include "mishap/report/trace_json.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <map>
#include <tuple>

#include <fmt/format.h>
#include <unistd.h>

#include "mishap/report/lines.h"

namespace mishap::report {
namespace {

using event::TestResult;
using event::Verdict;

Json fault_json(const event::FaultCount& f) {
  Json j{{"service", f.service}, {"syscall", f.text}, {"action", f.action}};
  if (!f.interface.empty()) j["interface"] = f.interface;
  if (f.action == "deny") j["errno"] = f.detail;
  if (f.action == "delay") j["delay"] = f.detail;
  if (f.action == "partition") j["direction"] = f.detail;
  j["hits"] = f.applied;
  j["matched"] = f.matched;
  j["label"] = f.label;
  if (!f.assumption.empty()) j["assumption"] = f.assumption;
  if (!f.instead.empty()) j["instead"] = f.instead;
  return j;
}

/// Service -> {total, faulted, breakdown}.
Json syscall_summary(const std::vector<event::Event>& events) {
  struct Count {
    uint64_t total = 0, faulted = 0;
    std::map<std::string, uint64_t> breakdown;
  };
  std::map<std::string, Count> counts;
  for (const auto& e : events) {
    if (e.type != "syscall") continue;
    Count& count = counts[e.service];
    ++count.total;
    ++count.breakdown[std::string(e.fields.get("syscall"))];
    if (is_telling(e) && e.fields.get("decision") != "trace") ++count.faulted;
  }
  Json j = Json::object();
  for (const auto& [service, count] : counts) {
    Json breakdown = Json::object();
    for (const auto& [name, number] : count.breakdown) breakdown[name] = number;
    j[service] = Json{{"total", count.total}, {"faulted", count.faulted}, {"breakdown", breakdown}};
  }
  return j;
}

Json bypassed_rules(const TestResult& result) {
  Json list = Json::array();
  for (const auto& f : result.faults) {
    if (f.applied > 0 || f.may_not_fire) continue;
    list.push_back(Json{{"service", f.service},
                        {"syscall", f.text},
                        {"action", f.action},
                        {"label", f.label},
                        {"instead", f.instead}});
  }
  return list;
}

Json diagnostics_json(const std::vector<event::Diagnostic>& diagnostics) {
  Json list = Json::array();
  for (const auto& d : diagnostics) {
    Json j{
        {"level", d.level}, {"code", d.code}, {"message", d.message}, {"suggestion", d.suggestion}};
    if (!d.service.empty()) j["service"] = d.service;
    list.push_back(std::move(j));
  }
  return list;
}

Json properties_json(const std::vector<event::PropertyResult>& properties) {
  Json list = Json::array();
  for (const auto& p : properties) {
    Json j{{"property", p.name}, {"verdict", p.verdict}};
    if (!p.why.empty()) j["reason"] = p.why;
    if (!p.vacuous.empty()) j["vacuous"] = p.vacuous;
    list.push_back(std::move(j));
  }
  return list;
}

/// The step events just before the failure.
Json assertion_context(const std::vector<event::Event>& events) {
  constexpr size_t kContext = 8;
  std::vector<const event::Event*> steps;
  for (const auto& e : events) {
    if (e.type == "step_send" || e.type == "step_recv") steps.push_back(&e);
  }
  Json list = Json::array();
  for (size_t i = steps.size() > kContext ? steps.size() - kContext : 0; i < steps.size(); ++i) {
    const event::Event& e = *steps[i];
    Json j{{"seq", e.seq}, {"type", e.type}};
    for (const char* name : {"target", "method", "summary", "status_code", "error", "success"}) {
      if (const std::string* value = e.fields.find(name)) j[name] = *value;
    }
    list.push_back(std::move(j));
  }
  return list;
}

Json assertion_json(const TestResult& result) {
  const event::AssertionFailure& a = *result.assertion;
  return Json{{"func", a.func},
              {"expected", a.expected},
              {"actual", a.actual},
              {"message", a.message},
              {"file", a.pos.file},
              {"line", a.pos.line},
              {"context", assertion_context(result.events)}};
}

void add_outcome(Json& j, const TestResult& r) {
  if (r.verdict == Verdict::expectation_violated) j["expectation_violated"] = true;
  if (r.verdict == Verdict::tool_error) j["tool_error"] = true;
  if (r.verdict == Verdict::vacuous) {
    j["fault_bypassed"] = true;
    j["bypassed_rules"] = bypassed_rules(r);
  }
}

/// All but its events.
Json test_json(const TestResult& r) {
  bool passed = r.verdict == Verdict::passed || r.verdict == Verdict::vacuous;
  Json j{{"name", r.name}, {"result", event::result_word(r.verdict)}};
  if (!passed) j["reason"] = r.reason;
  if (!r.failure_type.empty()) j["failure_type"] = r.failure_type;
  j["seed"] = r.seed;
  j["run"] = r.run;
  j["duration_ms"] = r.duration.count();
  j["startup_ms"] = r.startup.count();
  if (r.return_value) j["return_value"] = *r.return_value;
  if (is_red(r.verdict)) j["replay_command"] = r.replay_command;
  if (!r.expectation.empty()) j["expectation"] = r.expectation;
  add_outcome(j, r);
  if (r.assertion) {
    j["error_detail"] = Json{{"assertion_type", r.assertion->func}, {"message", r.reason}};
    j["assertion"] = assertion_json(r);
  }
  j["faults"] = Json::array();
  for (const auto& f : r.faults) j["faults"].push_back(fault_json(f));
  j["syscall_summary"] = syscall_summary(r.events);
  if (!r.properties.empty()) j["properties"] = properties_json(r.properties);
  j["diagnostics"] = diagnostics_json(r.diagnostics);
  if (!r.notes.empty()) j["notes"] = r.notes;
  if (r.drain_limit_hit) j["drain_limit_hit"] = true;
  j["assertions"] = r.assertions;
  return j;
}

Json matrix_json(const event::RunPlan::Matrix& matrix,
                 const std::vector<const TestResult*>& results) {
  Json j{{"scenarios", matrix.scenarios},
         {"faults", matrix.faults},
         {"cells", Json::array()},
         {"excluded", Json::array()}};
  uint64_t total = 0, passed = 0;
  auto belongs = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (const TestResult* result : results) {
    const TestResult& r = *result;
    if (r.kind != "matrix" || !belongs(matrix.scenarios, r.scenario) ||
        !belongs(matrix.faults, r.fault))
      continue;
    bool ok = event::result_word(r.verdict) == "pass";
    ++total;
    passed += ok;
    Json cell{
        {"scenario", r.scenario},
        {"fault", r.fault},
        {"passed", ok},
        {"outcome", r.verdict == Verdict::vacuous ? "fault_bypassed" : event::to_string(r.verdict)},
        {"expectation", r.expectation},
        {"duration_ms", r.duration.count()},
        {"reason", r.reason}};
    if (r.verdict == Verdict::vacuous) cell["bypassed_rules"] = bypassed_rules(r);
    j["cells"].push_back(std::move(cell));
  }
  for (const auto& [scenario, fault] : matrix.excluded) {
    j["excluded"].push_back(Json{{"scenario", scenario}, {"fault", fault}});
  }
  j["total"] = total;
  j["passed"] = passed;
  j["failed"] = total - passed;
  return j;
}

/// What the matrix and the order of tests need of a result.
TestResult brief_of(const TestResult& r) {
  TestResult brief;
  brief.name = r.name;
  brief.run = r.run;
  brief.kind = r.kind;
  brief.scenario = r.scenario;
  brief.fault = r.fault;
  brief.verdict = r.verdict;
  brief.expectation = r.expectation;
  brief.duration = r.duration;
  brief.reason = r.reason;
  brief.faults = r.faults;
  return brief;
}

constexpr int kIndent = 2;

/// As it stands `depth` levels deep in the document, the first line not indented.
std::string nested(const Json& json, int depth) {
  std::string text = json.dump(kIndent, ' ', false, Json::error_handler_t::replace);
  std::string margin(static_cast<size_t>(kIndent * depth), ' ');
  std::string out;
  for (char c : text) {
    out += c;
    if (c == '\n') out += margin;
  }
  return out;
}

/// An object's text without its end, so that members can follow.
std::string opened(const Json& object, int depth) {
  std::string text = nested(object, depth);
  text.resize(text.find_last_not_of(" \n", text.size() - 2) + 1);
  return text;
}

}  // namespace

void TraceJson::on_finished(const TestResult& result) {
  if (aside_ == nullptr && aside_error_ == 0) {
    aside_.reset(std::tmpfile());
    if (aside_ == nullptr) aside_error_ = errno;
  }
  Entry entry{brief_of(result), aside_end_, 0};
  put_aside("    " + opened(test_json(result), 2) + ",\n      \"events\": [");
  std::string_view separator = "\n        ";
  for (const auto& e : result.events) {
    put_aside(separator);
    put_aside(nested(event::to_json(e), 4));
    separator = ",\n        ";
  }
  put_aside(result.events.empty() ? "]\n    }" : "\n      ]\n    }");
  entry.length = static_cast<size_t>(aside_end_ - entry.offset);
  auto after =
      std::upper_bound(entries_.begin(), entries_.end(), entry, [](const auto& a, const auto& b) {
        return std::tie(a.brief.name, a.brief.run) < std::tie(b.brief.name, b.brief.run);
      });
  entries_.insert(after, std::move(entry));
}

void TraceJson::put_aside(std::string_view text) {
  if (aside_error_ != 0) return;
  if (std::fwrite(text.data(), 1, text.size(), aside_.get()) != text.size()) aside_error_ = errno;
  aside_end_ += static_cast<long>(text.size());
}

Json TraceJson::head() const {
  auto count = [this](std::string_view word) {
    return std::count_if(entries_.begin(), entries_.end(), [&](const auto& entry) {
      return event::result_word(entry.brief.verdict) == word;
    });
  };
  Json j{{"version", 2},
         {"star_file", plan_.spec},
         {"duration_ms", summary_.duration.count()},
         {"pass", count("pass")},
         {"fail", count("fail") + count("error")}};
  for (const char* word : {"inconclusive", "halted", "not_run"}) {
    if (auto number = count(word); number > 0) j[word] = number;
  }
  j["seed"] = plan_.seed;
  j["spec_hash"] = plan_.spec_hash;
  j["tool_version"] = plan_.tool_version;
  if (!summary_.diagnostics.empty()) j["diagnostics"] = diagnostics_json(summary_.diagnostics);
  return j;
}

Result<void> TraceJson::copy(const Entry& entry, const Write& out) const {
  if (std::fseek(aside_.get(), entry.offset, SEEK_SET) != 0)
    return fail_errno("cannot put the trace document aside");
  std::array<char, 64 * 1024> chunk;
  for (size_t left = entry.length; left > 0;) {
    size_t got = std::fread(chunk.data(), 1, std::min(left, chunk.size()), aside_.get());
    if (got == 0) return fail_errno("cannot put the trace document aside");
    MISHAP_TRY(out({chunk.data(), got}));
    left -= got;
  }
  return {};
}

Result<void> TraceJson::write(const Write& out) const {
  if (aside_error_ != 0 || (aside_ != nullptr && std::fflush(aside_.get()) != 0))
    return fail_errno("cannot put the trace document aside",
                      aside_error_ != 0 ? aside_error_ : errno);
  MISHAP_TRY(out(opened(head(), 0) + ",\n  \"tests\": ["));
  std::string_view separator = "\n";
  std::vector<const TestResult*> results;
  for (const Entry& entry : entries_) {
    MISHAP_TRY(out(separator));
    MISHAP_TRY(copy(entry, out));
    separator = ",\n";
    results.push_back(&entry.brief);
  }
  MISHAP_TRY(out(entries_.empty() ? "]" : "\n  ]"));
  // One matrix is an object, as ever; more of them are a list under a key of their own beside the
  // first.
  if (!plan_.matrices.empty()) {
    MISHAP_TRY(out(",\n  \"matrix\": " + nested(matrix_json(plan_.matrices.front(), results), 1)));
  }
  if (plan_.matrices.size() > 1) {
    Json all = Json::array();
    for (const auto& m : plan_.matrices) all.push_back(matrix_json(m, results));
    MISHAP_TRY(out(",\n  \"matrices\": " + nested(all, 1)));
  }
  return out("\n}\n");
}

Result<void> write_file(const std::string& path,
                        const std::function<Result<void>(const Write&)>& produce) {
  std::string temporary = fmt::format("{}.{}.part", path, getpid());
  std::ofstream out(temporary, std::ios::binary);
  auto written = produce([&](std::string_view text) -> Result<void> {
    if (!out.write(text.data(), std::streamsize(text.size())))
      return fail_errno("cannot write " + path);
    return {};
  });
  out.close();
  if (written && !out) written = fail_errno("cannot write " + path);
  if (written && rename(temporary.c_str(), path.c_str()) != 0) {
    written = fail_errno("cannot write " + path);
  }
  if (!written) unlink(temporary.c_str());
  return written;
}

Result<void> write_file(const std::string& path, std::string_view text) {
  return write_file(path, [text](const Write& out) { return out(text); });
}

}  // namespace mishap::report
