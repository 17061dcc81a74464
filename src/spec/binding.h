// Arguments that several builtins take.
#pragma once

#include <string>
#include <vector>

#include "mishap/base/duration.h"
#include "mishap/event/filter.h"
#include "mishap/fault/rule.h"

#include "world.h"

namespace mishap::spec {

inline const starlark::TypeSet kDurationType =
    starlark::types::kString.described("string such as \"500ms\"");
inline const starlark::TypeSet kServiceType = starlark::types::host("service");
inline const starlark::TypeSet kServiceOrInterfaceType =
    starlark::TypeSet(std::vector<std::string>{"service", "interface_ref"})
        .described("service or interface");

/// "NAME: for parameter PARAM: got TYPE, want WANTED", and what to do where that is plain. The one
/// form of this error, for what a Signature cannot check: keywords of **kwargs, items of lists.
tl::unexpected<Error> wrong_type(const CallContext& call, std::string_view parameter,
                                 const Value& value, const starlark::TypeSet& wanted);
/// "monitors[2]", as wrong_type names an item.
std::string item_name(std::string_view list, size_t index);

/// A duration string. Error: `NAME: bad duration "5": …`.
Result<Nanoseconds> duration_argument(const CallContext& call, size_t index);
/// One that must be more than 0; `name` is that of the parameter.
Result<Nanoseconds> positive_duration(const CallContext& call, std::string_view name,
                                      std::string_view text);
/// A list of strings without NUL.
Result<std::vector<std::string>> string_list(const CallContext& call, size_t index,
                                             std::string_view list);
/// Error when text for the system (a path, a word of a command line) has a NUL in it.
Result<void> refuse_nul(const CallContext& call, std::string_view what, std::string_view text);
/// A pattern for paths: not empty, well formed, absolute or beginning with a star.
Result<void> check_path_glob(const CallContext& call, std::string_view pattern);
/// Names become host names, environment variables and attributes: letters, digits and the
/// characters of `extra`, at most 63. `what` begins the error.
Result<void> check_name(const CallContext& call, std::string_view what, std::string_view name,
                        std::string_view extra);
/// "f takes 1 argument (x), and is called with nothing", when `function` cannot be called with
/// these by position; "" when it can, or that cannot be told.
std::string arity_problem(const Value& function, std::span<const char* const> given);
/// Error unless `function` can be called with these arguments by position: those of a callback are
/// told where it is declared, not when it is called.
Result<void> require_arity(const CallContext& call, std::string_view parameter,
                           const Value& function, std::span<const char* const> given);
/// 0.3, 30, "30%", "1%". Error when it is no number or not between 0 and 100 %.
Result<double> probability_value(const CallContext& call, const Value& value);
/// "unknown service …" with the nearest one; "" when there is one of that name, or it is the test.
std::string unknown_service(const Declarations& declared, const std::string& name);
/// A service by its value. Null when it is none.
const engine::Service* service_argument(const Value& value);

/// nth= after= every= times= probability=, as every fault builder takes them; consumes those
/// keywords from `rest`.
Result<fault::Trigger> take_trigger(const CallContext& call,
                                    std::vector<starlark::KeywordArg>& rest);
/// Takes `name` out of the keywords; invalid when it was not given.
Value take_keyword(std::vector<starlark::KeywordArg>& rest, std::string_view name);
/// The same with a type.
Result<Value> take_keyword(const CallContext& call, std::vector<starlark::KeywordArg>& rest,
                           std::string_view name, const starlark::TypeSet& wanted);
/// Error naming the first keyword left and the nearest of `known`, or all of them.
Result<void> refuse_rest(const CallContext& call, const std::vector<starlark::KeywordArg>& rest,
                         const std::vector<std::string>& known);
/// A whole number > 0.
Result<uint64_t> positive_count(const CallContext& call, std::string_view name, const Value& value);

/// `service="db", type="stdout"` as a filter. Numbers and truths are written as fields have them.
/// Error for other values, for a type that is one letter off a known one, and for a service that
/// nobody declared (while the spec loads: noted, and told when all are known).
Result<event::Filter> filter_argument(const CallContext& call,
                                      std::span<const starlark::KeywordArg> keywords);
/// The same for matchers, which take text only.
Result<event::Filter> criteria_argument(const CallContext& call,
                                        std::span<const starlark::KeywordArg> keywords);
/// clock=: "wall", the only one there is. Error for any other.
Result<void> check_clock(const CallContext& call, size_t index);

}  // namespace mishap::spec
