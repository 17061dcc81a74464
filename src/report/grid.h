// The verdict grid of a matrix.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "mishap/event/run.h"

namespace mishap::report {

/// Paints a cell's text according to its verdict; the identity when there is no colour.
using Paint = std::function<std::string(event::Verdict, const std::string&)>;

/// One table: a row a scenario, a column a fault; wide matrices are cut into several tables of at
/// most `width` columns of text. Cells without a result are "—" when excluded, "·" when not
/// selected or not run.
std::string grid(const event::RunPlan::Matrix& matrix,
                 const std::vector<event::TestResult>& results, const Paint& paint, size_t width);

}  // namespace mishap::report
