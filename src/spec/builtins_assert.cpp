// assert_*, events, expect_*: judging what happened.
#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/text.h"

#include "binding.h"
#include "matching.h"
#include "values.h"
#include "world.h"

namespace mishap::spec {
namespace {

using starlark::KeywordArg;
using starlark::Signature;
namespace types = starlark::types;

/// Records the failure for reports and raises it.
tl::unexpected<Error> assertion_failed(const CallContext& call, std::string message,
                                       std::string actual = "", std::string expected = "",
                                       std::string note = "") {
  event::AssertionFailure failure;
  failure.func = call.name();
  failure.actual = std::move(actual);
  failure.expected = std::move(expected);
  failure.message = std::move(note);
  failure.pos = call.thread().caller_pos();
  world_of(call).assertion = std::move(failure);
  return fail(std::move(message), kAssertionFailed);
}

/// The message by position or as message= or msg=.
std::string message_argument(const CallContext& call, size_t first) {
  for (size_t index : {first, first + 1, first + 2}) {
    if (call.has(index)) return starlark::str(call[index]);
  }
  return "";
}

/// The text of the call's first argument: what stands after the bracket at `pos`, up to a comma or
/// the closing bracket.
std::string argument_text(const World& world, const SourcePos& pos) {
  constexpr size_t kLongestBytes = 120;
  auto file = world.files.find(pos.file);
  if (file == world.files.end() || pos.line < 1) return "";
  auto lines = split(file->second, '\n');
  if (static_cast<size_t>(pos.line) > lines.size()) return "";
  std::string_view first = lines[static_cast<size_t>(pos.line) - 1];
  if (pos.column < 1 || static_cast<size_t>(pos.column) > first.size() ||
      first[static_cast<size_t>(pos.column) - 1] != '(') {
    return "";
  }
  std::string_view rest(first.data() + pos.column, file->second.data() + file->second.size());
  std::string out;
  int depth = 0;
  char quote = 0;
  for (char c : rest) {
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '(' || c == '[' || c == '{') {
      ++depth;
    } else if (depth == 0 && (c == ',' || c == ')')) {
      break;
    } else if (c == ')' || c == ']' || c == '}') {
      --depth;
    }
    bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!blank)
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
    if (out.size() > kLongestBytes) return "";
  }
  return std::string(trim(out));
}

Result<Value> assert_true(CallContext& call) {
  ++world_of(call).assertion_count;
  if (starlark::truth(call[0])) return Value::none();
  std::string message = message_argument(call, 1);
  if (!message.empty())
    return assertion_failed(call, message, starlark::repr(call[0]), "", message);
  std::string condition = argument_text(world_of(call), call.thread().caller_pos());
  return assertion_failed(call,
                          condition.empty() ? "assertion failed" : "assertion failed: " + condition,
                          starlark::repr(call[0]));
}

Result<Value> assert_eq(CallContext& call) {
  ++world_of(call).assertion_count;
  MISHAP_ASSIGN(bool equal, starlark::equals(call[0], call[1]));
  if (equal) return Value::none();
  std::string message = message_argument(call, 2);
  std::string actual = starlark::repr(call[0]), expected = starlark::repr(call[1]);
  std::string text = fmt::format("assert_eq failed: {} != {}", actual, expected);
  if (!message.empty()) text += fmt::format(" ({})", message);
  return assertion_failed(call, text, actual, expected, message);
}

/// What selects events: filters first, then the predicate.
struct Selection {
  event::Filter filter;
  Value where;  ///< matcher or callable; invalid: none
  std::string text() const {
    std::string out = filter.text();
    if (where.is_valid())
      out += fmt::format("{}where={}", out.empty() ? "" : " ", callable_name(where));
    return out.empty() ? "any event" : out;
  }
  bool all_types() const { return where.is_valid() || filter.names_type(); }
};

const starlark::TypeSet kPredicate =
    types::kCallable.described("function or matcher; filters are named, as in type=\"stdout\"");

Result<Selection> selection(const CallContext& call, std::span<const Value> positional,
                            std::vector<KeywordArg> keywords,
                            std::string_view parameter = "where") {
  Selection selected;
  selected.where = take_keyword(keywords, "where");
  if (positional.size() > 1)
    return call.error("takes one positional argument at most, the predicate; name the filters");
  if (positional.size() == 1) {
    if (selected.where.is_valid())
      return call.error("got multiple values for keyword argument \"where\"");
    selected.where = positional[0];
  }
  if (selected.where.is_none()) selected.where = Value();
  if (selected.where.is_valid())
    MISHAP_TRY(require_matcher(call, parameter, selected.where, kPredicate));
  MISHAP_ASSIGN(selected.filter, filter_argument(call, keywords));
  return selected;
}

Result<bool> selects(Thread& thread, const Selection& selection, const event::Event& event,
                     const event::Trace& trace) {
  if (!selection.filter.matches(event)) return false;
  if (!selection.where.is_valid()) return true;
  if (auto* matcher = starlark::host_cast<MatcherValue>(selection.where))
    return matcher->matches(event);
  MISHAP_ASSIGN(Value answer, call_predicate(thread, selection.where,
                                             thread.heap().make<EventValue>(event, true, trace)));
  return starlark::truth(answer);
}

/// First event that is selected, or null.
Result<const event::Event*> find_event(CallContext& call, cell::Session& session,
                                       const Selection& selection) {
  event::Trace trace{&session.log(), event::Trace::kAll};
  for (size_t i = 0, size = trace.size(); i < size; ++i) {
    const event::Event& event = trace.at(i);
    if (!selection.all_types() && !event::in_assertion_default(event.type)) continue;
    MISHAP_ASSIGN(bool selected, selects(call.thread(), selection, event, trace));
    if (selected) return &event;
  }
  return static_cast<const event::Event*>(nullptr);
}

Result<cell::Session*> observing_session(const CallContext& call) {
  MISHAP_ASSIGN(auto* session, session_of(call));
  World& world = world_of(call);
  if (task_of(call.thread()).kind != TaskKind::monitor &&
      task_of(call.thread()).kind != TaskKind::predicate) {
    BatonRest rest(world.baton);
    session->catch_up();
  }
  return session;
}

Result<Value> assert_eventually(CallContext& call) {
  ++world_of(call).assertion_count;
  MISHAP_ASSIGN(auto* session, observing_session(call));
  MISHAP_ASSIGN(auto wanted,
                selection(call, call.varargs(), {call.kwargs().begin(), call.kwargs().end()}));
  MISHAP_ASSIGN(const event::Event* found, find_event(call, *session, wanted));
  if (found != nullptr) return Value::none();
  return assertion_failed(
      call, fmt::format("assert_eventually: no event matches {} ({} events so far)", wanted.text(),
                        session->log().size()));
}

Result<Value> assert_never(CallContext& call) {
  ++world_of(call).assertion_count;
  MISHAP_ASSIGN(auto* session, observing_session(call));
  MISHAP_ASSIGN(auto unwanted,
                selection(call, call.varargs(), {call.kwargs().begin(), call.kwargs().end()}));
  MISHAP_ASSIGN(const event::Event* found, find_event(call, *session, unwanted));
  if (found == nullptr) return Value::none();
  return assertion_failed(
      call, fmt::format("assert_never: event #{} ({} of {}) matches {}", found->seq, found->type,
                        found->service.empty() ? "nobody" : found->service, unwanted.text()));
}

/// One side of assert_before: a dict of filters, a matcher or a callable.
Result<Selection> side(const CallContext& call, size_t index, std::string_view parameter) {
  const Value& value = call[index];
  if (value.is_string()) {
    return wrong_type(call, parameter, value,
                      types::kDict.described("dict of filters such as {\"type\": \"stdout\"}, "
                                             "function or matcher"));
  }
  if (!value.is_dict()) return selection(call, std::span(&value, 1), {}, parameter);
  std::vector<KeywordArg> keywords;
  for (const auto& entry : value.as<starlark::Dict>().table().entries()) {
    if (!entry.key.is_valid()) continue;
    if (!entry.key.is_string())
      return wrong_type(call, fmt::format("{} (a name)", parameter), entry.key, types::kString);
    keywords.push_back({entry.key, entry.value});
  }
  return selection(call, {}, std::move(keywords));
}

Result<Value> assert_before(CallContext& call) {
  ++world_of(call).assertion_count;
  MISHAP_ASSIGN(auto* session, observing_session(call));
  MISHAP_ASSIGN(auto first, side(call, 0, "first"));
  MISHAP_ASSIGN(auto then, side(call, 1, "then"));
  MISHAP_ASSIGN(const event::Event* earlier, find_event(call, *session, first));
  if (earlier == nullptr) {
    return assertion_failed(
        call, fmt::format("assert_before: no event matches first ({})", first.text()));
  }
  MISHAP_ASSIGN(const event::Event* later, find_event(call, *session, then));
  if (later == nullptr) {
    return assertion_failed(call,
                            fmt::format("assert_before: no event matches then ({})", then.text()));
  }
  if (earlier->seq < later->seq) return Value::none();
  return assertion_failed(
      call, fmt::format("assert_before: first ({}) is event #{}, after then ({}), event #{}",
                        first.text(), earlier->seq, then.text(), later->seq));
}

Result<Value> list_events(CallContext& call) {
  MISHAP_ASSIGN(auto* session, observing_session(call));
  MISHAP_ASSIGN(auto wanted,
                selection(call, call.varargs(), {call.kwargs().begin(), call.kwargs().end()}));
  std::vector<Value> found;
  event::Trace trace{&session->log(), event::Trace::kAll};
  for (size_t i = 0, size = trace.size(); i < size; ++i) {
    const event::Event& event = trace.at(i);
    if (!wanted.all_types() && !event::in_events_default(event.type)) continue;
    MISHAP_ASSIGN(bool selected, selects(call.thread(), wanted, event, trace));
    if (selected) found.push_back(call.heap().make<EventValue>(event, true, trace));
  }
  return call.heap().list(std::move(found));
}

// --- stock expectations ---

/// An attribute of a result or a key of a dict; invalid when it has none.
Value member(Thread& thread, const Value& result, std::string_view name) {
  if (result.is_dict()) {
    const Value* found = result.as<starlark::Dict>().get_text(name);
    return found == nullptr ? Value() : *found;
  }
  auto found = starlark::find_attr(thread, result, name);
  return found ? *found : Value();
}

struct Judged {
  std::optional<int64_t> status, duration_ms;
  std::string error;
  bool ok = true;
};

Judged judge(Thread& thread, const Value& result) {
  Judged judged;
  for (const char* name : {"status_code", "status"}) {
    Value status = member(thread, result, name);
    if (status.is_int64() && status.as_int64() != 0) judged.status = status.as_int64();
  }
  if (Value duration = member(thread, result, "duration_ms"); duration.is_int64())
    judged.duration_ms = duration.as_int64();
  if (Value error = member(thread, result, "error"); error.is_string()) judged.error = error.text();
  if (Value ok = member(thread, result, "ok"); ok.is_bool()) judged.ok = ok.as_bool();
  return judged;
}

tl::unexpected<Error> expectation_failed(Thread& thread, const std::string& name,
                                         const std::string& message) {
  event::AssertionFailure failure;
  failure.func = name;
  failure.message = message;
  failure.pos = thread.caller_pos();
  task_of(thread).world.assertion = std::move(failure);
  return fail(name + ": " + message, kAssertionFailed);
}

Result<void> judge_success(Thread& thread, const Value& result) {
  World& world = task_of(thread).world;
  ++world.assertion_count;
  auto failed = [&](const std::string& message) {
    return expectation_failed(thread, "expect_success", message);
  };
  if (world.hung) return failed("the scenario did not return in time");
  if (result.is_none()) return failed("the scenario returned nothing");
  Judged judged = judge(thread, result);
  if (judged.status && *judged.status >= 500)
    return failed(fmt::format("got status {}", *judged.status));
  if (!judged.ok) return failed("the call failed: " + judged.error);
  return {};
}

Result<void> judge_error(Thread& thread, const Value& result, int64_t limit_ms) {
  World& world = task_of(thread).world;
  ++world.assertion_count;
  std::string name = fmt::format("expect_error_within({}ms)", limit_ms);
  auto failed = [&](const std::string& message) {
    return expectation_failed(thread, name, message);
  };
  if (world.hung) return failed("the scenario did not return in time");
  if (result.is_none()) return failed("the scenario returned nothing");
  Judged judged = judge(thread, result);
  bool errored = !judged.ok || !judged.error.empty() || (judged.status && *judged.status >= 500);
  if (!errored) return failed(fmt::format("no error came, status {}", judged.status.value_or(0)));
  if (judged.duration_ms && *judged.duration_ms > limit_ms) {
    return failed(fmt::format("the error came after {} ms", *judged.duration_ms));
  }
  return {};
}

Result<void> judge_hang(Thread& thread, const Value& result) {
  World& world = task_of(thread).world;
  ++world.assertion_count;
  if (world.hung || result.is_none()) return {};
  return expectation_failed(thread, "expect_hang",
                            "the scenario returned " + starlark::repr(result));
}

void define_expectations(World& world) {
  define(world, Signature("expect_success"), [](CallContext& call) -> Result<Value> {
    return call.heap().make<ExpectationValue>("expect_success", judge_success);
  });
  define(world, Signature("expect_hang"), [](CallContext& call) -> Result<Value> {
    return call.heap().make<ExpectationValue>("expect_hang", judge_hang);
  });
  define(world, Signature("expect_error_within").required("ms", types::kInt),
         [](CallContext& call) -> Result<Value> {
           MISHAP_ASSIGN(uint64_t limit, positive_count(call, "ms", call[0]));
           return call.heap().make<ExpectationValue>(
               fmt::format("expect_error_within({}ms)", limit),
               [limit](Thread& thread, const Value& result) {
                 return judge_error(thread, result, static_cast<int64_t>(limit));
               });
         });
}

}  // namespace

void install_assertions(World& world) {
  define(world,
         Signature("assert_true")
             .required("cond")
             .optional("reason")
             .positional_only()
             .keyword_only()
             .optional("msg")
             .optional("message"),
         assert_true);
  define(world,
         Signature("assert_eq")
             .required("a")
             .required("b")
             .optional("reason")
             .positional_only()
             .keyword_only()
             .optional("msg")
             .optional("message"),
         assert_eq);
  define(world, Signature("assert_eventually").varargs().kwargs(), assert_eventually);
  define(world, Signature("assert_never").varargs().kwargs(), assert_never);
  define(world, Signature("assert_before").required("first").required("then"), assert_before);
  define(world, Signature("events").varargs().kwargs(), list_events);
  define_expectations(world);
}

}  // namespace mishap::spec
