// The arms of the dispatch that are not worth having inline.
#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/starlark/callable.h"
#include "mishap/starlark/interpreter.h"
#include "mishap/starlark/library.h"

#include "format.h"
#include "spelling.h"
#include "vm.h"

namespace mishap::starlark {

bool Vm::unbound(const char* what, std::string_view name) {
  return failed(Error{fmt::format("{} variable {} referenced before assignment", what, name)});
}

bool Vm::unbound_left(std::string_view name) {
  unbound("local", name);
  const Frame& frame = state_.frames.back();
  const auto next = static_cast<size_t>(frame.pc - frame.code->instructions.data());
  state_.pending->pos = frame.code->source_pos(frame.code->operand_position(next - 1));
  state_.pending->stack.back().pos = state_.pending->pos;
  return false;
}

bool Vm::binary_slow(BinaryOperator op, Value* top) {
  auto result = binary(thread_, op, top[-2], top[-1]);
  if (!result) return failed(std::move(result).error());
  top[-2] = std::move(*result);
  top[-1] = Value();
  return true;
}

bool Vm::modulo_slow(Value* top) {
  if (top[-2].is_string()) {
    Value text = quick_format_percent(heap_, top[-2].text(), top[-1]);
    if (text.is_valid()) {
      top[-2] = std::move(text);
      top[-1] = Value();
      return true;
    }
  }
  return binary_slow(BinaryOperator::kModulo, top);
}

bool Vm::add_slow(Value* top, Value* variable) {
  if (top[-2].is_string() && top[-1].is_string()) return add_text(top, variable);
  return binary_slow(BinaryOperator::kAdd, top);
}

// s + t and s += t. When the result goes back to the variable that s came from, the variable lets
// go of s first, so that the text can grow in place and building a long one takes linear time.
bool Vm::add_text(Value* top, Value* variable) {
  const size_t size = top[-2].text().size() + top[-1].text().size();
  if (!heap_.can_allocate(size) || size > static_cast<size_t>(kMaxRepeat) * 2) {
    return failed(Error{"memory limit exceeded"});
  }
  if (variable != nullptr && variable->identical(top[-2]) && !variable->identical(top[-1]))
    *variable = Value();
  const Value right = std::move(top[-1]);
  top[-2] = heap_.concat(std::move(top[-2]), right.text());
  return true;
}

// The variable's value goes below the other one, and comes back with what it is then.
bool Vm::add_to_variable(Value* top, Value* variable) {
  new (top) Value(std::move(top[-1]));
  new (top - 1) Value(*variable);
  state_.top = top + 1;
  if (!inplace_add(top + 1, variable)) return false;
  *variable = std::move(top[-1]);
  state_.top = top;
  return true;
}

bool Vm::inplace_add(Value* top, Value* variable) {
  if (!top[-2].is_list() || !is_iterable(top[-1])) return add_slow(top, variable);
  auto& list = top[-2].as<List>();
  if (auto changeable = list.check_mutable("apply += to"); !changeable)
    return failed(std::move(changeable).error());
  Result<void> done;
  if (top[-1].is_list()) {
    done = list.extend(top[-1].as<List>().items());
  } else {
    auto items = to_vector(thread_, top[-1]);
    if (!items) return failed(std::move(items).error());
    done = list.extend(*items);
  }
  if (!done) return failed(std::move(done).error());
  top[-1] = Value();
  return true;
}

bool Vm::inplace_or(Value* top) {
  if (!top[-2].is_dict() || !top[-1].is_dict()) return inplace_set(BinaryOperator::kBitOr, top);
  auto& dict = top[-2].as<Dict>();
  auto done = dict.check_mutable("apply |= to");
  if (done) done = dict.update(top[-1].as<Dict>());
  if (!done) return failed(std::move(done).error());
  top[-1] = Value();
  return true;
}

// s |= t, s &= t, s -= t and s ^= t of sets change s; of anything else they make a new value.
bool Vm::inplace_set(BinaryOperator op, Value* top) {
  if (!top[-2].is_set() || !top[-1].is_set()) return binary_slow(op, top);
  auto& set = top[-2].as<Set>();
  auto done = set.check_mutable(fmt::format("apply {}= to", spelling(op)));
  if (!done) return failed(std::move(done).error());
  auto result = binary(thread_, op, top[-2], top[-1]);
  if (!result) return failed(std::move(result).error());
  set.take(result->as<Set>());
  top[-1] = Value();
  return true;
}

Vm::Compared Vm::compare_slow(Op op, const Value* top) {
  const Value& a = top[-2];
  const Value& b = top[-1];
  const auto compared = [](bool holds) { return holds ? Compared::kTrue : Compared::kFalse; };
  const auto error = [&](Error what) {
    raise(std::move(what));
    return Compared::kFailed;
  };
  if (op == Op::kEqual || op == Op::kNotEqual) {
    auto same = equals(a, b);
    if (!same) return error(std::move(same).error());
    return compared(*same == (op == Op::kEqual));
  }
  const char* spelled = op == Op::kLess        ? "<"
                        : op == Op::kLessEqual ? "<="
                        : op == Op::kGreater   ? ">"
                                               : ">=";
  auto order = compare(a, b, spelled);
  if (!order) return error(std::move(order).error());
  switch (op) {
    case Op::kLess:
      return compared(*order < 0);
    case Op::kLessEqual:
      return compared(*order <= 0);
    case Op::kGreater:
      return compared(*order > 0);
    default:
      return compared(*order >= 0);
  }
}

bool Vm::is_in(Value* top, bool wanted) {
  auto found = contains(thread_, top[-1], top[-2]);
  if (!found) return failed(std::move(found).error());
  top[-2] = Value::boolean(*found == wanted);
  return true;
}

bool Vm::store_index_slow(Value* top) {
  auto done = set_index(thread_, top[-3], top[-2], top[-1]);
  return done || failed(std::move(done).error());
}

bool Vm::insert_slow(Value* top, bool must_be_new) {
  auto& dict = top[-3].as<Dict>();
  const size_t before = dict.size();
  auto done = dict.set(top[-2], std::move(top[-1]));
  if (done && must_be_new && dict.size() == before)
    done = fail(fmt::format("duplicate key: {}", repr(top[-2])));
  return done || failed(std::move(done).error());
}

bool Vm::next_of_host(Iteration& iteration) {
  auto item = iteration.next();
  if (!item) return failed(std::move(item).error());
  new (state_.top++) Value(std::move(*item));
  return true;
}

bool Vm::index_slow(Value* top) {
  auto result = index(thread_, top[-2], top[-1]);
  if (!result) return failed(std::move(result).error());
  top[-2] = std::move(*result);
  top[-1] = Value();
  return true;
}

bool Vm::load_method(const Code& code, uint32_t index) {
  Value*& top = state_.top;
  const Value& name = code.constants[index];
  Value& object = top[-1];
  if (!object.is_host()) {
    const MethodTable& methods =
        thread_.interpreter().library().methods[static_cast<size_t>(object.kind())];
    if (const Value* method = methods.find(name.text(), name.as<String>().hash())) {
      code.methods[index] = {object.kind(), *method};
      new (top) Value(std::move(object));
      object = *method;
      ++top;
      return true;
    }
  }
  auto found = attr(thread_, object, name.text());
  if (!found) return failed(std::move(found).error());
  object = std::move(*found);
  new (top++) Value();
  return true;
}

bool Vm::unpack(size_t count) {
  Value*& top = state_.top;
  const Value iterable = std::move(top[-1]);
  --top;
  if (!is_iterable(iterable)) {
    return failed(Error{fmt::format("got {} in sequence assignment", type_name(iterable))});
  }
  auto iteration = Iteration::start(thread_, iterable);
  if (!iteration) return failed(std::move(iteration).error());
  std::vector<Value> items;
  bool more = false;
  while (true) {
    auto item = iteration->next();
    if (!item) return failed(std::move(item).error());
    if (!item->is_valid()) break;
    more = items.size() == count;
    if (more) break;
    items.push_back(std::move(*item));
  }
  if (more) {
    const auto size = length(iterable);
    return failed(
        Error{size ? fmt::format("too many values to unpack (got {}, want {})", *size, count)
                   : fmt::format("too many values to unpack (want {})", count)});
  }
  if (items.size() < count) {
    return failed(
        Error{fmt::format("too few values to unpack (got {}, want {})", items.size(), count)});
  }
  for (size_t i = count; i-- > 0;) new (top++) Value(std::move(items[i]));
  return true;
}

bool Vm::make_function(const Code& code, const FunctionObject& outer) {
  Value*& top = state_.top;
  std::vector<Value> cells(code.free_names.size());
  for (size_t i = cells.size(); i-- > 0;) cells[i] = std::move(*--top);
  std::vector<Value> defaults(code.default_count);
  for (size_t i = defaults.size(); i-- > 0;) {
    defaults[i] = std::move(*--top);
    // The compiler's mark for "required" among keyword-only parameters with defaults.
    if (defaults[i].kind() == Kind::kCell) defaults[i] = Value();
  }
  new (top++) Value(
      heap_.make<FunctionObject>(code, outer.module(), std::move(defaults), std::move(cells)));
  return true;
}

// Replaces *args and **kwargs on the top by what they hold.
bool Vm::spread_arguments(uint32_t flags, size_t& positional, size_t& keywords) {
  Value*& top = state_.top;
  Value kwargs;
  Value args;
  if ((flags & 2) != 0) kwargs = std::move(*--top);
  if ((flags & 1) != 0) args = std::move(*--top);
  std::vector<Value> items;
  if (args.is_valid()) {
    if (!is_iterable(args)) {
      return failed(
          Error{fmt::format("argument after * must be iterable, not {}", type_name(args))});
    }
    auto all = to_vector(thread_, args);
    if (!all) return failed(std::move(all).error());
    items = std::move(*all);
  }
  if (kwargs.is_valid() && !kwargs.is_dict()) {
    return failed(
        Error{fmt::format("argument after ** must be a mapping, not {}", type_name(kwargs))});
  }
  const size_t more_keywords = kwargs.is_valid() ? kwargs.as<Dict>().size() : 0;
  if (static_cast<size_t>(state_.stack_end - top) < items.size() + 2 * more_keywords) {
    return failed(Error{"too many arguments in call"});
  }
  // Positional ones go before the keywords that are there already.
  Value* first_keyword = top - 2 * keywords;
  for (Value& item : items) new (top++) Value(std::move(item));
  std::rotate(first_keyword, first_keyword + 2 * keywords, top);
  positional += items.size();
  if (!kwargs.is_valid()) return true;
  for (const Table::Entry& entry : std::as_const(kwargs.as<Dict>()).table().entries()) {
    if (!entry.key.is_valid()) continue;
    if (!entry.key.is_string()) {
      return failed(Error{fmt::format("keywords must be strings, not {}", type_name(entry.key))});
    }
    new (top++) Value(entry.key);
    new (top++) Value(entry.value);
    ++keywords;
  }
  return true;
}

bool Vm::load_module(const Value& name, const Program& program) {
  Value*& top = state_.top;
  auto module = thread_.interpreter().load(thread_, name.text(), program.key);
  if (!module) return failed(thread_.rethrow(std::move(module).error()).value());
  new (top++) Value(*module);
  return true;
}

bool Vm::load_name(const Value& name) {
  Value*& top = state_.top;
  const auto& module = top[-1].as<LoadedModule>();
  if (name.text().starts_with('_')) {
    return failed(Error{
        fmt::format("load: names with leading underscores are not exported: {}", name.text())});
  }
  const Value found = module.global(name.text());
  if (!found.is_valid()) {
    std::vector<std::string> names;
    for (const auto& global : module.globals()) {
      if (!global.name.starts_with('_')) names.push_back(global.name);
    }
    std::string message =
        fmt::format("load: name {} not found in module {}", name.text(), module.name());
    if (const auto near = nearest_name(name.text(), names))
      message += fmt::format(" (did you mean {}?)", *near);
    return failed(Error{std::move(message)});
  }
  new (top++) Value(found);
  return true;
}

}  // namespace mishap::starlark
