#include "mishap/starlark/conformance.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <re2/re2.h>

#include "mishap/base/text.h"
#include "mishap/starlark/parser.h"

#include "conformance_names.h"
#include "utf8.h"

namespace mishap::starlark {
namespace {

// A chunk that runs longer than this is stuck: about ten seconds.
constexpr uint64_t kStepLimit = 500'000'000;
constexpr uint64_t kMemoryBytes = uint64_t{2} << 30;

struct Chunk {
  std::string text;  // after as many empty lines as the file has before it
  int first_line = 1;
};

std::vector<Chunk> split_chunks(std::string_view text) {
  std::vector<Chunk> chunks(1);
  int line_number = 1;
  for (std::string_view line : split(text, '\n')) {
    std::string_view bare = line;
    if (bare.ends_with('\r')) bare.remove_suffix(1);
    if (bare == "---") {
      // What is before the line of dashes ends before its line end.
      if (chunks.back().text.ends_with('\n')) chunks.back().text.pop_back();
      chunks.push_back({std::string(static_cast<size_t>(line_number), '\n'), line_number + 1});
    } else {
      chunks.back().text.append(line).append("\n");
    }
    ++line_number;
  }
  return chunks;
}

// The text of a string literal in double quotes as Go writes it; nullopt when it is none.
std::optional<std::string> unquote(std::string_view literal) {
  if (literal.size() < 2 || literal.front() != '"' || literal.back() != '"') return std::nullopt;
  literal = literal.substr(1, literal.size() - 2);
  constexpr std::string_view kLetters = "abfnrtv\\\"";
  constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\\"";
  std::string out;
  for (size_t at = 0; at < literal.size(); ++at) {
    if (literal[at] != '\\') {
      out += literal[at];
      continue;
    }
    if (++at == literal.size()) return std::nullopt;
    if (const size_t letter = kLetters.find(literal[at]); letter != std::string_view::npos) {
      out += kMeanings[letter];
      continue;
    }
    const size_t digits = literal[at] == 'x'   ? 2
                          : literal[at] == 'u' ? 4
                          : literal[at] == 'U' ? 8
                                               : 0;
    const auto number =
        digits == 0 ? std::nullopt : BigInt::parse(literal.substr(at + 1, digits), 16);
    if (!number) return std::nullopt;
    const auto code = static_cast<uint64_t>(*number->to_int64());
    if (digits == 2) {
      out += static_cast<char>(code);
    } else {
      append_rune(out, static_cast<char32_t>(code));
    }
    at += digits;
  }
  return out;
}

std::optional<std::string> expectation_text(std::string_view comment) {
  comment = trim(comment);
  if (comment.size() >= 2 && comment.front() == '`' && comment.back() == '`') {
    return std::string(comment.substr(1, comment.size() - 2));
  }
  return unquote(comment);
}

Dialect dialect_of(std::string_view chunk) {
  const auto has = [&](std::string_view option) {
    return chunk.find(option) != std::string_view::npos;
  };
  Dialect dialect;
  dialect.allow_set = has("option:set");
  dialect.allow_while = has("option:while");
  dialect.allow_recursion = has("option:recursion");
  dialect.allow_global_reassign = has("option:globalreassign");
  dialect.allow_top_level_control = has("option:toplevelcontrol");
  dialect.load_binds_globally = has("option:loadbindsglobally");
  return dialect;
}

// Modules are all made by us: a name is its own key, and no file is read.
class NoFiles final : public ModuleLoader {
 public:
  Result<std::string> resolve(std::string_view name, std::string_view) override {
    return std::string(name);
  }
  Result<SourceText> read(const std::string& /*key*/) override { return fail("no such module"); }
};

// Finds the lines on which the functions of a name begin: of the head, and of the first statement.
class FunctionLines final : public ast::Visitor {
 public:
  explicit FunctionLines(std::string_view name) : name_(name) {}
  bool visit(const ast::Stmt& stmt) override {
    if (const auto* def = ast::if_a<const ast::DefStmt>(&stmt)) add(*def->function);
    return true;
  }
  bool visit(const ast::Expr& expr) override {
    if (const auto* lambda = ast::if_a<const ast::LambdaExpr>(&expr)) add(*lambda->function);
    return true;
  }
  const std::set<int>& lines() const { return lines_; }

 private:
  void add(const ast::Function& function) {
    if (function.name != name_) return;
    lines_.insert(function.at.line);
    if (!function.body.empty()) lines_.insert(function.body.front()->span.begin.line);
  }

  std::string_view name_;
  std::set<int> lines_;
};

// Runs one chunk and compares its errors with what it expects.
class ChunkRun {
 public:
  ChunkRun(const std::string& script, const Chunk& chunk) : script_(script), chunk_(chunk) {
    read_expectations();
  }

  std::vector<ConformanceFailure> run() {
    NoFiles loader;
    Interpreter interpreter(dialect_of(chunk_.text));
    interpreter.heap().set_limit(kMemoryBytes);
    interpreter.set_loader(&loader);
    interpreter.print = [](Thread&, std::string_view) {};
    install_conformance_names(interpreter, script_, [this](int line, const std::string& message) {
      got_error(line, {message});
    });
    const SourceText source{script_, chunk_.text};
    const auto problems = interpreter.check(source);
    bool wrong_syntax = false;
    for (const Diagnostic& problem : problems) {
      const int line = line_of(problem);
      // What follows a syntax error may follow from it: it counts only where it is expected.
      if (wrong_syntax && !expected_.contains(line)) continue;
      got_error(line, texts_of(problem));
      wrong_syntax = problem.kind == DiagnosticKind::kSyntax;
    }
    if (problems.empty()) execute(interpreter, source);
    for (const auto& [line, pattern] : expected_) {
      failures_.push_back({line, fmt::format("expected an error matching {}", quote(pattern))});
    }
    return std::move(failures_);
  }

 private:
  // The line that an error counts for. The end of a line where something else was wanted may be
  // expected on the line after it, where the reference implementation reports it.
  int line_of(const Diagnostic& problem) const {
    const int line = problem.pos.line;
    const bool at_newline = problem.message.find("got newline") != std::string::npos;
    const bool after = at_newline && !expected_.contains(line) && expected_.contains(line + 1);
    return after ? line + 1 : line;
  }

  // What a pattern may be found in: the message with its hint, where the reference implementation
  // has the nearest name, or what that one would say.
  static std::vector<std::string> texts_of(const Diagnostic& problem) {
    std::vector<std::string> texts = {problem.message};
    if (!problem.hint.empty())
      texts.push_back(fmt::format("{} ({})", problem.message, problem.hint));
    if (!problem.reference.empty()) texts.push_back(problem.reference);
    return texts;
  }

  void read_expectations() {
    int line_number = 0;
    for (std::string_view line : split(chunk_.text, '\n')) {
      ++line_number;
      const size_t mark = line.find("###");
      if (mark == std::string_view::npos) continue;
      if (auto pattern = expectation_text(line.substr(mark + 3))) {
        expected_[line_number] = std::move(*pattern);
      } else {
        failures_.push_back({line_number, "what follows ### is not a quoted regular expression"});
      }
    }
  }

  void execute(Interpreter& interpreter, const SourceText& source) {
    Thread thread(interpreter);
    thread.set_step_limit(kStepLimit);
    const auto module = interpreter.execute(thread, source);
    if (module) return;
    const EvalError& error = module.error();
    int line = error.pos.file == script_ ? error.pos.line : 0;
    // The innermost frame in the script.
    for (const StackFrame& frame : error.stack) {
      if (frame.pos.file == script_ && frame.pos.line > 0) line = frame.pos.line;
    }
    got_error(line_of_call(error.message, line), texts_of(error));
  }

  // What is wrong with the arguments of a call, or with calling at all, counts for the line of the
  // call. It may be expected where the function begins, where the reference implementation reports
  // it.
  int line_of_call(std::string_view message, int line) const {
    constexpr std::string_view kBegin = "function ";
    if (expected_.contains(line) || !message.starts_with(kBegin)) return line;
    message.remove_prefix(kBegin.size());
    const auto parsed = parse(script_, chunk_.text, dialect_of(chunk_.text));
    if (!parsed.module) return line;
    FunctionLines functions(message.substr(0, message.find(' ')));
    ast::walk(parsed.module->toplevel->body, functions);
    for (const int begin : functions.lines()) {
      if (expected_.contains(begin)) return begin;
    }
    return line;
  }

  void got_error(int line, const std::vector<std::string>& texts) {
    const auto expected = expected_.find(line);
    if (expected == expected_.end()) {
      failures_.push_back({line, fmt::format("unexpected error: {}", texts.front())});
      return;
    }
    const RE2 regex(expected->second, RE2::Quiet);
    const auto fits = [&](const std::string& text) { return RE2::PartialMatch(text, regex); };
    if (!regex.ok()) {
      failures_.push_back({line, fmt::format("bad regular expression: {}", regex.error())});
    } else if (std::none_of(texts.begin(), texts.end(), fits)) {
      failures_.push_back({line, fmt::format("error {} does not match {}", quote(texts.front()),
                                             quote(expected->second))});
    }
    expected_.erase(expected);
  }

  const std::string& script_;
  const Chunk& chunk_;
  std::map<int, std::string> expected_;
  std::vector<ConformanceFailure> failures_;
};

}  // namespace

void ConformanceReport::add(ConformanceReport other) {
  passed += other.passed;
  failed += other.failed;
  std::move(other.failures.begin(), other.failures.end(), std::back_inserter(failures));
}

ConformanceReport run_conformance(std::string_view name, std::string_view text) {
  ConformanceReport report;
  const std::string script(name);
  for (const Chunk& chunk : split_chunks(text)) {
    auto failures = ChunkRun(script, chunk).run();
    ++(failures.empty() ? report.passed : report.failed);
    std::move(failures.begin(), failures.end(), std::back_inserter(report.failures));
  }
  return report;
}

}  // namespace mishap::starlark
