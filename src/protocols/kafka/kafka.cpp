#include "mishap/protocols/kafka/kafka.h"

#include "errors.h"
#include "filter.h"
#include "steps.h"
#include "topic_source.h"

namespace mishap::protocols::kafka {
namespace {

class KafkaProtocol final : public traffic::Protocol {
 public:
  KafkaProtocol()
      : Protocol({"kafka",
                  step_methods(),
                  {fault::ProtocolAction::error, fault::ProtocolAction::delay,
                   fault::ProtocolAction::drop, fault::ProtocolAction::duplicate},
                  {"topic", "method"},
                  {"message", "code"},
                  {"topic"}}) {}

  std::unique_ptr<traffic::Filter> make_filter() const override {
    return std::make_unique<KafkaFilter>(names_);
  }
  Result<void> check(const fault::ProtocolRule& rule) const override { return check_rule(rule); }
  Result<traffic::StepResult> step(const traffic::StepCall& call) const override {
    return run_step(call);
  }
  Result<void> ready(const net::Endpoint& endpoint, const std::map<std::string, std::string>&,
                     net::Deadline deadline) const override {
    return check_ready(endpoint, deadline);
  }
  Result<std::unique_ptr<traffic::Follower>> follow(traffic::FollowRequest request,
                                                    net::Deadline) const override {
    return follow_topic(std::move(request));
  }

 private:
  std::shared_ptr<TopicNames> names_ = std::make_shared<TopicNames>();
};

}  // namespace

const traffic::Protocol& kafka_protocol() {
  static const KafkaProtocol protocol;
  return protocol;
}

}  // namespace mishap::protocols::kafka
