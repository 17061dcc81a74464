// What the output plugin test_decoding says of a transaction's changes, as data. Pure.
//
// The plugin comes with every PostgreSQL server and needs no publication. Its texts are those of
// contrib/test_decoding/test_decoding.c:
//   BEGIN 730
//   table public.orders: INSERT: id[integer]:1 item[text]:'widget'
//   table public.orders: UPDATE: old-key: id[integer]:1 new-tuple: id[integer]:2 item[text]:null
//   table public.orders: DELETE: id[integer]:2
//   COMMIT 730 (at 2024-01-02 03:04:05.678901+00)
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/base/json.h"
#include "mishap/event/event.h"

namespace mishap::protocols::postgres {

struct Column {
  std::string name;
  std::string type;  ///< as format_type() words it: "integer", "timestamp with time zone"
  std::optional<std::string> text;  ///< nothing: NULL, or (`unchanged`) not said
  bool unchanged =
      false;  ///< a large value that the change left as it was, so it is not in the log

  /// With the type that the value has in steps, too; null for NULL.
  Json value() const;
};

struct Change {
  enum class Action { insert, update, remove, truncate };
  struct Table {
    std::string schema, name;
  };
  Action action = Action::insert;
  std::vector<Table> tables;        ///< one; of a TRUNCATE all that it empties together
  std::vector<Column> row;          ///< the new row; empty for a DELETE and a TRUNCATE
  std::vector<Column> old_columns;  ///< of the old row, as far as its replica identity gives them
};

std::string_view to_string(Change::Action action);  ///< "INSERT", "UPDATE", "DELETE", "TRUNCATE"

/// Error: what of the text is not as expected.
Result<Change> parse_change(std::string_view text);

/// The time of a COMMIT text; nothing when it has none. Needs the time zone UTC in the session.
std::optional<event::Timestamp> commit_time(std::string_view text);

}  // namespace mishap::protocols::postgres
