// Any text as what the output plugin says of a change: it is read or refused; what is read has
// parts of the text's size at most.
#include "mishap/base/testing/fuzz.h"

#include "change_text.h"
#include "replication.h"

namespace mishap::testing {
namespace {

using namespace protocols::postgres;

size_t size_of(const std::vector<Column>& columns) {
  size_t size = 0;
  for (const Column& column : columns) {
    size += column.name.size() + column.type.size() + column.text.value_or("").size();
    to_text(column.value());
  }
  return size;
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  return {"table public.orders: INSERT: id[integer]:1 item[text]:'wid''get' n[numeric]:null",
          "table \"S\".\"t\"\"\": UPDATE: old-key: id[bigint]:1 new-tuple: id[bigint]:2",
          "table public.t: DELETE: (no-tuple-data)",
          "table public.a, public.b: TRUNCATE: (no-flags)",
          "COMMIT 7 (at 2024-01-02 03:04:05.678901+00)"};
}

void fuzz_one(std::string_view input) {
  if (auto change = parse_change(input)) {
    MISHAP_CHECK(!change->tables.empty());
    MISHAP_CHECK(size_of(change->row) + size_of(change->old_columns) <= input.size());
  }
  commit_time(input);
  if (auto lsn = parse_lsn(input)) MISHAP_CHECK(parse_lsn(lsn_text(*lsn)) == lsn);
}

}  // namespace mishap::testing
