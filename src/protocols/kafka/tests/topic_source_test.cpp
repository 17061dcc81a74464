#include "topic_source.h"

#include <gtest/gtest.h>

namespace mishap::protocols::kafka {
namespace {

TopicMessage message(std::optional<std::string> value) {
  return {.topic = "orders", .partition = 3, .offset = 41, .key = "k", .value = std::move(value)};
}

TEST(TopicSource, AMessageWithoutADecoderIsText) {
  event::Draft draft = draft_of("kafka", message("{\"id\": 7}"), nullptr);
  EXPECT_EQ(draft.type, "topic");
  EXPECT_EQ(draft.service, "kafka");
  EXPECT_EQ(draft.fields, (event::Fields{{"topic", "orders"},
                                         {"partition", "3"},
                                         {"offset", "41"},
                                         {"key", "k"},
                                         {"value", "{\"id\": 7}"}}));
  EXPECT_TRUE(draft.data.is_null());
  EXPECT_TRUE(draft.value.is_null());
}

TEST(TopicSource, FieldsOfTheDecoderStandBesideTheMessagesOwn) {
  event::Draft draft =
      draft_of("kafka", message(R"({"order_id": 7, "paid": true, "topic": "mine"})"),
               event::json_decoder().get());
  EXPECT_EQ(draft.fields.get("order_id"), "7");
  EXPECT_EQ(draft.fields.get("paid"), "true");
  EXPECT_EQ(draft.fields.get("topic"), "orders");
  EXPECT_EQ(draft.fields.find("raw"), nullptr);
  EXPECT_TRUE(draft.data.is_null());
  EXPECT_EQ(draft.value, (Json{{"order_id", 7}, {"paid", true}, {"topic", "mine"}}));
}

TEST(TopicSource, WhatIsNestedStaysSoWithTextInIt) {
  event::Draft draft = draft_of("kafka", message(R"({"id": 7, "lines": [{"n": 2}, null]})"),
                                event::json_decoder().get());
  EXPECT_EQ(draft.data["id"], "7");
  EXPECT_EQ(draft.data["lines"], (Json::parse(R"([{"n": "2"}, ""])")));
  EXPECT_EQ(draft.data["offset"], "41");
}

TEST(TopicSource, AMessageThatIsNoJsonAndOneThatIsNothing) {
  event::Draft text = draft_of("kafka", message("plain"), event::json_decoder().get());
  EXPECT_EQ(text.fields.get("value"), "plain");
  EXPECT_TRUE(text.value.is_null());
  event::Draft none = draft_of("kafka", message(std::nullopt), event::json_decoder().get());
  EXPECT_EQ(none.fields.get("value"), "");
  EXPECT_EQ(none.fields.size(), 5u);
}

}  // namespace
}  // namespace mishap::protocols::kafka
