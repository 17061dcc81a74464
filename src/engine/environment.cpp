#include "environment.h"

#include <algorithm>
#include <cctype>
#include <cstring>

#include <fmt/format.h>
#include <unistd.h>

#include "mishap/base/text.h"

namespace mishap::engine {

void set_variable(Environment& env, const std::string& name, std::string value) {
  auto found =
      std::find_if(env.begin(), env.end(), [&](const auto& item) { return item.first == name; });
  if (found != env.end()) {
    found->second = std::move(value);
  } else {
    env.emplace_back(name, std::move(value));
  }
}

Environment inherited_environment() {
  Environment env;
  for (char** entry = environ; entry && *entry; ++entry) {
    if (const char* equals = std::strchr(*entry, '=')) {
      set_variable(env, {*entry, static_cast<size_t>(equals - *entry)}, equals + 1);
    }
  }
  return env;
}

Environment users_environment() {
  Environment env = inherited_environment();
  if (geteuid() == 0) set_variable(env, "HOME", "/tmp");
  return env;
}

Environment clean_environment() {
  return {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
          {"HOME", "/tmp"},
          {"LANG", "C.UTF-8"}};
}

void add_addresses(Environment& env, const std::vector<InterfaceAddress>& addresses) {
  for (const InterfaceAddress& address : addresses) {
    const std::string plain = to_upper(address.service + "_" + address.interface);
    std::string shell = plain;
    for (char& c : shell) {
      if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
    }
    const std::string port = std::to_string(address.port);
    for (const std::string& name : {plain, shell}) {
      for (const char* prefix : {"FAULTBOX_", "MISHAP_"}) {
        set_variable(env, prefix + name + "_HOST", address.host);
        set_variable(env, prefix + name + "_PORT", port);
        set_variable(env, prefix + name + "_ADDR", address.host + ":" + port);
      }
    }
  }
}

std::string replace_placeholders(std::string text, const std::vector<InterfaceAddress>& addresses) {
  if (text.find("__FB_PROXY_") == std::string::npos) return text;
  for (const InterfaceAddress& address : addresses) {
    const std::string name = address.service + "__" + address.interface + "__";
    const std::string port = std::to_string(address.port);
    const std::pair<const char*, std::string> meanings[] = {
        {"ADDR", fmt::format("{}:{}", address.host, port)}, {"HOST", address.host}, {"PORT", port}};
    for (const auto& [what, meaning] : meanings)
      text = replace_all(std::move(text), fmt::format("__FB_PROXY_{}_{}", what, name), meaning);
  }
  return text;
}

namespace {

bool continues_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' || c == '_';
}

/// Replaces `before` where it stands as a whole "host:port".
std::string replace_address(std::string text, const std::string& before, const std::string& after) {
  size_t at = 0;
  while ((at = text.find(before, at)) != std::string::npos) {
    size_t end = at + before.size();
    bool whole = (at == 0 || !continues_name(text[at - 1])) &&
                 (end == text.size() || std::isdigit(static_cast<unsigned char>(text[end])) == 0);
    if (whole) text.replace(at, before.size(), after);
    at += whole ? after.size() : 1;
  }
  return text;
}

}  // namespace

std::string as_consumer_sees(std::string text, const Service& consumer,
                             const std::vector<InterfaceAddress>& addresses) {
  text = replace_placeholders(std::move(text), addresses);
  for (const InterfaceAddress& address : addresses) {
    bool own = std::any_of(consumer.interfaces.begin(), consumer.interfaces.end(),
                           [&](const Interface& i) { return i.port == address.port; });
    if (!address.behind_gateway || own) continue;
    const std::string seen = fmt::format("{}:{}", address.host, address.port);
    for (const char* host : {"localhost", "127.0.0.1"})
      text = replace_address(std::move(text), fmt::format("{}:{}", host, address.port), seen);
  }
  return text;
}

Environment service_environment(Environment base, const Service& service,
                                const std::vector<InterfaceAddress>& addresses) {
  add_addresses(base, addresses);
  for (const auto& [name, value] : service.env) {
    set_variable(base, name, as_consumer_sees(value, service, addresses));
  }
  return base;
}

}  // namespace mishap::engine
