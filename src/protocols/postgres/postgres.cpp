#include "mishap/protocols/postgres/postgres.h"

#include "filter.h"
#include "steps.h"
#include "wal_stream.h"

namespace mishap::protocols::postgres {
namespace {

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
