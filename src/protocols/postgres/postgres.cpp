#include "mishap/protocols/postgres/postgres.h"

#include <algorithm>

#include <fmt/format.h>

#include "filter.h"
#include "steps.h"
#include "upgrade.h"
#include "wal_stream.h"

namespace mishap::protocols::postgres {
namespace {

Result<void> check_rule(const fault::ProtocolRule& rule) {
  constexpr size_t kSqlStateLength = 5;
  const bool upper = std::all_of(rule.code.begin(), rule.code.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
  });
  if (rule.code.empty() || (rule.code.size() == kSqlStateLength && upper)) return {};
  return fail(fmt::format(
      "\"{}\" is no SQLSTATE: it has five digits or capital letters, as in \"53100\"", rule.code));
}

class PostgresProtocol final : public traffic::Protocol {
 public:
  PostgresProtocol()
      : Protocol({"postgres",
                  step_methods(),
                  {fault::ProtocolAction::error, fault::ProtocolAction::delay,
                   fault::ProtocolAction::drop},
                  {"query"},
                  {"message", "code"},
                  {"wal_stream"}}) {}

  std::unique_ptr<traffic::Filter> make_filter() const override {
    return std::make_unique<PostgresFilter>();
  }
  std::unique_ptr<traffic::TlsUpgrade> make_tls_upgrade() const override {
    return std::make_unique<PostgresUpgrade>();
  }
  Result<void> check(const fault::ProtocolRule& rule) const override { return check_rule(rule); }
  Result<traffic::StepResult> step(const traffic::StepCall& call) const override {
    return run_step(call);
  }
  Result<void> ready(const net::Endpoint& endpoint,
                     const std::map<std::string, std::string>& service_env,
                     net::Deadline deadline) const override {
    return check_ready(endpoint, service_env, deadline);
  }
  Result<std::unique_ptr<traffic::Follower>> follow(traffic::FollowRequest request,
                                                    net::Deadline deadline) const override {
    return follow_wal(std::move(request), deadline);
  }
};

}  // namespace

const traffic::Protocol& postgres_protocol() {
  static const PostgresProtocol protocol;
  return protocol;
}

}  // namespace mishap::protocols::postgres
