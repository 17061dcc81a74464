#include "sql.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mishap::protocols::postgres {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

bool rule_fits(std::string_view pattern, std::string_view sql) {
  return sql_matches(canonical_sql(pattern), canonical_sql(sql));
}

TEST(CanonicalSql, ReferencePairs) {
  EXPECT_EQ(canonical_sql("INSERT INTO t(a,b) VALUES(1,2)"),
            "insert into t ( a , b ) values ( 1 , 2 )");
  EXPECT_EQ(canonical_sql("UPDATE u SET r='X' WHERE id=$2;"),
            canonical_sql("update u set r = 'X' where id = ?"));
}

TEST(CanonicalSql, SpellingDoesNotMatter) {
  EXPECT_EQ(canonical_sql("  SELECT\n\t1 ;; ; "), "select 1");
  EXPECT_EQ(canonical_sql("a<>b and c!=d and e<=f and g>=h"),
            "a <> b and c != d and e <= f and g >= h");
  EXPECT_EQ(canonical_sql("select $1, $23, ?"), "select ? , ? , ?");
  EXPECT_EQ(canonical_sql(""), "");
  EXPECT_EQ(canonical_sql(";"), "");
}

TEST(CanonicalSql, LiteralsKeepTheirLetters) {
  EXPECT_EQ(canonical_sql("SELECT 'It''s; -- $1 A=B'"), "select 'It''s; -- $1 A=B'");
  EXPECT_EQ(canonical_sql("SELECT E'\\'X' , Y"), "select E'\\'X' , y");
  EXPECT_EQ(canonical_sql("SELECT $fn$ A; 'B' $fn$, C"), "select $fn$ A; 'B' $fn$ , c");
  EXPECT_EQ(canonical_sql("SELECT 'unfinished X"), "select 'unfinished X");
  EXPECT_EQ(canonical_sql("SELECT $a$ B"), "select $a$ b");
}

TEST(CanonicalSql, QuotedNames) {
  EXPECT_EQ(canonical_sql("INSERT INTO \"users\" (`name`)"), "insert into users ( name )");
  EXPECT_EQ(canonical_sql("INSERT INTO \"Users\""), "insert into \"Users\"");
  EXPECT_EQ(canonical_sql("SELECT \"a b\", \"1x\", \"\""), "select \"a b\" , \"1x\" , \"\"");
}

TEST(CanonicalSql, CommentsVanish) {
  EXPECT_EQ(canonical_sql("/* traceparent='00-1' */ SELECT 1 -- the end\n, 2 /* a /* b */ c */"),
            "select 1 , 2");
  EXPECT_EQ(canonical_sql("SELECT 1 /* unfinished"), "select 1 /* unfinished");
}

TEST(SqlMatches, StarCrossesEverything) {
  EXPECT_TRUE(rule_fits("INSERT INTO users*", "insert into users(name) values ('a/b')"));
  EXPECT_TRUE(rule_fits("SELECT * FROM users*", "SELECT id / 2 FROM users WHERE x"));
  EXPECT_TRUE(rule_fits("*users*", "delete from users where id=$1"));
  EXPECT_TRUE(rule_fits("*", ""));
  EXPECT_TRUE(rule_fits("", "anything"));
  EXPECT_TRUE(rule_fits("INSERT*", "/* orm */ INSERT INTO \"users\" VALUES ($1)"));
  EXPECT_FALSE(rule_fits("INSERT INTO users*", "insert into orders values (1)"));
  EXPECT_FALSE(rule_fits("insert into users", "insert into users values (1)"));
  EXPECT_TRUE(rule_fits("update t set a = ? where*", "UPDATE t SET a=$1 WHERE b=$2"));
}

TEST(SplitStatements, AtSemicolonsThatSeparate) {
  EXPECT_THAT(split_statements("BEGIN; INSERT INTO t VALUES (';'); COMMIT;"),
              ElementsAre("BEGIN", "INSERT INTO t VALUES (';')", "COMMIT"));
  EXPECT_THAT(split_statements("DO $$ a; b $$; -- c; d\n SELECT 1"),
              ElementsAre("DO $$ a; b $$", "-- c; d\n SELECT 1"));
  EXPECT_THAT(split_statements("CREATE RULE r AS ON INSERT TO t DO (a; b)"),
              ElementsAre("CREATE RULE r AS ON INSERT TO t DO (a; b)"));
  EXPECT_THAT(split_statements(" ; /* x */ ;"), IsEmpty());
  EXPECT_THAT(split_statements(""), IsEmpty());
}

TEST(IsCommit, OnlyWhatEndsTheTransaction) {
  EXPECT_TRUE(is_commit(canonical_sql("COMMIT;")));
  EXPECT_TRUE(is_commit(canonical_sql("End Transaction")));
  EXPECT_FALSE(is_commit(canonical_sql("COMMIT PREPARED 'x'")));
  EXPECT_FALSE(is_commit(canonical_sql("COMMIT AND CHAIN")));
  EXPECT_FALSE(is_commit(canonical_sql("ROLLBACK")));
}

}  // namespace
}  // namespace mishap::protocols::postgres
