// Part of Vm::run: iteration, lists, dicts, indexing and attributes.

VM_CASE(kIterate) {
  VM_SYNC();
  auto iteration = Iteration::start(thread_, top[-1]);
  if (!iteration) {
    raise(std::move(iteration).error());
    goto on_error;
  }
  state_.iterators.push_back(std::move(*iteration));
  pop(top);
}
VM_NEXT();

VM_CASE(kJumpNext)
pc = VM_TARGET(arg);
VM_STEP();
arg = *pc++ >> 8;
goto at_kNext;

VM_CASE(kNext) {
  Iteration& iteration = state_.iterators.back();
  const Kind source = iteration.source_.kind();
  if (source == Kind::kHost) [[unlikely]] {
    VM_MOVE(next_of_host(iteration));
    if (top[-1].is_valid()) VM_NEXT();
    --top;
  } else {
    // Mostly the item goes to a local variable at once.
    const bool stored = opcode_of(*pc) == Op::kStoreLocal;
    Value* item = stored ? base + (*pc >> 8) : new (top) Value();
    if (source == Kind::kRange ? iteration.step_range(*item) : iteration.step(*item)) {
      if (stored) {
        ++pc;
      } else {
        ++top;
      }
      VM_NEXT();
    }
  }
  state_.iterators.pop_back();
  pc = VM_TARGET(arg);
}
VM_NEXT();

VM_CASE(kDropIterator)
state_.iterators.pop_back();
VM_NEXT();

VM_CASE(kList) {
  Value list = heap_.list(
      std::vector<Value>(std::make_move_iterator(top - arg), std::make_move_iterator(top)));
  top -= arg;
  push(top, std::move(list));
}
VM_NEXT();

VM_CASE(kTuple) {
  top -= arg;
  new (top) Value(heap_.take_tuple(top, arg));
  ++top;
}
VM_NEXT();

VM_CASE(kDict)
push(top, heap_.dict());
VM_NEXT();

VM_CASE(kAppend) {
  auto& list = top[-2].as<List>();
  const bool full = list.raw().size() == list.raw().capacity();
  list.raw().push_back(std::move(*--top));
  if (full) list.recharge();
}
VM_NEXT();

VM_CASE(kInsert)
if (!top[-3].as<Dict>().quick_set(top[-2], top[-1])) VM_TRY(insert_slow(top, false));
pop(top);
pop(top);
VM_NEXT();

VM_CASE(kInsertNew)
VM_TRY(insert_slow(top, true));
pop(top);
pop(top);
VM_NEXT();

VM_CASE(kIndex) {
  const Value& container = top[-2];
  if (container.is_list() && top[-1].is_int64()) {
    const auto& list = container.as<List>();
    const auto position = static_cast<uint64_t>(top[-1].as_int64());
    if (position < list.size()) {
      --top;
      top[-1] = Value(list[position]);
      VM_NEXT();
    }
  } else if (container.is_dict()) {
    const uint64_t key_hash = quick_hash(top[-1]).value_or(0);
    const auto* found = key_hash == 0
                            ? nullptr
                            : std::as_const(container.as<Dict>()).table().find(top[-1], key_hash);
    if (found != nullptr) {
      pop(top);
      top[-1] = Value(found->value);
      VM_NEXT();
    }
  }
  VM_TRY(index_slow(top));
  --top;
}
VM_NEXT();

VM_CASE(kStoreIndex)
if (!top[-3].is_dict() || !top[-3].as<Dict>().quick_set(top[-2], top[-1])) {
  VM_TRY(store_index_slow(top));
}
pop(top);
pop(top);
pop(top);
VM_NEXT();

VM_CASE(kSlice) {
  VM_SYNC();
  auto result = slice(thread_, top[-4], top[-3], top[-2], top[-1]);
  if (!result) {
    raise(std::move(result).error());
    goto on_error;
  }
  pop(top);
  pop(top);
  pop(top);
  top[-1] = std::move(*result);
}
VM_NEXT();

VM_CASE(kUnpack)
if (top[-1].is_tuple() && top[-1].as<Tuple>().size() == arg) {
  Tuple* tuple = &(--top)->as<Tuple>();
  for (uint32_t i = arg; i-- > 0;) new (top++) Value((*tuple)[i]);
  tuple->release();
} else {
  VM_MOVE(unpack(arg));
}
VM_NEXT();

VM_CASE(kAttr) {
  VM_SYNC();
  auto result = attr(thread_, top[-1], constants[arg].text());
  if (!result) {
    raise(std::move(result).error());
    goto on_error;
  }
  top[-1] = std::move(*result);
}
VM_NEXT();

VM_CASE(kStoreAttr) {
  VM_SYNC();
  auto done = set_attr(thread_, top[-2], constants[arg].text(), top[-1]);
  if (!done) {
    raise(std::move(done).error());
    goto on_error;
  }
  pop(top);
  pop(top);
}
VM_NEXT();
