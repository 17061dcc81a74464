// What an embedder starts with: owns the heap, the library and all modules.
//
//   Interpreter interpreter(dialect);
//   interpreter.predeclare("answer", Value::integer(42));
//   interpreter.set_loader(&loader);
//   Thread thread(interpreter);
//   auto module = interpreter.load(thread, "spec.star");  // or execute(thread, {NAME, TEXT})
//   if (!module) std::cerr << traceback(module.error());
//   else Outcome result = thread.run((*module)->global("main"));
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mishap/base/result.h"
#include "mishap/starlark/diagnostic.h"
#include "mishap/starlark/dialect.h"
#include "mishap/starlark/heap.h"
#include "mishap/starlark/library.h"
#include "mishap/starlark/module.h"
#include "mishap/starlark/thread.h"

namespace mishap::starlark {

namespace ast {
struct Module;
}

struct SourceText {
  std::string name;  ///< as errors and positions show it
  std::string text;  ///< lines of another file before it may be given as empty lines, so that
                     ///< numbers are right
};

/// Says where load() finds files. A key is one file's identity, such as its resolved path.
class ModuleLoader {
 public:
  virtual ~ModuleLoader() = default;
  /// The key of what `name` means in a load of the file `from_key` ("" for the embedder's own
  /// loads).
  virtual Result<std::string> resolve(std::string_view name, std::string_view from_key) = 0;
  virtual Result<SourceText> read(const std::string& key) = 0;
};

using ModuleOutcome = tl::expected<LoadedModule*, EvalError>;
using Names = std::map<std::string, Value, std::less<>>;

struct ExecuteOptions {
  std::string key;               ///< the file's identity for loads in it; default: its name
  const Names* extra = nullptr;  ///< predeclared besides the interpreter's own; win over them
  bool freeze = true;            ///< freeze the globals at the end
  /// Continue this module, as a prompt does: its globals are there and may be changed; new ones are
  /// added. Never frozen.
  LoadedModule* session = nullptr;
  const Dialect* dialect = nullptr;  ///< instead of the interpreter's
};

/// Not moved or copied. Everything in it is used by one thread at a time; its Threads must end
/// before it does. Values that outlive it stay valid but are emptied.
class Interpreter {
 public:
  explicit Interpreter(Dialect dialect = {});
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  Heap& heap() { return heap_; }
  const Dialect& dialect() const { return dialect_; }
  const Library& library() const { return library_; }
  Library& library() { return library_; }

  /// Names every file sees; they win over the universe and a file may shadow them.
  void predeclare(std::string name, Value value) {
    predeclared_[std::move(name)] = std::move(value);
  }
  const Names& predeclared() const { return predeclared_; }

  /// Not owned; null: load() fails.
  void set_loader(ModuleLoader* loader) { loader_ = loader; }
  /// Where print() goes (a line without its end); default: standard error.
  std::function<void(Thread&, std::string_view)> print;

  /// The module of a file, run at most once whatever names lead to its key. Errors are remembered
  /// too.
  ModuleOutcome load(Thread& thread, std::string_view name, std::string_view from_key = "");
  /// Puts a module made in C++ under a key: load("NAME", …) of it gives these names.
  void add_module(std::string key, const Names& names);
  /// Runs a text as a file of its own, outside the cache.
  ModuleOutcome execute(Thread& thread, const SourceText& source,
                        const ExecuteOptions& options = {});
  /// Checks a text without running it: syntax and names. All problems found.
  std::vector<Diagnostic> check(const SourceText& source, const ExecuteOptions& options = {}) const;
  /// The value of one expression.
  Outcome evaluate(Thread& thread, const SourceText& source, const ExecuteOptions& options = {});

  /// Files loaded so far by key, in the order they finished.
  const std::vector<std::string>& loaded_keys() const { return loaded_keys_; }

 private:
  friend class Vm;
  struct CacheEntry;
  enum class Shape : uint8_t { kFile, kExpression };
  struct Ran {
    LoadedModule* module;
    Value result;
  };
  tl::expected<Ran, EvalError> run(Thread& thread, const SourceText& source,
                                   const ExecuteOptions& options, Shape shape);
  tl::expected<std::shared_ptr<Program>, EvalError> compile(const SourceText& source,
                                                            const ExecuteOptions& options,
                                                            Shape shape);
  std::unique_ptr<ast::Module> analyse(const SourceText& source, const ExecuteOptions& options,
                                       Shape shape, std::vector<Diagnostic>& problems) const;
  Value find_name(std::string_view name, const ExecuteOptions& options) const;
  ModuleOutcome load_key(Thread& thread, std::string_view name, const std::string& key);
  LoadedModule* adopt(std::shared_ptr<Program> program);

  Dialect dialect_;
  Heap heap_;
  Library library_;
  Names predeclared_;
  ModuleLoader* loader_ = nullptr;
  std::map<std::string, std::unique_ptr<CacheEntry>, std::less<>> cache_;
  std::vector<std::string> loading_;  // keys, outermost first
  std::vector<std::string> loaded_keys_;
  std::vector<Value> modules_;
};

}  // namespace mishap::starlark
