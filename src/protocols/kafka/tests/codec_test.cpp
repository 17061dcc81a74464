#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conversation.h"
#include "errors.h"
#include "request.h"
#include "wire.h"

namespace mishap::protocols::kafka {
namespace {

using namespace testing;

std::string hex(std::string_view bytes) {
  std::string out;
  for (char c : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

TEST(Wire, NumbersAreBigEndianAndSigned) {
  WireWriter out;
  out.number(-2, 2);
  out.number(258, 4);
  out.unsigned_varint(300);
  EXPECT_EQ(hex(out.take()), "fffe00000102ac02");
  WireReader in(std::string_view("\xff\xfe\x00\x00\x01\x02\xac\x02", 8));
  EXPECT_EQ(in.number(2), -2);
  EXPECT_EQ(in.number(4), 258);
  EXPECT_EQ(in.unsigned_varint(), 300u);
  EXPECT_FALSE(in.failed());
  EXPECT_EQ(in.number(1), 0);
  EXPECT_TRUE(in.failed());
}

TEST(Wire, AVarintHasAtMost32Bits) {
  WireReader most(std::string_view("\xff\xff\xff\xff\x0f", 5));
  EXPECT_EQ(most.unsigned_varint(), UINT32_MAX);
  for (const char* wrong : {"\xff\xff\xff\xff\x1f", "\xff\xff\xff\xff\xff"}) {
    WireReader in(std::string_view(wrong, 5));
    in.unsigned_varint();
    EXPECT_TRUE(in.failed());
  }
}

// By hand from kafka.apache.org/protocol, so that reading and writing do not only agree with each
// other.
TEST(Requests, ProduceAsKafkaDescribesIt) {
  EXPECT_EQ(hex(produce(3, 7, {{"ab", {5}, "xyz"}}, 1)),
            "0000002f"  // size
            "00000003"
            "00000007"
            "0006636c69656e74"  // key, version, correlation, client
            "ffff"
            "0001"
            "00000000"  // no transaction, acks, timeout
            "00000001"
            "00026162"
            "00000001"
            "00000005"  // topics, name, partitions, index
            "00000003"
            "78797a");
  EXPECT_EQ(hex(produce(9, 7, {{"ab", {5}, "xyz"}}, 1)),
            "00000028"
            "00000009"
            "00000007"
            "0006636c69656e74"
            "00"  // tagged fields of the header
            "00"
            "0001"
            "00000000"
            "02"
            "036162"
            "02"
            "00000005"
            "0478797a"
            "00"
            "00"
            "00");
  EXPECT_EQ(hex(produced(9, 7, {{"ab", {5}}}, 6, -1)),
            "00000031"
            "00000007"
            "00"
            "02"
            "036162"
            "02"
            "00000005"
            "0006"
            "ffffffffffffffff"
            "ffffffffffffffff"
            "ffffffffffffffff"
            "01"
            "00"
            "00"
            "00"
            "00000000"
            "00");
}

TEST(Requests, AreReadBackInEveryVersion) {
  for (int16_t key = 0; key < 100; ++key) {
    const Api* api = find_api(key);
    if (api == nullptr) continue;
    for (int16_t version = 0; version <= api->last_version; ++version) {
      Request request(plain_request(api->key, version, 9));
      ASSERT_NE(request.api(), nullptr) << api_name(key) << " " << version;
      EXPECT_EQ(request.header().correlation, 9);
      std::string answer = request.encode(request.answer(6, "no"));
      size_t header = answer_header_size(*api, version, answer.substr(4)).value();
      size_t taken = 0;
      auto body = read_message(api->answer, version, api->flexible(version),
                               std::string_view(answer).substr(4 + header), &taken);
      ASSERT_TRUE(body.has_value()) << api_name(key) << " " << version;
      EXPECT_EQ(taken, answer.size() - 4 - header) << api_name(key) << " " << version;
    }
  }
}

TEST(Requests, KeepTaggedFieldsThatNobodyDescribed) {
  std::string frame = produce(9, 7, {{"ab", {5}, "xyz"}}, 1);
  // A tagged field (number 5, two bytes) at the end of the body instead of none.
  frame.back() = 1;
  frame += std::string("\x05\x02zz", 4);
  patch_number(frame, 0, static_cast<int64_t>(frame.size() - 4), 4);
  Request request(frame);
  ASSERT_NE(request.api(), nullptr);
  EXPECT_EQ(request.frame_for({0}), frame);
}

TEST(Requests, WhatDoesNotFitHasNoApi) {
  std::string frame = produce(3, 7, {{"ab"}});
  EXPECT_EQ(Request(frame.substr(0, frame.size() - 1)).api(), nullptr);
  EXPECT_EQ(Request(frame + "x").api(), nullptr);
  std::string version = frame;
  version[7] = 99;
  EXPECT_EQ(Request(version).api(), nullptr);
  std::string huge = frame;  // a count of topics beyond the bytes that are there
  huge[28] = 0x7f;
  EXPECT_EQ(Request(huge).api(), nullptr);
}

TEST(Requests, KnowIdempotentProducers) {
  Request plain(produce(3, 1, {{"a", {0}, batch(-1)}})),
      idempotent(produce(3, 1, {{"a", {0}, batch(5)}}));
  EXPECT_FALSE(plain.is_idempotent(plain.topics()->front()));
  EXPECT_TRUE(idempotent.is_idempotent(idempotent.topics()->front()));
}

TEST(Apis, HaveTheirKafkaNamesInAnySpelling) {
  EXPECT_EQ(api_name(kJoinGroup), "join_group");
  EXPECT_EQ(api_name(68), "consumer_group_heartbeat");
  EXPECT_EQ(api_name(92), "delete_share_group_offsets");
  EXPECT_EQ(api_name(93), "api_93");
  EXPECT_EQ(api_name(-1), "api_-1");
  for (const char* name : {"JoinGroup", "join_group", "join-group", "JOINGROUP"})
    EXPECT_EQ(api_of_name(name), kJoinGroup) << name;
  EXPECT_EQ(api_of_name("join"), std::nullopt);
}

TEST(Errors, AreFoundByNumberNameAndException) {
  EXPECT_EQ(parse_error_code("6"), 6);
  EXPECT_EQ(parse_error_code("-1"), -1);
  EXPECT_EQ(parse_error_code("not_leader_or_follower"), 6);
  EXPECT_EQ(parse_error_code("NotLeaderForPartitionException"), 6);
  EXPECT_EQ(parse_error_code("org.apache.kafka.common.errors.RecordTooLargeException"), 10);
  EXPECT_EQ(parse_error_code("REBALANCE"), std::nullopt);
  EXPECT_EQ(error_name(27), "REBALANCE_IN_PROGRESS");
  EXPECT_EQ(error_name(9999), "9999");
}

TEST(Errors, AreFoundInMessages) {
  EXPECT_EQ(error_code_in("RebalanceInProgressException (error code 27): The group is rebalancing"),
            27);
  EXPECT_EQ(error_code_in("org.apache.kafka.common.errors.TimeoutException: too slow"), 7);
  EXPECT_EQ(error_code_in("got LEADER_NOT_AVAILABLE."), 5);
  EXPECT_EQ(error_code_in("KafkaException: broker overloaded — request quota exceeded"), 89);
  EXPECT_EQ(error_code_in("UNKNOWN trouble, NONE of it known"), std::nullopt);
  EXPECT_EQ(error_code_in(""), std::nullopt);
}

TEST(Errors, ChooseTheirRequests) {
  using ::testing::ElementsAre;
  EXPECT_THAT(apis_of_error(1), ElementsAre(kFetch));
  EXPECT_THAT(apis_of_error(10), ElementsAre(kProduce));
  EXPECT_THAT(apis_of_error(6), ElementsAre(kProduce, kFetch));
  EXPECT_THAT(apis_of_error(-1), ElementsAre(kProduce, kFetch));
  EXPECT_THAT(apis_of_error(27), ElementsAre(kSyncGroup, kHeartbeat, kOffsetCommit));
}

TEST(Errors, OfARuleAreCheckedWhenItIsWritten) {
  auto problem = [](std::string code, std::map<std::string, std::string> matchers = {},
                    fault::ProtocolAction action = fault::ProtocolAction::error) {
    fault::ProtocolRule rule;
    rule.action = action;
    rule.code = std::move(code);
    rule.matchers = std::move(matchers);
    auto right = check_rule(rule);
    return right ? "" : right.error().message;
  };
  EXPECT_EQ(problem("NOT_LEADER"),
            "\"NOT_LEADER\" is no error code of Kafka: it is a number, a name such as "
            "\"NOT_LEADER_OR_FOLLOWER\" or an exception such as \"NotLeaderOrFollowerException\"");
  EXPECT_EQ(problem("MESSAGE_TOO_LARG"),
            "\"MESSAGE_TOO_LARG\" is no error code of Kafka: it is a number, a name such as "
            "\"NOT_LEADER_OR_FOLLOWER\" or an exception such as \"NotLeaderOrFollowerException\"; "
            "did you mean \"MESSAGE_TOO_LARGE\"?");
  EXPECT_EQ(problem("0"), "code=\"0\" is Kafka's code for success");
  EXPECT_EQ(problem("", {{"method", "produces"}}),
            "\"produces\" is no api of Kafka: op= takes \"produce\", \"fetch\" or another api's "
            "name, such as \"join_group\"");
  EXPECT_EQ(problem("6", {{"method", "prod*"}}), "");
  EXPECT_EQ(problem("6", {{"method", "DeleteTopics"}}),
            "op=\"DeleteTopics\": no answer to it can be made up, only to produce, fetch, "
            "list_offsets, metadata, offset_commit, offset_fetch, find_coordinator, join_group, "
            "heartbeat, leave_group, sync_group, api_versions, create_topics, init_producer_id, "
            "add_partitions_to_txn, end_txn, describe_cluster");
  EXPECT_EQ(problem("", {{"method", "fetch"}}, fault::ProtocolAction::duplicate),
            "op=\"fetch\": only what is produced can be duplicated");
}

}  // namespace
}  // namespace mishap::protocols::kafka
