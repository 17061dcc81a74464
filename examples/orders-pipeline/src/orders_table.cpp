#include "orders_table.h"

#include <chrono>

#include <poll.h>

#include "database_url.h"

namespace {

using Answer = std::unique_ptr<PGresult, decltype(&PQclear)>;

constexpr const char* kSchema =
    "SET client_min_messages = warning;"
    "CREATE TABLE IF NOT EXISTS orders (order_id text PRIMARY KEY, item text NOT NULL);";

constexpr const char* kDuplicateDatabase = "42P04";
constexpr auto kPatience = std::chrono::seconds(2);

bool fine(const Answer& answer) {
  ExecStatusType status = PQresultStatus(answer.get());
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/// False when the connection broke or nothing came in time: a broken one may look whole from here.
bool answer_is_there(PGconn* connection) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (PQisBusy(connection) == 1) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd readable{PQsocket(connection), POLLIN, 0};
    if (left.count() <= 0 || poll(&readable, 1, static_cast<int>(left.count())) <= 0) return false;
    if (PQconsumeInput(connection) != 1) return false;
  }
  return true;
}

}  // namespace

std::string OrdersTable::create_database() const {
  Connection connection(PQconnectdb(connection_settings(url_, "postgres").c_str()), &PQfinish);
  if (PQstatus(connection.get()) != CONNECTION_OK) return PQerrorMessage(connection.get());
  const std::string name = database_of(url_);
  std::unique_ptr<char, decltype(&PQfreemem)> quoted(
      PQescapeIdentifier(connection.get(), name.data(), name.size()), &PQfreemem);
  if (!quoted) return PQerrorMessage(connection.get());
  Answer made(PQexec(connection.get(), ("CREATE DATABASE " + std::string(quoted.get())).c_str()),
              &PQclear);
  const char* code = PQresultErrorField(made.get(), PG_DIAG_SQLSTATE);
  if (fine(made) || (code != nullptr && std::string(code) == kDuplicateDatabase)) return "";
  return PQresultErrorMessage(made.get());
}

std::string OrdersTable::connect() {
  if (connection_ && PQstatus(connection_.get()) == CONNECTION_OK) return "";
  connection_.reset(PQconnectdb(connection_settings(url_).c_str()));
  if (PQstatus(connection_.get()) == CONNECTION_OK) return "";
  std::string why = PQerrorMessage(connection_.get());
  connection_.reset();
  return why;
}

std::string OrdersTable::prepare() {
  if (std::string why = create_database(); !why.empty()) return why;
  if (std::string why = connect(); !why.empty()) return why;
  Answer made(PQexec(connection_.get(), kSchema), &PQclear);
  return fine(made) ? "" : PQresultErrorMessage(made.get());
}

std::string OrdersTable::insert(const std::string& order_id, const std::string& item) {
  if (std::string why = connect(); !why.empty()) return why;
  const char* values[] = {order_id.c_str(), item.c_str()};
  const bool sent = PQsendQueryParams(connection_.get(),
                                      "INSERT INTO orders (order_id, item) VALUES ($1, $2) ON "
                                      "CONFLICT (order_id) DO NOTHING",
                                      2, nullptr, values, nullptr, nullptr, 0) == 1;
  if (!sent || !answer_is_there(connection_.get())) {
    std::string why = PQerrorMessage(connection_.get());
    connection_.reset();
    return why.empty() ? "no answer of the database" : why;
  }
  std::string why;
  while (Answer stored{PQgetResult(connection_.get()), &PQclear}) {
    if (!fine(stored)) why = PQresultErrorMessage(stored.get());
  }
  return why;
}
