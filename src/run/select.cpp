#include <algorithm>

#include <re2/re2.h>

#include "mishap/base/glob.h"
#include "mishap/run/runner.h"

namespace mishap::run {
namespace {

constexpr std::string_view kPrefix = "test_";

std::string_view bare(std::string_view name) {
  return name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name;
}

template <class Match>
std::vector<spec::TestInfo> matching(const std::vector<spec::TestInfo>& tests, Match match) {
  std::vector<spec::TestInfo> selected;
  std::copy_if(tests.begin(), tests.end(), std::back_inserter(selected), match);
  return selected;
}

}  // namespace

std::string pattern_problem(const std::string& pattern) {
  if (pattern.empty()) return "is empty";
  if (!pattern.starts_with('~')) return std::string(glob_problem(pattern));
  RE2 regex(pattern.substr(1), RE2::Quiet);
  return regex.ok() ? "" : "is no regular expression: " + regex.error();
}

std::vector<spec::TestInfo> select_tests(const std::vector<spec::TestInfo>& tests,
                                         const std::string& pattern) {
  auto exact =
      matching(tests, [&](const auto& t) { return t.name == pattern || bare(t.name) == pattern; });
  if (!exact.empty()) return exact;
  auto group = matching(tests, [&](const auto& t) {
    return t.kind == "matrix" && bare(pattern) == "matrix_" + t.scenario;
  });
  if (!group.empty()) return group;
  if (pattern.starts_with('~')) {
    RE2 regex(pattern.substr(1), RE2::Quiet);
    if (!regex.ok()) return {};
    return matching(tests, [&](const auto& t) { return RE2::PartialMatch(t.name, regex); });
  }
  if (pattern.find_first_of("*?[") == std::string::npos) return {};
  return matching(tests, [&](const auto& t) {
    return glob_shell(pattern, t.name) || glob_shell(pattern, bare(t.name));
  });
}

}  // namespace mishap::run
