// The instructions of the virtual machine.
//
// An instruction is 32 bits: the opcode in the low 8, an operand in the high 24.
#pragma once

#include <cstdint>

namespace mishap::starlark {

// Operators that come with operands of their own: see kAddRight and kAddBoth. For each ending of
// their names they are in this order.
#define MISHAP_STARLARK_OPERATORS(OP, ENDING) \
  OP(kAdd##ENDING)                            \
  OP(kSubtract##ENDING)                       \
  OP(kMultiply##ENDING)                       \
  OP(kDivide##ENDING)                         \
  OP(kFloorDivide##ENDING)                    \
  OP(kModulo##ENDING)                         \
  OP(kEqual##ENDING)                          \
  OP(kNotEqual##ENDING)                       \
  OP(kLess##ENDING)                           \
  OP(kLessEqual##ENDING)                      \
  OP(kGreater##ENDING)                        \
  OP(kGreaterEqual##ENDING)                   \
  OP(kInplaceAdd##ENDING) /* x += y */        \
  OP(kInplaceSubtract##ENDING)

// Comments: operand; stack before -> after.
#define MISHAP_STARLARK_OPCODES(OP)                                                              \
  OP(kNop)                                                                                       \
  OP(kConst)                           /* constant; -> x */                                      \
  OP(kLocal)                           /* slot; -> x */                                          \
  OP(kStoreLocal)                      /* slot; x -> */                                          \
  OP(kCell)                            /* slot of a cell; -> x */                                \
  OP(kStoreCell)                       /* slot of a cell; x -> */                                \
  OP(kFree)                            /* index of a captured cell; -> x */                      \
  OP(kGlobal)                          /* index; -> x */                                         \
  OP(kStoreGlobal)                     /* index; x -> */                                         \
  OP(kPredeclared)                     /* index; -> x */                                         \
  OP(kMakeCell)                        /* slot; puts its value into a new cell */                \
  OP(kSlot)                            /* slot; -> what it holds, a cell as such */              \
  OP(kFreeCell)                        /* index of a captured cell; -> the cell itself */        \
  OP(kPop)                             /* x -> */                                                \
  OP(kDup)                             /* x -> x x */                                            \
  OP(kDup2)                            /* x y -> x y x y */                                      \
  OP(kSwap)                            /* x y -> y x */                                          \
  OP(kUnary)                           /* UnaryOperator; x -> y */                               \
  OP(kNot)                             /* x -> bool */                                           \
  MISHAP_STARLARK_OPERATORS(OP, )      /* x y -> z */                                            \
  MISHAP_STARLARK_OPERATORS(OP, Right) /* where y is; x -> z */                                  \
  MISHAP_STARLARK_OPERATORS(OP, Both)  /* slot of x << 12 | where y is; -> z */                  \
  OP(kBitAnd)                          /* x y -> z */                                            \
  OP(kBitOr)                           /* from here in the order of BinaryOperator */            \
  OP(kBitXor)                                                                                    \
  OP(kShiftLeft)                                                                                 \
  OP(kShiftRight)                                                                                \
  OP(kAddToLocal) /* slot; slot += y: y -> */                                                    \
  OP(kInplaceOr)  /* x |= y: x y -> z */                                                         \
  OP(kInplaceAnd)                                                                                \
  OP(kInplaceXor)                                                                                \
  OP(kIn)          /* item container -> bool */                                                  \
  OP(kNotIn)       /* item container -> bool */                                                  \
  OP(kJump)        /* target */                                                                  \
  OP(kJumpBack)    /* target; counts as a step */                                                \
  OP(kJumpNext)    /* the same where the target is a kNext */                                    \
  OP(kJumpIfFalse) /* target; x -> */                                                            \
  OP(kJumpIfTrue)  /* target; x -> */                                                            \
  OP(kAnd)         /* target; jumps keeping x when it is false, else x -> */                     \
  OP(kOr)          /* target; jumps keeping x when it is true, else x -> */                      \
  OP(kIterate)     /* iterable ->, and its iterator onto the iterators */                        \
  OP(kNext)        /* target; -> item, or jumps and drops the iterator at the end */             \
  OP(kDropIterator)                                                                              \
  OP(kList)       /* count; items -> list */                                                     \
  OP(kTuple)      /* count; items -> tuple */                                                    \
  OP(kDict)       /* -> empty dict */                                                            \
  OP(kAppend)     /* list x -> list */                                                           \
  OP(kInsert)     /* dict key value -> dict; comprehension */                                    \
  OP(kInsertNew)  /* dict key value -> dict; a literal: repeated keys are errors */              \
  OP(kIndex)      /* x key -> value */                                                           \
  OP(kStoreIndex) /* x key value -> */                                                           \
  OP(kSlice)      /* x low high step -> value */                                                 \
  OP(kAttr)       /* constant with the name; x -> x.name */                                      \
  OP(kStoreAttr)  /* constant with the name; x value -> */                                       \
  OP(kMethod)     /* constant with the name; x -> function receiver, */                          \
                  /* receiver invalid when the function needs none */                            \
  OP(kCall)       /* count; function arguments -> result */                                      \
  OP(kCallMethod) /* count; function receiver arguments -> result */                             \
  OP(kCallNamed)  /* call site; function positional named -> result */                           \
  OP(kCallFull)   /* count of positional; the next word: keywords << 2 | has **kwargs << 1 */    \
                  /* | has *args; function positional (name value)… [args] [kwargs] -> result */ \
  OP(kFunction)   /* index of its code; defaults cells -> function */                            \
  OP(kUnpack)     /* count; iterable -> items, first on top */                                   \
  OP(kLoadModule) /* constant with the name; -> module */                                        \
  OP(kLoadName)   /* constant with the name; module -> module value */                           \
  OP(kReturn)     /* x -> */

#define MISHAP_STARLARK_NAME(NAME) NAME,
enum class Op : uint8_t { MISHAP_STARLARK_OPCODES(MISHAP_STARLARK_NAME) };
#undef MISHAP_STARLARK_NAME

// Where y of a kAddRight and the others is: 2 * i + 1 the constant i, 2 * i + 2 the local variable
// i. In a kAddBoth it has 12 bits, and x is a local variable, too.
inline constexpr uint32_t constant_operand(uint32_t index) { return 2 * index + 1; }
inline constexpr uint32_t local_operand(uint32_t slot) { return 2 * slot + 2; }
inline constexpr uint32_t kRightBits = 12;
inline constexpr uint32_t kRightMask = (1U << kRightBits) - 1;

inline constexpr uint32_t kOperators =
    static_cast<uint32_t>(Op::kAddRight) - static_cast<uint32_t>(Op::kAdd);
inline constexpr bool takes_operands(Op op) { return op >= Op::kAdd && op < Op::kAddRight; }
/// kAdd as kAddRight, as kAddBoth.
inline constexpr Op with_right(Op op) {
  return static_cast<Op>(static_cast<uint32_t>(op) + kOperators);
}
inline constexpr Op with_both(Op op) {
  return static_cast<Op>(static_cast<uint32_t>(op) + 2 * kOperators);
}

inline constexpr uint32_t kMaxOperand = (1U << 24) - 1;
inline constexpr uint32_t instruction(Op op, uint32_t operand = 0) {
  return static_cast<uint32_t>(op) | operand << 8;
}
inline constexpr Op opcode_of(uint32_t instruction) { return static_cast<Op>(instruction & 0xFF); }

}  // namespace mishap::starlark
