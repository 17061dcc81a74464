// deny, delay, allow, response, error, drop: faults that do not know their target yet.
#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/fault/names.h"

#include "binding.h"
#include "values.h"
#include "world.h"

namespace mishap::spec {
namespace {

using starlark::KeywordArg;
using starlark::Signature;
namespace types = starlark::types;

const std::vector<std::string> kTriggerNames = {"probability", "nth",   "after",
                                                "every",       "times", "max_fires"};
const std::vector<std::string> kMatcherNames = {
    "method", "op", "path", "query", "command", "key", "collection", "topic", "subject"};

std::vector<std::string> with(std::vector<std::string> names,
                              const std::vector<std::string>& more) {
  names.insert(names.end(), more.begin(), more.end());
  return names;
}

Result<std::string> text_keyword(const CallContext& call, std::string_view name,
                                 const Value& value) {
  if (!value.is_string())
    return call.error(fmt::format("{}: got {}, want string", name, starlark::type_name(value)));
  return std::string(value.text());
}

// --- syscall faults ---

/// `to=db`, `to=db.pg`, `to=[db, cache]`.
Result<std::vector<std::string>> peers(const CallContext& call, const Value& value) {
  std::vector<std::string> names;
  auto add = [&](const Value& item) -> Result<void> {
    if (const auto* service = service_argument(item)) {
      names.push_back(service->name);
    } else if (auto* ref = starlark::host_cast<InterfaceRef>(item)) {
      names.push_back(ref->service + "." + ref->interface.name);
    } else {
      return call.error(
          fmt::format("to: got {}, want service or interface", starlark::type_name(item)));
    }
    return {};
  };
  if (!value.is_list()) {
    MISHAP_TRY(add(value));
    return names;
  }
  for (const Value& item : value.as<starlark::List>().items()) MISHAP_TRY(add(item));
  return names;
}

Result<fault::Scope> scope_argument(const CallContext& call, const Value& value, int error) {
  std::vector<std::string> words;
  if (value.is_string())
    words.emplace_back(value.text());
  else if (value.is_list()) {
    for (const Value& item : value.as<starlark::List>().items()) {
      MISHAP_ASSIGN(auto word, text_keyword(call, "scope", item));
      words.push_back(std::move(word));
    }
  } else {
    return call.error(
        fmt::format("scope: got {}, want string or list", starlark::type_name(value)));
  }
  if (words.size() == 1 && words[0] == "auto") return fault::scope_of_errno(error);
  auto scope = fault::parse_scope(words);
  if (!scope) return call.error(scope.error().message);
  return *scope;
}

/// What every syscall fault takes besides its own argument.
Result<void> take_common(CallContext& call, std::vector<KeywordArg> rest, fault::SyscallRule& rule,
                         bool scoped) {
  rule.declared.pos = call.thread().caller_pos();
  bool limited = std::any_of(rest.begin(), rest.end(),
                             [](const auto& arg) { return arg.name.text() == "max_fires"; });
  MISHAP_ASSIGN(rule.trigger, take_trigger(call, rest));
  Value mode = take_keyword(rest, "mode");
  if (mode.is_valid()) {
    MISHAP_ASSIGN(auto word, text_keyword(call, "mode", mode));
    if (word != "exhaustive" && word != "stochastic") {
      return call.error("mode must be \"exhaustive\" or \"stochastic\", not " +
                        starlark::repr(mode));
    }
    if (limited && word == "stochastic")
      return call.error("max_fires= cannot be combined with mode=\"stochastic\"");
    if (!limited && word == "exhaustive") return call.error("mode=\"exhaustive\" needs max_fires=");
  }
  if (limited && rule.trigger.probability >= 1)
    return call.error("max_fires= needs a probability below 1; use times=");
  if (Value label = take_keyword(rest, "label"); label.is_valid()) {
    MISHAP_ASSIGN(rule.declared.label, text_keyword(call, "label", label));
  }
  if (Value to = take_keyword(rest, "to"); to.is_valid()) {
    MISHAP_ASSIGN(rule.to, peers(call, to));
  }
  if (Value path = take_keyword(rest, "path"); path.is_valid()) {
    MISHAP_ASSIGN(rule.path_glob, text_keyword(call, "path", path));
  }
  if (Value scope = take_keyword(rest, "scope"); scope.is_valid() && scoped) {
    MISHAP_ASSIGN(rule.scope, scope_argument(call, scope, rule.error));
  }
  return refuse_rest(call, rest, with({"scope", "to", "path", "label", "mode"}, kTriggerNames));
}

Result<Value> make_deny(CallContext& call) {
  fault::SyscallRule rule;
  rule.action = fault::SyscallAction::deny;
  auto known = fault::resolve_errno(call.text(0));
  if (!known) return call.error(known.error().message);
  rule.error = known->number;
  rule.error_name = known->name;
  rule.scope = fault::scope_of_errno(rule.error);
  MISHAP_TRY(take_common(call, {call.kwargs().begin(), call.kwargs().end()}, rule, true));
  rule.declared.text = fmt::format("deny({}){}", rule.error_name, rule.conditions());
  return call.heap().make<SyscallFaultValue>(std::move(rule));
}

// --- protocol faults ---

/// The canonical name of a matcher: op means method, collection means key, subject means topic.
std::string canonical(const std::string& name) {
  if (name == "op") return "method";
  if (name == "collection") return "key";
  if (name == "subject") return "topic";
  return name;
}

Result<void> take_matchers(CallContext& call, std::vector<KeywordArg>& rest,
                           fault::ProtocolRule& rule) {
  for (const auto& name : kMatcherNames) {
    Value value = take_keyword(rest, name);
    if (!value.is_valid()) continue;
    MISHAP_ASSIGN(rule.matchers[canonical(name)], text_keyword(call, name, value));
  }
  MISHAP_ASSIGN(rule.trigger, take_trigger(call, rest));
  if (Value label = take_keyword(rest, "label"); label.is_valid()) {
    MISHAP_ASSIGN(rule.declared.label, text_keyword(call, "label", label));
  }
  return {};
}

/// `error(query="INSERT*", message="disk full")`, as it was written.
std::string written(const CallContext& call) {
  std::string text;
  for (const auto& [name, value] : call.kwargs()) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", name.text(), starlark::repr(value));
  }
  return fmt::format("{}({})", call.name(), text);
}

Result<std::string> body_text(const CallContext& call, const Value& value) {
  if (value.is_none()) return std::string();
  if (value.is_string() || value.is_bytes()) return std::string(value.text());
  auto json = starlark::to_json(value);
  if (!json) return call.error("body: " + json.error().message);
  return to_text(*json);
}

Result<void> take_answer(CallContext& call, std::vector<KeywordArg>& rest,
                         fault::ProtocolRule& rule) {
  if (Value status = take_keyword(rest, "status"); status.is_valid()) {
    if (!status.is_int64())
      return call.error(fmt::format("status: got {}, want int", starlark::type_name(status)));
    rule.status = static_cast<int>(status.as_int64());
  }
  for (const char* name : {"value", "body"}) {
    if (Value body = take_keyword(rest, name); body.is_valid()) {
      MISHAP_ASSIGN(rule.body, body_text(call, body));
    }
  }
  if (Value message = take_keyword(rest, "message"); message.is_valid()) {
    MISHAP_ASSIGN(rule.message, text_keyword(call, "message", message));
  }
  for (const char* name : {"code", "sqlstate"}) {
    if (Value code = take_keyword(rest, name); code.is_valid()) {
      MISHAP_ASSIGN(rule.code, text_keyword(call, name, code));
    }
  }
  if (Value headers = take_keyword(rest, "headers"); headers.is_valid()) {
    if (!headers.is_dict()) return call.error("headers: want a dict of strings");
    for (const auto& entry : headers.as<starlark::Dict>().table().entries()) {
      if (!entry.key.is_valid()) continue;
      rule.headers.emplace_back(starlark::str(entry.key), starlark::str(entry.value));
    }
  }
  return {};
}

Result<Value> make_protocol_fault(CallContext& call, fault::ProtocolAction action,
                                  const std::vector<std::string>& own) {
  fault::ProtocolRule rule;
  rule.action = action;
  rule.declared.pos = call.thread().caller_pos();
  rule.declared.text = written(call);
  std::vector<KeywordArg> rest(call.kwargs().begin(), call.kwargs().end());
  std::vector<std::string> known = with(with(own, kMatcherNames), with({"label"}, kTriggerNames));
  for (const auto& [name, value] : rest) {
    if (std::find(known.begin(), known.end(), name.text()) == known.end()) {
      return fail(refuse_rest(call, {{name, value}}, known).error());
    }
  }
  MISHAP_TRY(take_matchers(call, rest, rule));
  MISHAP_TRY(take_answer(call, rest, rule));
  if (Value duration = take_keyword(rest, "delay"); duration.is_valid()) {
    MISHAP_ASSIGN(auto text, text_keyword(call, "delay", duration));
    auto parsed = parse_duration(text);
    if (!parsed) return call.error(parsed.error().message);
    rule.delay = *parsed;
  }
  if (action == fault::ProtocolAction::delay && rule.delay <= Nanoseconds(0)) {
    return call.error(
        "needs a duration: delay(\"500ms\") for syscalls, delay(delay=\"500ms\", …) for requests");
  }
  return call.heap().make<ProtocolFaultValue>(std::move(rule));
}

/// One positional duration: a syscall fault; keywords alone: a protocol fault.
Result<Value> make_delay(CallContext& call) {
  if (!call.has(0)) return make_protocol_fault(call, fault::ProtocolAction::delay, {"delay"});
  fault::SyscallRule rule;
  rule.action = fault::SyscallAction::delay;
  MISHAP_ASSIGN(rule.delay, duration_argument(call, 0));
  if (rule.delay < Nanoseconds(0)) return call.error("the duration is negative");
  MISHAP_TRY(take_common(call, {call.kwargs().begin(), call.kwargs().end()}, rule, true));
  rule.declared.text = fmt::format("delay({}){}", format_duration(rule.delay), rule.conditions());
  return call.heap().make<SyscallFaultValue>(std::move(rule));
}

}  // namespace

void install_faults(World& world) {
  using fault::ProtocolAction;
  define(world, Signature("deny").required("errno", types::kString).positional_only().kwargs(),
         make_deny);
  define(world, Signature("delay").optional("duration", types::kString).positional_only().kwargs(),
         make_delay);
  define(world, Signature("allow"), [](CallContext& call) -> Result<Value> {
    fault::SyscallRule rule;
    rule.declared.pos = call.thread().caller_pos();
    rule.declared.text = "allow()";
    return call.heap().make<SyscallFaultValue>(std::move(rule));
  });
  auto protocol = [&](const char* name, ProtocolAction action, std::vector<std::string> own) {
    define(world, Signature(name).kwargs(), [action, own = std::move(own)](CallContext& call) {
      return make_protocol_fault(call, action, own);
    });
  };
  protocol("response", ProtocolAction::respond, {"status", "body", "value", "headers"});
  protocol("error", ProtocolAction::error, {"message", "status", "code", "sqlstate"});
  protocol("drop", ProtocolAction::drop, {});
}

}  // namespace mishap::spec
