#include "steps.h"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "mishap/base/duration.h"

#include "bodies.h"
#include "call.h"
#include "metadata.h"
#include "reflection.h"
#include "status.h"
#include "types.h"

namespace mishap::protocols::grpc {
namespace {

constexpr auto kStepLimit = std::chrono::seconds(30);
constexpr auto kReflectionLimit = std::chrono::seconds(5);
constexpr size_t kShownBodyBytes = 64 * 1024;

const Json* find_argument(const traffic::StepCall& call, const char* name) {
  auto found = call.arguments.find(name);
  return found == call.arguments.end() || found->is_null() ? nullptr : &*found;
}

Result<h2core::HeaderFields> metadata_of(const traffic::StepCall& call) {
  h2core::HeaderFields fields;
  const Json* given = find_argument(call, "metadata");
  if (given == nullptr) return fields;
  if (!given->is_object()) return fail("call(): metadata must be a dict");
  for (const auto& [name, value] : given->items()) {
    auto lower = metadata_name(name);
    if (!lower) return fail("call(): " + lower.error().message);
    // A list is one entry for each value.
    const Json values = value.is_array() ? value : Json::array({value});
    for (const Json& one : values) {
      std::string text = scalar_text(one);
      if (text.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
        return fail(fmt::format("call(): metadata \"{}\" must be one line", name));
      fields.push_back({*lower, std::move(text)});
    }
  }
  return fields;
}

Result<std::optional<std::chrono::milliseconds>> timeout_of(const traffic::StepCall& call) {
  std::optional<std::chrono::milliseconds> timeout;
  const Json* deadline = find_argument(call, "deadline");
  const Json* other = find_argument(call, "timeout");
  if (deadline != nullptr && other != nullptr)
    return fail("call(): deadline and timeout mean the same; give one of them");
  if (deadline == nullptr) deadline = other;
  if (deadline == nullptr) return timeout;
  if (!deadline->is_string()) return fail("call(): deadline must be a duration such as \"500ms\"");
  auto duration = parse_duration(deadline->get<std::string>());
  if (!duration) return fail("call(): deadline: " + duration.error().message);
  if (*duration <= Nanoseconds::zero()) return fail("call(): deadline must be more than 0");
  timeout = std::max(std::chrono::duration_cast<std::chrono::milliseconds>(*duration),
                     std::chrono::milliseconds(1));
  return timeout;
}

/// The types of the method's service, or why they are not known.
Result<std::shared_ptr<const Types>> types_for(const traffic::StepCall& call,
                                               const MethodPath& path, net::Deadline deadline) {
  if (!call.contract.empty()) return Types::from_contract(call.contract);
  const auto limit = std::min(deadline, net::Clock::now() + kReflectionLimit);
  return reflected_types(call.direct.port == 0 ? call.endpoint : call.direct, path.service, limit,
                         call.cancel);
}

/// Without types a text is taken as it is; "{}" and "" are a message without fields.
Result<std::vector<std::string>> raw_body(const Json* body) {
  if (body == nullptr) return std::vector<std::string>{""};
  if (!body->is_string()) return fail("");
  const std::string text = body->get<std::string>();
  return std::vector<std::string>{text == "{}" ? "" : text};
}

Json raw_data(const std::string& path, const std::vector<std::string>& messages) {
  Json data = Json::object();
  data["method"] = path;
  if (messages.size() == 1) {
    data["raw"] = messages.front();
  } else {
    data["raw"] = messages;
  }
  return data;
}

Result<Json> decode_messages(const Method& method, const std::vector<std::string>& messages) {
  Json list = Json::array();
  for (const std::string& message : messages) {
    MISHAP_ASSIGN(Json json, method.decode(message));
    list.push_back(std::move(json));
  }
  if (method.server_streams()) return list;
  return list.empty() ? Json() : list.front();
}

traffic::StepResult result_of(const CallOutcome& outcome, Json data) {
  traffic::StepResult result;
  result.ok = outcome.status == kOk;
  result.status = outcome.status;
  result.error = outcome.error();
  result.data = std::move(data);
  if (!result.data.is_null()) result.body = to_text(result.data).substr(0, kShownBodyBytes);
  for (const h2core::HeaderField& field : outcome.headers) {
    if (field.name != ":status") result.headers.emplace_back(field.name, field.value);
  }
  result.fields.set("code", code_name(outcome.status));
  return result;
}

CallOutcome send(const traffic::StepCall& call, CallRequest request) {
  net::Deadline deadline = std::min(call.deadline, net::Clock::now() + kStepLimit);
  if (request.timeout) deadline = std::min(deadline, net::Clock::now() + *request.timeout);
  CallOutcome outcome;
  auto session = h2core::Session::open(call.endpoint, deadline, call.cancel);
  if (session) {
    outcome = grpc::call(**session, call.endpoint, request);
  } else {
    outcome = outcome_of(session.error());
  }
  if (request.timeout && outcome.transport_error == ETIMEDOUT)
    outcome.message = fmt::format("no whole answer within {}", format_duration(*request.timeout));
  return outcome;
}

}  // namespace

std::vector<traffic::StepMethod> step_methods() {
  return {{"call",
           {{.name = "method", .primary = true, .required = true},
            {"body"},
            {"metadata"},
            {"deadline"},
            {"timeout"}}}};
}

Result<traffic::StepResult> run_step(const traffic::StepCall& call) {
  const Json* given = find_argument(call, "method");
  if (given == nullptr || !given->is_string()) return fail("call(): method must be a string");
  auto path = parse_method(given->get<std::string>());
  if (!path) return fail("call(): " + path.error().message);
  CallRequest request{.path = path->text()};
  MISHAP_ASSIGN(request.metadata, metadata_of(call));
  MISHAP_ASSIGN(request.timeout, timeout_of(call));
  const Json* body = find_argument(call, "body");

  std::shared_ptr<const Method> method;
  auto types = types_for(call, *path, std::min(call.deadline, net::Clock::now() + kStepLimit));
  if (types) {
    auto found = (*types)->method(*path);
    if (!found) return fail("call(): " + found.error().message);
    method = *found;
    auto json = body_json(body);
    if (!json) return fail("call(): " + json.error().message);
    auto messages = question_messages(*method, *json);
    if (!messages) return fail("call(): " + messages.error().message);
    request.messages = std::move(*messages);
  } else {
    auto messages = raw_body(body);
    if (!messages) {
      // A server that cannot be reached is the answer, whatever its types are.
      CallOutcome outcome = outcome_of(types.error());
      if (outcome.transport_error == 0) {
        outcome.status = kUnimplemented;
        outcome.message = fmt::format(
            "the types of {} are not known ({}), so a dict cannot be sent: give the interface "
            "spec=, a .proto file or a set of descriptors",
            path->service, types.error().message);
      }
      return result_of(outcome, Json());
    }
    request.messages = std::move(*messages);
  }

  CallOutcome outcome = send(call, std::move(request));
  if (method == nullptr) {
    Json data;
    if (!outcome.messages.empty() || outcome.status == kOk)
      data = raw_data(path->text(), outcome.messages);
    return result_of(outcome, std::move(data));
  }
  auto data = decode_messages(*method, outcome.messages);
  if (data) return result_of(outcome, std::move(*data));
  outcome.status = kInternal;
  outcome.message = data.error().message;
  return result_of(outcome, raw_data(path->text(), outcome.messages));
}

Result<void> check_ready(const net::Endpoint& endpoint, net::Deadline deadline) {
  constexpr char kServing = 1;
  MISHAP_ASSIGN(auto session, h2core::Session::open(endpoint, deadline, nullptr));
  MISHAP_TRY(session->wait_for_hello());
  // HealthCheckRequest without a service: the server as a whole. HealthCheckResponse: field 1.
  const CallOutcome outcome =
      call(*session, endpoint, {.path = "/grpc.health.v1.Health/Check", .messages = {""}});
  if (outcome.status == kUnimplemented) return {};
  if (outcome.status != kOk) return fail("health check: " + outcome.error());
  const bool serves = !outcome.messages.empty() && outcome.messages.front().size() >= 2 &&
                      outcome.messages.front()[0] == 0x08 &&
                      outcome.messages.front()[1] == kServing;
  return serves ? Result<void>() : fail("health check: the server says that it is not serving");
}

}  // namespace mishap::protocols::grpc
