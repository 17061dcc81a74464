// Arguments that several builtins take.
#pragma once

#include <string>
#include <vector>

#include "mishap/base/duration.h"
#include "mishap/event/filter.h"
#include "mishap/fault/rule.h"

#include "world.h"

namespace mishap::spec {

/// A duration string. Error: `NAME: bad duration "5": …`.
Result<Nanoseconds> duration_argument(const CallContext& call, size_t index);
/// A list of strings. Error: "NAME: LIST: got int, want string".
Result<std::vector<std::string>> string_list(const CallContext& call, size_t index,
                                             std::string_view list);
/// 0.3, 30, "30%", "1%". Error when it is no number or not between 0 and 100 %.
Result<double> probability_value(const CallContext& call, const Value& value);
/// A service by its value. Null when it is none.
const engine::Service* service_argument(const Value& value);

/// nth= after= every= times= probability=, as every fault builder takes them; consumes those
/// keywords from `rest`.
Result<fault::Trigger> take_trigger(const CallContext& call,
                                    std::vector<starlark::KeywordArg>& rest);
/// Takes `name` out of the keywords; invalid when it was not given.
Value take_keyword(std::vector<starlark::KeywordArg>& rest, std::string_view name);
/// Error naming the first keyword left, the nearest of `known`, and all of them.
Result<void> refuse_rest(const CallContext& call, const std::vector<starlark::KeywordArg>& rest,
                         const std::vector<std::string>& known);
/// A whole number > 0.
Result<uint64_t> positive_count(const CallContext& call, std::string_view name, const Value& value);

/// `service="db", type="stdout"` as a filter; values that are no strings are written as str() gives
/// them.
Result<event::Filter> filter_argument(std::span<const starlark::KeywordArg> keywords);

}  // namespace mishap::spec
