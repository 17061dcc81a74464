// What the example services have in common besides HTTP: logging, answers, variables.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "http.h"

using Json = nlohmann::ordered_json;

/// One line of JSON on stdout. From any thread.
void log_line(const Json& line);

Response answer(int status, const Json& body);

/// The value of a variable without which the service cannot run; ends the process when it is not
/// set.
std::string variable(const char* name);

/// The port to serve: $PORT, or else `otherwise`.
uint16_t port_to_serve(uint16_t otherwise);
