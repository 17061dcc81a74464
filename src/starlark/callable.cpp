#include "mishap/starlark/callable.h"

#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/check.h"
#include "mishap/base/text.h"
#include "mishap/starlark/operations.h"
#include "mishap/starlark/thread.h"

namespace mishap::starlark {

bool is_callable(const Value& value) {
  return value.kind() == Kind::kFunction || value.kind() == Kind::kBuiltin ||
         (value.is_host() && value.as<HostObject>().callable());
}

// --- TypeSet

TypeSet TypeSet::operator|(const TypeSet& other) const {
  TypeSet both(bits_ | other.bits_);
  both.host_names_ = host_names_;
  both.host_names_.insert(both.host_names_.end(), other.host_names_.begin(),
                          other.host_names_.end());
  both.words_ = words_.empty() ? other.words_ : words_;
  return both;
}

TypeSet TypeSet::described(std::string words) const {
  TypeSet same = *this;
  same.words_ = std::move(words);
  return same;
}

bool TypeSet::accepts_slowly(const Value& value) const {
  if ((bits_ & types::kCallableBit) != 0 && is_callable(value)) return true;
  if ((bits_ & types::kIterableBit) != 0 && is_iterable(value)) return true;
  if (!value.is_host()) return false;
  return std::find(host_names_.begin(), host_names_.end(), type_name(value)) != host_names_.end();
}

std::string TypeSet::text() const {
  if (!words_.empty()) return words_ + ((bits_ & types::bit(Kind::kNone)) != 0 ? " or None" : "");
  std::vector<std::string> names;
  const auto has = [&](Kind kind) { return (bits_ & types::bit(kind)) != 0; };
  const auto add = [&](Kind kind, const char* name) {
    if (has(kind)) names.emplace_back(name);
  };
  add(Kind::kBool, "bool");
  if (has(Kind::kInt) && has(Kind::kFloat)) {
    names.emplace_back("int or float");
  } else {
    add(Kind::kInt, "int");
    add(Kind::kFloat, "float");
  }
  add(Kind::kString, "string");
  add(Kind::kBytes, "bytes");
  add(Kind::kList, "list");
  add(Kind::kTuple, "tuple");
  add(Kind::kDict, "dict");
  add(Kind::kSet, "set");
  add(Kind::kRange, "range");
  add(Kind::kFunction, "function");
  names.insert(names.end(), host_names_.begin(), host_names_.end());
  if ((bits_ & types::kCallableBit) != 0) names.emplace_back("callable");
  if ((bits_ & types::kIterableBit) != 0) names.emplace_back("iterable");
  add(Kind::kNone, "None");
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += names[i];
  }
  return text;
}

bool TypeSet::accepts_callables() const {
  return (bits_ & (types::kCallableBit | types::bit(Kind::kFunction))) != 0;
}

bool TypeSet::accepts_lists() const { return (bits_ & types::bit(Kind::kList)) != 0; }

// --- Signature

Signature Signature::required(std::string name, TypeSet types) && {
  MISHAP_CHECK(keyword_only_ || params_.empty() || params_.back().required,
               "{}: required {} after an optional one", name_, name);
  params_.push_back({std::move(name), std::move(types), true, false, keyword_only_, false});
  if (!keyword_only_) ++positional_count_;
  return std::move(*this);
}

Signature Signature::optional(std::string name, TypeSet types) && {
  params_.push_back({std::move(name), std::move(types), false, false, keyword_only_, false});
  if (!keyword_only_) ++positional_count_;
  return std::move(*this);
}

Signature Signature::nullable(std::string name, const TypeSet& types) && {
  params_.push_back({std::move(name), types | types::kNone, false, false, keyword_only_, true});
  if (!keyword_only_) ++positional_count_;
  return std::move(*this);
}

Signature Signature::positional_only() && {
  for (Param& param : params_) param.positional_only = true;
  return std::move(*this);
}

Signature Signature::numbered() && {
  numbered_ = true;
  return std::move(*this).positional_only();
}

Signature Signature::plain(bool exactly) && {
  plain_ = true;
  exactly_ = exactly;
  return std::move(*this).numbered();
}

Signature Signature::keyword_only() && {
  keyword_only_ = true;
  return std::move(*this);
}

Signature Signature::varargs(TypeSet types) && {
  has_varargs_ = true;
  keyword_only_ = true;
  varargs_types_ = std::move(types);
  return std::move(*this);
}

Signature Signature::kwargs(TypeSet types) && {
  has_kwargs_ = true;
  kwargs_types_ = std::move(types);
  return std::move(*this);
}

// --- BoundArguments

namespace {

/// What messages call the parameter: its name, or its number.
std::string called(const Signature& signature, const Signature::Param& param) {
  if (!signature.is_numbered() || param.keyword_only) return param.name;
  return std::to_string(&param - signature.params().data() + 1);
}

tl::unexpected<Error> wrong_type(const Signature& signature, std::string_view param,
                                 const Value& value, const TypeSet& types) {
  return fail(fmt::format("{}: for parameter {}: got {}, want {}{}", signature.name(), param,
                          type_name(value), types.text(), type_remedy(value, types)));
}

/// "; name them, as in scenarios=…" when there is something that only goes by name.
std::string by_name(const Signature& signature, std::string_view whom) {
  for (const auto& param : signature.params()) {
    if (param.keyword_only) return fmt::format("; name {}, as in {}=…", whom, param.name);
  }
  return signature.takes_kwargs() ? fmt::format("; name {}", whom) : "";
}

/// Of a parameter that has no name for callers, and was given by it.
tl::unexpected<Error> positional(const Signature& signature, std::string_view param) {
  return fail(fmt::format(
      "{}: {} is given by position: write its value without {}=", signature.name(), param, param));
}

tl::unexpected<Error> too_many(const Signature& signature, size_t given, size_t most) {
  const bool exact =
      std::all_of(signature.params().begin(), signature.params().end(),
                  [](const auto& param) { return param.required || param.keyword_only; });
  if (most == 0) {
    const std::string named = by_name(signature, "them");
    if (named.empty())
      return fail(fmt::format("{}: got {} arguments, want 0", signature.name(), given));
    return fail(fmt::format("{}: unexpected positional arguments{}", signature.name(), named));
  }
  return fail(fmt::format("{}: got {} arguments, want {}{}{}", signature.name(), given,
                          signature.says_exactly() ? "exactly "
                          : exact                  ? ""
                                                   : "at most ",
                          most, by_name(signature, "the others")));
}

tl::unexpected<Error> unexpected_keyword(const Signature& signature, std::string_view name) {
  if (signature.is_plain())
    return fail(fmt::format("{} does not accept keyword arguments", signature.name()));
  std::vector<std::string> candidates;
  for (const auto& param : signature.params()) {
    if (!param.positional_only) candidates.push_back(param.name);
    if (signature.is_numbered()) continue;
    if (param.positional_only && param.name == name) return positional(signature, name);
  }
  if (candidates.empty())
    return fail(fmt::format("{}: unexpected keyword arguments", signature.name()));
  return fail(fmt::format("{}: unexpected keyword argument \"{}\"{}", signature.name(), name,
                          nearest_or_all(name, candidates)));
}

tl::unexpected<Error> too_few(const Signature& signature, size_t given) {
  const auto& params = signature.params();
  const auto least =
      std::count_if(params.begin(), params.end(), [](const auto& each) { return each.required; });
  const bool exact = static_cast<size_t>(least) == params.size();
  return fail(fmt::format("{}: got {} arguments, want {}{}", signature.name(), given,
                          signature.says_exactly() ? "exactly "
                          : exact                  ? ""
                                                   : "at least ",
                          least));
}

tl::unexpected<Error> missing(const Signature& signature, const Signature::Param& param,
                              size_t given, std::span<const KeywordArg> keywords) {
  if (signature.is_numbered()) return too_few(signature, given);
  const bool named = std::any_of(keywords.begin(), keywords.end(), [&](const auto& keyword) {
    return keyword.name.text() == param.name;
  });
  if (named && param.positional_only) return positional(signature, param.name);
  return fail(fmt::format("{}: missing argument for {}", signature.name(), param.name));
}

}  // namespace

std::string type_remedy(const Value& value, const TypeSet& wanted) {
  const bool wants_function = wanted.accepts_callables();
  if (wanted.accepts_lists() && !value.is_dict() && !value.is_tuple() && !value.is_none())
    return "; write a list: […]";
  if (value.kind() == Kind::kBuiltin && !wants_function)
    return fmt::format("; call it: {}(…)", value.as<Builtin>().name());
  if (wants_function && value.is_none()) return "; name the function without calling it";
  return "";
}

Result<void> BoundArguments::bind(const Signature& signature, const CallArgs& args) {
  const auto& params = signature.params_;
  const size_t positional = std::min(args.positional.size(), signature.positional_count_);
  if (args.positional.size() > positional) {
    if (!signature.has_varargs_)
      return too_many(signature, args.positional.size(), signature.positional_count_);
    varargs_ = args.positional.subspan(positional);
    for (const Value& value : varargs_) {
      if (!signature.varargs_types_.accepts(value))
        return wrong_type(signature, "args", value, signature.varargs_types_);
    }
  }
  const bool as_it_is = args.keywords.empty() && positional == params.size();
  if (as_it_is) {
    values_ = args.positional.data();
  } else {
    if (params.size() > kInline) {
      spilled_.resize(params.size());
      own_ = spilled_.data();
    } else {
      own_ = inline_;
    }
    values_ = own_;
    std::copy_n(args.positional.begin(), positional, own_);
    MISHAP_TRY(bind_keywords(signature, args.keywords));
  }
  for (size_t i = 0; i < params.size(); ++i) {
    const auto& param = params[i];
    if (!values_[i].is_valid()) {
      if (param.required) return missing(signature, param, positional, args.keywords);
    } else if (!param.types.accepts(values_[i])) {
      return wrong_type(signature, called(signature, param), values_[i], param.types);
    } else if (param.none_is_absent && values_[i].is_none()) {
      if (as_it_is) {  // the caller's array is not ours to change
        spilled_.assign(values_, values_ + params.size());
        values_ = own_ = spilled_.data();
        return bind_absent(signature);
      }
      own_[i] = Value();
    }
  }
  return {};
}

// The rest of bind when the arguments had to be copied: None of nullable parameters becomes "not
// given".
Result<void> BoundArguments::bind_absent(const Signature& signature) {
  for (size_t i = 0; i < signature.params_.size(); ++i) {
    const auto& param = signature.params_[i];
    if (!param.types.accepts(own_[i]))
      return wrong_type(signature, called(signature, param), own_[i], param.types);
    if (param.none_is_absent && own_[i].is_none()) own_[i] = Value();
  }
  return {};
}

Result<void> BoundArguments::bind_keywords(const Signature& signature,
                                           std::span<const KeywordArg> keywords) {
  const auto& params = signature.params_;
  for (const KeywordArg& keyword : keywords) {
    const std::string_view name = keyword.name.text();
    const auto param = std::find_if(params.begin(), params.end(), [&](const auto& each) {
      return !each.positional_only && each.name == name;
    });
    if (param != params.end()) {
      Value& slot = own_[param - params.begin()];
      if (slot.is_valid()) {
        return fail(fmt::format("{}: got multiple values for keyword argument \"{}\"",
                                signature.name(), name));
      }
      slot = keyword.value;
    } else if (!signature.has_kwargs_) {
      return unexpected_keyword(signature, name);
    } else {
      for (const KeywordArg& other : unknown_) {
        if (other.name.text() == name) {
          return fail(fmt::format("{}: got multiple values for keyword argument \"{}\"",
                                  signature.name(), name));
        }
      }
      if (!signature.kwargs_types_.accepts(keyword.value)) {
        return wrong_type(signature, name, keyword.value, signature.kwargs_types_);
      }
      unknown_.push_back(keyword);
    }
  }
  kwargs_ = unknown_;
  return {};
}

// --- CallContext, Builtin

Heap& CallContext::heap() const { return thread_.heap(); }

int64_t CallContext::integer(size_t index) const {
  const Value& value = binding_[index];
  if (value.is_int64()) return value.as_int64();
  return value.as<BigIntObject>().number.sign() < 0 ? INT64_MIN : INT64_MAX;
}

Result<int64_t> CallContext::to_int64(size_t index) const {
  const Value& value = binding_[index];
  if (value.is_int64()) return value.as_int64();
  const auto& param = signature_.params()[index];
  return error(fmt::format("for parameter {}: {} out of range (want value in signed 64-bit range)",
                           signature_.is_numbered() ? std::to_string(index + 1) : param.name,
                           repr(value)));
}

double CallContext::number(size_t index) const {
  const Value& value = binding_[index];
  if (value.is_float()) return value.as_double();
  return value.is_int64() ? static_cast<double>(value.as_int64())
                          : value.as<BigIntObject>().number.to_double();
}

tl::unexpected<Error> CallContext::error(std::string_view message) const {
  return fail(fmt::format("{}: {}", name(), message));
}

Result<Value> Builtin::invoke(Thread& thread, const Value& receiver, const CallArgs& args) const {
  BoundArguments binding;
  MISHAP_TRY(binding.bind(definition_->signature, args));
  CallContext context(thread, definition_->signature, receiver, binding);
  return definition_->body(context);
}

Value make_builtin(Heap& heap, Signature signature, NativeFunction body, QuickFunction quick) {
  return heap.make<Builtin>(std::make_shared<Builtin::Definition>(
                                Builtin::Definition{std::move(signature), std::move(body), quick}),
                            Value());
}

Value bind_method(Heap& heap, const Value& method, Value receiver) {
  return heap.make<Builtin>(method.as<Builtin>().definition(), std::move(receiver));
}

}  // namespace mishap::starlark
