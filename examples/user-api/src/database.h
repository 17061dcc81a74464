// The users in PostgreSQL. Reads share one connection that is kept; every write opens its own.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <libpq-fe.h>

struct User {
  long id = 0;
  std::string name;
};

/// What became of a request to the database, as far as a caller must tell the difference.
enum class Outcome { ok, missing, unreachable, refused };

class Database {
 public:
  /// `url` is postgres://PASSWORD@host:port/name or postgres://user:PASSWORD@host:port/name.
  explicit Database(const std::string& url);

  /// Connects, makes the table and the first user; "" or what went wrong.
  std::string prepare();
  Outcome read(long id, User& user);
  /// `user.name` is given, `user.id` filled in; `why` says what the server answered when it
  /// refused.
  Outcome insert(User& user, std::string& why);

 private:
  using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;
  Connection open() const;
  bool reader_ready();

  std::string conninfo_;
  std::mutex mutex_;
  Connection reader_{nullptr, &PQfinish};
};
