#include "grid.h"

#include <algorithm>

#include <fmt/format.h>

#include "mishap/report/lines.h"

namespace mishap::report {
namespace {

struct Cell {
  std::string text;
  const event::TestResult* result = nullptr;
};

/// Columns a terminal needs: UTF-8 continuation bytes take none. Names are identifiers, marks are
/// single-width.
size_t columns(std::string_view text) {
  return size_t(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string padded(const std::string& text, size_t width) {
  return text + std::string(width - std::min(width, columns(text)), ' ');
}

Cell cell_of(const event::RunPlan::Matrix& matrix, const std::vector<event::TestResult>& results,
             const std::string& scenario, const std::string& fault) {
  const event::TestResult* worst = nullptr;
  for (const auto& r : results) {
    if (r.kind != "matrix" || r.scenario != scenario || r.fault != fault) continue;
    if (worst == nullptr || (is_red(r.verdict) && !is_red(worst->verdict))) worst = &r;
  }
  if (worst != nullptr && worst->verdict == event::Verdict::not_run) {
    return {std::string(verdict_word(worst->verdict)), worst};
  }
  if (worst != nullptr) {
    return {fmt::format("{} {}", verdict_word(worst->verdict), short_duration(worst->duration)),
            worst};
  }
  bool excluded = std::find(matrix.excluded.begin(), matrix.excluded.end(),
                            std::pair(scenario, fault)) != matrix.excluded.end();
  return {excluded ? "—" : "·", nullptr};
}

std::string table(const std::vector<std::string>& rows, const std::vector<std::string>& faults,
                  const std::vector<std::vector<Cell>>& cells, size_t first_column,
                  const std::vector<size_t>& widths, size_t from, size_t to, const Paint& paint) {
  std::string out = padded("", first_column);
  for (size_t c = from; c < to; ++c) out += " │ " + padded(faults[c], widths[c]);
  while (out.ends_with(' ')) out.pop_back();
  out += '\n';
  for (size_t i = 0; i < first_column; ++i) out += "─";
  for (size_t c = from; c < to; ++c) {
    out += "─┼─";
    for (size_t i = 0; i < widths[c]; ++i) out += "─";
  }
  out += '\n';
  for (size_t r = 0; r < rows.size(); ++r) {
    out += padded(rows[r], first_column);
    for (size_t c = from; c < to; ++c) {
      const Cell& cell = cells[r][c];
      std::string text = c + 1 < to ? padded(cell.text, widths[c]) : cell.text;
      out += " │ " + (cell.result != nullptr ? paint(cell.result->verdict, text) : text);
    }
    out += '\n';
  }
  return out;
}

}  // namespace

std::string grid(const event::RunPlan::Matrix& matrix,
                 const std::vector<event::TestResult>& results, const Paint& paint, size_t width) {
  std::vector<std::vector<Cell>> cells;
  size_t first_column = 0;
  for (const auto& scenario : matrix.scenarios) {
    first_column = std::max(first_column, columns(scenario));
    auto& row = cells.emplace_back();
    for (const auto& fault : matrix.faults)
      row.push_back(cell_of(matrix, results, scenario, fault));
  }
  std::vector<size_t> widths;
  for (size_t c = 0; c < matrix.faults.size(); ++c) {
    size_t widest = columns(matrix.faults[c]);
    for (const auto& row : cells) widest = std::max(widest, columns(row[c].text));
    widths.push_back(widest);
  }
  std::string out;
  for (size_t from = 0; from < widths.size();) {
    size_t used = first_column, to = from;
    while (to < widths.size() && (to == from || used + 3 + widths[to] <= width))
      used += 3 + widths[to++];
    if (!out.empty()) out += '\n';
    out += table(matrix.scenarios, matrix.faults, cells, first_column, widths, from, to, paint);
    from = to;
  }
  return out;
}

}  // namespace mishap::report
