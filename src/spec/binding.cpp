#include "binding.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "mishap/base/text.h"

#include "values.h"

namespace mishap::spec {

Result<Nanoseconds> duration_argument(const CallContext& call, size_t index) {
  auto parsed = parse_duration(call.text(index));
  if (!parsed) return call.error(parsed.error().message);
  return *parsed;
}

Result<std::vector<std::string>> string_list(const CallContext& call, size_t index,
                                             std::string_view list) {
  std::vector<std::string> strings;
  for (const Value& item : call.object<starlark::List>(index).items()) {
    if (!item.is_string()) {
      return call.error(fmt::format("{}: got {}, want string", list, starlark::type_name(item)));
    }
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
    return call.error(
        fmt::format("probability: got {}, want number or string", starlark::type_name(value)));
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

Result<uint64_t> positive_count(const CallContext& call, std::string_view name,
                                const Value& value) {
  if (!value.is_int64()) {
    return call.error(fmt::format("{}: got {}, want int", name, starlark::type_name(value)));
  }
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
    *count.into = number;
  }
  return trigger;
}

Result<void> refuse_rest(const CallContext& call, const std::vector<starlark::KeywordArg>& rest,
                         const std::vector<std::string>& known) {
  if (rest.empty()) return {};
  std::string name(rest.front().name.text());
  return call.error(fmt::format("unexpected keyword argument \"{}\"{}; known are {}", name,
                                did_you_mean(name, known), join(known, ", ")));
}

Result<event::Filter> filter_argument(std::span<const starlark::KeywordArg> keywords) {
  event::Filter filter;
  for (const auto& [name, value] : keywords) {
    filter.criteria.emplace_back(std::string(name.text()), starlark::str(value));
  }
  return filter;
}

}  // namespace mishap::spec
