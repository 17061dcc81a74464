#include "database.h"

#include <chrono>
#include <thread>

#include "database_url.h"

namespace {

using Answer = std::unique_ptr<PGresult, decltype(&PQclear)>;

// A profile of 6,000 bytes kept in the row itself: a user fills a page of the table, so writing one
// needs space on the disk.
constexpr const char* kSchema =
    "SET client_min_messages = warning;"
    "CREATE TABLE IF NOT EXISTS users (id bigserial PRIMARY KEY, name text NOT NULL, profile text "
    "NOT NULL);"
    "ALTER TABLE users ALTER COLUMN profile SET STORAGE PLAIN;"
    "INSERT INTO users (id, name, profile) VALUES (1, 'root', repeat('.', 6000)) ON CONFLICT DO "
    "NOTHING;"
    "SELECT setval('users_id_seq', (SELECT max(id) FROM users));";

}  // namespace

Database::Database(const std::string& url) : conninfo_(connection_settings(url)) {}

Database::Connection Database::open() const {
  Connection connection(PQconnectdb(conninfo_.c_str()), &PQfinish);
  if (PQstatus(connection.get()) != CONNECTION_OK) return {nullptr, &PQfinish};
  return connection;
}

std::string Database::prepare() {
  Connection connection(PQconnectdb(conninfo_.c_str()), &PQfinish);
  if (PQstatus(connection.get()) != CONNECTION_OK) return PQerrorMessage(connection.get());
  Answer made(PQexec(connection.get(), kSchema), &PQclear);
  if (PQresultStatus(made.get()) != PGRES_TUPLES_OK) return PQerrorMessage(connection.get());
  reader_ = std::move(connection);
  return "";
}

bool Database::reader_ready() {
  if (!reader_ || PQstatus(reader_.get()) != CONNECTION_OK) reader_ = open();
  return reader_ != nullptr;
}

Outcome Database::read(long id, User& user) {
  std::lock_guard lock(mutex_);
  if (!reader_ready()) return Outcome::unreachable;
  std::string text = std::to_string(id);
  const char* values[] = {text.c_str()};
  Answer answer(PQexecParams(reader_.get(), "SELECT id, name FROM users WHERE id = $1", 1, nullptr,
                             values, nullptr, nullptr, 0),
                &PQclear);
  if (PQresultStatus(answer.get()) != PGRES_TUPLES_OK) {
    return PQstatus(reader_.get()) == CONNECTION_OK ? Outcome::refused : Outcome::unreachable;
  }
  if (PQntuples(answer.get()) == 0) return Outcome::missing;
  user.id = std::stol(PQgetvalue(answer.get(), 0, 0));
  user.name = PQgetvalue(answer.get(), 0, 1);
  return Outcome::ok;
}

Outcome Database::insert(User& user, std::string& why) {
  Connection connection = open();
  if (!connection) {
    why = "database unreachable";
    return Outcome::unreachable;
  }
  const char* values[] = {user.name.c_str()};
  Answer answer(
      PQexecParams(connection.get(),
                   "INSERT INTO users (name, profile) VALUES ($1, repeat('.', 6000)) RETURNING id",
                   1, nullptr, values, nullptr, nullptr, 0),
      &PQclear);
  if (PQresultStatus(answer.get()) != PGRES_TUPLES_OK) {
    why = PQresultErrorMessage(answer.get());
    return Outcome::refused;
  }
  user.id = std::stol(PQgetvalue(answer.get(), 0, 0));
  return Outcome::ok;
}
