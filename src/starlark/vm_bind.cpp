// The arguments of Starlark functions.
#include <algorithm>
#include <cstddef>
#include <optional>

#include <fmt/format.h>

#include "mishap/base/text.h"

#include "vm.h"

namespace mishap::starlark {

namespace {

Error too_many_arguments(const Code& code, size_t given) {
  const size_t most = code.positional_count();
  if (code.param_count == 0 && !code.has_kwargs) {
    return Error{fmt::format("function {} accepts no arguments ({} given)", code.name, given)};
  }
  const bool exact = code.default_count <= code.keyword_only_count;
  return Error{fmt::format("function {} accepts {}{} positional argument{} ({} given)", code.name,
                           exact ? "" : "at most ", most, most == 1 ? "" : "s", given)};
}

[[gnu::cold]] Error missing_arguments(const Code& code, const Value* args) {
  std::vector<std::string> missing;
  for (size_t i = 0; i < code.param_count; ++i) {
    if (!args[i].is_valid()) missing.push_back(code.local_names[i]);
  }
  return Error{fmt::format("function {} missing {} argument{} ({})", code.name, missing.size(),
                           missing.size() == 1 ? "" : "s", join(missing, ", "))};
}

Error unexpected_argument(const Code& code, std::string_view name) {
  const std::span<const std::string> params(code.local_names.data(), code.param_count);
  return Error{fmt::format("function {} got an unexpected keyword argument \"{}\"{}", code.name,
                           name, did_you_mean(name, params))};
}

}  // namespace

// The arguments become the first slots of the frame where they are; keywords are put aside first.
bool Vm::bind(const FunctionObject& function, const Call& call) {
  const Code& code = *function.code_;
  if (code.param_count == 0 && !code.has_varargs && !code.has_kwargs) {
    const size_t given = call.positional + call.keywords;
    if (given > 0) return failed(too_many_arguments(code, given));
  }
  const size_t positional = std::min<size_t>(call.positional, code.positional_count());
  if (call.positional > positional && !code.has_varargs)
    return failed(too_many_arguments(code, call.positional));
  Value*& top = state_.top;
  Value* const pairs = call.args + call.positional;
  std::vector<Value>& keywords = state_.keywords;
  if (call.keywords > 0) {
    keywords.assign(std::make_move_iterator(pairs), std::make_move_iterator(top));
    top = pairs;
  }
  Dict* rest = lay_out(code, call.args, positional);
  const bool done = keywords.empty() || bind_keywords(code, call.args, rest);
  keywords.clear();
  return done && fill_defaults(function, call.args, positional);
}

// The same without arguments by name, where there are not too many.
[[gnu::flatten]] bool Vm::bind_positional(const FunctionObject& function, Value* args,
                                          size_t given) {
  const size_t positional = std::min<size_t>(given, function.code_->positional_count());
  lay_out(*function.code_, args, positional);
  return fill_defaults(function, args, positional);
}

// The slots of all parameters, of which so many are given by position; those after them, up to the
// top, go to *args. Gives **kwargs, which is empty, if there is one.
Dict* Vm::lay_out(const Code& code, Value* args, size_t positional) {
  Value*& top = state_.top;
  Value varargs;
  if (code.has_varargs) {
    const auto more = static_cast<size_t>(top - args) - positional;
    if (more > 0) {
      top -= more;
      varargs = Value(heap_.take_tuple(top, more));
    } else {
      if (!state_.empty_tuple.is_valid()) state_.empty_tuple = heap_.tuple(std::span<Value>());
      varargs = state_.empty_tuple;
    }
  }
  while (top < args + code.param_count) new (top++) Value();
  if (code.has_varargs) new (top++) Value(std::move(varargs));
  if (!code.has_kwargs) return nullptr;
  new (top++) Value(heap_.dict());
  return &top[-1].as<Dict>();
}

bool Vm::bind_keywords(const Code& code, Value* args, Dict* rest) {
  for (size_t i = 0; i < state_.keywords.size(); i += 2) {
    const Value& key = state_.keywords[i];
    Value& value = state_.keywords[i + 1];
    const std::string_view name = key.text();
    const auto params_end = code.local_names.begin() + code.param_count;
    const auto param =
        std::find_if(code.local_names.begin(), params_end, [&](const std::string& each) {
          // Names are short and mostly differ in their first letter: few need more of a look.
          return each.size() == name.size() && each.front() == name.front() && each == name;
        });
    bool repeated = false;
    if (param != params_end) {
      Value& slot = args[param - code.local_names.begin()];
      repeated = slot.is_valid();
      if (!repeated) slot = std::move(value);
    } else if (rest != nullptr) {
      const size_t before = rest->size();
      auto done = rest->set(key, std::move(value));
      if (!done) return failed(std::move(done).error());
      repeated = rest->size() == before;
    } else {
      return failed(unexpected_argument(code, name));
    }
    if (repeated) {
      return failed(Error{
          fmt::format("function {} got multiple values for parameter \"{}\"", code.name, name)});
    }
  }
  return true;
}

// Parameters that were not given, from the one after those that were given by position. Slots that
// are not there yet are made.
bool Vm::fill_defaults(const FunctionObject& function, Value* args, size_t positional) {
  const Code& code = *function.code_;
  const size_t first_default = code.param_count - code.default_count;
  while (state_.top < args + code.param_count) new (state_.top++) Value();
  bool complete = true;
  for (size_t i = positional; i < code.param_count; ++i) {
    if (args[i].is_valid()) continue;
    if (i >= first_default) args[i] = function.defaults_[i - first_default];
    complete = complete && args[i].is_valid();
  }
  return complete || failed(missing_arguments(code, args));
}

// --- calls with arguments by name

namespace {

// More names than these are bound the long way.
constexpr size_t kMostQuickNames = 16;

// Which parameter each name of the call is; nothing when the call is an error.
std::optional<std::vector<uint32_t>> params_of(const CallSite& site, const Code& code) {
  if (site.positional > code.positional_count() && !code.has_varargs) return std::nullopt;
  std::vector<uint32_t> params;
  for (size_t i = 0; i < site.names.size(); ++i) {
    const std::string_view name = site.names[i].text();
    for (size_t j = 0; j < i; ++j) {
      if (site.names[j].text() == name) return std::nullopt;
    }
    const auto end = code.local_names.begin() + code.param_count;
    const auto found = std::find(code.local_names.begin(), end, name);
    if (found == end && !code.has_kwargs) return std::nullopt;
    const auto index = static_cast<uint32_t>(found - code.local_names.begin());
    if (found != end && index < site.positional && index < code.positional_count())
      return std::nullopt;
    params.push_back(found == end ? kRest : index);
  }
  return params;
}

}  // namespace

bool Vm::learn(const CallSite& site, const Code& code) const {
  if (site.names.size() > kMostQuickNames) return false;
  auto params = params_of(site, code);
  if (!params) return false;
  site.params = std::move(*params);
  site.serial = code.serial;
  return true;
}

// The arguments become the first slots of the frame where they are; those by name, which are above
// the others, are put aside first.
[[gnu::flatten]] bool Vm::bind_named(const CallSite& site, const FunctionObject& function,
                                     Value* args) {
  const Code& code = *function.code_;
  const size_t count = site.names.size();
  // One by one: a copy of all would wait for what was just written to reach memory.
  alignas(Value) std::byte memory[kMostQuickNames * sizeof(Value)];
  auto* const aside = reinterpret_cast<Value*>(memory);
  for (size_t i = count; i-- > 0;) new (aside + i) Value(std::move(*--state_.top));
  const size_t positional = std::min<size_t>(site.positional, code.positional_count());
  Dict* const rest = lay_out(code, args, positional);
  for (size_t i = 0; i < count; ++i) {
    const uint32_t param = site.params[i];
    if (param == kRest) {
      rest->add(site.names[i], std::move(aside[i]));
    } else {
      new (args + param) Value(std::move(aside[i]));
    }
  }
  return fill_defaults(function, args, positional);
}

// Puts its name before each value.
bool Vm::name_arguments(const CallSite& site) {
  const size_t count = site.names.size();
  Value* const named = state_.top - count;
  state_.top += count;
  for (size_t i = count; i-- > 0;) {
    Value value = std::move(named[i]);
    new (named + 2 * i + 1) Value(std::move(value));
    new (named + 2 * i) Value(site.names[i]);
  }
  return true;
}

}  // namespace mishap::starlark
