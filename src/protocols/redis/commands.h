// What is known of Redis commands: where their keys are, and which of them set a connection up.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mishap::protocols::redis {

/// Indexes of the arguments that are keys. `arguments[0]` is the name in any case. A command that
/// we do not know has its first argument as key. Source: the key specifications in the server's
/// command table (COMMAND DOCS, Redis 7).
std::vector<size_t> key_positions(const std::vector<std::string>& arguments);

/// HELLO, AUTH, SELECT, CLIENT, PING and their like, which drivers send on their own. Rules reach
/// them by name only.
bool is_setup_command(std::string_view upper_name);

}  // namespace mishap::protocols::redis
