// Hints for start-up failures whose cause the last output lines betray.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/base/text.h"
#include "mishap/engine/native.h"

namespace mishap::engine {
namespace {

/// `scheme://user@rest` without a password.
struct LoneUser {
  std::string variable, url, scheme, user, rest;
};

std::optional<LoneUser> lone_user(const std::string& variable, const std::string& value) {
  const size_t scheme_end = value.find("://");
  if (scheme_end == std::string::npos) return std::nullopt;
  const size_t begin = scheme_end + 3;
  const size_t authority_end = std::min(value.find_first_of("/?#", begin), value.size());
  const size_t at = value.rfind('@', authority_end);
  if (at == std::string::npos || at < begin || at >= authority_end) return std::nullopt;
  const std::string user = value.substr(begin, at - begin);
  if (user.empty() || user.find(':') != std::string::npos) return std::nullopt;
  return LoneUser{variable, value, value.substr(0, begin), user, value.substr(at)};
}

bool mentions(const std::vector<std::string>& lines,
              std::initializer_list<std::string_view> words) {
  return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
    const std::string lower = to_lower(line);
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
      return lower.find(word) != std::string::npos;
    });
  });
}

/// What a Kafka broker that cannot read its settings says before its stack trace.
std::optional<std::string> refused_settings(const std::vector<std::string>& lines) {
  if (!mentions(lines, {"at kafka.kafka"})) return std::nullopt;
  for (const std::string& line : lines) {
    for (std::string_view exception : {"org.apache.kafka.common.config.ConfigException: ",
                                       "java.lang.IllegalArgumentException: requirement failed: ",
                                       "java.lang.IllegalArgumentException: "}) {
      const size_t at = line.find(exception);
      if (at == std::string::npos) continue;
      return "the broker refuses its settings: " + line.substr(at + exception.size());
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> explain_start_failure(
    const std::vector<std::string>& log_lines,
    const std::vector<std::pair<std::string, std::string>>& env) {
  const bool refused = mentions(
      log_lines, {"password authentication failed", "no password supplied", "password is required",
                  "no password was provided", "empty password", "authentication failed", "28p01",
                  "wrongpass", "noauth authentication required", "access denied for user"});
  const bool no_role = mentions(log_lines, {"role \""}) && mentions(log_lines, {"does not exist"});
  if (refused || no_role) {
    for (const auto& [name, value] : env) {
      if (auto url = lone_user(name, value)) {
        return url->variable + " is \"" + url->url + "\": \"" + url->user +
               "\" is the user there, and no password is given. If it is meant as the password, "
               "write \"" +
               url->scheme + (url->scheme.starts_with("redis") ? ":" : "postgres:") + url->user +
               url->rest +
               "\"; to let everybody in, give the database POSTGRES_HOST_AUTH_METHOD=trust";
      }
    }
    if (refused)
      return "the login was refused: compare user and password in its env with those of the "
             "service it talks to";
  }
  if (mentions(log_lines, {"address already in use"})) {
    return "its port is taken: another service of the spec, or a second copy of itself, listens "
           "there";
  }
  if (mentions(log_lines, {"name or service not known", "could not translate host name",
                           "temporary failure in name resolution", "no such host"})) {
    return "a host name did not resolve: in a cell only the names of the spec's services do";
  }
  return refused_settings(log_lines);
}

}  // namespace mishap::engine
