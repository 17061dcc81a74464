// str() and repr() of every value.
#include <fmt/format.h>

#include "mishap/starlark/callable.h"
#include "mishap/starlark/function.h"
#include "mishap/starlark/operations.h"

#include "bounds.h"
#include "float_text.h"
#include "utf8.h"

namespace mishap::starlark {
namespace {

// A value nested deeper, or a text longer, is cut with "...": shared parts can make a text
// exponentially long.
constexpr size_t kMaxDepth = 500;
constexpr size_t kMaxBytes = size_t{1} << 28;

// The containers that are being printed, innermost first.
struct Open {
  const Object* object;
  Open* outer;
  size_t depth;
  bool ended;  // a limit of the run was reached within: no item is looked at any more
};
// Host objects call append_repr for what they hold; the chain goes on through them.
thread_local Open* open_containers = nullptr;

bool is_open(const Object* object) {
  for (const Open* open = open_containers; open != nullptr; open = open->outer) {
    if (open->object == object) return true;
  }
  return false;
}

bool has_ended() { return open_containers != nullptr && open_containers->ended; }

// Whether the run's limits allow so much more work. What is printed of the rest means nothing, as
// the run ends at its next step.
bool may_go_on(uint64_t items) {
  if (has_ended()) return false;
  if (count_work(items)) return true;
  for (Open* open = open_containers; open != nullptr; open = open->outer) open->ended = true;
  return false;
}

class Opening {
 public:
  explicit Opening(const Object* object)
      : open_{object, open_containers, open_containers == nullptr ? 1 : open_containers->depth + 1,
              false} {
    open_containers = &open_;
  }
  ~Opening() { open_containers = open_.outer; }
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;

 private:
  Open open_;
};

void append_items(std::string& out, std::span<const Value> items) {
  for (size_t i = 0; i < items.size() && !has_ended(); ++i) {
    if (i > 0) out += ", ";
    append_repr(out, items[i]);
  }
}

void append_entries(std::string& out, const Table& table, bool with_values) {
  bool first = true;
  for (const Table::Entry& entry : table.entries()) {
    if (has_ended()) return;
    if (!entry.key.is_valid()) continue;
    if (!first) out += ", ";
    first = false;
    append_repr(out, entry.key);
    if (!with_values) continue;
    out += ": ";
    append_repr(out, entry.value);
  }
}

void append_range(std::string& out, const Range& range) {
  if (range.step != 1) {
    out += fmt::format("range({}, {}, {})", range.start, range.stop, range.step);
  } else if (range.start != 0) {
    out += fmt::format("range({}, {})", range.start, range.stop);
  } else {
    out += fmt::format("range({})", range.stop);
  }
}

void append_builtin(std::string& out, const Builtin& builtin) {
  if (builtin.receiver().is_valid()) {
    out += fmt::format("<built-in method {} of {} value>", builtin.name(),
                       type_name(builtin.receiver()));
  } else {
    out += fmt::format("<built-in function {}>", builtin.name());
  }
}

void append_big(std::string& out, const BigInt& number) {
  if (may_go_on(number_work(number.bit_length()))) out += number.to_string();
}

void append_container(std::string& out, const Value& value) {
  const Object* object = value.object();
  const bool too_deep = open_containers != nullptr && open_containers->depth >= kMaxDepth;
  if (too_deep || !may_go_on(1) || stack_left() == 0 || out.size() > kMaxBytes || is_open(object)) {
    out += value.is_list()    ? "[...]"
           : value.is_dict()  ? "{...}"
           : value.is_tuple() ? "(...)"
                              : "...";
    return;
  }
  const Opening opening(object);
  switch (value.kind()) {
    case Kind::kList:
      out += '[';
      append_items(out, value.as<List>().items());
      out += ']';
      return;
    case Kind::kTuple:
      out += '(';
      append_items(out, value.as<Tuple>().items());
      out += value.as<Tuple>().size() == 1 ? ",)" : ")";
      return;
    case Kind::kDict:
      out += '{';
      append_entries(out, value.as<Dict>().table(), true);
      out += '}';
      return;
    case Kind::kSet:
      out += "set([";
      append_entries(out, value.as<Set>().table(), false);
      out += "])";
      return;
    default:
      value.as<HostObject>().append_repr(out);
      return;
  }
}

}  // namespace

void append_repr(std::string& out, const Value& value) {
  switch (value.kind()) {
    case Kind::kInvalid:
      out += "<unbound>";
      return;
    case Kind::kNone:
      out += "None";
      return;
    case Kind::kBool:
      out += value.as_bool() ? "True" : "False";
      return;
    case Kind::kInt: {
      const fmt::format_int digits(value.as_int64());
      out.append(digits.data(), digits.size());
      return;
    }
    case Kind::kFloat:
      out += float_text(value.as_double());
      return;
    case Kind::kBigInt:
      append_big(out, value.as<BigIntObject>().number);
      return;
    case Kind::kString:
      out += quote(value.text());
      return;
    case Kind::kBytes:
      out += quote_bytes(value.text());
      return;
    case Kind::kRange:
      append_range(out, value.as<Range>());
      return;
    case Kind::kFunction:
      out += fmt::format("<function {}>", value.as<FunctionObject>().name());
      return;
    case Kind::kBuiltin:
      append_builtin(out, value.as<Builtin>());
      return;
    case Kind::kCell:
      out += "<cell>";
      return;
    case Kind::kTuple:
    case Kind::kList:
    case Kind::kDict:
    case Kind::kSet:
    case Kind::kHost:
      append_container(out, value);
      return;
  }
}

std::string repr(const Value& value) {
  std::string out;
  append_repr(out, value);
  return out;
}

void append_str(std::string& out, const Value& value) {
  if (value.is_string() || value.is_bytes()) {
    out += value.text();
  } else if (value.is_host()) {
    const Opening opening(value.object());
    value.as<HostObject>().append_str(out);
  } else {
    append_repr(out, value);
  }
}

std::string str(const Value& value) {
  std::string out;
  append_str(out, value);
  return out;
}

}  // namespace mishap::starlark
