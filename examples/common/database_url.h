// A database's URL as libpq wants it.
#pragma once

#include <string>

/// Connection settings of postgres://[USER:]PASSWORD@host:port/name: a lone word before the '@' is
/// the password of the default user, postgres. Connecting takes two seconds at most. `database`
/// connects to another one of the server; "" to the URL's.
std::string connection_settings(const std::string& url, const std::string& database = "");

/// The database that the URL names.
std::string database_of(const std::string& url);
