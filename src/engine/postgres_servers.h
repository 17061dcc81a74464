// PostgreSQL servers on this machine.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace mishap::engine {

struct PostgresServer {
  std::filesystem::path directory;  ///< with postgres, initdb, pg_ctl and psql
  std::string version;              ///< "15.20"
  int major = 0;
};

/// From `postgres --version`: "postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)" → 15.20, 15.
/// Nothing for other text.
std::optional<PostgresServer> parse_postgres_version(const std::filesystem::path& directory,
                                                     const std::string& text);

/// All servers that can be found, each directory once: /usr/lib/postgresql/*/bin (Debian),
/// /usr/pgsql-*/bin (Red Hat), /usr/libexec/postgresql*/ (Alpine), PATH, `pg_config --bindir`.
std::vector<PostgresServer> find_postgres_servers();

/// The newest of the wanted major version, else the newest older one, else the newest at all. Null
/// only when there is none.
const PostgresServer* choose_server(const std::vector<PostgresServer>& servers,
                                    std::optional<int> wanted);

}  // namespace mishap::engine
