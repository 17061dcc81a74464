// libpq, loaded by the first step that needs it.
#pragma once

#include <libpq-fe.h>

#include "mishap/base/result.h"

namespace mishap::protocols::postgres {

// clang-format off: it never settles on a list of macros.
#define MISHAP_LIBPQ_FUNCTIONS(X) \
  X(PQconnectStartParams) X(PQconnectPoll) X(PQfinish) X(PQstatus) X(PQsocket) X(PQbackendPID) \
  X(PQerrorMessage) X(PQsetErrorVerbosity) X(PQsetnonblocking) X(PQsendQuery) X(PQflush) \
  X(PQconsumeInput) X(PQisBusy) X(PQgetResult) X(PQclear) X(PQresultStatus) \
  X(PQresultErrorField) X(PQresultErrorMessage) X(PQntuples) X(PQnfields) X(PQfname) \
  X(PQftype) X(PQgetvalue) X(PQgetlength) X(PQgetisnull) X(PQcmdTuples) \
  X(PQsetNoticeReceiver) X(PQgetCopyData) X(PQputCopyData) X(PQfreemem)
// clang-format on

/// The functions we use, under their own names.
struct Libpq {
// NOLINTNEXTLINE(bugprone-macro-parentheses): g++ warns of a declared name in parentheses
#define MISHAP_LIBPQ_MEMBER(name) decltype(&::name) name = nullptr;
  MISHAP_LIBPQ_FUNCTIONS(MISHAP_LIBPQ_MEMBER)
#undef MISHAP_LIBPQ_MEMBER
};

/// The library, loaded once and never unloaded; any thread.
/// Error: `the PostgreSQL client library could not be loaded (apt install libpq5): …`.
Result<const Libpq*> load_libpq();

}  // namespace mishap::protocols::postgres
