// What is particular to a protocol that is spoken over HTTP/2: how its rules match and what its
// answers look like.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mishap/base/result.h"
#include "mishap/event/event.h"
#include "mishap/fault/rule.h"
#include "mishap/protocols/h2core/headers.h"

namespace mishap::protocols::h2core {

/// A request as rules see it.
struct Request {
  std::string method;  ///< of HTTP: "POST"
  std::string path;    ///< as sent
  HeaderFields fields;
};

/// A made-up answer, or the made-up end of one.
struct Answer {
  HeaderFields head;
  std::string body;
  HeaderFields trailers;  ///< empty: the answer ends with its body
};

/// What a `drop` takes away.
struct Drop {
  enum class What { stream, goaway, connection } what = What::connection;
  uint32_t code = 0;  ///< of RST_STREAM
};

/// Of what is said in `code=` of a drop: an error code's name or number, GOAWAY or CONNECTION.
/// Error: none of them, for the spec's author.
Result<Drop> parse_drop(std::string_view code);

/// Whether the request has what a rule's `metadata=` asks for.
bool metadata_matches(const fault::ProtocolRule& rule, const HeaderFields& fields);

/// Stateless and shared; any thread.
class Dialect {
 public:
  virtual ~Dialect() = default;
  /// Whether the rule is about the request. What it says of messages is not looked at.
  virtual bool matches(const fault::ProtocolRule& rule, const Request& request) const = 0;
  /// What names the request in events.
  virtual event::Fields describe(const Request& request) const = 0;
  /// Adds what an answer by this rule tells of itself in events.
  virtual void describe_answer(const fault::ProtocolRule& rule, event::Fields& fields) const = 0;
  /// What the client is told instead of the server's answer.
  virtual Answer answer(const fault::ProtocolRule& rule, const Request& request) const = 0;
  /// The same, once the server's answer has begun: only the end of it can still be made up.
  virtual HeaderFields end_of_answer(const fault::ProtocolRule& rule) const = 0;
  virtual Drop drop(const fault::ProtocolRule& rule) const = 0;
};

}  // namespace mishap::protocols::h2core
