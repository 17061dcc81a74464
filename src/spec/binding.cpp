#include "binding.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "mishap/base/glob.h"
#include "mishap/base/text.h"
#include "mishap/event/filter.h"

#include "values.h"

namespace mishap::spec {
namespace {

namespace st = starlark::types;

/// How many arguments by position a callable takes, as far as that is known before the call.
struct Arity {
  size_t least = 0, most = 0;
  bool any = false;     ///< has *args
  std::string names;    ///< of its parameters
  std::string keyword;  ///< a keyword-only parameter that must be given
};

/// "takes 2 arguments (a, b)".
std::string takes(const Arity& arity) {
  if (arity.most == 0 && !arity.any) return "takes no argument";
  auto counted = [](size_t count) {
    return fmt::format("{} argument{}", count, count == 1 ? "" : "s");
  };
  std::string count = arity.any ? counted(arity.least) + " or more"
                      : arity.least == arity.most
                          ? counted(arity.most)
                          : fmt::format("{} to {}", arity.least, counted(arity.most));
  return fmt::format("takes {} ({})", count, arity.names);
}

std::optional<Arity> arity_of(const Value& function) {
  Arity arity;
  auto add = [&](std::string_view name, bool keyword_only, bool required) {
    if (keyword_only && required && arity.keyword.empty()) arity.keyword = name;
    if (keyword_only) return;
    arity.names += (arity.names.empty() ? "" : ", ") + std::string(name);
    ++arity.most;
    if (required) ++arity.least;
  };
  if (function.kind() == starlark::Kind::kFunction) {
    const auto& defined = function.as<starlark::FunctionObject>();
    for (const auto& p : defined.params()) add(p.name, p.keyword_only, !p.default_value.is_valid());
    arity.any = defined.has_varargs();
  } else if (function.kind() == starlark::Kind::kBuiltin) {
    const auto& signature = function.as<starlark::Builtin>().signature();
    for (const auto& p : signature.params()) add(p.name, p.keyword_only, p.required);
    arity.any = signature.takes_varargs();
  } else {
    return std::nullopt;
  }
  return arity;
}

/// A value as the text that event fields have for it.
std::optional<std::string> field_text(const Value& value) {
  if (value.is_bool()) return value.as_bool() ? "true" : "false";
  if (value.is_string() || value.is_int() || value.is_float()) return starlark::str(value);
  return std::nullopt;
}

bool is_pattern(std::string_view text) { return text.find_first_of("*?[") != text.npos; }

Result<void> check_event_type(const CallContext& call, const std::string& name,
                              const std::string& type) {
  const auto& known = event::known_types();
  if (is_pattern(type) || std::find(known.begin(), known.end(), type) != known.end()) return {};
  // Another type may come from a version or a source that this one does not know.
  std::string near = did_you_mean(type, known);
  if (near.empty()) return {};
  return call.error(fmt::format("no event has {}=\"{}\"{}", name, type, near));
}

Result<void> check_service_name(const CallContext& call, const std::string& service) {
  if (service.empty() || is_pattern(service)) return {};
  World& world = world_of(call);
  if (task_of(call.thread()).kind == TaskKind::load) {
    world.declarations.filtered.push_back({service, call.thread().caller_pos()});
    return {};
  }
  auto refused = unknown_service(world.declarations, service);
  if (refused.empty()) return {};
  return call.error(refused);
}

}  // namespace

tl::unexpected<Error> wrong_type(const CallContext& call, std::string_view parameter,
                                 const Value& value, const starlark::TypeSet& wanted) {
  return call.error(fmt::format("for parameter {}: got {}, want {}{}", parameter,
                                starlark::type_name(value), wanted.text(),
                                starlark::type_remedy(value, wanted)));
}

std::string item_name(std::string_view list, size_t index) {
  return fmt::format("{}[{}]", list, index);
}

std::string unknown_service(const Declarations& declared, const std::string& name) {
  std::vector<std::string> known = {"test"};
  for (const auto& service : declared.services) known.push_back(service.name);
  if (std::find(known.begin(), known.end(), name) != known.end()) return "";
  return fmt::format("unknown service \"{}\"{}", name, nearest_or_all(name, known));
}

Result<Nanoseconds> positive_duration(const CallContext& call, std::string_view name,
                                      std::string_view text) {
  auto parsed = parse_duration(text);
  if (!parsed) return call.error(fmt::format("{}: {}", name, parsed.error().message));
  if (*parsed <= Nanoseconds(0))
    return call.error(fmt::format("{}=\"{}\" must be more than 0", name, text));
  return *parsed;
}

Result<void> refuse_nul(const CallContext& call, std::string_view what, std::string_view text) {
  if (text.find('\0') == std::string_view::npos) return {};
  return call.error(fmt::format("{} has a NUL byte in it", what));
}

Result<void> check_path_glob(const CallContext& call, std::string_view pattern) {
  if (pattern.empty()) return call.error("path is empty; leave it out for any path");
  if (auto problem = glob_problem(pattern); !problem.empty())
    return call.error(fmt::format("path=\"{}\" {}", pattern, problem));
  return {};
}

std::string arity_problem(const Value& function, std::span<const char* const> given) {
  auto arity = arity_of(function);
  if (!arity) return "";
  std::string name = callable_name(function);
  std::string with = given.empty() ? "nothing" : "";
  for (const char* argument : given)
    with += fmt::format("{}{}", with.empty() ? "" : ", ", argument);
  bool fits = given.size() >= arity->least && (arity->any || given.size() <= arity->most);
  if (fits && arity->keyword.empty()) return "";
  if (fits) return fmt::format("{} needs {}=, and is called with {}", name, arity->keyword, with);
  // The commonest slip with our own functions: naming one whose result was meant.
  bool makes = function.kind() == starlark::Kind::kBuiltin && !given.empty() && arity->most == 0;
  return fmt::format("{} {}, and is called with {}{}", name, takes(*arity), with,
                     makes ? fmt::format("; write {}()", name) : "");
}

Result<void> require_arity(const CallContext& call, std::string_view parameter,
                           const Value& function, std::span<const char* const> given) {
  std::string problem = arity_problem(function, given);
  if (problem.empty()) return {};
  return call.error(fmt::format("for parameter {}: {}", parameter, problem));
}

Result<void> check_name(const CallContext& call, std::string_view what, std::string_view name,
                        std::string_view extra) {
  constexpr size_t kLongest = 63;  // of a label of a host name
  auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  bool fits = !name.empty() && name.size() <= kLongest && (plain(name[0]) || name[0] == '_') &&
              std::all_of(name.begin(), name.end(), [&](char c) {
                return plain(c) || extra.find(c) != std::string_view::npos;
              });
  if (fits) return {};
  if (name.empty()) return call.error("the name is empty");
  if (name.size() > kLongest)
    return call.error(
        fmt::format("{} has at most {} characters, not {}", what, kLongest, name.size()));
  return call.error(fmt::format("{} consists of letters, digits, {}: not {}", what,
                                extra.size() == 2 ? "_ and -" : "_, - and .",
                                Json(name).dump(-1, ' ', false, Json::error_handler_t::replace)));
}

Result<Nanoseconds> duration_argument(const CallContext& call, size_t index) {
  auto parsed = parse_duration(call.text(index));
  if (!parsed) return call.error(parsed.error().message);
  return *parsed;
}

Result<std::vector<std::string>> string_list(const CallContext& call, size_t index,
                                             std::string_view list) {
  std::vector<std::string> strings;
  for (const Value& item : call.object<starlark::List>(index).items()) {
    std::string name = item_name(list, strings.size());
    if (!item.is_string()) return wrong_type(call, name, item, st::kString);
    MISHAP_TRY(refuse_nul(call, name, item.text()));
    strings.emplace_back(item.text());
  }
  return strings;
}

Result<double> probability_value(const CallContext& call, const Value& value) {
  std::string shown = starlark::repr(value);
  double number = 0;
  bool percent = false;
  if (value.is_string()) {
    std::string text(trim(value.text()));
    percent = text.ends_with('%');
    if (percent) text.pop_back();
    char* end = nullptr;
    number = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0')
      return call.error("probability: " + shown + " is not a number such as 0.3 or \"30%\"");
  } else if (value.is_int() || value.is_float()) {
    MISHAP_ASSIGN(number, starlark::to_double(value));
  } else {
    return wrong_type(call, "probability", value,
                      (st::kNumber | st::kString).described("number or string"));
  }
  // A bare number above 1 is meant as per cent; with the sign it always is.
  if (percent || number > 1) number /= 100;
  if (!std::isfinite(number) || number < 0 || number > 1) {
    return call.error("probability: " + shown + " is not between 0 and 100%");
  }
  return number;
}

const engine::Service* service_argument(const Value& value) {
  auto* service = starlark::host_cast<ServiceValue>(value);
  return service == nullptr ? nullptr : &service->service;
}

Value take_keyword(std::vector<starlark::KeywordArg>& rest, std::string_view name) {
  auto found = std::find_if(rest.begin(), rest.end(),
                            [&](const auto& arg) { return arg.name.text() == name; });
  if (found == rest.end()) return Value();
  Value value = found->value;
  rest.erase(found);
  return value;
}

Result<Value> take_keyword(const CallContext& call, std::vector<starlark::KeywordArg>& rest,
                           std::string_view name, const starlark::TypeSet& wanted) {
  Value value = take_keyword(rest, name);
  if (value.is_valid() && !wanted.accepts(value)) return wrong_type(call, name, value, wanted);
  return value;
}

Result<uint64_t> positive_count(const CallContext& call, std::string_view name,
                                const Value& value) {
  if (!value.is_int()) return wrong_type(call, name, value, st::kInt);
  if (!value.is_int64())
    return call.error(fmt::format("{}={} is too large", name, starlark::repr(value)));
  if (value.as_int64() <= 0) return call.error(fmt::format("{} must be more than 0", name));
  return static_cast<uint64_t>(value.as_int64());
}

Result<fault::Trigger> take_trigger(const CallContext& call,
                                    std::vector<starlark::KeywordArg>& rest) {
  fault::Trigger trigger;
  if (Value value = take_keyword(rest, "probability"); value.is_valid()) {
    MISHAP_ASSIGN(trigger.probability, probability_value(call, value));
  }
  struct Count {
    const char* name;
    std::optional<uint64_t>* into;
  };
  for (const Count& count :
       {Count{"nth", &trigger.nth}, Count{"after", &trigger.after}, Count{"every", &trigger.every},
        Count{"times", &trigger.times}, Count{"max_fires", &trigger.times}}) {
    Value value = take_keyword(rest, count.name);
    if (!value.is_valid()) continue;
    MISHAP_ASSIGN(uint64_t number, positive_count(call, count.name, value));
    if (*count.into) return call.error("times and max_fires mean the same; give one of them");
    *count.into = number;
  }
  if (trigger.nth && (trigger.after || trigger.every || trigger.times)) {
    return call.error(fmt::format(
        "nth={0} is that match alone; it does not go with after, every or times", *trigger.nth));
  }
  return trigger;
}

Result<void> refuse_rest(const CallContext& call, const std::vector<starlark::KeywordArg>& rest,
                         const std::vector<std::string>& known) {
  if (rest.empty()) return {};
  std::string name(rest.front().name.text());
  return call.error(
      fmt::format("unexpected keyword argument \"{}\"{}", name, nearest_or_all(name, known)));
}

Result<event::Filter> filter_argument(const CallContext& call,
                                      std::span<const starlark::KeywordArg> keywords) {
  event::Filter filter;
  for (const auto& [key, value] : keywords) {
    std::string name(key.text());
    auto text = field_text(value);
    if (!text)
      return wrong_type(
          call, name, value,
          (st::kString | st::kNumber | st::kBool).described("string, number or bool"));
    if (name == "type") MISHAP_TRY(check_event_type(call, name, *text));
    if (name == "service") MISHAP_TRY(check_service_name(call, *text));
    filter.criteria.emplace_back(std::move(name), std::move(*text));
  }
  return filter;
}

Result<event::Filter> criteria_argument(const CallContext& call,
                                        std::span<const starlark::KeywordArg> keywords) {
  for (const auto& [key, value] : keywords) {
    if (value.is_string()) continue;
    auto text = field_text(value);
    if (!text) return wrong_type(call, key.text(), value, st::kString);
    return call.error(
        fmt::format("for parameter {}: got {}, want string; fields are text: {}=\"{}\"", key.text(),
                    starlark::type_name(value), key.text(), *text));
  }
  return filter_argument(call, keywords);
}

Result<void> check_clock(const CallContext& call, size_t index) {
  if (!call.has(index) || call.text(index) == "wall") return {};
  if (call.text(index) == "virtual") {
    return call.error(
        "clock=\"virtual\" is reserved: this version has no virtual time; leave clock= out");
  }
  return call.error(fmt::format("unknown clock \"{}\"; there is \"wall\"", call.text(index)));
}

}  // namespace mishap::spec
