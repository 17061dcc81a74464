#include "steps.h"

#include <algorithm>

#include "client.h"

namespace mishap::protocols::postgres {
namespace {

using traffic::StepCall;
using traffic::StepMethod;
using traffic::StepResult;

using Env = std::map<std::string, std::string>;

std::string env_value(const Env& env, const std::string& name) {
  auto found = env.find(name);
  return found == env.end() ? "" : found->second;
}

/// What every session of ours has. A `passfile` that cannot exist keeps the user's own out of it.
Parameters session_parameters() {
  return {{"application_name", "mishap"},
          {"sslmode", "disable"},
          {"gssencmode", "disable"},
          {"client_encoding", "UTF8"},
          {"passfile", "/dev/null/none"}};
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

Result<std::string> text_argument(const StepCall& call, const std::string& name) {
  auto found = call.arguments.find(name);
  if (found == call.arguments.end() || found->is_null()) return "";
  if (found->is_structured()) {
    return fail(call.method + ": \"" + name + "\" must be text, not a " +
                (found->is_object() ? "dict" : "list"));
  }
  return scalar_text(*found);
}

Result<Parameters> step_parameters(const StepCall& call) {
  MISHAP_ASSIGN(std::string connstr, text_argument(call, "connstr"));
  if (!connstr.empty()) {
    Parameters parameters = {
        {"fallback_application_name", "mishap"}, {"client_encoding", "UTF8"}, {"dbname", connstr}};
    return parameters;
  }
  MISHAP_ASSIGN(std::string user, text_argument(call, "user"));
  MISHAP_ASSIGN(std::string password, text_argument(call, "password"));
  MISHAP_ASSIGN(std::string database, text_argument(call, "database"));
  return login(call.endpoint, user, password, database, call.service_env);
}

StepResult failed(std::string error, const std::string& sqlstate) {
  StepResult result;
  result.error = std::move(error);
  if (!sqlstate.empty()) result.fields.set("sqlstate", sqlstate);
  return result;
}

}  // namespace

std::vector<StepMethod> step_methods() {
  const std::vector<traffic::StepParameter> parameters = {
      {"sql", true, true}, {"user"}, {"password"}, {"database"}, {"connstr"}};
  return {{"query", parameters}, {"exec", parameters}};
}

Result<StepResult> run_step(const StepCall& call) {
  if (call.method != "query" && call.method != "exec") {
    return fail("postgres has no method \"" + call.method + "\"; it has query and exec");
  }
  MISHAP_ASSIGN(std::string sql, text_argument(call, "sql"));
  if (sql.empty()) return fail(call.method + ": missing argument \"sql\"");
  if (sql.find('\0') != std::string::npos) return fail(call.method + ": \"sql\" contains a NUL");
  MISHAP_ASSIGN(Parameters parameters, step_parameters(call));

  auto connection = Connection::open(parameters, call.deadline, call.cancel);
  if (!connection) return failed(connection.error().message, Connection::open_sqlstate());
  auto answer = connection->run(sql);
  if (!answer) return failed(answer.error().message, connection->sqlstate());

  StepResult result;
  result.ok = true;
  if (call.method == "query") {
    result.fields.set("rows", std::to_string(answer->rows.size()));
    result.data = std::move(answer->rows);
  } else {
    result.fields.set("rows_affected", std::to_string(answer->rows_affected));
    result.data = Json{{"rows_affected", answer->rows_affected}};
  }
  result.body = to_text(result.data);
  return result;
}

Result<void> check_ready(const net::Endpoint& endpoint, const Env& service_env,
                         net::Deadline deadline) {
  auto connection = Connection::open(login(endpoint, "", "", "", service_env), deadline, nullptr);
  if (connection) {
    MISHAP_TRY(connection->run("SELECT 1"));
    return {};
  }
  const std::string& state = Connection::open_sqlstate();
  const std::string& message = connection.error().message;
  const bool refused_login = state.starts_with("28") || state == "3D000" ||
                             message.find("no password supplied") != std::string::npos;
  if (refused_login && env_value(service_env, "POSTGRES_PASSWORD").empty()) return {};
  return fail(connection.error());
}

}  // namespace mishap::protocols::postgres
