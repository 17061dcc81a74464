// Part of Vm::run: calls and returns.

#define VM_ENTER(...)                                 \
  do {                                                \
    VM_SYNC();                                        \
    const Entered entered = enter(Call{__VA_ARGS__}); \
    if (entered == Entered::kFailed) goto on_error;   \
    if (entered == Entered::kFrame) {                 \
      VM_FRAME();                                     \
    } else {                                          \
      top = state_.top;                               \
    }                                                 \
  } while (false)

VM_CASE(kCall)
callee = top - arg - 1;
if (callee->kind() == Kind::kFunction) {
  // The usual call, by position with enough parameters given, needs no look at anything else.
  called = &callee->as<FunctionObject>();
  const Code& to = *called->code_;
  if (can_push_frame(to, callee + 1)) [[likely]] {
    if (to.simple && arg <= to.param_count && arg + to.default_count >= to.param_count) [[likely]] {
      VM_STEP();
      if (arg < to.param_count) {
        const Value* given_default = called->defaults_.data() + to.default_count;
        given_default -= to.param_count - arg;
        for (uint32_t i = arg; i < to.param_count; ++i) new (top++) Value(*given_default++);
      }
      state_.frames.back().pc = pc;
      goto enter_called;
    }
    if (!to.simple && (arg <= to.positional_count() || to.has_varargs)) {
      VM_STEP();
      VM_MOVE(bind_positional(*called, callee + 1, arg));
      goto enter_called;
    }
  }
} else if (quick_call(*callee, kNoReceiver, {callee + 1, arg}, top[0])) {
  finish_quick(top, callee);
  VM_NEXT();
}
VM_ENTER(callee, callee, &kNoReceiver, callee + 1, arg, 0);
VM_NEXT();

// A frame for `called`, whose parameters are above `callee`.
enter_called : {
  function = called;
  code = called->code_;
  base = callee + 1;
  const Value* locals_end = base + code->local_count;
  while (top < locals_end) new (top++) Value();
  ++code->active;
  pc = code->instructions.data();
  constants = code->constants.data();
  globals = called->module_->globals_.data();
  state_.frames.push_unchecked({function, code, pc, callee, base, constants, globals,
                                static_cast<uint32_t>(state_.iterators.size()), false});
}
VM_NEXT();

VM_CASE(kMethod) {
  const Code::CachedMethod& cached = code->methods[arg];
  if (cached.kind == top[-1].kind()) {
    new (top) Value(std::move(top[-1]));
    new (top - 1) Value(cached.method);
    ++top;
  } else {
    VM_MOVE(load_method(*code, arg));
  }
}
VM_NEXT();

VM_CASE(kCallMethod) {
  callee = top - arg - 2;
  if (quick_call(*callee, callee[1], {callee + 2, arg}, top[0])) {
    finish_quick(top, callee);
    VM_NEXT();
  }
  VM_ENTER(callee, callee, callee + 1, callee + 2, arg, 0);
}
VM_NEXT();

VM_CASE(kCallNamed) {
  const CallSite& site = code->call_sites[arg];
  callee = top - site.names.size() - site.positional - 1;
  if (callee->kind() == Kind::kFunction) {
    called = &callee->as<FunctionObject>();
    if (can_bind(site, *called) && can_push_frame(*called->code_, callee + 1)) [[likely]] {
      VM_STEP();
      VM_MOVE(bind_named(site, *called, callee + 1));
      goto enter_called;
    }
  }
  VM_MOVE(name_arguments(site));
  VM_ENTER(callee, callee, &kNoReceiver, callee + 1, site.positional, site.names.size());
}
VM_NEXT();

VM_CASE(kCallFull) {
  const uint32_t flags = *pc++;
  size_t positional = arg;
  size_t keywords = flags >> 2;
  callee = top - positional - 2 * keywords - (flags & 1) - (flags >> 1 & 1) - 1;
  if ((flags & 3) != 0) VM_MOVE(spread_arguments(flags, positional, keywords));
  VM_ENTER(callee, callee, &kNoReceiver, callee + 1, positional, keywords);
}
VM_NEXT();

VM_CASE(kFunction)
VM_MOVE(make_function(*code->nested[arg], *function));
VM_NEXT();

VM_CASE(kReturn) {
  const Frame& frame = state_.frames.back();
  if (state_.iterators.size() > frame.iterators) [[unlikely]]
    drop_iterators(frame.iterators);
  Value* slot = frame.result;
  Value* result = --top;
  while (top > slot) (--top)->~Value();
  new (top++) Value(std::move(*result));
  --code->active;
  const bool is_last = frame.is_last;
  state_.frames.pop_back();
  state_.top = top;
  if (is_last) return true;
  VM_FRAME();
}
VM_NEXT();
