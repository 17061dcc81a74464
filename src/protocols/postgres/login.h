// How we log in to a server that a spec declares: as whom, and with what settings.
#pragma once

#include <map>
#include <string>

#include "client.h"

namespace mishap::protocols::postgres {

/// Environment of the service that runs the server.
using Env = std::map<std::string, std::string>;
/// "" when it has no such variable.
std::string env_value(const Env& env, const std::string& name);

/// What is "" comes from the service's environment (POSTGRES_USER, …) or, as in the image, from the
/// user's name.
Parameters login(const net::Endpoint& endpoint, std::string user, std::string password,
                 std::string database, const Env& env);

}  // namespace mishap::protocols::postgres
