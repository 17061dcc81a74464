#include "filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mishap/traffic/testing/transcript.h"

#include "conversation.h"
#include "wire.h"

namespace mishap::protocols::kafka {
namespace {

using fault::ProtocolAction;
using namespace testing;
using namespace traffic::testing;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using traffic::Ending;

std::unique_ptr<traffic::Filter> make() {
  return std::make_unique<KafkaFilter>(std::make_shared<TopicNames>());
}

Rules error(std::map<std::string, std::string> matchers, std::string code) {
  fault::ProtocolRule out = rule(ProtocolAction::error, std::move(matchers));
  out.code = std::move(code);
  return {out};
}
Rules drop(std::map<std::string, std::string> matchers) {
  return {rule(ProtocolAction::drop, std::move(matchers))};
}
std::vector<std::string> reports(const Outcome& out) {
  std::vector<std::string> texts;
  texts.reserve(out.reports.size());
  for (const Report& report : out.reports) texts.push_back(report.text());
  return texts;
}

TEST(KafkaFilter, PassesEverythingWithoutRules) {
  std::string asked = metadata(12, 1, {"a"}) + produce(9, 2, {{"a"}, {"b"}}) +
                      produce(9, 3, {{"a"}}, 0) + fetch(13, 4, {{topic_id('x')}}, {3, 8}) +
                      plain_request(kHeartbeat, 4, 5);
  std::string said = described(12, 1, {{"a", topic_id('x')}}) + produced(9, 2, {{"a"}, {"b"}}) +
                     fetched(13, 4, {{topic_id('x')}}) + plain_answer(kHeartbeat, 4, 5, 0);
  Outcome out =
      replay_all_ways(make, Transcript().client(asked).server(said).client_eof().server_eof());
  EXPECT_EQ(out.to_server, asked);
  EXPECT_EQ(out.to_client, said) << "the produce without acknowledgement has no answer";
  EXPECT_TRUE(out.eof_to_server && out.eof_to_client);
  EXPECT_THAT(out.reports, ElementsAre());
}

TEST(KafkaFilter, PassesEverythingThatNoRuleIsAbout) {
  std::string asked = produce(9, 2, {{"a"}, {"b"}}) + produce(3, 3, {{"a"}}, 0) +
                      fetch(12, 4, {{"x"}}) + plain_request(kHeartbeat, 4, 5) +
                      fetch(4, 6, {{"a"}});
  std::string said = produced(9, 2, {{"a"}, {"b"}}) + fetched(12, 4, {{"x"}}) +
                     plain_answer(kHeartbeat, 4, 5, 0) + fetched(4, 6, {{"a"}});
  Outcome out = replay_all_ways(make, Transcript().client(asked).server(said),
                                error({{"topic", "other"}}, "6"));
  EXPECT_EQ(out.to_server, asked);
  EXPECT_EQ(out.to_client, said);
}

class EveryVersion : public ::testing::TestWithParam<int16_t> {};

TEST_P(EveryVersion, OfProduceIsRefusedAlone) {
  int16_t version = GetParam();
  Outcome out = replay_all_ways(make, Transcript().client(produce(version, 7, {{"a", {0, 3}}})),
                                error({{"topic", "a"}}, "NOT_LEADER_OR_FOLLOWER"));
  EXPECT_EQ(out.to_server, "");
  EXPECT_EQ(out.to_client, produced(version, 7, {{"a", {0, 3}}}, 6, -1));
  EXPECT_THAT(reports(out), ElementsAre("error api=produce topic=a error=NOT_LEADER_OR_FOLLOWER"));
}

TEST_P(EveryVersion, OfProduceIsSplit) {
  int16_t version = GetParam();
  Outcome out = replay_all_ways(make,
                                Transcript()
                                    .client(produce(version, 7, {{"a"}, {"bad"}, {"c"}}))
                                    .server(produced(version, 7, {{"a"}, {"c"}}, 0, 41)),
                                error({{"topic", "bad"}}, "6"));
  EXPECT_EQ(out.to_server, produce(version, 7, {{"a"}, {"c"}}));
  std::string both = produced(version, 7, {{"a"}, {"c"}, {"bad"}}, 0, 41);
  std::string refused = produced(version, 7, {{"bad"}}, 6, -1);
  EXPECT_EQ(out.to_client.size(), both.size());
  // The last topic is as it is in an answer to it alone; behind it are the throttle time and tags.
  size_t tail = version >= 9 ? 5 : version >= 1 ? 4 : 0;
  size_t topic = std::string("bad").size() + (version >= 9 ? 1 : 2);
  size_t head = refused.find("bad") - (version >= 9 ? 1 : 2);
  std::string element = refused.substr(head, refused.size() - head - tail);
  EXPECT_GT(element.size(), topic);
  EXPECT_EQ(out.to_client.substr(out.to_client.size() - tail - element.size(), element.size()),
            element);
  EXPECT_EQ(out.to_client.substr(4, both.find("bad") - 8), both.substr(4, both.find("bad") - 8));
}
INSTANTIATE_TEST_SUITE_P(Produce, EveryVersion, ::testing::Range<int16_t>(0, 13));

class EveryFetch : public ::testing::TestWithParam<int16_t> {};

TEST_P(EveryFetch, IsRefusedAndSplit) {
  int16_t version = GetParam();
  std::string a = version >= 13 ? topic_id('a') : "a", bad = version >= 13 ? topic_id('b') : "bad";
  Transcript transcript;
  if (version >= 13)
    transcript.client(metadata(12, 1, {"a", "bad"}))
        .server(described(12, 1, {{"a", a}, {"bad", bad}}));
  transcript.client(fetch(version, 7, {{a}, {bad, {2}}}))
      .server(fetched(version, 7, {{a, {0}, "found"}}))
      .client(fetch(version, 8, {{bad}}));
  Outcome out =
      replay_all_ways(make, transcript, error({{"topic", "bad"}, {"method", "fetch"}}, "1"));
  EXPECT_THAT(out.to_server, ::testing::EndsWith(fetch(version, 7, {{a}})));
  EXPECT_THAT(out.to_client, ::testing::EndsWith(fetched(version, 8, {{bad, {0}, ""}}, 1)));
  EXPECT_THAT(out.to_client, ::testing::HasSubstr("found"));
  EXPECT_THAT(reports(out), ElementsAre("error api=fetch topic=bad error=OFFSET_OUT_OF_RANGE",
                                        "error api=fetch topic=bad error=OFFSET_OUT_OF_RANGE"));
}
INSTANTIATE_TEST_SUITE_P(Fetch, EveryFetch, ::testing::Range<int16_t>(0, 18));

TEST(KafkaFilter, AsksTheBrokerForNamesThatNobodyHasHeardOf) {
  std::string a = topic_id('a'), bad = topic_id('b');
  const Api& api = *find_api(kMetadata);
  Value question = absent_structure(api.request);
  at(api.request, question, "allow_auto_creation").number = 0;
  for (const std::string* id : {&a, &bad}) {
    Value topic = absent_structure(elements_of(api.request, "topics"));
    at(elements_of(api.request, "topics"), topic, "topic_id").text = *id;
    at(elements_of(api.request, "topics"), topic, "name").null = true;
    at(api.request, question, "topics").items.push_back(topic);
  }
  Transcript transcript;
  transcript.client(fetch(13, 7, {{a}, {bad}}) + fetch(13, 8, {{bad}}))
      .server(described(12, 7, {{"a", a}, {"bad", bad}}))
      .server(fetched(13, 7, {{a, {0}, "found"}}));
  Outcome out = replay_all_ways(make, transcript, error({{"topic", "bad"}}, "6"));
  EXPECT_EQ(out.to_server, make_request(api, 12, 7, "mishap", question) + fetch(13, 7, {{a}}));
  EXPECT_THAT(out.to_client, ::testing::EndsWith(fetched(13, 8, {{bad, {0}, ""}}, 6)));
  EXPECT_EQ(reports(out).size(), 2u);
  // A topic that is gone has no name; it is asked for once.
  out = replay_all_ways(make,
                        Transcript()
                            .client(fetch(13, 7, {{bad}}))
                            .server(described(12, 7, {}))
                            .server(fetched(13, 7, {{bad}}))
                            .client(fetch(13, 8, {{bad}}))
                            .server_eof()
                            .client_eof(),
                        error({{"topic", "bad"}}, "6"));
  EXPECT_THAT(out.to_server, ::testing::EndsWith(fetch(13, 7, {{bad}}) + fetch(13, 8, {{bad}})));
  EXPECT_EQ(out.to_client, fetched(13, 7, {{bad}}));
  EXPECT_TRUE(out.eof_to_server && out.eof_to_client);
}

TEST(KafkaFilter, ABrokerThatEndsBeforeItToldTheNamesGetsTheRequestAllTheSame) {
  std::string asked = fetch(13, 7, {{topic_id('b')}});
  Outcome out = replay_all_ways(make, Transcript().client(asked + asked).server_eof().client_eof(),
                                error({{"topic", "bad"}}, "6"));
  EXPECT_THAT(out.to_server, ::testing::EndsWith(asked + asked));
  EXPECT_TRUE(out.eof_to_server && out.eof_to_client);
}

TEST(KafkaFilter, KeepsTheOrderOfAPipeline) {
  Outcome out = replay_all_ways(
      make,
      Transcript()
          .client(produce(9, 1, {{"a"}}) + produce(9, 2, {{"bad"}}) + produce(9, 3, {{"a"}}))
          .server(produced(9, 1, {{"a"}}) + produced(9, 3, {{"a"}})),
      error({{"topic", "bad"}}, "6"));
  EXPECT_EQ(out.to_client,
            produced(9, 1, {{"a"}}) + produced(9, 2, {{"bad"}}, 6, -1) + produced(9, 3, {{"a"}}));
}

TEST(KafkaFilter, ARefusalWithoutAcknowledgementClosesTheConnection) {
  Outcome out = replay_all_ways(
      make, Transcript().client(produce(9, 1, {{"a"}, {"bad"}}, 0)).client(produce(9, 2, {{"a"}})),
      error({{"topic", "bad"}}, "6"));
  EXPECT_EQ(out.to_server, produce(9, 1, {{"a"}}, 0)) << "what was not refused is delivered";
  EXPECT_EQ(out.ended, Ending::finish);
}

TEST(KafkaFilter, TheMessageIsTheClientsToRead) {
  Rules rules = {rule(ProtocolAction::error, {{"topic", "a"}},
                      "RecordTooLargeException (error code 10): too large")};
  Outcome out = replay_all_ways(make, Transcript().client(produce(8, 1, {{"a"}})), rules);
  EXPECT_THAT(out.to_client, ::testing::HasSubstr(rules[0].message));
  EXPECT_THAT(reports(out), ElementsAre("error api=produce topic=a error=MESSAGE_TOO_LARGE"));
}

TEST(KafkaFilter, ADroppedProduceLooksStored) {
  Transcript transcript;
  transcript.client(produce(9, 1, {{"b"}}))
      .server(produced(9, 1, {{"b"}}, 0, 41))
      .client(produce(9, 2, {{"b"}}) + produce(9, 3, {{"a"}}, 0) + produce(9, 4, {{"a"}}));
  Outcome out = replay_all_ways(make, transcript, drop({{"topic", "a"}}));
  EXPECT_EQ(out.to_server, produce(9, 1, {{"b"}}) + produce(9, 2, {{"b"}}));
  out = replay_all_ways(make,
                        Transcript()
                            .client(produce(9, 1, {{"a"}}))
                            .client(produce(9, 2, {{"b"}, {"a"}}))
                            .server(produced(9, 2, {{"b"}}, 0, 5)),
                        drop({{"topic", "a"}}));
  EXPECT_THAT(out.to_client, ::testing::StartsWith(produced(9, 1, {{"a"}}, 0, 0)));
  EXPECT_EQ(out.to_server, produce(9, 2, {{"b"}}));
}

TEST(KafkaFilter, ADroppedProduceGetsTheLastKnownOffset) {
  Rules other = drop({{"topic", "other"}});
  Outcome out = replay_all_ways(make, Transcript()
                                          .rules(other)
                                          .client(produce(9, 1, {{"a"}}))
                                          .server(produced(9, 1, {{"a"}}, 0, 41))
                                          .rules(drop({{"topic", "a"}}))
                                          .client(produce(9, 2, {{"a"}})));
  EXPECT_EQ(out.to_client, produced(9, 1, {{"a"}}, 0, 41) + produced(9, 2, {{"a"}}, 0, 41));
}

TEST(KafkaFilter, ADroppedFetchFindsNothingAfterItsWait) {
  FetchOptions patient{.max_wait_ms = 500};
  Transcript transcript;
  transcript.client(fetch(11, 1, {{"a", {0, 1}}}, patient)).advance(milliseconds(499));
  EXPECT_EQ(replay_all_ways(make, transcript, drop({{"topic", "a"}})).to_client, "");
  transcript.advance(milliseconds(1));
  Outcome out = replay_all_ways(make, transcript, drop({{"topic", "a"}}));
  EXPECT_EQ(out.to_client, fetched(11, 1, {{"a", {0, 1}, ""}}));
  EXPECT_EQ(out.to_server, "");
}

TEST(KafkaFilter, AFetchThatWaitsAtTheBrokerFindsWhatLaterRulesLeave) {
  Transcript transcript;
  transcript.client(fetch(12, 1, {{"a"}, {"b"}}))
      .rules(drop({{"topic", "a"}}))
      .server(fetched(12, 1, {{"a", {0}, "new"}, {"b", {0}, "new"}}));
  Outcome out = replay_all_ways(make, transcript);
  EXPECT_EQ(out.to_client, fetched(12, 1, {{"a", {0}, ""}, {"b", {0}, "new"}}));
  EXPECT_THAT(reports(out), ElementsAre("drop api=fetch topic=a"));
  transcript = {};
  transcript.client(fetch(4, 1, {{"a"}}))
      .rules(error({{"topic", "a"}}, "1"))
      .server(fetched(4, 1, {{"a", {0}, "new"}}))
      .client(fetch(4, 2, {{"b"}}))
      .rules(error({}, "1"))
      .server(fetched(4, 2, {{"b"}}));
  out = replay_all_ways(make, transcript);
  EXPECT_EQ(out.to_client, fetched(4, 1, {{"a", {0}, ""}}, 1) + fetched(4, 2, {{"b"}}))
      << "rules are asked once for each request";
}

TEST(KafkaFilter, OpChoosesBetweenProduceAndFetch) {
  std::string asked = produce(9, 1, {{"a"}}) + fetch(12, 2, {{"a"}});
  EXPECT_EQ(
      replay_all_ways(make, Transcript().client(asked), drop({{"topic", "a"}, {"method", "Fetch"}}))
          .to_server,
      produce(9, 1, {{"a"}}));
  EXPECT_EQ(replay_all_ways(make, Transcript().client(asked),
                            drop({{"topic", "a"}, {"method", "produce"}}))
                .to_server,
            fetch(12, 2, {{"a"}}));
}

TEST(KafkaFilter, ADroppedRequestOfAnotherKindIsNeverAnswered) {
  std::string before = produce(9, 1, {{"a"}});
  Outcome out =
      replay_all_ways(make,
                      Transcript()
                          .client(before + plain_request(kHeartbeat, 4, 2) + produce(9, 3, {{"a"}}))
                          .server(produced(9, 1, {{"a"}}))
                          .client_eof(),
                      drop({{"method", "heartbeat"}}));
  EXPECT_EQ(out.to_server, before);
  EXPECT_EQ(out.to_client, produced(9, 1, {{"a"}}));
  EXPECT_TRUE(out.eof_to_server);
}

TEST(KafkaFilter, DelaysHoldTheConnectionInOrder) {
  Rules slow = {delay_rule(seconds(2), {{"topic", "slow*"}})};
  Transcript transcript;
  transcript.client(produce(9, 1, {{"slow"}, {"slower"}}) + produce(9, 2, {{"a"}}))
      .advance(milliseconds(1999));
  EXPECT_EQ(replay_all_ways(make, transcript, slow).to_server, "");
  transcript.advance(milliseconds(1));
  Outcome out = replay_all_ways(make, transcript, slow);
  EXPECT_EQ(out.to_server, produce(9, 1, {{"slow"}, {"slower"}}) + produce(9, 2, {{"a"}}))
      << "two slow topics of one request are waited for once";
  EXPECT_THAT(reports(out), ElementsAre("delay api=produce topic=slow delay_ms=2000",
                                        "delay api=produce topic=slower delay_ms=2000"));
}

TEST(KafkaFilter, DuplicatesReachTheBrokerTwiceAndAreAnsweredOnce) {
  Rules twice = {rule(ProtocolAction::duplicate, {{"topic", "a"}})};
  Outcome out =
      replay_all_ways(make,
                      Transcript()
                          .client(produce(9, 1, {{"a", {0}, batch(-1)}, {"b"}}))
                          .server(produced(9, 1, {{"a"}, {"b"}}) + produced(9, 1, {{"a"}}))
                          .client(produce(9, 2, {{"a"}}, 0)),
                      twice);
  EXPECT_EQ(out.to_server, produce(9, 1, {{"a", {0}, batch(-1)}, {"b"}}) +
                               produce(9, 1, {{"a", {0}, batch(-1)}}) + produce(9, 2, {{"a"}}, 0) +
                               produce(9, 2, {{"a"}}, 0));
  EXPECT_EQ(out.to_client, produced(9, 1, {{"a"}, {"b"}}));
}

TEST(KafkaFilter, SaysThatIdempotentProducersAreNotDuplicated) {
  Rules twice = {rule(ProtocolAction::duplicate, {{"topic", "a"}})};
  std::string asked = produce(9, 1, {{"a", {0}, batch(5)}});
  Outcome out = replay_all_ways(make, Transcript().client(asked), twice);
  EXPECT_EQ(out.to_server, asked);
  EXPECT_THAT(reports(out),
              ElementsAre("not_duplicated api=produce topic=a reason=the producer is idempotent: "
                          "the broker would drop the second copy"));
}

TEST(KafkaFilter, LowersTheVersionsThatItDoesNotKnow) {
  std::vector<Offered> offered = {{kProduce, 0, 99}, {kFetch, 4, 11}, {68, 0, 99}};
  std::vector<Offered> known = {{kProduce, 0, 13}, {kFetch, 4, 11}, {68, 0, 99}};
  for (int16_t version : {int16_t{0}, int16_t{2}, int16_t{3}, int16_t{4}}) {
    Outcome out = replay_all_ways(make, Transcript()
                                            .client(plain_request(kApiVersions, version, 1))
                                            .server(api_versions(version, 1, offered)));
    EXPECT_EQ(out.to_client, api_versions(version, 1, known)) << version;
  }
}

TEST(KafkaFilter, ABrokerThatIsOlderThanTheQuestionAnswersInVersion0) {
  std::string refused = api_versions(0, 1, {{kApiVersions, 0, 2}, {kProduce, 0, 99}}, 35);
  Outcome out =
      replay_all_ways(make, Transcript().client(plain_request(kApiVersions, 4, 1)).server(refused));
  EXPECT_EQ(out.to_client, api_versions(0, 1, {{kApiVersions, 0, 2}, {kProduce, 0, 13}}, 35));
}

TEST(KafkaFilter, FetchSessionsEndWhereRulesAre) {
  Rules any = error({{"topic", "bad"}}, "6");
  Outcome out = replay_all_ways(make,
                                Transcript()
                                    .client(fetch(12, 1, {}, {.session_id = 5, .session_epoch = 9}))
                                    .client(fetch(12, 2, {{"a"}}, {.session_epoch = 0})),
                                any);
  EXPECT_EQ(out.to_client, fetched(12, 1, {}, 0, 70));
  EXPECT_EQ(out.to_server, fetch(12, 2, {{"a"}}, {.session_epoch = -1}));
}

TEST(KafkaFilter, ReplicationIsNobodysRequest) {
  std::string asked =
      fetch(11, 1, {{"bad"}}, {.session_id = 4, .session_epoch = 4, .replica_id = 2});
  EXPECT_EQ(replay_all_ways(make, Transcript().client(asked), drop({})).to_server, asked);
}

TEST(KafkaFilter, MetadataIsChangedOnItsWayBack) {
  Outcome out = replay_all_ways(make,
                                Transcript()
                                    .client(metadata(12, 1, {"a"}))
                                    .server(described(12, 1, {{"a", topic_id('x')}}))
                                    .client(metadata(12, 2, {"b"}))
                                    .server(described(12, 2, {{"b", topic_id('y')}})),
                                error({{"topic", "a"}}, "UNKNOWN_TOPIC_OR_PARTITION"));
  EXPECT_EQ(out.to_client,
            described(12, 1, {{"a", topic_id('x')}}, 3) + described(12, 2, {{"b", topic_id('y')}}));
  out = replay_all_ways(
      make, Transcript().client(metadata(1, 1, {})).server(described(1, 1, {{"a", ""}, {"b", ""}})),
      error({{"method", "metadata"}}, "5"));
  EXPECT_EQ(out.to_client, described(1, 1, {{"a", ""}, {"b", ""}}, 5));
  out = replay_all_ways(
      make, Transcript().client(metadata(1, 1, {})).server(described(1, 1, {{"a", ""}})),
      error({{"topic", "a"}}, "3"));
  EXPECT_EQ(out.to_client, described(1, 1, {{"a", ""}}, 3)) << "all topics were asked for";
  EXPECT_THAT(reports(out),
              ElementsAre("error api=metadata topic=a error=UNKNOWN_TOPIC_OR_PARTITION"));
}

TEST(KafkaFilter, GroupErrorsAreForGroupRequests) {
  Rules rules = {rule(ProtocolAction::error, {{"topic", "*"}},
                      "RebalanceInProgressException (error code 27): The group is rebalancing")};
  std::string passed = produce(9, 1, {{"a"}}) + fetch(12, 2, {{"a"}});
  for (int16_t version : {int16_t{0}, int16_t{1}, int16_t{4}}) {
    Outcome out = replay_all_ways(make,
                                  Transcript()
                                      .client(passed)
                                      .server(produced(9, 1, {{"a"}}) + fetched(12, 2, {{"a"}}))
                                      .client(plain_request(kHeartbeat, version, 3)),
                                  rules);
    EXPECT_EQ(out.to_server, passed);
    EXPECT_THAT(out.to_client, ::testing::EndsWith(plain_answer(kHeartbeat, version, 3, 27)));
  }
  Rules of_a_topic = error({{"topic", "a"}}, "27");
  EXPECT_EQ(replay_all_ways(make, Transcript().client(plain_request(kHeartbeat, 4, 3)), of_a_topic)
                .to_server,
            plain_request(kHeartbeat, 4, 3));
}

TEST(KafkaFilter, OffsetsOfAGroupAreRefusedAsAWhole) {
  const Api& api = *find_api(kOffsetFetch);
  const Topics topics{{"a", {4}}};  // values borrow its text
  Value question = absent_structure(api.request);
  at(api.request, question, "topics").items =
      topic_items(elements_of(api.request, "topics"), topics);
  for (int16_t version : {int16_t{1}, int16_t{5}, int16_t{7}}) {
    std::string asked = make_request(api, version, 3, "client", question);
    for (int16_t code : {int16_t{16}, int16_t{3}}) {
      Value refusal = absent_structure(api.answer);
      at(api.answer, refusal, "error_code").number = code == 16 ? 16 : 0;
      at(api.answer, refusal, "topics").items =
          topic_items(elements_of(api.answer, "topics"), topics, code);
      Outcome out = replay_all_ways(make, Transcript().client(asked),
                                    error({{"method", "offset_fetch"}}, std::to_string(code)));
      EXPECT_EQ(out.to_client, make_answer(api, version, 3, refusal)) << version << " " << code;
    }
  }
}

TEST(KafkaFilter, WithoutACodeTheServerDoesNotKnowWhy) {
  Outcome out =
      replay_all_ways(make, Transcript().client(produce(9, 1, {{"a"}}) + fetch(4, 2, {{"a"}})),
                      {rule(ProtocolAction::error)});
  EXPECT_THAT(reports(out), ElementsAre("error api=produce topic=a error=UNKNOWN_SERVER_ERROR",
                                        "error api=fetch topic=a error=UNKNOWN_SERVER_ERROR"));
  EXPECT_EQ(out.to_client, produced(9, 1, {{"a"}}, -1, -1) + fetched(4, 2, {{"a", {0}, ""}}, -1));
}

TEST(KafkaFilter, WhatIsNoKafkaPassesAndIsReported) {
  std::string hello = std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + "hello";
  Outcome out = replay_all_ways(make, Transcript().client(hello).server("\x16\x03\x03").client("x"),
                                error({}, "6"));
  EXPECT_EQ(out.to_server, hello + "x");
  EXPECT_EQ(out.to_client, "\x16\x03\x03");
  EXPECT_THAT(reports(out), ElementsAre("unparsed reason=a request has an impossible length"));
}

TEST(KafkaFilter, AnAnswerToNoRequestPassesUnlessOneOfOursIsWaiting) {
  std::string stray = produced(9, 77, {{"a"}});
  Outcome out = replay_all_ways(make, Transcript().server(stray + "more").client("x"));
  EXPECT_EQ(out.to_client, stray + "more");
  EXPECT_EQ(out.to_server, "x");
  EXPECT_THAT(reports(out), ElementsAre("unparsed reason=an answer to no request"));
  out = replay_all_ways(
      make, Transcript().client(produce(9, 1, {{"a"}}) + produce(9, 2, {{"bad"}})).server(stray),
      error({{"topic", "bad"}}, "6"));
  EXPECT_EQ(out.ended, Ending::finish);
  EXPECT_EQ(out.to_client, "");
}

TEST(KafkaFilter, AProduceOfAnUnknownVersionIsNotLookedInto) {
  std::string asked = produce(9, 1, {{"bad"}}, 0);
  asked[7] = 99;
  for (const Rules& rules : {Rules{}, error({{"topic", "bad"}}, "6")}) {
    Outcome out = replay_all_ways(make, Transcript().client(asked + "x").server("y"), rules);
    EXPECT_EQ(out.to_server, asked + "x");
    EXPECT_EQ(out.to_client, "y");
    EXPECT_THAT(reports(out), ElementsAre("unparsed reason=a produce request makes no sense"));
  }
}

TEST(KafkaFilter, OldAuthenticationIsNotLookedInto) {
  WireWriter handshake;
  handshake.number(17, 2);
  handshake.number(0, 2);
  handshake.number(1, 4);
  handshake.number(-1, 2);
  handshake.bytes(std::string("\0\5PLAIN", 7));
  std::string asked = make_frame(handshake.take(), "") + std::string("\0\0\0\3abc", 7);
  Outcome out =
      replay_all_ways(make, Transcript().client(asked).server("anything"), error({}, "6"));
  EXPECT_EQ(out.to_server, asked);
  EXPECT_EQ(out.to_client, "anything");
}

}  // namespace
}  // namespace mishap::protocols::kafka
