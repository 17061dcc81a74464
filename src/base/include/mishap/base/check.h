// What cannot happen unless we are wrong. Always on; prints and aborts, which makes the cell red
// and never the run.
#pragma once

#include <string>

namespace mishap {
/// Prints "file:line: check failed: expression: detail" and aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* expression,
                               const std::string& detail);
}  // namespace mishap

/// MISHAP_CHECK(x > 0, "x is {}", x) — the message is optional and formatted with fmt.
#define MISHAP_CHECK(expression, ...)                                    \
  do {                                                                   \
    if (!(expression)) [[unlikely]] {                                    \
      ::mishap::check_failed(__FILE__, __LINE__, #expression,            \
                             ::mishap::detail::check_text(__VA_ARGS__)); \
    }                                                                    \
  } while (false)

#include <fmt/format.h>

namespace mishap::detail {
inline std::string check_text() { return {}; }
template <class... Args>
std::string check_text(fmt::format_string<Args...> format, Args&&... args) {
  return fmt::format(format, std::forward<Args>(args)...);
}
}  // namespace mishap::detail
