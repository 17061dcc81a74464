#include "../change_text.h"

#include <gtest/gtest.h>

#include "../replication.h"

namespace mishap::protocols::postgres {
namespace {

Change change_of(std::string_view text) {
  auto change = parse_change(text);
  EXPECT_TRUE(change) << text << ": " << (change ? "" : change.error().message);
  return change ? *change : Change();
}

std::string shown(const std::vector<Column>& columns) {
  std::string out;
  for (const auto& column : columns) {
    out += column.name + "[" + column.type +
           "]=" + (column.unchanged ? "unchanged" : column.text.value_or("NULL")) + ";";
  }
  return out;
}

TEST(ChangeText, Insert) {
  Change change = change_of(
      "table public.orders: INSERT: id[integer]:1 item[text]:'it''s a widget: no [x]:' "
      "price[numeric]:1.50 sold[boolean]:true at[timestamp with time zone]:'2024-01-02 "
      "03:04:05+00' note[text]:null bits[bit varying]:B'101'");
  EXPECT_EQ(change.action, Change::Action::insert);
  ASSERT_EQ(change.tables.size(), 1u);
  EXPECT_EQ(change.tables[0].schema, "public");
  EXPECT_EQ(change.tables[0].name, "orders");
  EXPECT_EQ(shown(change.row),
            "id[integer]=1;item[text]=it's a widget: no [x]:;price[numeric]=1.50;"
            "sold[boolean]=true;at[timestamp with time zone]=2024-01-02 03:04:05+00;"
            "note[text]=NULL;bits[bit varying]=101;");
  EXPECT_EQ(change.row[0].value(), Json(1));
  EXPECT_EQ(change.row[2].value(), Json("1.50"));
  EXPECT_EQ(change.row[3].value(), Json(true));
  EXPECT_EQ(change.row[4].value(), Json("2024-01-02T03:04:05Z"));
  EXPECT_EQ(change.row[5].value(), Json(nullptr));
}

TEST(ChangeText, OddNamesAndTypes) {
  Change change = change_of(
      "table \"My Schema\".\"a\"\"b.c: INSERT:\": INSERT: \"select\"[integer[]]:'{1,2}' "
      "\"x [y]:\"[\"My]:Type\"]:'v' new[text]:''");
  EXPECT_EQ(change.tables[0].schema, "My Schema");
  EXPECT_EQ(change.tables[0].name, "a\"b.c: INSERT:");
  EXPECT_EQ(shown(change.row), "select[integer[]]={1,2};x [y]:[\"My]:Type\"]=v;new[text]=;");
}

TEST(ChangeText, UpdateAndDelete) {
  Change plain = change_of("table public.t: UPDATE: id[integer]:1 big[text]:unchanged-toast-datum");
  EXPECT_EQ(plain.action, Change::Action::update);
  EXPECT_EQ(shown(plain.row), "id[integer]=1;big[text]=unchanged;");
  EXPECT_TRUE(plain.old_columns.empty());

  Change moved = change_of(
      "table public.t: UPDATE: old-key: id[integer]:1 new-tuple: id[integer]:2 "
      "v[text]:'new-tuple:'");
  EXPECT_EQ(shown(moved.old_columns), "id[integer]=1;");
  EXPECT_EQ(shown(moved.row), "id[integer]=2;v[text]=new-tuple:;");

  Change gone = change_of("table public.t: DELETE: id[integer]:2");
  EXPECT_EQ(gone.action, Change::Action::remove);
  EXPECT_EQ(shown(gone.old_columns), "id[integer]=2;");

  Change unknown = change_of("table public.t: DELETE: (no-tuple-data)");
  EXPECT_TRUE(unknown.old_columns.empty());
}

TEST(ChangeText, TruncateOfSeveral) {
  Change change = change_of("table public.a, other.b: TRUNCATE: restart_seqs cascade");
  EXPECT_EQ(change.action, Change::Action::truncate);
  ASSERT_EQ(change.tables.size(), 2u);
  EXPECT_EQ(change.tables[1].schema, "other");
  EXPECT_EQ(change.tables[1].name, "b");
}

TEST(ChangeText, WhatIsNoneIsAnError) {
  auto message = [](std::string_view text) { return parse_change(text).error().message; };
  EXPECT_EQ(message("BEGIN 7"), "want \"table \" at \"BEGIN 7\"");
  EXPECT_EQ(message("table orders: INSERT: a[text]:'x'"),
            "want schema.table at \": INSERT: a[text]:'x'\"");
  EXPECT_EQ(message("table public.t: MERGE: a[text]:'x'"),
            "want INSERT, UPDATE, DELETE or TRUNCATE at \": MERGE: a[text]:'x'\"");
  EXPECT_EQ(message("table public.t: INSERT: a[text]:'x"),
            "want the end of a quoted value at \"'x\"");
  EXPECT_EQ(message("table public.t: INSERT: a[text"), "want the end of a type's name at \"text\"");
  EXPECT_EQ(message("table public.t: INSERT:a[text]:1"),
            "want a blank before a column at \"a[text]:1\"");
}

TEST(ChangeText, CommitTime) {
  auto at = commit_time("COMMIT 730 (at 2024-01-02 03:04:05.678901+00)");
  ASSERT_TRUE(at);
  EXPECT_EQ(event::format_timestamp(*at), "2024-01-02T03:04:05.678901000Z");
  EXPECT_TRUE(commit_time("COMMIT 730 (at 2024-01-02 03:04:05+00)"));
  EXPECT_FALSE(commit_time("COMMIT 730"));
  EXPECT_FALSE(commit_time("COMMIT 730 (at 2024-13-02 03:04:05+00)"));
  EXPECT_FALSE(commit_time("COMMIT 730 (at 9999-01-02 03:04:05+00)"));
  EXPECT_FALSE(commit_time("COMMIT 730 (at 2024-01-02 33:04:05+00)"));
}

TEST(Lsn, TextForm) {
  EXPECT_EQ(lsn_text(0x1'016B3748), "1/16B3748");
  EXPECT_EQ(parse_lsn("1/16B3748"), Lsn{0x1'016B3748});
  EXPECT_FALSE(parse_lsn("16B3748"));
  EXPECT_FALSE(parse_lsn("1/xyz"));
  EXPECT_FALSE(parse_lsn("/1"));
}

}  // namespace
}  // namespace mishap::protocols::postgres
