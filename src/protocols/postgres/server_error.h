// The error a rule asks for, as a server would word it.
#pragma once

#include <string>
#include <string_view>

#include "mishap/fault/rule.h"

namespace mishap::protocols::postgres {

struct ServerError {
  std::string severity = "ERROR";
  std::string sqlstate = "XX000";
  std::string message;  ///< as the spec wrote it, byte for byte
  /// FATAL and PANIC end the session.
  bool fatal() const { return severity != "ERROR"; }
  std::string bytes() const;
};

/// `message` is the rule's (empty: "ERROR: injected fault"), `code` its SQLSTATE, empty when not
/// given. The SQLSTATE is the code, else what stands as `(SQLSTATE xxxxx)` at the message's end,
/// else what the message says ("disk full" is 53100), else XX000. The severity is what the message
/// begins with (`FATAL: …`), else what the SQLSTATE has in a real server.
ServerError server_error(std::string_view message, std::string_view code);
ServerError server_error(const fault::ProtocolRule& rule);

}  // namespace mishap::protocols::postgres
