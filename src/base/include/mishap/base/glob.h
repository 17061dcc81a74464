// The three glob dialects of the spec language (each says where it is used).
#pragma once

#include <string_view>

namespace mishap {

/// Event filters. "" matches anything; without '*' exact comparison; with '*' shell-style ('*' and
/// '?' stop at '/', classes), then a trailing '*' as "has prefix", else a leading '*' as "has
/// suffix".
bool glob_field(std::string_view pattern, std::string_view text);

/// Protocol matchers. As above, but without '*' the comparison ignores ASCII case, and "**" or a
/// '*' in the middle may cross '/' when the shell-style match fails.
bool glob_request(std::string_view pattern, std::string_view text);

/// Paths. '*' stays within a segment, "**" crosses segments, '?' one non-'/' char, [a-z] [!a] [^a],
/// \x escapes; "dir/**" also matches "dir" itself, "a/**/b" matches "a/b"; empty matches all.
bool glob_path(std::string_view pattern, std::string_view path);

/// What makes a pattern match nothing in any dialect: "has a [ without its ]". "" when it is well
/// formed.
std::string_view glob_problem(std::string_view pattern);

/// Shell-style match alone ('*' does not cross '/').
bool glob_shell(std::string_view pattern, std::string_view text);

}  // namespace mishap
