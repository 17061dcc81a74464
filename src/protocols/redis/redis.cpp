#include "mishap/protocols/redis/redis.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "mishap/base/text.h"

#include "codec.h"
#include "filter.h"

namespace mishap::protocols::redis {
namespace {

constexpr auto kConnectLimit = std::chrono::seconds(5);
constexpr auto kExchangeLimit = std::chrono::seconds(10);
constexpr size_t kReplyLimitBytes = size_t{512} * 1024 * 1024;

using Environment = std::map<std::string, std::string>;

/// A connection that sends one command at a time.
class Session {
 public:
  static Result<Session> open(const net::Endpoint& endpoint, net::Deadline deadline,
                              const net::Cancel* cancel) {
    net::Clock::time_point now = net::Clock::now();
    MISHAP_ASSIGN(net::Stream stream,
                  net::Stream::connect(endpoint, std::min(deadline, now + kConnectLimit), cancel));
    stream.set_deadline(std::min(deadline, now + kExchangeLimit));
    return Session(std::move(stream));
  }

  Result<Reply> ask(const std::vector<std::string>& command) {
    MISHAP_TRY(stream_.write_all(encode_command(command)));
    while (true) {
      ValueScanner scanner;
      std::string value;
      MISHAP_TRY(read_value(scanner, value));
      if (scanner.type() != '>') return decode_reply(value);  // a push answers nothing
    }
  }

 private:
  explicit Session(net::Stream stream) : stream_(std::move(stream)) {}

  Result<void> read_value(ValueScanner& scanner, std::string& value) {
    std::array<char, 64 * 1024> buffer;
    while (true) {
      size_t taken = scanner.consume(unread_);
      value.append(unread_, 0, taken);
      unread_.erase(0, taken);
      if (scanner.state() == ValueScanner::State::done) return {};
      if (scanner.state() == ValueScanner::State::malformed) return fail("malformed reply");
      if (value.size() > kReplyLimitBytes) return fail("the reply is over 512 MiB");
      MISHAP_ASSIGN(size_t count, stream_.read_some(buffer));
      if (count == 0) return fail("connection closed before the reply");
      unread_.assign(buffer.data(), count);
    }
  }

  net::Stream stream_;
  std::string unread_;
};

struct Credentials {
  std::string user, password;
};

Credentials credentials(const Json& arguments, const Environment& env) {
  auto pick = [&](const char* argument, const char* variable) -> std::string {
    if (auto given = arguments.find(argument); given != arguments.end()) {
      if (std::string text = scalar_text(*given); !text.empty()) return text;
    }
    auto found = env.find(variable);
    return found == env.end() ? "" : found->second;
  };
  return {pick("user", "REDIS_USER"), pick("password", "REDIS_PASSWORD")};
}

/// The AUTH that opens a session; empty when there is no password.
std::vector<std::string> auth_command(const Credentials& given) {
  if (given.password.empty()) return {};
  if (given.user.empty() || given.user == "default") return {"AUTH", given.password};
  return {"AUTH", given.user, given.password};
}

Result<std::vector<std::string>> words_of(const Json& value, std::string_view parameter) {
  std::vector<std::string> words;
  if (value.is_null()) return words;
  if (value.is_array()) {
    for (const Json& item : value) words.push_back(scalar_text(item));
    return words;
  }
  auto split = split_words(scalar_text(value));
  if (!split) return fail(fmt::format("command(): unbalanced quotes in {}", parameter));
  return *split;
}

Result<std::vector<std::string>> build_command(const traffic::StepCall& call) {
  auto text = [&](const char* name, const char* fallback = "") -> std::string {
    auto found = call.arguments.find(name);
    bool given = found != call.arguments.end() && !found->is_null();
    return given ? scalar_text(*found) : fallback;
  };
  const std::string& method = call.method;
  if (method == "ping") return std::vector<std::string>{"PING"};
  if (method == "keys") return std::vector<std::string>{"KEYS", text("pattern", "*")};
  if (method == "lrange") {
    return std::vector<std::string>{"LRANGE", text("key"), text("start", "0"), text("stop", "-1")};
  }
  if (method == "set" || method == "lpush" || method == "rpush") {
    return std::vector<std::string>{to_upper(method), text("key"), text("value")};
  }
  if (method != "command") return std::vector<std::string>{to_upper(method), text("key")};

  auto argument = [&](const char* name) {
    auto found = call.arguments.find(name);
    return found == call.arguments.end() ? Json() : *found;
  };
  MISHAP_ASSIGN(std::vector<std::string> command, words_of(argument("cmd"), "cmd"));
  if (command.empty()) return fail("command(): cmd is required");
  MISHAP_ASSIGN(std::vector<std::string> rest, words_of(argument("args"), "args"));
  command.insert(command.end(), rest.begin(), rest.end());
  return command;
}

Result<Reply> run(const traffic::StepCall& call, const std::vector<std::string>& command) {
  MISHAP_ASSIGN(Session session, Session::open(call.endpoint, call.deadline, call.cancel));
  auto auth = auth_command(credentials(call.arguments, call.service_env));
  if (!auth.empty()) {
    MISHAP_ASSIGN(Reply reply, session.ask(auth));
    if (reply.is_error) return fail("redis AUTH rejected: " + reply.error);
  }
  MISHAP_ASSIGN(Reply reply, session.ask(command));
  if (reply.is_error) return fail("read: redis error: " + reply.error);
  return reply;
}

std::vector<traffic::StepMethod> step_methods() {
  const traffic::StepParameter key{.name = "key", .primary = true};
  const traffic::StepParameter value{.name = "value"};
  std::vector<traffic::StepMethod> methods = {
      {"get", {key}},
      {"set", {key, value}},
      {"del", {key}},
      {"ping", {}},
      {"keys", {{.name = "pattern", .primary = true}}},
      {"lpush", {key, value}},
      {"rpush", {key, value}},
      {"lrange", {key, {.name = "start"}, {.name = "stop"}}},
      {"incr", {key}},
      {"command", {{.name = "cmd", .primary = true, .required = true}, {.name = "args"}}},
  };
  for (auto& method : methods) {
    method.parameters.push_back({.name = "user"});
    method.parameters.push_back({.name = "password"});
  }
  return methods;
}

class RedisProtocol final : public traffic::Protocol {
 public:
  RedisProtocol()
      : Protocol({"redis",
                  step_methods(),
                  {fault::ProtocolAction::respond, fault::ProtocolAction::error,
                   fault::ProtocolAction::delay, fault::ProtocolAction::drop},
                  {"command", "key"},
                  {"body", "message", "code"}}) {}

  std::unique_ptr<traffic::Filter> make_filter() const override {
    return std::make_unique<RedisFilter>();
  }

  Result<traffic::StepResult> step(const traffic::StepCall& call) const override {
    MISHAP_ASSIGN(std::vector<std::string> command, build_command(call));
    traffic::StepResult result;
    result.wraps_value = true;
    auto reply = run(call, command);
    result.ok = reply.has_value();
    if (reply) {
      result.data = std::move(reply->value);
      result.body = to_text(Json{{"value", result.data}});
    } else {
      result.error = reply.error().message;
    }
    return result;
  }

  Result<void> ready(const net::Endpoint& endpoint, const Environment& env,
                     net::Deadline deadline) const override {
    MISHAP_ASSIGN(Session session, Session::open(endpoint, deadline, nullptr));
    auto auth = auth_command(credentials(Json::object(), env));
    if (!auth.empty()) {
      MISHAP_ASSIGN(Reply reply, session.ask(auth));
      // "ERR AUTH … without any password configured": the server lets anybody in.
      if (reply.is_error && !reply.error.starts_with("ERR ")) {
        return fail("redis AUTH rejected: " + reply.error);
      }
    }
    MISHAP_ASSIGN(Reply reply, session.ask({"PING"}));
    if (!reply.is_error || reply.error.starts_with("NOAUTH")) return {};
    return fail("PING: " + reply.error);
  }
};

}  // namespace

const traffic::Protocol& redis_protocol() {
  static const RedisProtocol kProtocol;
  return kProtocol;
}

}  // namespace mishap::protocols::redis
