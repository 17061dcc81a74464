#include "orders_table.h"

#include "database_url.h"

namespace {

using Answer = std::unique_ptr<PGresult, decltype(&PQclear)>;

constexpr const char* kSchema =
    "SET client_min_messages = warning;"
    "CREATE TABLE IF NOT EXISTS orders (order_id text PRIMARY KEY, item text NOT NULL);";

constexpr const char* kDuplicateDatabase = "42P04";

bool fine(const Answer& answer) {
  ExecStatusType status = PQresultStatus(answer.get());
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
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
  Answer stored(PQexecParams(connection_.get(),
                             "INSERT INTO orders (order_id, item) VALUES ($1, $2) ON CONFLICT "
                             "(order_id) DO NOTHING",
                             2, nullptr, values, nullptr, nullptr, 0),
                &PQclear);
  return fine(stored) ? "" : PQresultErrorMessage(stored.get());
}
