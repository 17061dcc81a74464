#include "client.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>

#include <poll.h>

#include "mishap/base/text.h"

#include "values.h"

namespace mishap::protocols::postgres {
namespace {

thread_local std::string last_open_sqlstate;

bool looks_like_sqlstate(std::string_view text) {
  return text.size() == 5 && std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isdigit(c) || std::isupper(c);
         });
}

/// libpq's verbose text of a refused connection, `connection to server at "…" failed: FATAL: 28P01:
/// message\nLOCATION: …`, in parts. The state is empty when the error is libpq's own.
struct Refusal {
  std::string sqlstate;
  std::string message;
};
Refusal parse_refusal(std::string_view text) {
  for (std::string_view severity : {"FATAL:  ", "ERROR:  ", "PANIC:  "}) {
    const size_t at = text.rfind(severity);
    if (at == std::string_view::npos) continue;
    std::string_view rest = text.substr(at + severity.size());
    const std::string_view state = rest.substr(0, 5);
    if (!looks_like_sqlstate(state) || !rest.substr(5).starts_with(": ")) continue;
    rest.remove_prefix(7);
    return {std::string(state), std::string(trim(rest.substr(0, rest.find('\n'))))};
  }
  text = trim(text);
  return {"", std::string(text.substr(0, text.find('\n')))};
}

void ignore_notice(void*, const PGresult*) {}

}  // namespace

const std::string& Connection::open_sqlstate() { return last_open_sqlstate; }

Result<Connection> Connection::open(const Parameters& parameters, net::Deadline deadline,
                                    const net::Cancel* cancel) {
  last_open_sqlstate.clear();
  MISHAP_ASSIGN(const Libpq* pq, load_libpq());
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : parameters) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  Handle handle(pq->PQconnectStartParams(keys.data(), values.data(), /*expand_dbname=*/1),
                pq->PQfinish);
  if (!handle) return fail("out of memory", ENOMEM);
  Connection connection(*pq, std::move(handle), deadline, cancel);
  if (auto done = connection.log_in(); !done) {
    last_open_sqlstate = connection.sqlstate_;
    return fail(done.error());
  }
  return connection;
}

Result<void> Connection::log_in() {
  PGconn* connection = connection_.get();
  pq_.PQsetNoticeReceiver(connection, ignore_notice, nullptr);
  // Verbose texts carry the SQLSTATE, which libpq 15 has no other way to tell for a refused
  // connection.
  pq_.PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (state != PGRES_POLLING_OK && pq_.PQstatus(connection) != CONNECTION_BAD) {
    if (state == PGRES_POLLING_FAILED) break;
    MISHAP_TRY(wait(state == PGRES_POLLING_READING ? POLLIN : POLLOUT));
    state = pq_.PQconnectPoll(connection);
  }
  if (state != PGRES_POLLING_OK || pq_.PQstatus(connection) != CONNECTION_OK) {
    Refusal refusal = parse_refusal(pq_.PQerrorMessage(connection));
    sqlstate_ = refusal.sqlstate;
    return fail(sqlstate_.empty() ? refusal.message : "pq: " + refusal.message);
  }
  pq_.PQsetErrorVerbosity(connection, PQERRORS_DEFAULT);
  pq_.PQsetnonblocking(connection, 1);
  return {};
}

Result<Answer> Connection::run(const std::string& sql) {
  sqlstate_.clear();
  MISHAP_TRY(send(sql));
  Answer answer;
  bool have_rows = false;
  Result<void> outcome;
  while (true) {
    MISHAP_ASSIGN(PGresult * raw, next_result());
    if (!raw) break;
    std::unique_ptr<PGresult, void (*)(PGresult*)> result(raw, pq_.PQclear);
    const ExecStatusType status = pq_.PQresultStatus(raw);
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
      return fail("COPY from or to the client cannot be run in a step; use INSERT or SELECT");
    }
    // The first error stands; what follows it is only the end of the text.
    if (auto taken = take(raw, answer, have_rows); !taken && outcome) outcome = taken;
  }
  if (!outcome) return fail(outcome.error());
  return answer;
}

Result<void> Connection::send(const std::string& sql) {
  if (!pq_.PQsendQuery(connection_.get(), sql.c_str())) return client_failure();
  return flush();
}

Result<void> Connection::flush() {
  while (true) {
    const int pending = pq_.PQflush(connection_.get());
    if (pending < 0) return client_failure();
    if (pending == 0) return {};
    MISHAP_TRY(wait(POLLIN | POLLOUT));
    if (!pq_.PQconsumeInput(connection_.get())) return client_failure();
  }
}

Result<PGresult*> Connection::next_result() {
  while (pq_.PQisBusy(connection_.get())) {
    MISHAP_TRY(wait(POLLIN));
    if (!pq_.PQconsumeInput(connection_.get())) return client_failure();
  }
  return pq_.PQgetResult(connection_.get());
}

Result<void> Connection::take(const PGresult* result, Answer& answer, bool& have_rows) {
  switch (pq_.PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
      if (!have_rows) answer.rows = rows_of(result);
      have_rows = true;
      [[fallthrough]];
    case PGRES_COMMAND_OK: {
      const std::string_view count = pq_.PQcmdTuples(const_cast<PGresult*>(result));
      if (!count.empty()) {
        std::from_chars(count.data(), count.data() + count.size(), answer.rows_affected);
      }
      return {};
    }
    case PGRES_EMPTY_QUERY:
      return {};
    default:
      return server_failure(result);
  }
}

tl::unexpected<Error> Connection::server_failure(const PGresult* result) {
  const char* state = pq_.PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* message = pq_.PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (state) sqlstate_ = state;
  if (message) return fail(std::string("pq: ") + message);
  const std::string_view text = trim(pq_.PQresultErrorMessage(result));
  return fail(std::string(text.substr(0, text.find('\n'))));
}

Json Connection::rows_of(const PGresult* result) const {
  Json rows = Json::array();
  const int columns = pq_.PQnfields(result);
  for (int row = 0; row < pq_.PQntuples(result); ++row) {
    Json object = Json::object();
    for (int column = 0; column < columns; ++column) {
      Json value;
      if (!pq_.PQgetisnull(result, row, column)) {
        value = value_of(pq_.PQftype(result, column),
                         {pq_.PQgetvalue(result, row, column),
                          static_cast<size_t>(pq_.PQgetlength(result, row, column))});
      }
      object[pq_.PQfname(result, column)] = std::move(value);
    }
    rows.push_back(std::move(object));
  }
  return rows;
}

Result<void> Connection::start_copy(const std::string& command) {
  sqlstate_.clear();
  MISHAP_TRY(send(command));
  MISHAP_ASSIGN(PGresult * raw, next_result());
  std::unique_ptr<PGresult, void (*)(PGresult*)> result(raw, pq_.PQclear);
  if (pq_.PQresultStatus(raw) != PGRES_COPY_BOTH) return server_failure(raw);
  return {};
}

Result<std::optional<std::string>> Connection::take_copy() {
  if (!pq_.PQconsumeInput(connection_.get())) return client_failure();
  char* bytes = nullptr;
  const int length = pq_.PQgetCopyData(connection_.get(), &bytes, /*async=*/1);
  if (length == 0) return std::nullopt;
  if (length > 0) {
    std::string message(bytes, static_cast<size_t>(length));
    pq_.PQfreemem(bytes);
    return std::optional(std::move(message));
  }
  if (length == -2) return client_failure();
  // The server ended the stream; why is in the result that follows.
  MISHAP_ASSIGN(PGresult * raw, next_result());
  std::unique_ptr<PGresult, void (*)(PGresult*)> result(raw, pq_.PQclear);
  if (raw != nullptr && pq_.PQresultStatus(raw) == PGRES_FATAL_ERROR) return server_failure(raw);
  return fail("the server ended the stream");
}

Result<void> Connection::put_copy(std::string_view message) {
  if (pq_.PQputCopyData(connection_.get(), message.data(), static_cast<int>(message.size())) != 1)
    return client_failure();
  return flush();
}

Result<void> Connection::wait(short events) {
  auto ready = net::wait_ready(pq_.PQsocket(connection_.get()), events, deadline_, cancel_);
  if (ready) return {};
  if (ready.error().code == ETIMEDOUT) return fail("timed out waiting for the server", ETIMEDOUT);
  return ready;
}

tl::unexpected<Error> Connection::client_failure() const {
  const std::string_view text = trim(pq_.PQerrorMessage(connection_.get()));
  return fail(std::string(text.substr(0, text.find('\n'))));
}

}  // namespace mishap::protocols::postgres
