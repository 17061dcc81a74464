#include "format.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "mishap/starlark/thread.h"

#include "float_text.h"
#include "lib.h"
#include "utf8.h"

namespace mishap::starlark {
namespace {

// While a text grows that no one counts yet.
Result<void> check_growth(const Heap& heap, const std::string& text) {
  if (text.size() <= static_cast<size_t>(kMaxRepeat) && heap.can_allocate(text.size())) return {};
  return fail("memory limit exceeded");
}

// A string as it is, anything else as it is written: bytes are no text here.
void append_plain(std::string& out, const Value& value) {
  if (value.is_bytes()) return append_repr(out, value);
  append_str(out, value);
}

Result<BigInt> integer_operand(Heap& heap, const Value& value) {
  if (value.is_int()) return to_big(value);
  if (!value.is_float()) {
    return fail(fmt::format("cannot convert {} to int", type_name(value)));
  }
  MISHAP_ASSIGN(const Value whole, truncated_number(heap, value.as_double()));
  return to_big(whole);
}

Result<void> append_integer(std::string& out, Heap& heap, char conversion, const Value& value) {
  // By far the most frequent case needs no big number.
  if (value.is_int64() && (conversion == 'd' || conversion == 'i')) {
    append_repr(out, value);
    return {};
  }
  auto number = integer_operand(heap, value);
  if (!number) {
    return fail(fmt::format("%{} format requires integer: {}", conversion, number.error().message));
  }
  MISHAP_TRY(count_work(number_work(number->bit_length())));
  switch (conversion) {
    case 'o':
      out += number->to_string(8);
      return {};
    case 'x':
      out += number->to_string(16);
      return {};
    case 'X':
      for (char c : number->to_string(16)) {
        out += static_cast<char>(c >= 'a' && c <= 'f' ? c - 'a' + 'A' : c);
      }
      return {};
    default:
      out += number->to_string();
      return {};
  }
}

Result<void> append_float(std::string& out, char conversion, const Value& value) {
  if (!value.is_float() && !value.is_int()) {
    return fail(fmt::format("%{} format requires float, not {}", conversion, type_name(value)));
  }
  MISHAP_ASSIGN(const double number, to_double(value));
  out += float_text(number, conversion);
  return {};
}

Result<void> append_character(std::string& out, const Value& value) {
  if (value.is_int()) {
    const bool valid =
        value.is_int64() && value.as_int64() >= 0 && value.as_int64() <= int64_t{kMaxRune};
    if (!valid) {
      return fail(
          fmt::format("%c format requires a valid Unicode code point, got {}", repr(value)));
    }
    append_rune(out, static_cast<char32_t>(value.as_int64()));
    return {};
  }
  if (!value.is_string()) {
    return fail(
        fmt::format("%c format requires int or single-character string, not {}", type_name(value)));
  }
  if (value.text().empty() || decode_rune(value.text()).width != value.text().size()) {
    return fail("%c format requires a single-character string");
  }
  out += value.text();
  return {};
}

Result<void> append_converted(std::string& out, Heap& heap, char conversion, const Value& value) {
  switch (conversion) {
    case 's':
      append_plain(out, value);
      return {};
    case 'r':
      append_repr(out, value);
      return {};
    case 'd':
    case 'i':
    case 'o':
    case 'x':
    case 'X':
      return append_integer(out, heap, conversion, value);
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
      return append_float(out, conversion, value);
    case 'c':
      return append_character(out, value);
    default:
      return fail(fmt::format("unknown conversion %{}", conversion));
  }
}

// One run of `format % args`.
class PercentFormatter {
 public:
  PercentFormatter(Thread& thread, std::string_view format, const Value& args)
      : thread_(thread), rest_(format), args_(args) {
    operands_ = args.is_tuple() ? args.as<Tuple>().items() : std::span(&args, 1);
  }

  Result<Value> run() {
    while (true) {
      const size_t percent = rest_.find('%');
      out_ += rest_.substr(0, percent);
      if (percent == std::string_view::npos) break;
      rest_.remove_prefix(percent + 1);
      MISHAP_TRY(directive());
      MISHAP_TRY(check_growth(thread_.heap(), out_));
    }
    const bool mapping = args_.is_dict();
    if (used_ < operands_.size() && !mapping) {
      return fail("too many arguments for format string");
    }
    return thread_.heap().string(out_);
  }

 private:
  // What follows a percent sign.
  Result<void> directive() {
    if (rest_.starts_with('%')) {
      out_ += '%';
      rest_.remove_prefix(1);
      return {};
    }
    Value operand;
    if (rest_.starts_with('(')) {
      MISHAP_ASSIGN(operand, keyed_operand());
    } else {
      if (used_ >= operands_.size()) return fail("not enough arguments for format string");
      operand = operands_[used_++];
    }
    if (rest_.empty()) return fail("incomplete format");
    const char conversion = rest_[0];
    if (const size_t width = decode_rune(rest_).width; width > 1) {
      return fail(fmt::format("unknown conversion %{}", rest_.substr(0, width)));
    }
    rest_.remove_prefix(1);
    if (conversion == '%') {
      out_ += '%';
      return {};
    }
    return append_converted(out_, thread_.heap(), conversion, operand);
  }

  Result<Value> keyed_operand() {
    rest_.remove_prefix(1);
    const size_t close = rest_.find(')');
    if (close == std::string_view::npos) return fail("incomplete format key");
    const std::string_view key = rest_.substr(0, close);
    rest_.remove_prefix(close + 1);
    if (args_.is_dict()) {
      const Value* found = args_.as<Dict>().get_text(key);
      if (found == nullptr) return fail(fmt::format("key not found: {}", key));
      return *found;
    }
    if (!args_.is_host()) return fail("format requires a mapping");
    MISHAP_ASSIGN(
        Value found,
        static_cast<HostObject*>(args_.object())->index(thread_, thread_.heap().string(key)));
    if (!found.is_valid()) return fail("format requires a mapping");
    used_ = operands_.size();
    return found;
  }

  Thread& thread_;
  std::string_view rest_;
  const Value& args_;
  std::span<const Value> operands_;
  size_t used_ = 0;
  std::string out_;
};

// A replacement field: {name!conversion:spec}.
struct Field {
  std::string_view name;
  std::string_view conversion = "s";
  std::string_view spec;
};

Field parse_field(std::string_view text) {
  Field field;
  const size_t bang = text.find('!');
  std::string_view* before_colon = &field.name;
  if (bang != std::string_view::npos) {
    field.name = text.substr(0, bang);
    text.remove_prefix(bang + 1);
    before_colon = &field.conversion;
  }
  const size_t colon = text.find(':');
  *before_colon = text.substr(0, colon);
  if (colon != std::string_view::npos) field.spec = text.substr(colon + 1);
  return field;
}

// One run of format.format(…).
class BraceFormatter {
 public:
  BraceFormatter(const Heap& heap, std::span<const Value> args, std::span<const KeywordArg> kwargs)
      : heap_(heap), args_(args), kwargs_(kwargs) {}

  Result<std::string> run(std::string_view format) {
    while (true) {
      const size_t open = format.find('{');
      MISHAP_TRY(append_literal(format.substr(0, open)));
      if (open == std::string_view::npos) return std::move(out_);
      format.remove_prefix(open + 1);
      if (format.starts_with('{')) {
        out_ += '{';
        format.remove_prefix(1);
        continue;
      }
      const size_t close = format.find('}');
      if (close == std::string_view::npos) return fail("unmatched '{' in format");
      MISHAP_TRY(append_field(parse_field(format.substr(0, close))));
      MISHAP_TRY(check_growth(heap_, out_));
      format.remove_prefix(close + 1);
    }
  }

 private:
  // Text outside of fields: "}}" is a brace, a lone one is an error.
  Result<void> append_literal(std::string_view text) {
    while (true) {
      const size_t brace = text.find('}');
      if (brace == std::string_view::npos) {
        out_ += text;
        return {};
      }
      if (text.size() == brace + 1 || text[brace + 1] != '}') {
        return fail("single '}' in format");
      }
      out_ += text.substr(0, brace + 1);
      text.remove_prefix(brace + 2);
    }
  }

  Result<void> append_field(const Field& field) {
    MISHAP_ASSIGN(const Value value, argument(field.name));
    if (!field.spec.empty()) {
      return fail(
          fmt::format("format spec features not supported in replacement fields: {}", field.spec));
    }
    if (field.conversion == "s") {
      append_plain(out_, value);
    } else if (field.conversion == "r") {
      append_repr(out_, value);
    } else {
      return fail(fmt::format("unknown conversion {}", quote(field.conversion)));
    }
    return {};
  }

  Result<Value> argument(std::string_view name) {
    if (name.empty()) {
      if (manual_) {
        return fail("cannot switch from manual field specification to automatic field numbering");
      }
      automatic_ = true;
      if (next_ >= args_.size()) return fail("tuple index out of range");
      return args_[next_++];
    }
    if (name.find_first_not_of("0123456789") == std::string_view::npos) {
      if (automatic_) {
        return fail("cannot switch from automatic field numbering to manual field specification");
      }
      manual_ = true;
      const auto number = BigInt::parse(name)->to_int64();
      if (!number) return keyword(name);
      if (*number >= static_cast<int64_t>(args_.size())) {
        return fail("tuple index out of range");
      }
      return args_[static_cast<size_t>(*number)];
    }
    return keyword(name);
  }

  Result<Value> keyword(std::string_view name) const {
    for (const KeywordArg& arg : kwargs_) {
      if (arg.name.text() == name) return arg.value;
    }
    const auto has = [&](char c) { return name.find(c) != std::string_view::npos; };
    if (has('.')) {
      return fail(
          fmt::format("attribute syntax x.y is not supported in replacement fields: {}", name));
    }
    if (has('[')) {
      return fail(
          fmt::format("element syntax a[i] is not supported in replacement fields: {}", name));
    }
    if (has('{')) return fail("nested replacement fields not supported");
    return fail(fmt::format("keyword {} not found", name));
  }

  const Heap& heap_;
  std::span<const Value> args_;
  std::span<const KeywordArg> kwargs_;
  std::string out_;
  size_t next_ = 0;
  bool automatic_ = false;
  bool manual_ = false;
};

}  // namespace

Result<Value> format_percent(Thread& thread, std::string_view format, const Value& args) {
  return PercentFormatter(thread, format, args).run();
}

Value quick_format_percent(Heap& heap, std::string_view format, const Value& args) {
  if (args.is_dict() || args.is_host()) return {};
  const auto operands = args.is_tuple() ? args.as<Tuple>().items() : std::span(&args, 1);
  constexpr size_t kMostDigits = 20;
  char text[256];
  char* out = text;
  char* const end = text + sizeof(text);
  size_t used = 0;
  for (const char *at = format.data(), *const last = at + format.size(); at != last; ++at) {
    if (out == end) return {};
    if (*at != '%') {
      *out++ = *at;
      continue;
    }
    if (++at == last || used == operands.size()) return {};
    const Value& operand = operands[used++];
    if (operand.is_int64() && (*at == 'd' || *at == 's')) {
      if (static_cast<size_t>(end - out) < kMostDigits) return {};
      out = std::to_chars(out, end, operand.as_int64()).ptr;
    } else if (operand.is_string() && *at == 's') {
      const std::string_view part = operand.text();
      if (static_cast<size_t>(end - out) < part.size()) return {};
      out = std::copy(part.begin(), part.end(), out);
    } else {
      return {};
    }
  }
  if (used != operands.size()) return {};
  return heap.string({text, static_cast<size_t>(out - text)});
}

Result<Value> format_braces(Heap& heap, std::string_view format, std::span<const Value> args,
                            std::span<const KeywordArg> kwargs) {
  auto text = BraceFormatter(heap, args, kwargs).run(format);
  if (!text) return fail(std::move(text).error().context("format"));
  return heap.string(*text);
}

}  // namespace mishap::starlark
