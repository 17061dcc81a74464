#include "mishap/source/output.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace mishap::source {
namespace {

struct Pipe {
  UniqueFd read_end, write_end;
  Pipe() {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }
};

TEST(Output, EachLineIsAnEventWithItsFields) {
  Pipe pipe;
  event::Log log;
  OutputTail tail;
  OutputSource source({"api", "stdout", event::automatic_decoder()}, std::move(pipe.read_end), log,
                      tail);
  std::string text = "{\"action\":\"made\",\"id\":7}\nplain words\nlevel=info msg=\"two words\"\n";
  ASSERT_EQ(write(pipe.write_end.get(), text.data(), text.size()), ssize_t(text.size()));
  source.read_available();
  ASSERT_EQ(log.size(), 3u);
  EXPECT_EQ(log.at(0).service, "api");
  EXPECT_EQ(log.at(0).type, "stdout");
  EXPECT_EQ(log.at(0).fields.get("action"), "made");
  EXPECT_EQ(log.at(0).fields.get("id"), "7");
  EXPECT_EQ(log.at(1).fields.get("raw"), "plain words");
  EXPECT_EQ(log.at(2).fields.get("msg"), "two words");
  EXPECT_EQ(tail.text(), text);
  EXPECT_TRUE(tail.complete());
}

TEST(Output, TheLastLineNeedsNoNewline) {
  Pipe pipe;
  event::Log log;
  OutputTail tail;
  OutputSource source({"api", "stderr", event::automatic_decoder()}, std::move(pipe.read_end), log,
                      tail);
  ASSERT_EQ(write(pipe.write_end.get(), "dying", 5), 5);
  source.read_available();
  EXPECT_EQ(log.size(), 0u);
  pipe.write_end.reset();
  source.read_available();
  ASSERT_EQ(log.size(), 1u);
  EXPECT_EQ(log.at(0).type, "stderr");
}

TEST(Output, TheTailKeepsTheEndAndSaysThatItIsNotAll) {
  OutputTail tail;
  std::string line(1000, 'a');
  for (int i = 0; i < 500; ++i) tail.add(line);
  tail.add("last");
  EXPECT_FALSE(tail.complete());
  EXPECT_LE(tail.text().size(), OutputTail::kKeptBytes);
  EXPECT_TRUE(tail.text().ends_with("a\nlast\n"));
}

}  // namespace
}  // namespace mishap::source
