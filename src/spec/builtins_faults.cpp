// deny, delay, allow, response, error, drop, duplicate: faults that do not know their target yet.
#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/glob.h"
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

/// A keyword that is text: nothing when it was not given.
Result<std::optional<std::string>> take_text(const CallContext& call, std::vector<KeywordArg>& rest,
                                             std::string_view name,
                                             const starlark::TypeSet& wanted = types::kString) {
  MISHAP_ASSIGN(Value value, take_keyword(call, rest, name, wanted));
  if (!value.is_valid()) return std::optional<std::string>();
  return std::optional(std::string(value.text()));
}

// --- syscall faults ---

/// `to=db`, `to=db.pg`, `to=[db, cache]`.
Result<std::vector<std::string>> peers(const CallContext& call, const Value& value) {
  std::vector<std::string> names;
  auto add = [&](const Value& item, const std::string& argument) -> Result<void> {
    if (const auto* service = service_argument(item)) {
      if (service->interfaces.empty()) {
        return call.error(fmt::format(
            "{}: service \"{}\" declares no interface, so no connection to it can be told",
            argument, service->name));
      }
      names.push_back(service->name);
    } else if (auto* ref = starlark::host_cast<InterfaceRef>(item)) {
      names.push_back(ref->service + "." + ref->interface.name);
    } else {
      return wrong_type(call, argument, item, kServiceOrInterfaceType);
    }
    return {};
  };
  if (!value.is_list()) {
    MISHAP_TRY(add(value, "to"));
    return names;
  }
  auto items = value.as<starlark::List>().items();
  if (items.empty()) return call.error("to is empty; leave it out for any peer");
  for (size_t i = 0; i < items.size(); ++i) MISHAP_TRY(add(items[i], item_name("to", i)));
  return names;
}

Result<fault::Scope> scope_argument(const CallContext& call, const Value& value, int error) {
  std::vector<std::string> words;
  if (value.is_string())
    words.emplace_back(value.text());
  else if (value.is_list()) {
    for (const Value& item : value.as<starlark::List>().items()) {
      if (!item.is_string())
        return wrong_type(call, item_name("scope", words.size()), item, types::kString);
      words.emplace_back(item.text());
    }
  } else {
    return wrong_type(call, "scope", value,
                      (types::kString | types::kList).described("string or list"));
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
  MISHAP_ASSIGN(auto mode, take_text(call, rest, "mode"));
  if (mode) {
    if (*mode != "exhaustive" && *mode != "stochastic") {
      return call.error(
          fmt::format("mode must be \"exhaustive\" or \"stochastic\", not \"{}\"", *mode));
    }
    if (limited && *mode == "stochastic")
      return call.error("max_fires= cannot be combined with mode=\"stochastic\"");
    if (!limited && *mode == "exhaustive")
      return call.error("mode=\"exhaustive\" needs max_fires=");
  }
  if (limited && rule.trigger.probability >= 1)
    return call.error("max_fires= needs a probability below 1; use times=");
  MISHAP_ASSIGN(auto label, take_text(call, rest, "label"));
  rule.declared.label = label.value_or("");
  if (Value to = take_keyword(rest, "to"); to.is_valid()) {
    MISHAP_ASSIGN(rule.to, peers(call, to));
  }
  MISHAP_ASSIGN(auto path, take_text(call, rest, "path"));
  if (path) {
    MISHAP_TRY(check_path_glob(call, *path));
    rule.path_glob = *path;
  }
  if (Value scope = take_keyword(rest, "scope"); scope.is_valid() && scoped) {
    MISHAP_ASSIGN(rule.scope, scope_argument(call, scope, rule.error));
  }
  for (const auto& [name, value] : rest) {
    if (rule.action != fault::SyscallAction::delay) break;
    if (std::find(kMatcherNames.begin(), kMatcherNames.end(), name.text()) == kMatcherNames.end())
      continue;
    return call.error(
        fmt::format("{0}= belongs to the delay of a request: delay(delay=\"{1}\", {0}=…)",
                    name.text(), call.text(0)));
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

/// `metadata={"x-tenant": "a*"}`: headers, whose names HTTP/2 has in lower case.
Result<void> take_metadata(const CallContext& call, const Value& metadata,
                           fault::ProtocolRule& rule) {
  for (const auto& entry : metadata.as<starlark::Dict>().table().entries()) {
    if (!entry.key.is_valid()) continue;
    if (!entry.key.is_string())
      return wrong_type(call, "metadata (a name)", entry.key, types::kString);
    if (!entry.value.is_string())
      return wrong_type(call, fmt::format("metadata[{}]", starlark::repr(entry.key)), entry.value,
                        types::kString);
    rule.metadata[to_lower(entry.key.text())] = entry.value.text();
  }
  return {};
}

Result<void> take_matchers(CallContext& call, std::vector<KeywordArg>& rest,
                           fault::ProtocolRule& rule) {
  for (const auto& name : kMatcherNames) {
    MISHAP_ASSIGN(auto pattern, take_text(call, rest, name));
    if (!pattern) continue;
    if (auto problem = glob_problem(*pattern);
        !problem.empty() && pattern->find('*') != std::string::npos)
      return call.error(fmt::format("{}=\"{}\" {}", name, *pattern, problem));
    rule.matchers[canonical(name)] = *pattern;
  }
  MISHAP_ASSIGN(Value metadata, take_keyword(call, rest, "metadata", types::kDict));
  if (metadata.is_valid()) MISHAP_TRY(take_metadata(call, metadata, rule));
  MISHAP_ASSIGN(rule.trigger, take_trigger(call, rest));
  MISHAP_ASSIGN(auto label, take_text(call, rest, "label"));
  rule.declared.label = label.value_or("");
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

Result<void> take_headers(CallContext& call, const Value& headers, fault::ProtocolRule& rule) {
  for (const auto& entry : headers.as<starlark::Dict>().table().entries()) {
    if (!entry.key.is_valid()) continue;
    if (!entry.key.is_string())
      return wrong_type(call, "headers (a name)", entry.key, types::kString);
    std::string text = starlark::str(entry.value);
    if ((std::string(entry.key.text()) + text).find_first_of("\r\n") != std::string::npos)
      return call.error(fmt::format("headers: {} must be one line", starlark::repr(entry.key)));
    rule.headers.emplace_back(entry.key.text(), std::move(text));
  }
  return {};
}

/// One of two spellings of the same thing.
Result<Value> take_either(const CallContext& call, std::vector<KeywordArg>& rest, const char* one,
                          const char* other, const starlark::TypeSet& wanted) {
  MISHAP_ASSIGN(Value first, take_keyword(call, rest, one, wanted));
  MISHAP_ASSIGN(Value second, take_keyword(call, rest, other, wanted));
  if (first.is_valid() && second.is_valid())
    return call.error(fmt::format("{} and {} mean the same; give one of them", one, other));
  return first.is_valid() ? first : second;
}

Result<void> take_answer(CallContext& call, std::vector<KeywordArg>& rest,
                         fault::ProtocolRule& rule) {
  constexpr int64_t kMostStatus = 599;
  const starlark::TypeSet status_type =
      rule.action == fault::ProtocolAction::error
          ? (types::kInt | types::kString).described("int, or string such as \"UNAVAILABLE\"")
          : types::kInt;
  MISHAP_ASSIGN(Value status, take_keyword(call, rest, "status", status_type));
  if (status.is_valid() && status.is_string()) {
    rule.status_name = status.text();
  } else if (status.is_valid()) {
    if (!status.is_int64() || status.as_int64() < 0 || status.as_int64() > kMostStatus) {
      return call.error(fmt::format("status={} is no status: they go from 0 to {}",
                                    starlark::repr(status), kMostStatus));
    }
    rule.status = static_cast<int>(status.as_int64());
  }
  MISHAP_ASSIGN(Value body, take_either(call, rest, "body", "value", types::kAny));
  if (body.is_valid()) {
    MISHAP_ASSIGN(rule.body, body_text(call, body));
  }
  MISHAP_ASSIGN(auto message, take_text(call, rest, "message"));
  rule.message = message.value_or("");
  const starlark::TypeSet code_type =
      (types::kString | types::kInt).described("string such as \"53100\", or int");
  MISHAP_ASSIGN(Value code, take_either(call, rest, "code", "sqlstate", code_type));
  if (code.is_valid()) rule.code = starlark::str(code);
  MISHAP_ASSIGN(Value headers, take_keyword(call, rest, "headers", types::kDict));
  if (headers.is_valid()) MISHAP_TRY(take_headers(call, headers, rule));
  MISHAP_ASSIGN(Value messages, take_keyword(call, rest, "messages", types::kInt));
  if (!messages.is_valid()) return {};
  constexpr int64_t kMostMessages = 1'000'000'000;
  if (!messages.is_int64() || messages.as_int64() < 1 || messages.as_int64() > kMostMessages) {
    return call.error(fmt::format("messages={}: the fault comes after at least one message",
                                  starlark::repr(messages)));
  }
  rule.messages = static_cast<int>(messages.as_int64());
  return {};
}

Result<Value> make_protocol_fault(CallContext& call, fault::ProtocolAction action,
                                  const std::vector<std::string>& own) {
  fault::ProtocolRule rule;
  rule.action = action;
  rule.declared.pos = call.thread().caller_pos();
  rule.declared.text = written(call);
  std::vector<KeywordArg> rest(call.kwargs().begin(), call.kwargs().end());
  std::vector<std::string> known =
      with(with(own, kMatcherNames), with({"metadata", "label"}, kTriggerNames));
  for (const auto& [name, value] : rest) {
    if (std::find(known.begin(), known.end(), name.text()) == known.end()) {
      return fail(refuse_rest(call, {{name, value}}, known).error());
    }
  }
  MISHAP_TRY(take_matchers(call, rest, rule));
  MISHAP_TRY(take_answer(call, rest, rule));
  MISHAP_ASSIGN(auto duration, take_text(call, rest, "delay", kDurationType));
  if (duration) {
    MISHAP_ASSIGN(rule.delay, positive_duration(call, "delay", *duration));
  } else if (action == fault::ProtocolAction::delay) {
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
  MISHAP_ASSIGN(rule.delay, positive_duration(call, "duration", call.text(0)));
  MISHAP_TRY(take_common(call, {call.kwargs().begin(), call.kwargs().end()}, rule, true));
  rule.declared.text = fmt::format("delay({}){}", format_duration(rule.delay), rule.conditions());
  return call.heap().make<SyscallFaultValue>(std::move(rule));
}

}  // namespace

void install_faults(World& world) {
  using fault::ProtocolAction;
  define(world,
         Signature("deny")
             .required("errno", types::kString.described("the name of an errno, such as \"EIO\""))
             .positional_only()
             .kwargs(),
         make_deny);
  define(world, Signature("delay").optional("duration", kDurationType).positional_only().kwargs(),
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
  protocol("error", ProtocolAction::error, {"message", "status", "code", "sqlstate", "messages"});
  protocol("drop", ProtocolAction::drop, {"code", "messages"});
  protocol("duplicate", ProtocolAction::duplicate, {});
}

}  // namespace mishap::spec
