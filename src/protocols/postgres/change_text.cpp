#include "change_text.h"

#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>

#include "values.h"

namespace mishap::protocols::postgres {
namespace {

/// Reads a text from its front.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  bool take(std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }

  /// An identifier as quote_identifier() writes it: plain, or in double quotes, which it doubles.
  std::optional<std::string> identifier() {
    if (rest_.starts_with('"')) return quoted('"');
    const size_t end = std::min(rest_.find_first_of(" .,:["), rest_.size());
    if (end == 0) return std::nullopt;
    return taken(end);
  }

  /// Up to the `]` that ends a type's name, which may itself hold brackets and quotes.
  std::optional<std::string> type_name() {
    bool in_quotes = false;
    for (size_t at = 0; at < rest_.size(); ++at) {
      if (rest_[at] == '"') in_quotes = !in_quotes;
      if (!in_quotes && rest_.substr(at).starts_with("]:")) return taken(at);
    }
    return std::nullopt;
  }

  /// A text in quotes, in which the quote itself is doubled.
  std::optional<std::string> quoted(char quote) {
    std::string out;
    for (size_t at = 1; at < rest_.size(); ++at) {
      if (rest_[at] == quote) {
        if (at + 1 >= rest_.size() || rest_[at + 1] != quote) {
          rest_.remove_prefix(at + 1);
          return out;
        }
        ++at;
      }
      out += rest_[at];
    }
    return std::nullopt;
  }

  std::string word() { return taken(std::min(rest_.find(' '), rest_.size())); }

 private:
  std::string taken(size_t length) {
    std::string out(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return out;
  }
  std::string_view rest_;
};

tl::unexpected<Error> unexpected(const Reader& reader, std::string_view wanted) {
  return fail(fmt::format("want {} at \"{}\"", wanted, reader.rest().substr(0, 40)));
}

Result<Change::Table> read_table(Reader& reader) {
  auto schema = reader.identifier();
  if (!schema || !reader.take(".")) return unexpected(reader, "schema.table");
  auto name = reader.identifier();
  if (!name) return unexpected(reader, "a table's name");
  return Change::Table{std::move(*schema), std::move(*name)};
}

Result<Column> read_column(Reader& reader) {
  Column column;
  auto name = reader.identifier();
  if (!name || !reader.take("[")) return unexpected(reader, "column[type]");
  auto type = reader.type_name();
  if (!type || !reader.take("]:")) return unexpected(reader, "the end of a type's name");
  column.name = std::move(*name);
  column.type = std::move(*type);
  if (reader.rest().starts_with('\'')) {
    column.text = reader.quoted('\'');
    if (!column.text) return unexpected(reader, "the end of a quoted value");
  } else if (reader.rest().starts_with("B'")) {
    reader.take("B");
    column.text = reader.quoted('\'');
    if (!column.text) return unexpected(reader, "the end of a bit string");
  } else {
    std::string word = reader.word();
    column.unchanged = word == "unchanged-toast-datum";
    if (word != "null" && !column.unchanged) column.text = std::move(word);
  }
  return column;
}

/// Columns, each after a blank, up to the end or to where `stop` follows a blank.
Result<std::vector<Column>> read_columns(Reader& reader, std::string_view stop) {
  std::vector<Column> columns;
  while (!reader.done()) {
    if (!stop.empty() && reader.rest().starts_with(stop)) break;
    if (!reader.take(" ")) return unexpected(reader, "a blank before a column");
    MISHAP_ASSIGN(Column column, read_column(reader));
    columns.push_back(std::move(column));
  }
  return columns;
}

Result<void> read_rows(Reader& reader, Change& change) {
  if (reader.take(" (no-tuple-data)")) return {};
  constexpr std::string_view kNew = " new-tuple:";
  if (change.action == Change::Action::remove) {
    MISHAP_ASSIGN(change.old_columns, read_columns(reader, ""));
    return {};
  }
  if (change.action == Change::Action::update && reader.take(" old-key:")) {
    MISHAP_ASSIGN(change.old_columns, read_columns(reader, kNew));
    if (!reader.take(kNew)) return unexpected(reader, "new-tuple:");
    if (reader.take(" (no-tuple-data)")) return {};
  }
  MISHAP_ASSIGN(change.row, read_columns(reader, ""));
  return {};
}

/// pg_type.dat's number of a type of which steps know more than its text.
unsigned type_oid(std::string_view name) {
  struct Known {
    std::string_view name;
    unsigned oid;
  };
  constexpr std::array<Known, 9> kKnown{{{"smallint", 21},
                                         {"integer", 23},
                                         {"bigint", 20},
                                         {"oid", 26},
                                         {"real", 700},
                                         {"double precision", 701},
                                         {"date", 1082},
                                         {"timestamp without time zone", 1114},
                                         {"timestamp with time zone", 1184}}};
  for (const Known& known : kKnown) {
    if (known.name == name) return known.oid;
  }
  return 0;
}

}  // namespace

Json Column::value() const {
  if (!text) return nullptr;
  if (type == "boolean") return Json(*text == "true");
  return value_of(type_oid(type), *text);
}

std::string_view to_string(Change::Action action) {
  switch (action) {
    case Change::Action::insert:
      return "INSERT";
    case Change::Action::update:
      return "UPDATE";
    case Change::Action::remove:
      return "DELETE";
    case Change::Action::truncate:
      return "TRUNCATE";
  }
  return "";
}

Result<Change> parse_change(std::string_view text) {
  Reader reader(text);
  Change change;
  if (!reader.take("table ")) return unexpected(reader, "\"table \"");
  do {
    MISHAP_ASSIGN(auto table, read_table(reader));
    change.tables.push_back(std::move(table));
  } while (reader.take(", "));
  if (reader.take(": TRUNCATE:")) {
    change.action = Change::Action::truncate;
    return change;
  }
  for (auto action : {Change::Action::insert, Change::Action::update, Change::Action::remove}) {
    if (!reader.take(fmt::format(": {}:", to_string(action)))) continue;
    change.action = action;
    MISHAP_TRY(read_rows(reader, change));
    return change;
  }
  return unexpected(reader, "INSERT, UPDATE, DELETE or TRUNCATE");
}

std::optional<event::Timestamp> commit_time(std::string_view text) {
  const size_t at = text.find("(at ");
  if (at == std::string_view::npos) return std::nullopt;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0;
  double second = 0;
  const std::string digits(text.substr(at + 4));
  if (std::sscanf(digits.c_str(), "%d-%d-%d %d:%d:%lf", &year, &month, &day, &hour, &minute,
                  &second) != 6)
    return std::nullopt;
  std::chrono::year_month_day date{std::chrono::year(year),
                                   std::chrono::month(static_cast<unsigned>(month)),
                                   std::chrono::day(static_cast<unsigned>(day))};
  // Nanoseconds since 1970 fit into 64 bits up to the year 2262.
  if (!date.ok() || year < 1970 || year > 2200) return std::nullopt;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || !(second >= 0 && second < 61))
    return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::microseconds(std::llround(second * 1e6));
}

}  // namespace mishap::protocols::postgres
