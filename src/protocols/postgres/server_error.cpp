#include "server_error.h"

#include <algorithm>
#include <array>
#include <utility>

#include "mishap/base/text.h"

#include "codec.h"

namespace mishap::protocols::postgres {
namespace {

using Condition = std::pair<std::string_view, std::string_view>;

/// What texts of the server's own messages (and of people who abbreviate them) stand for, in the
/// order in which they are tried. SQLSTATEs: PostgreSQL documentation, appendix "PostgreSQL Error
/// Codes".
constexpr std::array kConditions = {
    Condition{"disk full", "53100"},
    Condition{"no space left on device", "53100"},
    Condition{"out of memory", "53200"},
    Condition{"out of shared memory", "53200"},
    Condition{"too many clients", "53300"},
    Condition{"too many connections", "53300"},
    Condition{"remaining connection slots", "53300"},
    Condition{"deadlock", "40P01"},
    Condition{"could not serialize", "40001"},
    Condition{"serialization failure", "40001"},
    Condition{"lock timeout", "55P03"},
    Condition{"could not obtain lock", "55P03"},
    Condition{"lock not available", "55P03"},
    Condition{"statement timeout", "57014"},
    Condition{"canceling statement", "57014"},
    Condition{"query canceled", "57014"},
    Condition{"idle-in-transaction timeout", "25P03"},
    Condition{"read-only transaction", "25006"},
    Condition{"current transaction is aborted", "25P02"},
    Condition{"terminating connection", "57P01"},
    Condition{"administrator command", "57P01"},
    Condition{"is starting up", "57P03"},
    Condition{"is shutting down", "57P03"},
    Condition{"not yet accepting connections", "57P03"},
    Condition{"duplicate key", "23505"},
    Condition{"unique constraint", "23505"},
    Condition{"unique violation", "23505"},
    Condition{"foreign key constraint", "23503"},
    Condition{"not-null constraint", "23502"},
    Condition{"check constraint", "23514"},
    Condition{"exclusion constraint", "23P01"},
    Condition{"division by zero", "22012"},
    Condition{"value too long", "22001"},
    Condition{"out of range", "22003"},
    Condition{"invalid input syntax", "22P02"},
    Condition{"permission denied", "42501"},
    Condition{"syntax error", "42601"},
    Condition{"password authentication failed", "28P01"},
};

bool is_sqlstate(std::string_view text) {
  return text.size() == 5 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
         });
}

std::string_view written_sqlstate(std::string_view message) {
  constexpr std::string_view kOpen = "(SQLSTATE ";
  message = trim(message);
  if (message.size() < kOpen.size() + 6 || message.back() != ')') return {};
  message.remove_suffix(1);
  const std::string_view code = message.substr(message.size() - 5);
  return message.substr(0, message.size() - 5).ends_with(kOpen) && is_sqlstate(code)
             ? code
             : std::string_view();
}

std::string_view implied_sqlstate(std::string_view message) {
  const std::string lower = to_lower(message);
  for (const auto& [text, sqlstate] : kConditions) {
    if (lower.find(text) != std::string::npos) return sqlstate;
  }
  if (lower.find("does not exist") != std::string::npos) {
    for (const auto& [subject, sqlstate] : {Condition{"column ", "42703"},
                                            {"relation ", "42P01"},
                                            {"table ", "42P01"},
                                            {"database ", "3D000"},
                                            {"schema ", "3F000"},
                                            {"function ", "42883"},
                                            {"role ", "28000"}}) {
      if (lower.find(subject) != std::string::npos) return sqlstate;
    }
  }
  return "XX000";
}

/// The severity the server itself gives to conditions that end a session.
bool ends_session(std::string_view sqlstate) {
  return sqlstate == "53300" || sqlstate == "57P01" || sqlstate == "57P02" || sqlstate == "57P03" ||
         sqlstate == "25P03" || sqlstate == "28P01";
}

}  // namespace

std::string ServerError::bytes() const { return make_error(severity, sqlstate, message); }

ServerError server_error(std::string_view message, std::string_view code) {
  ServerError error;
  error.message = message.empty() ? "ERROR: injected fault" : std::string(message);
  const std::string wanted = to_upper(code);
  if (is_sqlstate(wanted)) {
    error.sqlstate = wanted;
  } else if (auto written = written_sqlstate(message); !written.empty()) {
    error.sqlstate = written;
  } else {
    error.sqlstate = implied_sqlstate(message);
  }
  for (std::string_view severity : {"ERROR", "FATAL", "PANIC"}) {
    if (message.starts_with(severity) && message.substr(severity.size()).starts_with(":")) {
      error.severity = severity;
      return error;
    }
  }
  if (ends_session(error.sqlstate)) error.severity = "FATAL";
  return error;
}

ServerError server_error(const fault::ProtocolRule& rule) {
  return server_error(rule.message, rule.code);
}

}  // namespace mishap::protocols::postgres
