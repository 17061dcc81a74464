#include "call.h"

#include <cerrno>
#include <charconv>

#include <fmt/format.h>

#include "mishap/protocols/h2core/frame.h"
#include "mishap/protocols/h2core/messages.h"

#include "status.h"

namespace mishap::protocols::grpc {
namespace {

constexpr int kCancelled = 1, kResourceExhausted = 8;

/// At most eight digits (gRPC over HTTP/2, "Timeout").
std::string timeout_text(std::chrono::milliseconds timeout) {
  constexpr int64_t kMost = 99'999'999;
  if (timeout.count() <= kMost) return fmt::format("{}m", timeout.count());
  return fmt::format("{}S", std::min(timeout.count() / 1000, kMost));
}

h2core::ClientRequest translate(const CallRequest& request, const net::Endpoint& server) {
  h2core::ClientRequest out;
  out.fields = {{":method", "POST"},      {":scheme", server.tls ? "https" : "http"},
                {":path", request.path},  {":authority", server.text()},
                {"te", "trailers"},       {"content-type", "application/grpc"},
                {"user-agent", "mishap"}, {"grpc-accept-encoding", "identity"}};
  if (request.timeout) out.fields.push_back({"grpc-timeout", timeout_text(*request.timeout)});
  out.fields.insert(out.fields.end(), request.metadata.begin(), request.metadata.end());
  for (const std::string& message : request.messages) out.body += h2core::encode_message(message);
  return out;
}

std::optional<int> number_in(const h2core::HeaderFields& fields, std::string_view name) {
  const std::string* text = h2core::find_field(fields, name);
  int number = 0;
  if (text == nullptr) return std::nullopt;
  auto [end, problem] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (problem != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return number;
}

/// The status of an answer that is whole, or why there is none.
void read_status(const h2core::ClientResponse& response, CallOutcome& outcome) {
  // Without messages it may stand in the head ("trailers-only").
  const auto& end = response.trailers.empty() ? response.head : response.trailers;
  if (auto status = number_in(end, "grpc-status")) {
    outcome.status = *status;
    if (const std::string* message = h2core::find_field(end, "grpc-message"))
      outcome.message = percent_decoded(*message);
    return;
  }
  if (response.reset) {
    outcome.status = code_of_reset(*response.reset);
    outcome.message = "stream reset: " + h2core::error_name(*response.reset);
    return;
  }
  const int http = number_in(response.head, ":status").value_or(0);
  if (http == 200) {
    outcome.status = kUnknown;
    outcome.message = "the server sent no status";
    return;
  }
  outcome.status = code_of_http_status(http);
  outcome.message = fmt::format("the server answered with HTTP status {}", http);
}

/// Those that are whole.
void read_messages(const std::string& body, CallOutcome& outcome) {
  // What made the call fail tells more than what that did to the messages.
  auto broken = [&](const char* why) {
    if (outcome.status != kOk) return;
    outcome.status = kInternal;
    outcome.message = why;
  };
  h2core::Messages messages = h2core::split_messages(body);
  for (h2core::Message& message : messages.whole) {
    if (message.compressed) return broken("the answer is compressed, which was not asked for");
    outcome.messages.push_back(std::move(message.bytes));
  }
  if (messages.ends_within_one) broken("the answer ends within a message");
}

}  // namespace

std::string CallOutcome::error() const {
  if (status == kOk) return "";
  return fmt::format("rpc error: code = {} desc = {}", code_name(status), message);
}

CallOutcome outcome_of(const Error& error) {
  CallOutcome outcome;
  outcome.message = error.message;
  outcome.transport_error = error.code;
  outcome.status = kUnavailable;
  if (error.code == ETIMEDOUT) outcome.status = kDeadlineExceeded;
  if (error.code == ECANCELED) outcome.status = kCancelled;
  if (error.message.starts_with("the answer is over")) outcome.status = kResourceExhausted;
  return outcome;
}

CallOutcome call(h2core::Session& session, const net::Endpoint& server,
                 const CallRequest& request) {
  auto response = session.exchange(translate(request, server), kAnswerLimitBytes);
  CallOutcome outcome;
  if (response) {
    read_status(*response, outcome);
  } else {
    outcome = outcome_of(response.error());
    response = session.take_incomplete();
  }
  read_messages(response->body, outcome);
  outcome.headers = std::move(response->head);
  for (auto& field : response->trailers) outcome.headers.push_back(std::move(field));
  return outcome;
}

}  // namespace mishap::protocols::grpc
