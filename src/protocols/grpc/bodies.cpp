#include "bodies.h"

#include <functional>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/protocols/h2core/messages.h"

namespace mishap::protocols::grpc {
namespace {

using Encode = std::function<Result<std::string>(const Json&)>;

Result<std::vector<std::string>> encode_all(const Json& body, bool streams, const Encode& encode) {
  const bool is_list = streams && body.is_array();
  const size_t count = is_list ? body.size() : 1;
  std::vector<std::string> messages;
  for (size_t i = 0; i < count; ++i) {
    auto message = encode(is_list ? body[i] : body);
    if (!message && streams)
      return fail(std::move(message).error().context(fmt::format("body: message {}", i + 1)));
    if (!message) return fail(std::move(message).error().context("body"));
    messages.push_back(std::move(*message));
  }
  return messages;
}

/// The method that a made-up answer is of.
Result<std::shared_ptr<const Method>> answered_method(const fault::ProtocolRule& rule) {
  if (rule.contract.empty())
    return fail(
        "response(…) must know what messages look like: give the interface spec=, a .proto file or "
        "a set of descriptors");
  auto pattern = rule.matchers.find("method");
  const bool is_whole =
      pattern != rule.matchers.end() && pattern->second.find_first_of("*?[") == std::string::npos;
  auto path = is_whole ? parse_method(pattern->second) : fail("");
  if (!path)
    return fail(
        "response(…) needs a whole method=\"/package.Service/Method\", whose type says what its "
        "body means");
  MISHAP_ASSIGN(auto types, Types::from_contract(rule.contract));
  return types->method(*path);
}

}  // namespace

Result<Json> body_json(const Json* body) {
  if (body == nullptr) return Json::object();
  if (!body->is_string()) return *body;
  const std::string text = body->get<std::string>();
  if (trim(text).empty()) return Json::object();
  auto json = parse_json(text);
  if (!json) return fail("body is no JSON: " + json.error().message);
  return json;
}

Result<std::vector<std::string>> question_messages(const Method& method, const Json& body) {
  return encode_all(body, method.client_streams(),
                    [&](const Json& one) { return method.encode(one); });
}

Result<std::string> answer_messages(const fault::ProtocolRule& rule) {
  MISHAP_ASSIGN(auto method, answered_method(rule));
  const Json text = rule.body ? Json(*rule.body) : Json();
  MISHAP_ASSIGN(Json body, body_json(rule.body ? &text : nullptr));
  MISHAP_ASSIGN(auto messages, encode_all(body, method->server_streams(), [&](const Json& one) {
                  return method->encode_answer(one);
                }));
  std::string out;
  for (const std::string& message : messages) out += h2core::encode_message(message);
  return out;
}

}  // namespace mishap::protocols::grpc
