#include "mishap/starlark/diagnostic.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "utf8.h"

namespace mishap::starlark {
namespace {

constexpr int kWidestLine = 160;    ///< columns of a source line that are shown
constexpr int kBeforeColumn = 100;  ///< of them before the marked one, when the line is longer

/// A line of source as a terminal may see it: control characters become U+FFFD, so that columns
/// stay.
std::string printable(std::string_view line) {
  std::string out;
  for (char c : line) {
    bool control = (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 127;
    if (control)
      out += "\uFFFD";
    else
      out += c;
  }
  return out;
}

struct Excerpt {
  std::string line;
  int column;  ///< of the mark in it
};

/// The part of a line about `column` that fits.
Excerpt excerpt(const std::string& line, int column) {
  std::vector<size_t> starts;  // of code points
  for (size_t i = 0; i < line.size(); ++i) {
    if ((static_cast<unsigned char>(line[i]) & 0xC0) != 0x80) starts.push_back(i);
  }
  int count = static_cast<int>(starts.size());
  if (count <= kWidestLine) return {line, column};
  int first = std::clamp(column - 1 - kBeforeColumn, 0, count - kWidestLine);
  int last = first + kWidestLine;
  starts.push_back(line.size());
  std::string part = line.substr(starts[first], starts[last] - starts[first]);
  if (first > 0) part = "…" + part;
  if (last < count) part += "…";
  return {part, column - first + (first > 0 ? 1 : 0)};
}

/// Columns of a terminal that a code point takes: two for those of East Asia and most pictures,
/// none for marks that combine with what is before them.
int cells(char32_t rune) {
  constexpr std::pair<char32_t, char32_t> kNone[] = {
      {0x300, 0x36F}, {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}};
  constexpr std::pair<char32_t, char32_t> kTwo[] = {
      {0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0xA4CF},   {0xAC00, 0xD7A3},
      {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},
      {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
  const auto in = [&](const auto& range) { return rune >= range.first && rune <= range.second; };
  if (std::any_of(std::begin(kNone), std::end(kNone), in)) return 0;
  return std::any_of(std::begin(kTwo), std::end(kTwo), in) ? 2 : 1;
}

/// Columns count code points. The mark stands below its text all the same: tabs stay tabs, and wide
/// characters count twice.
std::string marks(std::string_view line, int column, int end_column) {
  std::string before, below;
  int at = 1;
  for_each_rune(line, [&](Rune rune, size_t) {
    if (at < column) {
      before +=
          rune.value == '\t' ? "\t" : std::string(static_cast<size_t>(cells(rune.value)), ' ');
    } else if (at == column || at < end_column) {
      below.append(static_cast<size_t>(cells(rune.value)), '~');
    }
    ++at;
  });
  for (; at < end_column; ++at) below += '~';  // what goes on after the part that is shown
  if (below.empty()) below = "~";
  below.front() = '^';
  return before + (end_column > column + 1 ? below : "^");
}

std::string paint(bool on, std::string_view code, std::string_view text) {
  return on ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

/// The head of a traceback: the active calls, without the error itself.
std::string calls(const Diagnostic& diagnostic) {
  std::string out = "Traceback (most recent call last):\n";
  for (const auto& frame : diagnostic.stack) {
    if (frame.pos.line == 0) continue;
    out += fmt::format("  {}: in {}\n", frame.pos.text(), frame.function);
  }
  return out;
}

}  // namespace

std::string Diagnostic::text() const {
  std::string out = pos.text();
  if (!out.empty()) out += ": ";
  out += message;
  if (!hint.empty()) out += fmt::format(" ({})", hint);
  return out;
}

void Sources::add(std::string file, std::string text) { texts_[std::move(file)] = std::move(text); }

std::string_view Sources::line(const std::string& file, int number) const {
  auto found = texts_.find(file);
  if (found == texts_.end() || number < 1) return {};
  std::string_view rest = found->second;
  for (int i = 1; i < number; ++i) {
    size_t end = rest.find('\n');
    if (end == std::string_view::npos) return {};
    rest.remove_prefix(end + 1);
  }
  rest = rest.substr(0, rest.find('\n'));
  if (rest.ends_with('\r')) rest.remove_suffix(1);
  return rest;
}

std::string traceback(const Diagnostic& diagnostic) {
  bool native = !diagnostic.stack.empty() && diagnostic.stack.back().pos.line == 0;
  return calls(diagnostic) +
         (native ? fmt::format("Error in {}: ", diagnostic.stack.back().function) : "Error: ") +
         diagnostic.message;
}

std::string render(const Diagnostic& diagnostic, const Sources& sources, const RenderStyle& style) {
  std::string out;
  auto framed = std::count_if(diagnostic.stack.begin(), diagnostic.stack.end(),
                              [](const auto& f) { return f.pos.line != 0; });
  if (style.traceback && framed > 1) {
    out += calls(diagnostic);
  }
  std::string where = diagnostic.pos.text();
  out +=
      fmt::format("{}{} {}\n", where.empty() ? "" : paint(style.color, "1", where + ":") + " ",
                  paint(style.color, "1;31", fmt::format("{}:", style.level)), diagnostic.message);
  std::string_view line = sources.line(diagnostic.pos.file, diagnostic.pos.line);
  if (!line.empty()) {
    int width = diagnostic.end_line == diagnostic.pos.line
                    ? diagnostic.end_column - diagnostic.pos.column
                    : 0;
    Excerpt shown = excerpt(printable(line), diagnostic.pos.column);
    out += fmt::format("  {:>4} | {}\n", diagnostic.pos.line, shown.line);
    if (shown.column > 0) {
      int end = shown.column + std::min(width, kWidestLine - kBeforeColumn);
      out += fmt::format("       | {}\n",
                         paint(style.color, "1;31", marks(shown.line, shown.column, end)));
    }
  }
  if (!diagnostic.hint.empty())
    out += fmt::format("       {} {}\n", paint(style.color, "1;36", "help:"), diagnostic.hint);
  return out;
}

std::string render(std::span<const Diagnostic> diagnostics, const Sources& sources,
                   const RenderStyle& style) {
  std::string out;
  for (const auto& diagnostic : diagnostics) {
    if (!out.empty()) out += '\n';
    out += render(diagnostic, sources, style);
  }
  return out;
}

}  // namespace mishap::starlark
