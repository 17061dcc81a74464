// Kafka's error codes, and which requests an error rule without `op=` is about.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "mishap/base/result.h"
#include "mishap/fault/rule.h"

#include "apis.h"

namespace mishap::protocols::kafka {

inline constexpr int16_t kUnknownServerError = -1;
inline constexpr int16_t kFetchSessionIdNotFound = 70;
inline constexpr int16_t kUnsupportedVersion = 35;

/// "NOT_LEADER_OR_FOLLOWER"; the number as text when the protocol has no such code.
std::string error_name(int16_t code);
/// From a number ("6"), a symbolic name (any case) or a Java exception's class name, with or
/// without its package and "Exception", older names of both included.
std::optional<int16_t> parse_error_code(std::string_view text);
/// The code that a message is about: "(error code 27)", or the first word of it that names one;
/// talk of quota or overload is THROTTLING_QUOTA_EXCEEDED.
std::optional<int16_t> error_code_in(std::string_view message);

/// What the rule answers: its `code`, else what its message is about, else UNKNOWN_SERVER_ERROR.
int16_t error_code_of(const fault::ProtocolRule& rule);
/// The apis whose answers carry this code, so that a rule with it and without `op` is about them:
/// those in which brokers send it and clients expect it.
std::span<const ApiKey> apis_of_error(int16_t code);

/// What cannot be right in a rule for Kafka: a code that is none, an op that is no api.
Result<void> check_rule(const fault::ProtocolRule& rule);

}  // namespace mishap::protocols::kafka
