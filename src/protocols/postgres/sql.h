// SQL as rules see it: a canonical form in which spelling, spacing, placeholders and comments do
// not matter, and the match of a pattern against it. Pure. The same form serves every SQL protocol.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mishap::protocols::postgres {

/// Letters outside quotes become lower case, `?` and `$1` one placeholder, comments vanish, `!= <>
/// <= >= = < > , ( )` stand alone, runs of blanks become one blank, trailing semicolons go.
/// 'literals', $tag$ bodies $tag$ and "Quoted" names keep their letters; a quoted name that needs
/// no quotes loses them. `*` stays, as the wildcard of patterns.
std::string canonical_sql(std::string_view sql);

/// Both in canonical form. An empty pattern matches all; without `*` they must be equal; `*` stands
/// for any text.
bool sql_matches(std::string_view pattern, std::string_view statement);

/// The statements of a simple query: split at semicolons outside quotes, comments and parentheses;
/// blank ones are left out. Views into `sql`.
std::vector<std::string_view> split_statements(std::string_view sql);

/// COMMIT or END (with WORK, TRANSACTION, AND NO CHAIN): after it no transaction is open, whatever
/// came of it.
bool is_commit(std::string_view canonical);

}  // namespace mishap::protocols::postgres
