// A protocol: what the spec's `interface(name, protocol, port)` can do. One folder under
// src/protocols each; `protocols/registry.h` lists them.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mishap/base/json.h"
#include "mishap/base/result.h"
#include "mishap/fault/rule.h"
#include "mishap/net/stream.h"
#include "mishap/traffic/filter.h"
#include "mishap/traffic/follower.h"

namespace mishap::traffic {

class TlsUpgrade;

/// A step method's parameter. The first positional argument of a call goes to the primary one.
struct StepParameter {
  std::string name;
  bool primary = false;
  bool required = false;
};
struct StepMethod {
  std::string name;
  std::vector<StepParameter> parameters;
};

/// One call of a step. Arguments are converted by the caller: numbers stay numbers, bytes are
/// strings.
struct StepCall {
  std::string method;
  Json arguments;          ///< object; only names that the method knows
  net::Endpoint endpoint;  ///< where to dial (a relay or the service), and whether in TLS
  net::Endpoint direct;    ///< the service itself, for questions that are no traffic of the test's
  std::string contract;    ///< path of the interface's `spec=`, absolute; "" when there is none
  /// For what `endpoint` refers to, such as a cluster's other brokers, through their relays; empty:
  /// nothing is known.
  BrokerResolver resolve;
  std::string test;  ///< name of the running test, "" outside of one
  /// Environment of the service, for credentials (POSTGRES_USER, REDIS_PASSWORD, …).
  std::map<std::string, std::string> service_env;
  net::Deadline deadline;
  const net::Cancel* cancel = nullptr;  ///< owned by the caller, outlives the call
};

/// What came back. Transport and protocol failures are results with ok = false, never Errors.
struct StepResult {
  bool ok = false;
  int status = 0;            ///< HTTP-like status, 0 elsewhere
  std::string body;          ///< raw text
  Json data;                 ///< decoded body
  bool wraps_value = false;  ///< redis: `data` answers as itself and to the key "value"
  bool plain_text =
      false;  ///< tcp: the step returns `body` as a plain string and raises `error` on failure
  std::string error;
  std::vector<std::pair<std::string, std::string>> headers;
  event::Fields fields;  ///< extras for step_recv: content_type, rows, rows_affected, …
};

/// What a protocol offers to specs.
struct ProtocolTraits {
  std::string name;
  std::vector<StepMethod> methods;
  std::vector<fault::ProtocolAction> actions;
  /// Canonical matcher names this protocol consults (method path query command key topic).
  std::vector<std::string> matchers;
  /// What an answer of ours may carry here: of status, body, message, code, headers and messages.
  std::vector<std::string> answers;
  /// Kinds of event sources that can be followed at a server of this protocol: topic, wal_stream.
  std::vector<std::string> sources;
  /// Names by which TLS calls what the filter reads (RFC 7301: http/1.1, h2). Empty: there are
  /// none.
  std::vector<std::string> alpn;
  bool drops_with_code = false;  ///< `code=` of a drop says what is dropped, and how
  bool names_statuses = false;   ///< `status=` may be text
};

/// Everything known of one protocol. Stateless and shared; any thread.
class Protocol {
 public:
  explicit Protocol(ProtocolTraits traits) : traits_(std::move(traits)) {}
  virtual ~Protocol() = default;
  Protocol(const Protocol&) = delete;
  Protocol& operator=(const Protocol&) = delete;

  std::string_view name() const { return traits_.name; }
  const std::vector<StepMethod>& methods() const { return traits_.methods; }
  const std::vector<fault::ProtocolAction>& actions() const { return traits_.actions; }
  const std::vector<std::string>& matchers() const { return traits_.matchers; }
  const std::vector<std::string>& answers() const { return traits_.answers; }
  const std::vector<std::string>& sources() const { return traits_.sources; }
  bool drops_with_code() const { return traits_.drops_with_code; }
  bool names_statuses() const { return traits_.names_statuses; }
  const std::vector<std::string>& alpn() const { return traits_.alpn; }
  /// What this protocol's own rules exclude in a rule (a code that is none), worded for the spec's
  /// author.
  virtual Result<void> check(const fault::ProtocolRule&) const { return {}; }
  /// Reads what the interface's `spec=` names, where steps need it. Error: with the place.
  virtual Result<void> check_contract(const std::string& /*path*/) const { return {}; }
  /// A fresh filter for one connection.
  virtual std::unique_ptr<Filter> make_filter() const = 0;
  /// How one connection asks for TLS in the protocol's own words (see tls.h); null: it begins with
  /// TLS where it is spoken.
  virtual std::unique_ptr<TlsUpgrade> make_tls_upgrade() const;
  /// Runs a step on the calling thread; blocks until done, deadline or cancel. An Error is a
  /// programming error of the spec (missing argument, bad type), worded for the spec's author.
  virtual Result<StepResult> step(const StepCall& call) const = 0;
  /// One attempt: is the service answering its own protocol? Blocks at most until the deadline.
  virtual Result<void> ready(const net::Endpoint& endpoint,
                             const std::map<std::string, std::string>& service_env,
                             net::Deadline deadline) const = 0;
  /// Begins to follow a source of one of the kinds in `sources()`; what happens once this has
  /// returned is seen. Blocks at most until the deadline. Error: the server cannot be followed, for
  /// people, with the remedy where there is one.
  virtual Result<std::unique_ptr<Follower>> follow(FollowRequest request,
                                                   net::Deadline deadline) const;

 private:
  ProtocolTraits traits_;
};

}  // namespace mishap::traffic
