// The module time: moments and durations.
#include <chrono>
#include <cmath>

#include <fmt/format.h>

#include "mishap/base/duration.h"
#include "mishap/starlark/thread.h"

#include "lib.h"
#include "time_layout.h"
#include "utf8.h"

namespace mishap::starlark {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr std::string_view kRfc3339 = "2006-01-02T15:04:05Z07:00";

int sign_of(int64_t a, int64_t b) { return a < b ? -1 : a > b ? 1 : 0; }

// What arithmetic on durations overflows into.
tl::unexpected<Error> out_of_time() { return fail("duration out of range"); }

tl::unexpected<Error> divided_by_zero() { return fail("time.duration division by zero"); }

class DurationObject final : public HostObject {
 public:
  explicit DurationObject(int64_t nanoseconds) : nanoseconds(nanoseconds) {}

  std::string_view type_name() const override { return "time.duration"; }
  void append_repr(std::string& out) const override {
    out += format_duration(Nanoseconds(nanoseconds));
  }
  bool truth() const override { return nanoseconds != 0; }
  Result<uint64_t> hash() const override { return hash_int64(nanoseconds); }
  Result<bool> equals(const HostObject& other, int) const override {
    const auto* that = dynamic_cast<const DurationObject*>(&other);
    return that != nullptr && that->nanoseconds == nanoseconds;
  }
  Result<std::optional<int>> order(const HostObject& other, int) const override {
    const auto* that = dynamic_cast<const DurationObject*>(&other);
    if (that == nullptr) return std::optional<int>();
    return std::optional(sign_of(nanoseconds, that->nanoseconds));
  }
  Result<Value> attr(Thread& thread, std::string_view name) override;
  std::vector<std::string> attr_names() const override {
    return {"hours", "microseconds", "milliseconds", "minutes", "nanoseconds", "seconds"};
  }
  Result<Value> binary(Thread& thread, BinaryOperator op, const Value& other,
                       bool reversed) override;
  Result<Value> unary(Thread& thread, UnaryOperator op) override;

  const int64_t nanoseconds;

 private:
  Result<Value> with_duration(Heap& heap, BinaryOperator op, int64_t other) const;
  Result<Value> scaled(Heap& heap, BinaryOperator op, const Value& other, bool reversed) const;
};

class TimeObject final : public HostObject {
 public:
  explicit TimeObject(ZonedTime time) : time(std::move(time)) {}

  std::string_view type_name() const override { return "time.time"; }
  void append_repr(std::string& out) const override {
    out += format_time(time, "2006-01-02 15:04:05.999999999 -0700 MST");
  }
  Result<uint64_t> hash() const override {
    return hash_int64(time.seconds) * 31 + static_cast<uint64_t>(time.nanoseconds);
  }
  Result<bool> equals(const HostObject& other, int depth) const override {
    MISHAP_ASSIGN(const auto relation, order(other, depth));
    return relation && *relation == 0;
  }
  Result<std::optional<int>> order(const HostObject& other, int) const override {
    const auto* that = dynamic_cast<const TimeObject*>(&other);
    if (that == nullptr) return std::optional<int>();
    const int by_second = sign_of(time.seconds, that->time.seconds);
    return std::optional(by_second != 0 ? by_second
                                        : sign_of(time.nanoseconds, that->time.nanoseconds));
  }
  Result<Value> attr(Thread& thread, std::string_view name) override;
  std::vector<std::string> attr_names() const override {
    return {"day",        "format", "hour", "in_location", "minute", "month",
            "nanosecond", "second", "unix", "unix_nano",   "year"};
  }
  Result<Value> binary(Thread& thread, BinaryOperator op, const Value& other,
                       bool reversed) override;

  const ZonedTime time;
};

Value make_duration(Heap& heap, int64_t nanoseconds) {
  return heap.make<DurationObject>(nanoseconds);
}
Value make_time(Heap& heap, ZonedTime time) { return heap.make<TimeObject>(std::move(time)); }

Result<Value> duration_of(Heap& heap, double nanoseconds) {
  if (!(std::fabs(nanoseconds) < 9.2e18)) return out_of_time();
  return make_duration(heap, static_cast<int64_t>(nanoseconds));
}

Result<Value> DurationObject::attr(Thread&, std::string_view name) {
  const auto exact = static_cast<double>(nanoseconds);
  if (name == "hours") return Value::real(exact / (3600.0 * kSecond));
  if (name == "minutes") return Value::real(exact / (60.0 * kSecond));
  if (name == "seconds") return Value::real(exact / kSecond);
  if (name == "milliseconds") return Value::integer(nanoseconds / 1'000'000);
  if (name == "microseconds") return Value::integer(nanoseconds / 1'000);
  if (name == "nanoseconds") return Value::integer(nanoseconds);
  return Value();
}

Result<Value> DurationObject::with_duration(Heap& heap, BinaryOperator op, int64_t other) const {
  int64_t result = 0;
  switch (op) {
    case BinaryOperator::kAdd:
      if (__builtin_add_overflow(nanoseconds, other, &result)) return out_of_time();
      return make_duration(heap, result);
    case BinaryOperator::kSubtract:
      if (__builtin_sub_overflow(nanoseconds, other, &result)) return out_of_time();
      return make_duration(heap, result);
    case BinaryOperator::kDivide:
      if (other == 0) return divided_by_zero();
      return Value::real(static_cast<double>(nanoseconds) / static_cast<double>(other));
    case BinaryOperator::kFloorDivide:
      if (other == 0) return divided_by_zero();
      return heap.integer(BigInt::floor_div(BigInt(nanoseconds), BigInt(other)));
    default:
      return Value();
  }
}

Result<Value> DurationObject::scaled(Heap& heap, BinaryOperator op, const Value& other,
                                     bool reversed) const {
  if (op == BinaryOperator::kMultiply && other.is_int()) {
    if (!other.is_int64()) return fail("int value out of range (want signed 64-bit value)");
    const auto product = (BigInt(nanoseconds) * to_big(other)).to_int64();
    if (!product) return out_of_time();
    return make_duration(heap, *product);
  }
  if (reversed && op == BinaryOperator::kDivide && other.is_int())
    return fail("unsupported operation");
  if (reversed || (op != BinaryOperator::kDivide && op != BinaryOperator::kFloorDivide))
    return Value();
  if (op == BinaryOperator::kFloorDivide && !other.is_int()) return Value();
  MISHAP_ASSIGN(const double divisor, to_double(other));
  if (divisor == 0) return divided_by_zero();
  if (op == BinaryOperator::kDivide)
    return duration_of(heap, static_cast<double>(nanoseconds) / divisor);
  const auto quotient = BigInt::floor_div(BigInt(nanoseconds), to_big(other)).to_int64();
  if (!quotient) return out_of_time();
  return make_duration(heap, *quotient);
}

Result<Value> DurationObject::binary(Thread& thread, BinaryOperator op, const Value& other,
                                     bool reversed) {
  if (const auto* that = host_cast<DurationObject>(other)) {
    if (reversed) return Value();
    return with_duration(thread.heap(), op, that->nanoseconds);
  }
  if (other.is_int() || other.is_float()) return scaled(thread.heap(), op, other, reversed);
  return Value();
}

Result<Value> DurationObject::unary(Thread& thread, UnaryOperator op) {
  if (op == UnaryOperator::kInvert) return Value();
  if (op == UnaryOperator::kPlus) return make_duration(thread.heap(), nanoseconds);
  if (nanoseconds == INT64_MIN) return out_of_time();
  return make_duration(thread.heap(), -nanoseconds);
}

BigInt nanoseconds_of(const ZonedTime& time) {
  return BigInt(time.seconds) * BigInt(kSecond) + BigInt(time.nanoseconds);
}

Result<Value> in_location(CallContext& call, const ZonedTime& time) {
  auto zone = TimeZone::load(call.text(0));
  if (!zone) return named(call, zone.error());
  return make_time(call.heap(), {time.seconds, time.nanoseconds, std::move(*zone)});
}

Result<Value> TimeObject::attr(Thread& thread, std::string_view name) {
  Heap& heap = thread.heap();
  if (name == "unix") return Value::integer(time.seconds);
  if (name == "unix_nano") return heap.integer(nanoseconds_of(time));
  if (name == "format") {
    return make_builtin(heap, Signature("format").numbered().required("layout", types::kString),
                        [time = time](CallContext& call) -> Result<Value> {
                          return call.heap().string(format_time(time, call.text(0)));
                        });
  }
  if (name == "in_location") {
    return make_builtin(heap, Signature("in_location").numbered().required("name", types::kString),
                        [time = time](CallContext& call) { return in_location(call, time); });
  }
  const CivilTime civil = to_civil(time);
  if (name == "year") return Value::integer(civil.year);
  if (name == "month") return Value::integer(civil.month);
  if (name == "day") return Value::integer(civil.day);
  if (name == "hour") return Value::integer(civil.hour);
  if (name == "minute") return Value::integer(civil.minute);
  if (name == "second") return Value::integer(civil.second);
  if (name == "nanosecond") return Value::integer(civil.nanosecond);
  return Value();
}

// A moment `nanoseconds` away.
Result<Value> moved(Heap& heap, const ZonedTime& from, const BigInt& nanoseconds) {
  const BigInt sum = nanoseconds_of(from) + nanoseconds;
  const auto seconds = BigInt::floor_div(sum, BigInt(kSecond)).to_int64();
  if (!seconds) return fail("time out of range");
  const auto rest = BigInt::floor_mod(sum, BigInt(kSecond)).to_int64();
  return make_time(heap, {*seconds, static_cast<int32_t>(*rest), from.zone});
}

Result<Value> TimeObject::binary(Thread& thread, BinaryOperator op, const Value& other,
                                 bool reversed) {
  if (const auto* span = host_cast<DurationObject>(other)) {
    if (op == BinaryOperator::kAdd) return moved(thread.heap(), time, BigInt(span->nanoseconds));
    if (op == BinaryOperator::kSubtract && !reversed)
      return moved(thread.heap(), time, -BigInt(span->nanoseconds));
    return Value();
  }
  const auto* that = host_cast<TimeObject>(other);
  if (that == nullptr || op != BinaryOperator::kSubtract || reversed) return Value();
  const auto difference = (nanoseconds_of(time) - nanoseconds_of(that->time)).to_int64();
  if (!difference) return out_of_time();
  return make_duration(thread.heap(), *difference);
}

// The largest number of seconds whose dates are calculated: about 290 million years either way.
constexpr int64_t kMaxSeconds = int64_t{1} << 53;

Result<int64_t> bounded(CallContext& call, size_t index, int64_t missing) {
  if (!call.has(index)) return missing;
  MISHAP_ASSIGN(const int64_t value, call.to_int64(index));
  if (value > kMaxSeconds || value < -kMaxSeconds) return call.error("time out of range");
  return value;
}

Result<Value> from_timestamp(CallContext& call) {
  MISHAP_ASSIGN(const int64_t seconds, bounded(call, 0, 0));
  MISHAP_ASSIGN(const int64_t nanoseconds, bounded(call, 1, 0));
  return moved(call.heap(), {seconds, 0, TimeZone::utc()}, BigInt(nanoseconds));
}

Result<Value> is_valid_timezone(CallContext& call) {
  return Value::boolean(TimeZone::load(call.text(0)).has_value());
}

Result<Value> now(CallContext& call) {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  const int64_t count = std::chrono::duration_cast<std::chrono::nanoseconds>(since).count();
  MISHAP_ASSIGN(auto zone, TimeZone::load("Local"));
  return make_time(call.heap(),
                   {count / kSecond, static_cast<int32_t>(count % kSecond), std::move(zone)});
}

// What is wrong with a text that is no duration, in the words of the reference implementation.
std::string duration_problem(std::string_view text) {
  constexpr std::string_view kNumber = "0123456789.";
  std::string_view rest = text;
  if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
  while (!rest.empty() && rest.find_first_of("0123456789") <= rest.find_first_not_of('.')) {
    rest.remove_prefix(std::min(rest.find_first_not_of(kNumber), rest.size()));
    const std::string_view unit = rest.substr(0, rest.find_first_of(kNumber));
    if (unit.empty()) return fmt::format("time: missing unit in duration {}", quote(text));
    if (!parse_duration(fmt::format("1{}", unit)))
      return fmt::format("time: unknown unit {} in duration {}", quote(unit), quote(text));
    rest.remove_prefix(unit.size());
  }
  return fmt::format("time: invalid duration {}", quote(text));
}

Result<Value> parse_duration_function(CallContext& call) {
  if (host_cast<DurationObject>(call[0]) != nullptr) return call[0];
  if (!call[0].is_string()) {
    return call.error(fmt::format("for parameter 1: got {}, want a duration, string, or int",
                                  type_name(call[0])));
  }
  const std::string_view text = call.text(0);
  const auto duration = parse_duration(text);
  if (!duration) {
    // Behind the text in quotes comes what to do about it.
    const std::string& message = duration.error().message;
    const std::string_view remedy = std::string_view(message).substr(message.rfind("\": ") + 3);
    return call.error(fmt::format("for parameter 1: {}: {}", duration_problem(text), remedy));
  }
  return make_duration(call.heap(), duration->count());
}

Result<Value> parse_time_function(CallContext& call) {
  const std::string_view layout = call.has(1) ? call.text(1) : kRfc3339;
  auto zone = TimeZone::load(call.has(2) ? call.text(2) : "UTC");
  if (!zone) return named(call, zone.error());
  auto time = parse_time(call.text(0), layout, std::move(*zone));
  if (!time) return named(call, time.error());
  return make_time(call.heap(), std::move(*time));
}

Result<Value> time_function(CallContext& call) {
  CivilTime civil;
  int64_t* const fields[] = {&civil.year,   &civil.month,  &civil.day,       &civil.hour,
                             &civil.minute, &civil.second, &civil.nanosecond};
  for (size_t i = 0; i < std::size(fields); ++i) {
    // A field by itself is far less than what would overflow the seconds.
    constexpr int64_t kMaxField = 100'000'000;
    MISHAP_ASSIGN(const int64_t value, bounded(call, i, *fields[i]));
    const int64_t most = i == 6 ? kMaxSeconds : kMaxField;
    if (value > most || value < -most) return call.error("time out of range");
    *fields[i] = value;
  }
  auto zone = TimeZone::load(call.has(7) ? call.text(7) : "UTC");
  if (!zone) return named(call, zone.error());
  return make_time(call.heap(), from_civil(civil, std::move(*zone)));
}

Signature time_signature() {
  Signature signature = Signature("time").keyword_only();
  for (const char* field : {"year", "month", "day", "hour", "minute", "second", "nanosecond"}) {
    signature = std::move(signature).optional(field, types::kInt);
  }
  return std::move(signature).optional("location", types::kString);
}

}  // namespace

Value make_time_module(Heap& heap) {
  std::vector<std::pair<std::string, Value>> members;
  const auto function = [&](Signature signature, NativeFunction body) {
    std::string name = signature.name();
    members.emplace_back(std::move(name),
                         make_builtin(heap, std::move(signature), std::move(body)));
  };
  function(Signature("from_timestamp")
               .numbered()
               .required("sec", types::kInt)
               .optional("nsec", types::kInt),
           from_timestamp);
  function(Signature("is_valid_timezone").numbered().required("loc", types::kString),
           is_valid_timezone);
  function(Signature("now"), now);
  function(Signature("parse_duration").required("d"), parse_duration_function);
  function(Signature("parse_time")
               .required("x", types::kString)
               .optional("format", types::kString)
               .optional("location", types::kString),
           parse_time_function);
  function(time_signature(), time_function);
  const std::pair<const char*, int64_t> units[] = {
      {"nanosecond", 1},   {"microsecond", 1'000},   {"millisecond", 1'000'000},
      {"second", kSecond}, {"minute", 60 * kSecond}, {"hour", 3600 * kSecond}};
  for (const auto& [name, nanoseconds] : units)
    members.emplace_back(name, make_duration(heap, nanoseconds));
  return heap.make<NamespaceObject>("time", std::move(members));
}

}  // namespace mishap::starlark
