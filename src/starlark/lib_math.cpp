// The module math.
#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "lib.h"

namespace mishap::starlark {
namespace {

const TypeSet kNumber = types::kNumber.described("float or int");

using Members = std::vector<std::pair<std::string, Value>>;

Result<double> number(const CallContext& call, size_t index) {
  auto value = to_double(call[index]);
  if (!value) return named(call, value.error());
  return value;
}

class ModuleBuilder {
 public:
  explicit ModuleBuilder(Heap& heap) : heap_(heap) {}

  void constant(std::string name, double value) {
    members_.emplace_back(std::move(name), Value::real(value));
  }
  void function(Signature signature, NativeFunction body) {
    std::string name = signature.name();
    members_.emplace_back(std::move(name),
                          make_builtin(heap_, std::move(signature), std::move(body)));
  }
  void unary(std::string name, double (*apply)(double)) {
    function(Signature(std::move(name)).required("x", kNumber).numbered(),
             [apply](CallContext& call) -> Result<Value> {
               MISHAP_ASSIGN(const double x, number(call, 0));
               return Value::real(apply(x));
             });
  }
  void binary(std::string name, double (*apply)(double, double)) {
    function(Signature(std::move(name)).required("x", kNumber).required("y", kNumber).numbered(),
             [apply](CallContext& call) -> Result<Value> {
               MISHAP_ASSIGN(const double x, number(call, 0));
               MISHAP_ASSIGN(const double y, number(call, 1));
               return Value::real(apply(x, y));
             });
  }
  /// A float made whole by `apply`, as an int; ints are whole already.
  void whole(std::string name, double (*apply)(double)) {
    function(Signature(std::move(name)).required("x", kNumber).numbered(),
             [apply](CallContext& call) -> Result<Value> {
               if (call[0].is_int()) return call[0];
               auto result = truncated_number(call.heap(), apply(call[0].as_double()));
               if (!result) return named(call, result.error());
               return result;
             });
  }
  Value build() { return heap_.make<NamespaceObject>("math", std::move(members_)); }

 private:
  Heap& heap_;
  Members members_;
};

Result<Value> log_function(CallContext& call) {
  MISHAP_ASSIGN(const double x, number(call, 0));
  if (!call.has(1)) return Value::real(std::log(x));
  MISHAP_ASSIGN(const double base, number(call, 1));
  if (base == 1) return fail("division by zero");
  return Value::real(std::log(x) / std::log(base));
}

// Gamma has poles at the negative integers, where the language wants NaN, and the sign of zero
// decides at zero.
double gamma_of(double x) {
  if (x == 0) return std::copysign(HUGE_VAL, x);
  if (x < 0 && (std::isinf(x) || x == std::floor(x))) return std::nan("");
  return std::tgamma(x);
}

void add_rounding(ModuleBuilder& module) {
  module.whole("ceil", std::ceil);
  module.whole("floor", std::floor);
  module.unary("round", std::round);
  module.unary("fabs", std::fabs);
  module.binary("copysign", std::copysign);
  module.binary("mod", std::fmod);
  module.binary("remainder", std::remainder);
}

void add_powers(ModuleBuilder& module) {
  module.binary("pow", std::pow);
  module.unary("exp", std::exp);
  module.unary("sqrt", std::sqrt);
  module.unary("gamma", gamma_of);
  module.function(Signature("log").required("x", kNumber).optional("base", kNumber).numbered(),
                  log_function);
}

void add_angles(ModuleBuilder& module) {
  module.unary("acos", std::acos);
  module.unary("asin", std::asin);
  module.unary("atan", std::atan);
  module.binary("atan2", std::atan2);
  module.unary("cos", std::cos);
  module.binary("hypot", std::hypot);
  module.unary("sin", std::sin);
  module.unary("tan", std::tan);
  module.unary("degrees", [](double x) { return x / (std::numbers::pi / 180); });
  module.unary("radians", [](double x) { return x * (std::numbers::pi / 180); });
  module.unary("acosh", std::acosh);
  module.unary("asinh", std::asinh);
  module.unary("atanh", std::atanh);
  module.unary("cosh", std::cosh);
  module.unary("sinh", std::sinh);
  module.unary("tanh", std::tanh);
}

}  // namespace

Value make_math_module(Heap& heap) {
  ModuleBuilder module(heap);
  module.constant("e", std::numbers::e);
  module.constant("pi", std::numbers::pi);
  add_rounding(module);
  add_powers(module);
  add_angles(module);
  return module.build();
}

}  // namespace mishap::starlark
