#include "mishap/protocols/postgres/postgres.h"

#include "filter.h"
#include "steps.h"

namespace mishap::protocols::postgres {
namespace {

class PostgresProtocol final : public traffic::Protocol {
 public:
  std::string_view name() const override { return "postgres"; }
  const std::vector<traffic::StepMethod>& methods() const override { return step_methods(); }
  const std::vector<fault::ProtocolAction>& actions() const override {
    static const std::vector<fault::ProtocolAction> actions = {
        fault::ProtocolAction::error, fault::ProtocolAction::delay, fault::ProtocolAction::drop};
    return actions;
  }
  const std::vector<std::string>& matchers() const override {
    static const std::vector<std::string> matchers = {"query"};
    return matchers;
  }
  std::unique_ptr<traffic::Filter> make_filter() const override {
    return std::make_unique<PostgresFilter>();
  }
  Result<traffic::StepResult> step(const traffic::StepCall& call) const override {
    return run_step(call);
  }
  Result<void> ready(const net::Endpoint& endpoint,
                     const std::map<std::string, std::string>& service_env,
                     net::Deadline deadline) const override {
    return check_ready(endpoint, service_env, deadline);
  }
};

}  // namespace

const traffic::Protocol& postgres_protocol() {
  static const PostgresProtocol protocol;
  return protocol;
}

}  // namespace mishap::protocols::postgres
