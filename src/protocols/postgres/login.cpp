#include "login.h"

namespace mishap::protocols::postgres {
namespace {

/// What every session of ours has. A `passfile` that cannot exist keeps the user's own out of it.
Parameters session_parameters() {
  return {{"application_name", "mishap"},
          {"sslmode", "disable"},
          {"gssencmode", "disable"},
          {"client_encoding", "UTF8"},
          {"passfile", "/dev/null/none"}};
}

}  // namespace

std::string env_value(const Env& env, const std::string& name) {
  auto found = env.find(name);
  return found == env.end() ? "" : found->second;
}

Parameters login(const net::Endpoint& endpoint, std::string user, std::string password,
                 std::string database, const Env& env) {
  if (user.empty()) user = env_value(env, "POSTGRES_USER");
  if (user.empty()) user = "postgres";
  if (password.empty()) password = env_value(env, "POSTGRES_PASSWORD");
  if (database.empty()) database = env_value(env, "POSTGRES_DB");
  if (database.empty()) database = user;
  Parameters parameters = session_parameters();
  parameters.insert(parameters.end(), {{"host", endpoint.host},
                                       {"port", std::to_string(endpoint.port)},
                                       {"user", user},
                                       {"password", password}});
  // expand_dbname would read a name with '=' or "://" as a connection string; quoted as one it is
  // always a name.
  std::string quoted = "dbname='";
  for (char c : database) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  parameters.emplace_back("dbname", quoted + "'");
  return parameters;
}

}  // namespace mishap::protocols::postgres
