#include "mishap/starlark/interpreter.h"

#include <cstdio>
#include <optional>

#include <fmt/format.h>

#include "mishap/starlark/function.h"
#include "mishap/starlark/operations.h"
#include "mishap/starlark/parser.h"
#include "mishap/starlark/resolver.h"

#include "compiler.h"

namespace mishap::starlark {

struct Interpreter::CacheEntry {
  LoadedModule* module = nullptr;
  std::optional<EvalError> error;
};

namespace {

EvalError from_diagnostics(std::vector<Diagnostic> problems) {
  EvalError error;
  static_cast<Diagnostic&>(error) = std::move(problems.front());
  error.more.assign(std::make_move_iterator(problems.begin() + 1),
                    std::make_move_iterator(problems.end()));
  return error;
}

// The error of the load statement that is running, with the thread's stack.
EvalError here(Thread& thread, std::string message) {
  return thread.take_error(Error{std::move(message)});
}

}  // namespace

Interpreter::Interpreter(Dialect dialect) : dialect_(dialect), library_(heap_) {
  install_standard_library(library_);
  print = [](Thread&, std::string_view line) { fmt::print(stderr, "{}\n", line); };
}

Interpreter::~Interpreter() = default;

std::unique_ptr<ast::Module> Interpreter::analyse(const SourceText& source,
                                                  const ExecuteOptions& options, Shape shape,
                                                  std::vector<Diagnostic>& problems) const {
  const Dialect& dialect = options.dialect != nullptr ? *options.dialect : dialect_;
  ParseOutcome parsed = shape == Shape::kFile ? parse(source.name, source.text, dialect)
                                              : parse_expression(source.name, source.text, dialect);
  problems = std::move(parsed.diagnostics);
  if (parsed.module == nullptr) return nullptr;
  std::vector<std::string> predeclared;
  for (const auto& [name, value] : predeclared_) predeclared.push_back(name);
  if (options.extra != nullptr) {
    for (const auto& [name, value] : *options.extra) {
      if (!predeclared_.contains(name)) predeclared.push_back(name);
    }
  }
  std::vector<std::string> universal;
  universal.reserve(library_.universe.size());
  for (const auto& [name, value] : library_.universe) universal.push_back(name);
  Environment environment{predeclared, universal};
  if (options.session != nullptr)
    environment.earlier_globals = options.session->program_->global_names;
  std::vector<Diagnostic> unresolved = resolve(*parsed.module, environment, dialect);
  if (unresolved.empty()) return std::move(parsed.module);
  problems.insert(problems.end(), std::make_move_iterator(unresolved.begin()),
                  std::make_move_iterator(unresolved.end()));
  return nullptr;
}

Value Interpreter::find_name(std::string_view name, const ExecuteOptions& options) const {
  if (options.extra != nullptr) {
    if (const auto found = options.extra->find(name); found != options.extra->end())
      return found->second;
  }
  if (const auto found = predeclared_.find(name); found != predeclared_.end()) return found->second;
  if (const auto found = library_.universe.find(name); found != library_.universe.end())
    return found->second;
  return {};
}

tl::expected<std::shared_ptr<Program>, EvalError> Interpreter::compile(
    const SourceText& source, const ExecuteOptions& options, Shape shape) {
  std::vector<Diagnostic> problems;
  const std::unique_ptr<ast::Module> module = analyse(source, options, shape, problems);
  if (module == nullptr) return tl::unexpected<EvalError>(from_diagnostics(std::move(problems)));
  auto program =
      compile_module(*module, options.dialect != nullptr ? *options.dialect : dialect_, heap_);
  if (!program) {
    EvalError error;
    error.kind = DiagnosticKind::kSyntax;
    error.message = std::move(program).error().message;
    error.pos = {source.name, 1, 1};
    return tl::unexpected<EvalError>(std::move(error));
  }
  (*program)->key = options.key.empty() ? source.name : options.key;
  for (const std::string& name : (*program)->predeclared_names) {
    (*program)->predeclared.push_back(find_name(name, options));
  }
  for (const auto& code : (*program)->codes) code->predeclared = (*program)->predeclared.data();
  return std::move(*program);
}

LoadedModule* Interpreter::adopt(std::shared_ptr<Program> program) {
  modules_.push_back(heap_.make<LoadedModule>(std::move(program)));
  return &modules_.back().as<LoadedModule>();
}

tl::expected<Interpreter::Ran, EvalError> Interpreter::run(Thread& thread, const SourceText& source,
                                                           const ExecuteOptions& options,
                                                           Shape shape) {
  auto program = compile(source, options, shape);
  if (!program) return tl::unexpected<EvalError>(std::move(program).error());
  const Code& body = *(*program)->codes.front();
  LoadedModule* module = options.session;
  if (module != nullptr) {
    module->program_ = *program;
    module->globals_.resize((*program)->global_names.size());
  } else {
    module = adopt(*program);
  }
  const Value function =
      heap_.make<FunctionObject>(body, *module, std::vector<Value>(), std::vector<Value>());
  Outcome result = thread.run(function);
  if (options.freeze && options.session == nullptr) {
    for (const Value& value : module->globals_) starlark::freeze(value);
  }
  if (!result) {
    // What the file had made until then is given back, but for what others hold.
    if (options.session == nullptr)
      std::erase_if(modules_, [&](const Value& value) { return value.object() == module; });
    return tl::unexpected<EvalError>(std::move(result).error());
  }
  return Ran{module, std::move(*result)};
}

ModuleOutcome Interpreter::execute(Thread& thread, const SourceText& source,
                                   const ExecuteOptions& options) {
  return run(thread, source, options, Shape::kFile).map([](Ran&& ran) { return ran.module; });
}

Outcome Interpreter::evaluate(Thread& thread, const SourceText& source,
                              const ExecuteOptions& options) {
  return run(thread, source, options, Shape::kExpression).map([](Ran&& ran) {
    return std::move(ran.result);
  });
}

std::vector<Diagnostic> Interpreter::check(const SourceText& source,
                                           const ExecuteOptions& options) const {
  std::vector<Diagnostic> problems;
  analyse(source, options, Shape::kFile, problems);
  return problems;
}

// --- loading

ModuleOutcome Interpreter::load(Thread& thread, std::string_view name, std::string_view from_key) {
  const auto failed = [&](std::string_view why) {
    return tl::unexpected<EvalError>(here(thread, fmt::format("cannot load {}: {}", name, why)));
  };
  std::string key(name);
  if (!cache_.contains(name)) {
    if (loader_ == nullptr) return failed("load is not available here");
    auto resolved = loader_->resolve(name, from_key);
    if (!resolved) return failed(resolved.error().message);
    key = std::move(*resolved);
  }
  for (size_t i = 0; i < loading_.size(); ++i) {
    if (loading_[i] != key) continue;
    std::string chain;
    for (; i < loading_.size(); ++i) chain += loading_[i] + " -> ";
    return failed(fmt::format("cycle in load graph: {}{}", chain, key));
  }
  return load_key(thread, name, key);
}

ModuleOutcome Interpreter::load_key(Thread& thread, std::string_view name, const std::string& key) {
  if (const auto cached = cache_.find(key); cached != cache_.end()) {
    if (cached->second->error) return tl::unexpected<EvalError>(*cached->second->error);
    return cached->second->module;
  }
  auto source = loader_->read(key);
  if (!source) {
    return tl::unexpected<EvalError>(
        here(thread, fmt::format("cannot load {}: {}", name, source.error().message)));
  }
  loading_.push_back(key);
  ExecuteOptions options;
  options.key = key;
  ModuleOutcome module = execute(thread, *source, options);
  loading_.pop_back();
  auto entry = std::make_unique<CacheEntry>();
  if (module) {
    entry->module = *module;
    loaded_keys_.push_back(key);
  } else if (!module.error().cancelled) {
    entry->error = module.error();
  } else {
    return module;
  }
  cache_[key] = std::move(entry);
  return module;
}

void Interpreter::add_module(std::string key, const Names& names) {
  auto program = std::make_shared<Program>();
  program->name = program->key = key;
  for (const auto& [name, value] : names) {
    program->global_names.push_back(name);
    program->global_is_loaded.push_back(false);
  }
  auto entry = std::make_unique<CacheEntry>();
  entry->module = adopt(program);
  size_t slot = 0;
  for (const auto& [name, value] : names) entry->module->globals_[slot++] = value;
  cache_[std::move(key)] = std::move(entry);
}

}  // namespace mishap::starlark
