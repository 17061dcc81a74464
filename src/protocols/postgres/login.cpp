#include "login.h"

#include "mishap/net/sockets.h"
#include "mishap/net/tls.h"

namespace mishap::protocols::postgres {
namespace {

/// A file that cannot exist keeps the user's own out of a session.
constexpr const char* kNoFile = "/dev/null/none";

/// What every session of ours has.
Parameters session_parameters() {
  return {{"application_name", "mishap"},
          {"gssencmode", "disable"},
          {"client_encoding", "UTF8"},
          {"passfile", kNoFile}};
}

std::string or_none(const std::string& file) { return file.empty() ? kNoFile : file; }

/// libpq verifies `host` and connects to `hostaddr`.
void add_place(Parameters& parameters, const net::Endpoint& endpoint) {
  parameters.emplace_back("port", std::to_string(endpoint.port));
  const net::TlsClient* tls = endpoint.tls.get();
  if (tls == nullptr) {
    parameters.insert(parameters.end(), {{"sslmode", "disable"}, {"host", endpoint.host}});
    return;
  }
  const bool named =
      !tls->server_name.empty() && net::Address::numeric(endpoint.host, endpoint.port);
  parameters.emplace_back("host", named ? tls->server_name : endpoint.host);
  if (named) parameters.emplace_back("hostaddr", endpoint.host);
  parameters.insert(parameters.end(), {{"sslmode", tls->anybody ? "require" : "verify-full"},
                                       {"sslrootcert", or_none(tls->trust_file)},
                                       {"sslcert", or_none(tls->own_certificate_file)},
                                       {"sslkey", or_none(tls->own_key_file)},
                                       {"sslcrl", kNoFile}});
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
  add_place(parameters, endpoint);
  parameters.insert(parameters.end(), {{"user", user}, {"password", password}});
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
