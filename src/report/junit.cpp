#include "mishap/report/junit.h"

#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/report/lines.h"

namespace mishap::report {
namespace {

using event::Verdict;

/// Length of the valid UTF-8 sequence at `at`, 0 when there is none.
size_t sequence_length(std::string_view text, size_t at) {
  auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  unsigned lead = byte(at);
  size_t length = lead < 0x80                   ? 1
                  : lead >= 0xF0 && lead < 0xF5 ? 4
                  : lead >= 0xE0                ? 3
                  : lead >= 0xC2                ? 2
                                                : 0;
  if (lead >= 0xF5) length = 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

std::string seconds(std::chrono::milliseconds duration) {
  return fmt::format("{:.3f}", double(duration.count()) / 1000);
}

std::string testcase(const event::TestResult& r, const std::string& suite) {
  std::string out = fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"{}\"",
                                xml_text(suite), xml_text(r.name), seconds(r.duration));
  std::string inner;
  std::string first_line = r.reason.substr(0, r.reason.find('\n'));
  auto element = [&](std::string_view tag) {
    inner = fmt::format("      <{0} type=\"{1}\" message=\"{2}\">{3}</{0}>\n", tag,
                        event::to_string(r.verdict), xml_text(first_line),
                        xml_text(failure_block(r, 12)));
  };
  switch (r.verdict) {
    case Verdict::failed:
    case Verdict::expectation_violated:
      element("failure");
      break;
    case Verdict::errored:
    case Verdict::inconclusive:
    case Verdict::tool_error:
      element("error");
      break;
    case Verdict::halted:
    case Verdict::not_run:
      inner = fmt::format("      <skipped message=\"{}\"/>\n",
                          xml_text(first_line.empty() ? "not run" : first_line));
      break;
    case Verdict::vacuous: {
      std::string text = "vacuous: a declared fault never took effect\n";
      for (const auto& f : r.faults) {
        if (f.applied == 0 && !f.may_not_fire) text += fault_line(f) + "\n";
      }
      inner = fmt::format("      <system-out>{}</system-out>\n", xml_text(text));
      break;
    }
    case Verdict::passed:
      break;
  }
  return inner.empty() ? out + "/>\n" : out + ">\n" + inner + "    </testcase>\n";
}

}  // namespace

std::string xml_text(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t length = sequence_length(text, at);
    unsigned char c = static_cast<unsigned char>(text[at]);
    bool forbidden = length == 0 || (c < 0x20 && c != '\n' && c != '\t' && c != '\r') || c == 0x7F;
    if (forbidden) {
      out += "\xEF\xBF\xBD";
      at += std::max<size_t>(length, 1);
      continue;
    }
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out.append(text.substr(at, length));
    }
    at += length;
  }
  return out;
}

void Junit::on_finished(const event::TestResult& result) {
  results_.push_back(result);
  if (!is_red(result.verdict)) results_.back().events.clear();
}

std::string Junit::document() const {
  auto sorted = results_;
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return std::tie(a.name, a.run) < std::tie(b.name, b.run);
  });
  auto count = [&](auto... wanted) {
    return std::count_if(sorted.begin(), sorted.end(),
                         [&](const auto& r) { return ((r.verdict == wanted) || ...); });
  };
  std::string numbers =
      fmt::format("tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{}\"",
                  sorted.size(), count(Verdict::failed, Verdict::expectation_violated),
                  count(Verdict::errored, Verdict::inconclusive, Verdict::tool_error),
                  count(Verdict::halted, Verdict::not_run), seconds(summary_.duration));
  std::string suite = xml_text(plan_.spec);
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  out += fmt::format("<testsuites {}>\n  <testsuite name=\"{}\" {}>\n", numbers, suite, numbers);
  out += fmt::format(
      "    <properties>\n      <property name=\"seed\" value=\"{}\"/>\n    </properties>\n",
      plan_.seed);
  for (const auto& r : sorted) out += testcase(r, plan_.spec);
  return out + "  </testsuite>\n</testsuites>\n";
}

}  // namespace mishap::report
