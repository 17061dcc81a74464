#include "database_url.h"

namespace {

struct Url {
  std::string user = "postgres", password, host, port = "5432", database;
};

Url parse(const std::string& text) {
  Url url;
  std::string rest = text.substr(text.find("://") + 3);
  if (size_t at = rest.find('@'); at != std::string::npos) {
    std::string info = rest.substr(0, at);
    rest = rest.substr(at + 1);
    size_t colon = info.find(':');
    if (colon != std::string::npos) url.user = info.substr(0, colon);
    url.password = colon == std::string::npos ? info : info.substr(colon + 1);
  }
  size_t slash = rest.find('/');
  url.database = slash == std::string::npos ? url.user : rest.substr(slash + 1);
  std::string host = rest.substr(0, slash);
  size_t colon = host.rfind(':');
  if (colon != std::string::npos) url.port = host.substr(colon + 1);
  url.host = host.substr(0, colon);
  return url;
}

std::string word(const std::string& text) {
  std::string quoted = "'";
  for (char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

}  // namespace

std::string connection_settings(const std::string& text, const std::string& database) {
  Url url = parse(text);
  return "host=" + word(url.host) + " port=" + word(url.port) +
         " dbname=" + word(database.empty() ? url.database : database) + " user=" + word(url.user) +
         " password=" + word(url.password) + " connect_timeout=2";
}

std::string database_of(const std::string& url) { return parse(url).database; }
