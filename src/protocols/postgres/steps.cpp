#include "steps.h"

#include <algorithm>

#include "client.h"
#include "login.h"

namespace mishap::protocols::postgres {
namespace {

using traffic::StepCall;
using traffic::StepMethod;
using traffic::StepResult;

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
