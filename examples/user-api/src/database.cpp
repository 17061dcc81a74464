#include "database.h"

#include <chrono>
#include <thread>

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

std::string word(const std::string& text) {
  std::string quoted = "'";
  for (char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

std::string conninfo_of(const std::string& url) {
  std::string rest = url.substr(url.find("://") + 3);
  std::string user = "postgres", password;
  if (size_t at = rest.find('@'); at != std::string::npos) {
    std::string info = rest.substr(0, at);
    rest = rest.substr(at + 1);
    size_t colon = info.find(':');
    // A lone word before the '@' is the password of the default user.
    if (colon != std::string::npos) user = info.substr(0, colon);
    password = colon == std::string::npos ? info : info.substr(colon + 1);
  }
  size_t slash = rest.find('/');
  std::string name = slash == std::string::npos ? user : rest.substr(slash + 1);
  std::string host = rest.substr(0, slash);
  size_t colon = host.rfind(':');
  std::string port = colon == std::string::npos ? "5432" : host.substr(colon + 1);
  return "host=" + word(host.substr(0, colon)) + " port=" + word(port) + " dbname=" + word(name) +
         " user=" + word(user) + " password=" + word(password) + " connect_timeout=2";
}

}  // namespace

Database::Database(const std::string& url) : conninfo_(conninfo_of(url)) {}

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
