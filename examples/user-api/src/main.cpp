// A user API over PostgreSQL with a Redis cache: POST /users, GET /users/ID, GET /health.
//
// Built twice. The careful build answers 201 only for what is stored and falls back to the database
// when the cache is gone. The careless build shows mistakes that reviews let through: it "accepts"
// users that it could not store, and takes a missing cache for a reason to fail.
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>

#include "cache.h"
#include "database.h"
#include "http.h"
#include "service.h"

namespace {

#ifdef USER_API_CARELESS
constexpr bool kCareful = false;
#else
constexpr bool kCareful = true;
#endif

Response create_user(Database& database, const Request& request) {
  Json body = Json::parse(request.body, nullptr, false);
  if (!body.is_object() || !body.contains("name") || !body["name"].is_string()) {
    return answer(400, {{"error", "want {\"name\": \"…\"}"}});
  }
  User user;
  user.name = body["name"].get<std::string>();
  std::string why;
  Outcome outcome = database.insert(user, why);
  if (outcome == Outcome::ok) {
    log_line({{"action", "user_created"}, {"id", user.id}, {"persisted", true}});
    return answer(201, {{"id", user.id}, {"name", user.name}});
  }
  if (!kCareful) {
    // "It will be stored once the database is back." Nothing ever does.
    log_line({{"action", "user_created"}, {"name", user.name}, {"persisted", false}});
    return answer(201, {{"name", user.name}});
  }
  log_line({{"action", "user_refused"}, {"why", why}});
  return answer(outcome == Outcome::unreachable ? 503 : 500, {{"error", why}});
}

Response get_user(Database& database, const Cache& cache, const std::string& id_text) {
  std::string key = "user:" + id_text;
  Cache::Found found = cache.get(key);
  if (found.value) return {200, *found.value};
  if (found.state == Cache::State::down && !kCareful)
    return answer(500, {{"error", "cache unreachable"}});

  User user;
  switch (database.read(std::strtol(id_text.c_str(), nullptr, 10), user)) {
    case Outcome::ok:
      break;
    case Outcome::missing:
      return answer(404, {{"error", "no such user"}});
    case Outcome::unreachable:
      return answer(503, {{"error", "database unreachable"}});
    case Outcome::refused:
      return answer(500, {{"error", "database refused"}});
  }
  Response response = answer(200, {{"id", user.id}, {"name", user.name}});
  if (found.state == Cache::State::reachable) cache.set(key, response.body);
  return response;
}

}  // namespace

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  Database database(variable("DATABASE_URL"));
  Cache cache(variable("REDIS_URL"));
  if (std::string why = database.prepare(); !why.empty()) {
    std::cerr << "cannot use the database: " << why << std::endl;
    return 1;
  }
  bool served = serve(port_to_serve(8080), [&](const Request& request) -> Response {
    if (request.method == "GET" && request.path == "/health") {
      return answer(200, {{"status", "ok"}});
    }
    if (request.method == "POST" && request.path == "/users") {
      return create_user(database, request);
    }
    if (request.method == "GET" && request.path.rfind("/users/", 0) == 0) {
      return get_user(database, cache, request.path.substr(7));
    }
    return answer(404, {{"error", "no such route"}});
  });
  if (!served) std::cerr << "cannot listen" << std::endl;
  return 1;
}
