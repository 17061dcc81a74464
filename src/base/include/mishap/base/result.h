// Errors that may happen: the kernel, the network, the user or a peer said no.
//
// A function that may fail returns Result<T>. Messages are lower-case fragments that read after
// "failed to …: "; the one place that knows what was attempted adds it with `context`. What cannot
// happen is a MISHAP_CHECK instead (check.h), and a failing system under test is a verdict, never
// an Error.
#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace mishap {

/// Why something failed, for people. `code` is the errno it came from, 0 when it came from none.
struct Error {
  std::string message;
  int code = 0;

  /// "what: message"; keeps the code.
  Error context(std::string_view what) && {
    message.insert(0, ": ").insert(0, what);
    return std::move(*this);
  }
};

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  Result(tl::expected<T, Error> other) : tl::expected<T, Error>(std::move(other)) {}  // NOLINT
};

/// An Error as a return value: `return fail("no such file")`.
inline tl::unexpected<Error> fail(std::string message, int code = 0) {
  return tl::unexpected<Error>(Error{std::move(message), code});
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

/// "what: <text of errno_value>", keeping the number. `errno_value` defaults to the current errno.
tl::unexpected<Error> fail_errno(std::string_view what);
tl::unexpected<Error> fail_errno(std::string_view what, int errno_value);

}  // namespace mishap

/// Evaluates `expr` (a Result); returns its error from the current function, or goes on. For
/// Result<void>.
#define MISHAP_TRY(expr)                                    \
  do {                                                      \
    if (auto mishap_try = (expr); !mishap_try) {            \
      return ::mishap::fail(std::move(mishap_try).error()); \
    }                                                       \
  } while (false)

#define MISHAP_CONCAT_(a, b) a##b
#define MISHAP_CONCAT(a, b) MISHAP_CONCAT_(a, b)
/// `MISHAP_ASSIGN(auto fd, open_file(path));` declares fd from the value, or returns the error.
// NOLINTBEGIN(bugprone-macro-parentheses): a declaration in parentheses is none
#define MISHAP_ASSIGN(declaration, expr)                                               \
  auto MISHAP_CONCAT(mishap_result_, __LINE__) = (expr);                               \
  if (!MISHAP_CONCAT(mishap_result_, __LINE__)) {                                      \
    return ::mishap::fail(std::move(MISHAP_CONCAT(mishap_result_, __LINE__)).error()); \
  }                                                                                    \
  declaration = std::move(*MISHAP_CONCAT(mishap_result_, __LINE__))
// NOLINTEND(bugprone-macro-parentheses)
