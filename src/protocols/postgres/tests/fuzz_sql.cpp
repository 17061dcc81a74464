// Any text as SQL, as the text of an error and as values: the canonical form of plain text is its
// own, a text matches itself, statements are parts of the text in its order, and messages can be
// read back.
#include "mishap/base/testing/fuzz.h"

#include "codec.h"
#include "server_error.h"
#include "sql.h"
#include "values.h"

namespace mishap::testing {
namespace {

using namespace protocols::postgres;

void forms(std::string_view sql) {
  const std::string canonical = canonical_sql(sql);
  MISHAP_CHECK(canonical.size() <= 3 * sql.size());
  // Where a quote or comment is never closed, what it hides may close it the second time.
  const bool hides = sql.find_first_of("'\"`$") != std::string_view::npos ||
                     sql.find("/*") != std::string_view::npos;
  const std::string again = canonical_sql(canonical);
  MISHAP_CHECK(hides || again == canonical, "\"{}\" -> \"{}\" -> \"{}\"", sql, canonical, again);
  MISHAP_CHECK(sql_matches(canonical, canonical), "{}", canonical);
  MISHAP_CHECK(sql_matches("*", canonical) && sql_matches("", canonical));
  is_commit(canonical);
}

void statements(std::string_view sql) {
  const char* end = sql.data();
  for (std::string_view statement : split_statements(sql)) {
    MISHAP_CHECK(!statement.empty());
    MISHAP_CHECK(statement.data() >= end &&
                 statement.data() + statement.size() <= sql.data() + sql.size());
    end = statement.data() + statement.size();
  }
}

/// Fields of an ErrorResponse, as a client reads them.
void error_of(std::string_view text) {
  const ServerError error = server_error(text, "");
  const std::string bytes = error.bytes();
  MISHAP_CHECK(bytes.size() > kHeaderSize && bytes[0] == 'E');
  std::string_view rest = std::string_view(bytes).substr(kHeaderSize);
  MISHAP_CHECK(read_u32(std::string_view(bytes).substr(1)) == bytes.size() - 1);
  std::string fields;
  while (!rest.empty() && rest.front() != '\0') {
    fields += rest.front();
    rest.remove_prefix(1);
    MISHAP_CHECK(take_string(rest).has_value());
  }
  MISHAP_CHECK(fields == "SVCM" && rest.size() == 1, "{}", fields);
  MISHAP_CHECK(error.sqlstate.size() == 5, "{}", error.sqlstate);
}

void query_message(std::string_view text) {
  const std::string bytes = make_query(text);
  std::string_view rest = std::string_view(bytes).substr(kHeaderSize);
  auto read = take_string(rest);
  MISHAP_CHECK(read && *read == text.substr(0, text.find('\0')) && rest.empty());
}

}  // namespace

std::vector<std::string> fuzz_seeds() { return {}; }

/// Two lines of SQL: one is a pattern for the other.
void fuzz_one(std::string_view input) {
  forms(input);
  statements(input);
  error_of(input);
  query_message(input);
  FuzzInput in(input);
  const std::string pattern = canonical_sql(in.until('\n'));
  sql_matches(pattern, canonical_sql(in.rest()));
  for (unsigned type :
       {16U, 20U, 21U, 23U, 26U, 700U, 701U, 1082U, 1083U, 1114U, 1184U, 1700U, 25U})
    to_text(value_of(type, input));
}

}  // namespace mishap::testing
