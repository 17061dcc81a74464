// The orders in PostgreSQL.
#pragma once

#include <memory>
#include <string>

#include <libpq-fe.h>

class OrdersTable {
 public:
  /// `url` is postgres://[USER:]PASSWORD@host:port/name.
  explicit OrdersTable(std::string url) : url_(std::move(url)) {}

  /// Makes the database and the table where they are missing; "" or what went wrong.
  std::string prepare();
  /// Stores an order; one that is there already stays as it is. "" or what went wrong, after which
  /// the next call connects anew.
  std::string insert(const std::string& order_id, const std::string& item);

 private:
  using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;
  std::string create_database() const;
  std::string connect();

  std::string url_;
  Connection connection_{nullptr, &PQfinish};
};
