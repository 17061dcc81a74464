#include "mishap/traffic/testing/fuzz.h"

#include "conversation.h"
#include "filter.h"

namespace mishap::testing {
namespace {

using namespace traffic::testing;
using namespace protocols::kafka;
using namespace protocols::kafka::testing;
using fault::ProtocolAction;

FilterFuzz target() {
  return {.make = [] { return std::make_unique<KafkaFilter>(std::make_shared<TopicNames>()); },
          .rules = {rule(ProtocolAction::error, {{"topic", "bad*"}}, "NOT_LEADER_OR_FOLLOWER"),
                    rule(ProtocolAction::drop, {{"topic", "lost"}}),
                    delay_rule(std::chrono::seconds(1), {{"topic", "slow"}}),
                    rule(ProtocolAction::duplicate, {{"topic", "twice"}}),
                    rule(ProtocolAction::error, {}, "(error code 27)"),
                    rule(ProtocolAction::error, {{"topic", "b*"}}, "(error code 3)"),
                    rule(ProtocolAction::drop, {{"method", "heartbeat"}}),
                    rule(ProtocolAction::error, {{"method", "*"}}, "(error code 15)")},
          .lowers_numbers = true};
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  const std::string x = topic_id('x');
  return fuzz_conversations(
      {fuzz_client(plain_request(kApiVersions, 3, 1)) +
           fuzz_server(api_versions(3, 1, {{kProduce, 0, 99}, {kFetch, 0, 12}, {68, 0, 1}})),
       fuzz_client(metadata(12, 1, {"bad"})) + fuzz_server(described(12, 1, {{"bad", x}})) +
           fuzz_client(fetch(13, 2, {{x}, {topic_id('y')}})) +
           fuzz_server(fetched(13, 2, {{x}, {topic_id('y')}})) + fuzz_second(),
       fuzz_client(produce(9, 1, {{"a"}, {"bad"}, {"twice"}, {"lost"}})) +
           fuzz_server(produced(9, 1, {{"a"}, {"twice"}}) + produced(9, 1, {{"twice"}})),
       fuzz_client(produce(3, 1, {{"slow"}}) + produce(3, 2, {{"bad"}}, 0)) + fuzz_second() +
           fuzz_server(produced(3, 1, {{"slow"}})),
       fuzz_client(fetch(11, 1, {}, {5, 6}) + fetch(11, 2, {{"lost"}}, {0, 0, 500})) +
           fuzz_second() + fuzz_server(fetched(11, 1, {})),
       fuzz_client(plain_request(kHeartbeat, 4, 1) + plain_request(kJoinGroup, 5, 2)) +
           fuzz_server(plain_answer(kHeartbeat, 4, 1, 0) + plain_answer(kJoinGroup, 5, 2, 0)),
       fuzz_client(metadata(1, 1, {})) + fuzz_server(described(1, 1, {{"b", ""}, {"c", ""}}))},
      target().rules.size());
}

void fuzz_one(std::string_view input) { fuzz_filter(target(), input); }

}  // namespace mishap::testing
