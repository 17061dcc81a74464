// The syntax tree of a Starlark file, and what its names mean.
//
// Text becomes a tree in two steps, each of which reports all it finds wrong (diagnostic.h):
//
//   parser.h    ParseOutcome outcome = parse("spec.star", text, dialect);
//   resolver.h  auto errors = resolve(*outcome.module, environment, dialect);
// The first gives the shape only; the second fills every Binding, Function and Module.
//
// Nodes are plain structs in the module's arena: they are never freed one by one, hold no owning
// members, and live as long as their Module. Every expression and statement has a `kind`; switch
// over it and use `as<T>`, or let `walk` visit a subtree. The tree is at most kMaxTreeHeight high,
// so that recursion over it is safe on any thread's stack.
//
// After resolving, a code generator needs no name look-ups: each Identifier says where its variable
// lives (see Binding).
#pragma once

#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace mishap::starlark::ast {

/// Brackets, blocks and prefix operators may nest this deep; more is a syntax error.
inline constexpr int kMaxNesting = 500;
/// No path from a statement to a leaf expression is longer; bounds `a + b + c + …` and `f()()()…`
/// too.
inline constexpr int kMaxTreeHeight = 3000;

/// 1-based line, and column counted in code points; line 0 is nowhere.
struct Position {
  int32_t line = 0;
  int32_t column = 0;
  bool operator==(const Position&) const = default;
};

/// From the first character up to, not including, `end`.
struct Span {
  Position begin;
  Position end;
};

// ---- Names
// -----------------------------------------------------------------------------------------------------------

/// Where a name's variable lives. The index of a binding means:
enum class Scope : uint8_t {
  kUndefined,  ///< not resolved yet, or an error was reported
  kLocal,      ///< slot in the frame of the function that contains the identifier
  kCell,       ///< slot in that frame too; the slot holds a cell (box) because an inner function
               ///< captures the variable
  kFree,       ///< in the running function's captured cells, as listed in Function::free_variables
  kGlobal,     ///< in the module's variables, as listed in Module::globals
  kPredeclared,  ///< in Module::predeclared: names the application gives this module
  kUniversal,    ///< in Module::universal: names every module has
};
struct Binding {
  Scope scope = Scope::kUndefined;
  int32_t index = -1;
};

// ---- Expressions
// -----------------------------------------------------------------------------------------------------

enum class ExprKind : uint8_t {
  kIdentifier,
  kInt,
  kFloat,
  kString,
  kBytes,
  kList,
  kTuple,
  kDict,
  kComprehension,
  kUnary,
  kBinary,
  kLogical,
  kConditional,
  kCall,
  kIndex,
  kSlice,
  kDot,
  kLambda,
};
enum class UnaryOp : uint8_t { kMinus, kPlus, kInvert, kNot };
enum class BinaryOp : uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kAnd,
  kOr,
  kXor,
  kShiftLeft,
  kShiftRight,  // also augmented: `+=`
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn,
};
enum class LogicalOp : uint8_t { kAnd, kOr };  ///< these evaluate their right side only when needed

std::string_view to_string(UnaryOp op);    ///< as written: "-", "not"
std::string_view to_string(BinaryOp op);   ///< as written: "+", "not in"
std::string_view to_string(LogicalOp op);  ///< "and", "or"

struct Expr {
  ExprKind kind;
  bool parenthesized =
      false;            ///< written in round brackets of its own; a tuple's own brackets count
  uint16_t height = 1;  ///< of the subtree
  Span span;            ///< without brackets of `parenthesized`, except a tuple's
  Position at;  ///< where an error in evaluating this node is: the operator, the call's '(', the
                ///< index' '[', the dot; or the start
};

struct Identifier : Expr {
  static constexpr ExprKind kKind = ExprKind::kIdentifier;
  std::string_view name;
  Binding binding;  ///< set by resolve
};
struct IntLiteral : Expr {
  static constexpr ExprKind kKind = ExprKind::kInt;
  std::string_view digits;       ///< without the prefix; may have any length
  int base = 10;                 ///< 2, 8, 10, 16
  std::optional<int64_t> value;  ///< when it fits
};
struct FloatLiteral : Expr {
  static constexpr ExprKind kKind = ExprKind::kFloat;
  double value = 0;
};
struct StringLiteral : Expr {
  static constexpr ExprKind kKind = ExprKind::kString;
  std::string_view value;  ///< escapes decoded
};
struct BytesLiteral : Expr {
  static constexpr ExprKind kKind = ExprKind::kBytes;
  std::string_view value;
};
struct ListExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kList;
  std::span<Expr*> elements;
};
struct TupleExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kTuple;
  std::span<Expr*> elements;
};
struct DictEntry {
  Expr* key;
  Expr* value;
  Position colon;
};
struct DictExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kDict;
  std::span<DictEntry> entries;
};
/// `for target in subject` or, without target, `if subject`.
struct Clause {
  Expr* target;  ///< null in an `if` clause; its variables are slots of the containing function,
                 ///< distinct from all others
  Expr* subject;
  Position at;  ///< the keyword
  bool is_for() const { return target != nullptr; }
};
/// `[element clauses]` or, with a key, `{key: element clauses}`.
struct Comprehension : Expr {
  static constexpr ExprKind kKind = ExprKind::kComprehension;
  Expr* key = nullptr;  ///< null in a list comprehension
  Expr* element = nullptr;
  std::span<Clause> clauses;  ///< at least one; the first is a `for`, whose subject is outside the
                              ///< comprehension's scope
};
struct UnaryExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kUnary;
  UnaryOp op{};
  Expr* operand = nullptr;
};
struct BinaryExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kBinary;
  BinaryOp op{};
  Expr* left = nullptr;
  Expr* right = nullptr;
};
struct LogicalExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kLogical;
  LogicalOp op{};
  Expr* left = nullptr;
  Expr* right = nullptr;
};
/// `if_true if condition else if_false`
struct ConditionalExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kConditional;
  Expr* condition = nullptr;
  Expr* if_true = nullptr;
  Expr* if_false = nullptr;
};
enum class ArgumentKind : uint8_t { kPositional, kNamed, kArgs, kKwargs };
struct Argument {
  ArgumentKind kind;
  std::string_view name;  ///< of a named one
  Expr* value;
  Span span;  ///< with the name or the stars
};
struct CallExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kCall;
  Expr* function = nullptr;
  /// Resolved calls have positional ones first, then named ones, then at most one `*args`, then at
  /// most one `**kwargs`.
  std::span<Argument> arguments;
};
struct IndexExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kIndex;
  Expr* object = nullptr;
  Expr* index = nullptr;
};
struct SliceExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kSlice;
  Expr* object = nullptr;
  Expr* start = nullptr;  ///< null where omitted, as `stop` and `step`
  Expr* stop = nullptr;
  Expr* step = nullptr;
};
struct DotExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kDot;
  Expr* object = nullptr;
  std::string_view name;
  Span name_span;
};
struct Function;
struct LambdaExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kLambda;
  Function* function = nullptr;
};

// ---- Statements
// ------------------------------------------------------------------------------------------------------

enum class StmtKind : uint8_t {
  kExpr,
  kAssign,
  kDef,
  kIf,
  kFor,
  kWhile,
  kReturn,
  kBreak,
  kContinue,
  kPass,
  kLoad,
};
struct Stmt {
  StmtKind kind;
  Span span;    ///< of a compound statement: with its blocks
  Position at;  ///< the keyword, the assignment's operator, or the start
};
using Block = std::span<Stmt*>;

struct ExprStmt : Stmt {
  static constexpr StmtKind kKind = StmtKind::kExpr;
  Expr* expr = nullptr;
};
/// `target = value`; with an op `target op= value`, where the target is evaluated once and changed
/// in place if it can be. Targets: Identifier, Index, Dot, and (without op) Tuple and List of
/// targets.
struct AssignStmt : Stmt {
  static constexpr StmtKind kKind = StmtKind::kAssign;
  std::optional<BinaryOp> op;
  Expr* target = nullptr;
  Expr* value = nullptr;
};
struct DefStmt : Stmt {
  static constexpr StmtKind kKind = StmtKind::kDef;
  Identifier* name = nullptr;
  Function* function = nullptr;
};
struct IfBranch {
  Expr* condition;
  Block body;
  Position at;  ///< `if` or `elif`
};
struct IfStmt : Stmt {
  static constexpr StmtKind kKind = StmtKind::kIf;
  std::span<IfBranch> branches;  ///< `if` and every `elif`
  Block otherwise;               ///< empty without `else`
};
struct ForStmt : Stmt {
  static constexpr StmtKind kKind = StmtKind::kFor;
  Expr* target = nullptr;
  Expr* iterable = nullptr;
  Block body;
};
struct WhileStmt : Stmt {
  static constexpr StmtKind kKind = StmtKind::kWhile;
  Expr* condition = nullptr;
  Block body;
};
struct ReturnStmt : Stmt {
  static constexpr StmtKind kKind = StmtKind::kReturn;
  Expr* value = nullptr;  ///< null: None
};
struct BreakStmt : Stmt {
  static constexpr StmtKind kKind = StmtKind::kBreak;
};
struct ContinueStmt : Stmt {
  static constexpr StmtKind kKind = StmtKind::kContinue;
};
struct PassStmt : Stmt {
  static constexpr StmtKind kKind = StmtKind::kPass;
};
struct LoadedName {
  std::string_view name;  ///< in the loaded module
  Span name_span;
  Identifier* local;  ///< what it is called here; a global slot (see Module::globals)
};
struct LoadStmt : Stmt {
  static constexpr StmtKind kKind = StmtKind::kLoad;
  std::string_view module;
  Span module_span;
  std::span<LoadedName> names;
};

// ---- Functions and modules
// -------------------------------------------------------------------------------------------

enum class ParameterKind : uint8_t { kRequired, kOptional, kArgs, kBareStar, kKwargs };
struct Parameter {
  ParameterKind kind;
  Identifier* name;  ///< null for a bare `*`; its binding is its slot
  Expr* value;       ///< default of an optional one, evaluated in the scope around the function
  Span span;
};
struct LocalVariable {
  std::string_view name;
  Span span;             ///< of its first binding
  bool is_cell = false;  ///< captured by an inner function: the slot must hold a cell from the
                         ///< function's start
};
struct FreeVariable {
  std::string_view name;
  Binding outer;  ///< in the enclosing function: kCell or kFree; what making the closure must copy
};

/// A `def`, a lambda, or the code of a whole file. Slots of the frame, in order: the named
/// parameters in the order written (positional, then keyword-only), then `*args`, then `**kwargs`,
/// then other variables and those of comprehensions.
struct Function {
  std::string_view name;  ///< "lambda" or "<toplevel>" for those
  bool is_lambda = false;
  Span span;                        ///< of the whole def or lambda
  Position at;                      ///< the keyword
  std::string_view docstring;       ///< "" without
  std::span<Parameter> parameters;  ///< as written
  Block body;                       ///< of a lambda: one ReturnStmt
  // Set by resolve:
  int positional_count = 0;    ///< named parameters that can be given by position
  int keyword_only_count = 0;  ///< named parameters after `*` or `*args`
  bool has_args = false;
  bool has_kwargs = false;
  std::span<LocalVariable> locals;  ///< one per slot
  std::span<FreeVariable> free_variables;
};

/// A module-level variable. Loaded names are kept in the same slots, but belong to the file alone.
struct GlobalVariable {
  std::string_view name;
  Span span;             ///< of its first binding
  bool exported = true;  ///< false for loaded names (unless load_binds_globally): not among the
                         ///< module's visible globals
};

/// Owns the nodes, arrays and texts of one module.
class Arena {
 public:
  template <class T>
  T* make(T value) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (memory_.allocate(sizeof(T), alignof(T))) T(std::move(value));
  }
  template <class T>
  std::span<T> copy(const std::vector<T>& items) {
    static_assert(std::is_trivially_destructible_v<T>);
    if (items.empty()) return {};
    T* data = static_cast<T*>(memory_.allocate(std::span(items).size_bytes(), alignof(T)));
    std::uninitialized_copy(items.begin(), items.end(), data);
    return {data, items.size()};
  }
  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    char* data = static_cast<char*>(memory_.allocate(text.size(), 1));
    text.copy(data, text.size());
    return {data, text.size()};
  }

 private:
  std::pmr::monotonic_buffer_resource memory_;
};

struct Module {
  std::string file;  ///< as the caller named it
  std::string text;
  Arena arena;
  Function* toplevel =
      nullptr;  ///< without parameters; its locals are the variables of comprehensions at top level
  std::span<LoadStmt*> loads;  ///< all load statements, in order
  // Set by resolve:
  std::vector<GlobalVariable> globals;
  std::vector<std::string_view> predeclared;  ///< those this module uses
  std::vector<std::string_view> universal;    ///< those this module uses
};

// ---- Looking at trees
// ------------------------------------------------------------------------------------------------

/// The node as what its kind says it is; the caller has looked at the kind.
template <class T, class Node>
auto& as(Node& node) {
  return static_cast<std::conditional_t<std::is_const_v<Node>, const T, T>&>(node);
}
/// The node if it is a T, else null.
template <class T, class Node>
auto* if_a(Node* node) {
  using Result = std::conditional_t<std::is_const_v<Node>, const T, T>;
  return node != nullptr && node->kind == T::kKind ? static_cast<Result*>(node) : nullptr;
}

/// Sees every node of a subtree, parents first, in source order. Returning false skips the node's
/// children. Walking enters functions and lambdas; their defaults come before their bodies.
class Visitor {
 public:
  virtual ~Visitor() = default;
  virtual bool visit(const Expr&) { return true; }
  virtual bool visit(const Stmt&) { return true; }
};
void walk(const Expr& expr, Visitor& visitor);
void walk(const Stmt& stmt, Visitor& visitor);
void walk(Block block, Visitor& visitor);

}  // namespace mishap::starlark::ast
