#include "server_error.h"

#include <gtest/gtest.h>

#include "codec.h"

namespace mishap::protocols::postgres {
namespace {

struct Case {
  const char* message;
  const char* code;
  const char* severity;
  const char* sqlstate;
};

TEST(ServerError, StateAndSeverity) {
  const Case cases[] = {
      {"disk full", "", "ERROR", "53100"},
      {"ERROR: could not extend file: No space left on device (SQLSTATE 53100)", "", "ERROR",
       "53100"},
      {"ERROR: deadlock detected (SQLSTATE 40P01)", "", "ERROR", "40P01"},
      {"deadlock detected", "", "ERROR", "40P01"},
      {"ERROR: canceling statement due to lock timeout (SQLSTATE 55P03)", "", "ERROR", "55P03"},
      {"canceling statement due to lock timeout", "", "ERROR", "55P03"},
      {"canceling statement due to statement timeout", "", "ERROR", "57014"},
      {"FATAL: sorry, too many clients already (SQLSTATE 53300)", "", "FATAL", "53300"},
      {"sorry, too many clients already", "", "FATAL", "53300"},
      {"ERROR: too many clients", "", "ERROR", "53300"},
      {"FATAL: terminating connection due to administrator command (SQLSTATE 57P01)", "", "FATAL",
       "57P01"},
      {"ERROR: cannot execute INSERT in a read-only transaction (SQLSTATE 25006)", "", "ERROR",
       "25006"},
      {"duplicate key value violates unique constraint \"users_pkey\"", "", "ERROR", "23505"},
      {"relation \"users\" does not exist", "", "ERROR", "42P01"},
      {"column \"x\" of relation \"users\" does not exist", "", "ERROR", "42703"},
      {"PANIC: could not write to log file", "", "PANIC", "XX000"},
      {"boom", "", "ERROR", "XX000"},
      {"boom", "23505", "ERROR", "23505"},
      {"boom (SQLSTATE 40001)", "40p01", "ERROR", "40P01"},
      {"boom (SQLSTATE 4000)", "", "ERROR", "XX000"},
      {"boom (SQLSTATE 40001) or so", "", "ERROR", "XX000"},
      {"boom", "not a state", "ERROR", "XX000"},
      {"", "", "ERROR", "XX000"},
  };
  for (const Case& c : cases) {
    const ServerError error = server_error(c.message, c.code);
    EXPECT_EQ(error.severity, c.severity) << c.message;
    EXPECT_EQ(error.sqlstate, c.sqlstate) << c.message;
    EXPECT_EQ(error.fatal(), std::string(c.severity) != "ERROR") << c.message;
  }
}

TEST(ServerError, MessageStaysAsWritten) {
  EXPECT_EQ(server_error("ERROR: x (SQLSTATE 40P01)", "").message, "ERROR: x (SQLSTATE 40P01)");
  EXPECT_EQ(server_error("", "").message, "ERROR: injected fault");
}

TEST(ServerError, Bytes) {
  using namespace std::string_literals;
  EXPECT_EQ(server_error("disk full", "").bytes(),
            "E\0\0\0\x25SERROR\0VERROR\0C53100\0Mdisk full\0\0"s);
}

}  // namespace
}  // namespace mishap::protocols::postgres
