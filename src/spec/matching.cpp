#include "matching.h"

#include <algorithm>

#include <fmt/format.h>

#include "binding.h"

namespace mishap::spec {
namespace {

constexpr const char* kEvent[] = {"the event"};

/// A predicate runs as such: it may look, not act.
class PredicateScope {
 public:
  explicit PredicateScope(Thread& thread)
      : thread_(thread), outer_(task_of(thread)), inner_{outer_.world, TaskKind::predicate} {
    thread_.user = &inner_;
  }
  ~PredicateScope() { thread_.user = &outer_; }

 private:
  Thread& thread_;
  Task& outer_;
  Task inner_;
};

}  // namespace

Result<void> require_matcher(const CallContext& call, std::string_view parameter,
                             const Value& value, const starlark::TypeSet& wanted) {
  if (starlark::host_cast<MatcherValue>(value) != nullptr) return {};
  if (!starlark::is_callable(value)) return wrong_type(call, parameter, value, wanted);
  return require_arity(call, parameter, value, kEvent);
}

Result<Value> call_predicate(Thread& thread, const Value& predicate, const Value& argument) {
  PredicateScope scope(thread);
  return thread.call(predicate, {argument});
}

bool matches(Thread& thread, const Value& matcher_or_callable, const event::Event& event,
             const event::Trace& trace) {
  if (auto* matcher = starlark::host_cast<MatcherValue>(matcher_or_callable))
    return matcher->matches(event);
  auto answer = call_predicate(thread, matcher_or_callable,
                               thread.heap().make<EventValue>(event, false, trace));
  return answer && starlark::truth(*answer);
}

void MatcherValue::append_repr(std::string& out) const {
  out += "<matcher ";
  append_text(out);
  out += '>';
}

void MatcherValue::append_text(std::string& out) const {
  if (kind_ == Kind::event) {
    out += "event(" + filter_.text() + ")";
    return;
  }
  out += kind_ == Kind::any ? "any(" : kind_ == Kind::all ? "all(" : "never";
  for (const Value& part : parts_) {
    if (&part != parts_.data()) out += ", ";
    starlark::host_cast<MatcherValue>(part)->append_text(out);
  }
  if (kind_ != Kind::never) out += ')';
}

void MatcherValue::visit_children(const starlark::ValueVisitor& visit) {
  for (auto& part : parts_) visit(part);
}

void append_key(std::string& out, const event::Filter& criteria) {
  out += 'e';
  for (const auto& [name, pattern] : criteria.criteria) {
    out += fmt::format("{}:{}{}:{}", name.size(), name, pattern.size(), pattern);
  }
  out += ';';
}

void MatcherValue::append_key(std::string& out) const {
  if (kind_ == Kind::event) return spec::append_key(out, filter_);
  out += kind_ == Kind::any ? 'o' : kind_ == Kind::all ? 'a' : 'n';
  for (const Value& part : parts_) starlark::host_cast<MatcherValue>(part)->append_key(out);
  out += ';';
}

bool MatcherValue::matches(const event::Event& event) const {
  auto holds = [&](const Value& part) {
    return starlark::host_cast<MatcherValue>(part)->matches(event);
  };
  switch (kind_) {
    case Kind::event:
      return filter_.matches(event);
    case Kind::any:
      return std::any_of(parts_.begin(), parts_.end(), holds);
    case Kind::all:
      return std::all_of(parts_.begin(), parts_.end(), holds);
    case Kind::never:
      return false;
  }
  return false;
}

}  // namespace mishap::spec
