#include <algorithm>
#include <utility>

#include "mishap/base/check.h"
#include "mishap/starlark/host.h"
#include "mishap/starlark/operations.h"

#include "compiler_impl.h"

namespace mishap::starlark {

// --- emitting

size_t FunctionCompiler::emit(Op op, size_t operand, int stack_change) {
  if (operand > kMaxOperand || here() > kMaxOperand) {
    builder_.overflow = true;
    operand = 0;
  }
  if (code_.positions.empty() || !(code_.positions.back().pos == pos_)) {
    code_.positions.push_back({static_cast<uint32_t>(here()), pos_});
  }
  code_.instructions.push_back(instruction(op, static_cast<uint32_t>(operand)));
  depth_ += stack_change;
  code_.max_stack = std::max(code_.max_stack, static_cast<uint32_t>(std::max(depth_, 0)));
  return here() - 1;
}

void FunctionCompiler::patch(size_t jump, size_t target) {
  if (target > kMaxOperand) {
    builder_.overflow = true;
    return;
  }
  code_.instructions[jump] = (code_.instructions[jump] & 0xFF) | static_cast<uint32_t>(target) << 8;
}

size_t FunctionCompiler::constant(const Value& value) {
  if (value.is_int64()) {
    const auto [known, is_new] =
        int_constants_.try_emplace(value.as_int64(), code_.constants.size());
    if (!is_new) return known->second;
  }
  code_.constants.push_back(value);
  return code_.constants.size() - 1;
}

size_t FunctionCompiler::text_constant(std::string_view text) {
  const auto [known, is_new] =
      text_constants_.try_emplace(std::string(text), code_.constants.size());
  if (is_new) {
    code_.constants.push_back(builder_.heap.string(text));
    freeze(code_.constants.back());  // never grown in place
  }
  return known->second;
}

size_t FunctionCompiler::none_constant() {
  if (none_constant_ == SIZE_MAX) none_constant_ = constant(Value::none());
  return none_constant_;
}

// --- names

void FunctionCompiler::load(const Identifier& name) {
  const auto index = static_cast<size_t>(name.binding.index);
  at(name.span.begin);
  switch (name.binding.scope) {
    case Scope::kLocal:
      emit(Op::kLocal, index, 1);
      return;
    case Scope::kCell:
      emit(Op::kCell, index, 1);
      return;
    case Scope::kFree:
      emit(Op::kFree, index, 1);
      return;
    case Scope::kGlobal:
      emit(Op::kGlobal, index, 1);
      return;
    case Scope::kPredeclared:
      emit(Op::kPredeclared, index, 1);
      return;
    case Scope::kUniversal:
      emit(Op::kPredeclared, builder_.module.predeclared.size() + index, 1);
      return;
    case Scope::kUndefined:
      MISHAP_CHECK(false, "unresolved name {}", name.name);
  }
}

void FunctionCompiler::store(const Identifier& name) {
  const auto index = static_cast<size_t>(name.binding.index);
  switch (name.binding.scope) {
    case Scope::kLocal:
      emit(Op::kStoreLocal, index, -1);
      if (nested_ == 0) bound_[index] = true;
      return;
    case Scope::kCell:
      emit(Op::kStoreCell, index, -1);
      return;
    case Scope::kGlobal:
      emit(Op::kStoreGlobal, index, -1);
      return;
    default:
      MISHAP_CHECK(false, "assignment to {}", name.name);
  }
}

bool FunctionCompiler::is_surely_bound(const Identifier& name) const {
  return name.binding.scope == Scope::kLocal && bound_[static_cast<size_t>(name.binding.index)];
}

// --- functions

const Code* FunctionCompiler::compile() {
  code_.program = builder_.program.get();
  code_.name = function_.name;
  code_.doc = function_.docstring;
  code_.pos = function_.at;
  code_.recursion = builder_.dialect.allow_recursion;
  code_.param_count =
      static_cast<uint32_t>(function_.positional_count + function_.keyword_only_count);
  code_.keyword_only_count = static_cast<uint32_t>(function_.keyword_only_count);
  code_.has_varargs = function_.has_args;
  code_.has_kwargs = function_.has_kwargs;
  code_.simple = !code_.has_varargs && !code_.has_kwargs && code_.keyword_only_count == 0;
  for (const LocalVariable& local : function_.locals) code_.local_names.emplace_back(local.name);
  code_.local_count = static_cast<uint32_t>(code_.local_names.size());
  for (const FreeVariable& free : function_.free_variables)
    code_.free_names.emplace_back(free.name);
  size_t named = 0;
  for (const Parameter& parameter : function_.parameters) {
    if (parameter.kind == ParameterKind::kOptional && code_.default_count == 0) {
      code_.default_count = code_.param_count - static_cast<uint32_t>(named);
    }
    if (parameter.kind == ParameterKind::kOptional || parameter.kind == ParameterKind::kRequired)
      ++named;
  }
  bound_.assign(code_.local_count, false);
  std::fill_n(bound_.begin(), code_.param_count, true);
  at(function_.at);
  for (size_t i = 0; i < function_.locals.size(); ++i) {
    if (function_.locals[i].is_cell) emit(Op::kMakeCell, i, 0);
  }
  block(function_.body);
  load_none();
  emit(Op::kReturn, 0, -1);
  code_.methods.resize(code_.constants.size());
  return &code_;
}

// Leaves the function made of its defaults and the cells it captures.
void FunctionCompiler::function_value(const Function& function) {
  const Code* code = FunctionCompiler(builder_, function).compile();
  bool seen_default = false;
  int pushed = 0;
  for (const Parameter& parameter : function.parameters) {
    if (parameter.kind == ParameterKind::kOptional) {
      seen_default = true;
      expression(*parameter.value);
      ++pushed;
    } else if (parameter.kind == ParameterKind::kRequired && seen_default) {
      // A required keyword-only parameter after one with a default: an empty cell marks "no
      // default".
      emit(Op::kConst, constant(builder_.heap.make<CellObject>()), 1);
      ++pushed;
    }
  }
  for (const FreeVariable& free : function.free_variables) {
    const auto index = static_cast<size_t>(free.outer.index);
    emit(free.outer.scope == Scope::kCell ? Op::kSlot : Op::kFreeCell, index, 1);
    ++pushed;
  }
  at(function.at);
  code_.nested.push_back(code);
  emit(Op::kFunction, code_.nested.size() - 1, 1 - pushed);
}

Result<std::shared_ptr<Program>> compile_module(const Module& module, const Dialect& dialect,
                                                Heap& heap) {
  ProgramBuilder builder(module, dialect, heap);
  Program& program = *builder.program;
  program.name = module.file;
  program.doc = module.toplevel->docstring;
  for (const GlobalVariable& global : module.globals) {
    program.global_names.emplace_back(global.name);
    program.global_is_loaded.push_back(!global.exported);
  }
  for (const std::string_view name : module.predeclared)
    program.predeclared_names.emplace_back(name);
  for (const std::string_view name : module.universal) program.predeclared_names.emplace_back(name);
  FunctionCompiler(builder, *module.toplevel).compile();
  if (builder.overflow) return fail("file too large to compile");
  return builder.program;
}

}  // namespace mishap::starlark
