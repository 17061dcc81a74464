#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mishap/protocols/h2core/dialect.h"
#include "mishap/protocols/h2core/messages.h"

#include "wire.h"

namespace mishap::protocols::h2core {
namespace {

using ::testing::ElementsAre;
using testing::Speaker;

TEST(H2Frames, HeadersAreReadAsTheyAreWritten) {
  const FrameHeader header{.length = 0xabcdef, .type = 9, .flags = 0x2d, .stream = 0x7fffffff};
  const std::string bytes = encode_frame_header(header);
  EXPECT_EQ(bytes, "\xab\xcd\xef\x09\x2d\x7f\xff\xff\xff");
  const FrameHeader read = parse_frame_header(bytes);
  EXPECT_EQ(read.length, header.length);
  EXPECT_EQ(read.type, header.type);
  EXPECT_EQ(read.flags, header.flags);
  EXPECT_EQ(read.stream, header.stream);
  const std::string reserved("\0\0\0\0\0\x80\0\0\1", kFrameHeaderBytes);
  EXPECT_EQ(parse_frame_header(reserved).stream, 1u) << "the reserved bit is none of the number";
}

TEST(H2Frames, PaddingIsTakenOff) {
  auto content = [](uint8_t flags, FrameType type, std::string_view payload) {
    return without_padding({.type = static_cast<uint8_t>(type), .flags = flags}, payload);
  };
  EXPECT_EQ(content(0, FrameType::data, "abc"), "abc");
  EXPECT_EQ(content(flags::kPadded, FrameType::data, "\2abcpp"), "abc");
  EXPECT_EQ(content(flags::kPadded, FrameType::data, "\5abcpp"), "");
  EXPECT_EQ(content(flags::kPadded, FrameType::data, "\6abcpp"), std::nullopt);
  EXPECT_EQ(content(flags::kPadded, FrameType::data, ""), std::nullopt);
  EXPECT_EQ(content(flags::kPriority, FrameType::headers, "12345abc"), "abc");
  EXPECT_EQ(content(flags::kPriority, FrameType::headers, "1234"), std::nullopt);
}

TEST(H2Frames, CodesHaveNames) {
  EXPECT_EQ(error_name(7), "REFUSED_STREAM");
  EXPECT_EQ(error_name(99), "99");
  EXPECT_EQ(error_code("refused_stream"), 7u);
  EXPECT_EQ(error_code("4294967295"), 4294967295u);
  for (const char* bad : {"", "REFUSED", "-1", "7x", "4294967296"})
    EXPECT_EQ(error_code(bad), std::nullopt);
  EXPECT_EQ(parse_drop("GOAWAY")->what, Drop::What::goaway);
  EXPECT_EQ(parse_drop("connection")->what, Drop::What::connection);
  EXPECT_EQ(parse_drop("8")->code, 8u);
}

TEST(H2Headers, BlocksOfProgramsAreRead) {
  Speaker speaker;
  HeaderReader reader;
  for (int i = 0; i < 100; ++i) {
    const HeaderFields fields = {{":path", "/" + std::to_string(i)}, {"same", "value"}};
    auto read = reader.read(speaker.block(fields));
    ASSERT_TRUE(read);
    ASSERT_EQ(read->size(), 2u);
    EXPECT_EQ((*read)[0].value, fields[0].value);
    EXPECT_EQ((*read)[1].value, "value");
  }
}

TEST(H2Headers, BlocksOfOursLeaveTheTableAlone) {
  Speaker speaker;
  HeaderReader reader;
  ASSERT_TRUE(reader.read(speaker.block({{"kept", "in the table"}})));
  const HeaderFields ours = {
      {":status", "200"}, {"long", std::string(5000, 'x')}, {"secret", "s", true}};
  auto read = reader.read(encode_block(ours));
  ASSERT_TRUE(read);
  EXPECT_EQ((*read)[1].value, ours[1].value);
  EXPECT_TRUE((*read)[2].never_indexed && !(*read)[0].never_indexed);
  const std::string again = speaker.block({{"kept", "in the table"}});
  EXPECT_EQ(again.size(), 1u) << "a reference to the table";
  EXPECT_TRUE(reader.read(again));
  ASSERT_TRUE(reader.read(encode_block(ours, true)));
  EXPECT_FALSE(reader.read(again)) << "the table has been emptied";
}

TEST(H2Headers, NonsenseIsRefused) {
  EXPECT_FALSE(HeaderReader().read("\x80"));
  EXPECT_FALSE(HeaderReader().read("\xff\xff\xff\xff\xff\xff\xff"));
  EXPECT_FALSE(HeaderReader().read(std::string_view("\0\5abc", 5)));
  HeaderFields many(50'000, {"name", "value"});
  EXPECT_FALSE(HeaderReader().read(encode_block(many))) << "more than 1 MiB";
}

TEST(H2Headers, LongBlocksGoOnInContinuations) {
  const std::string frames = encode_headers(3, true, std::string(kSafeFrameBytes + 1, '\0'));
  const FrameHeader first = parse_frame_header(frames);
  EXPECT_EQ(first.length, kSafeFrameBytes);
  EXPECT_EQ(first.flags, flags::kEndStream);
  const FrameHeader second =
      parse_frame_header(std::string_view(frames).substr(kFrameHeaderBytes + first.length));
  EXPECT_TRUE(second.is(FrameType::continuation));
  EXPECT_EQ(second.flags, flags::kEndHeaders);
  EXPECT_EQ(second.length, 1u);
}

TEST(GrpcMessages, AreSplitAndCounted) {
  const std::string body =
      encode_message("one") + encode_message("") + encode_message(std::string(300, 'x'));
  auto messages = split_messages(body);
  EXPECT_FALSE(messages.ends_within_one);
  ASSERT_EQ(messages.whole.size(), 3u);
  EXPECT_EQ(messages.whole[2].bytes.size(), 300u);
  const Messages cut = split_messages(body.substr(0, body.size() - 1));
  EXPECT_TRUE(cut.ends_within_one);
  EXPECT_EQ(cut.whole.size(), 2u);
  EXPECT_TRUE(split_messages("\1\0").ends_within_one);
  EXPECT_TRUE(split_messages("\1\0").whole.empty());
  MessageCounter counter;
  std::vector<size_t> ends;
  size_t at = 0;
  while (at < body.size()) {
    at += counter.consume(std::string_view(body).substr(at, 2));
    if (counter.count() > static_cast<int>(ends.size())) ends.push_back(at);
  }
  EXPECT_THAT(ends, ElementsAre(8, 13, body.size()));
}

}  // namespace
}  // namespace mishap::protocols::h2core
