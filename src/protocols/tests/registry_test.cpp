#include "mishap/protocols/registry.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mishap/base/random.h"
#include "mishap/traffic/testing/fuzz.h"

namespace mishap::protocols {
namespace {

TEST(Registry, FindsByName) {
  EXPECT_THAT(names(), ::testing::IsSupersetOf({"http", "postgres", "redis", "tcp"}));
  EXPECT_TRUE(std::is_sorted(names().begin(), names().end()));
  for (const std::string& name : names()) EXPECT_EQ(find(name)->name(), name);
  EXPECT_EQ(find("gopher"), nullptr);
}

TEST(Registry, EachMethodHasAtMostOnePrimaryParameter) {
  for (const std::string& name : names()) {
    for (const traffic::StepMethod& method : find(name)->methods()) {
      auto primary = [](const traffic::StepParameter& parameter) { return parameter.primary; };
      EXPECT_LE(std::count_if(method.parameters.begin(), method.parameters.end(), primary), 1)
          << name << "." << method.name;
    }
  }
}

/// Pieces that lead deeper into the state machines than noise does.
constexpr std::string_view kPieces[] = {"GET /a HTTP/1.1\r\n",
                                        "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
                                        "\r\n\r\n",
                                        "Transfer-Encoding: chunked\r\n\r\n",
                                        "3\r\nabc\r\n",
                                        "0\r\n\r\n",
                                        "Upgrade: x\r\n\r\n",
                                        "Expect: 100-continue\r\nContent-Length: 9\r\n\r\n",
                                        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                                        "HTTP/1.1 101 X\r\n\r\n",
                                        "HTTP/1.0 200 OK\r\n\r\n",
                                        "*2\r\n$3\r\nGET\r\n$1\r\na\r\n",
                                        "*1\r\n$5\r\nMULTI\r\n",
                                        "*1\r\n$4\r\nEXEC\r\n",
                                        "SUBSCRIBE a b\r\n",
                                        "UNSUBSCRIBE\r\n",
                                        "MONITOR\r\n",
                                        "CLIENT REPLY SKIP\r\n",
                                        "HELLO 3\r\n",
                                        "+OK\r\n",
                                        "$-1\r\n",
                                        "-ERR x\r\n",
                                        ">2\r\n+message\r\n+x\r\n",
                                        "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n",
                                        "|1\r\n+a\r\n",
                                        "*?\r\n",
                                        ".\r\n",
                                        "$?\r\n;1\r\na\r\n;0\r\n"};

std::string random_input(Random& random) {
  std::string input;
  for (size_t rounds = random.below(40) + 1; rounds > 0; --rounds) {
    std::string bytes;
    if (random.chance(0.75)) {
      bytes = kPieces[random.below(std::size(kPieces))];
      if (random.chance(0.3)) bytes.resize(random.below(bytes.size()) + 1);
    } else {
      for (size_t i = random.below(20); i > 0; --i) bytes += static_cast<char>(random.below(256));
    }
    while (!bytes.empty()) {
      size_t count = std::min<size_t>(random.below(62) + 1, bytes.size());
      auto way = static_cast<unsigned>(random.below(8));
      unsigned control = random.chance(0.03) ? 0xf8 + way : unsigned(count << 2) | (way & 3);
      input += static_cast<char>(control);
      input += static_cast<char>(random.below(256));
      if (control < 0xf8) {
        input.append(bytes, 0, count);
        bytes.erase(0, count);
      }
    }
  }
  return input;
}

TEST(Registry, FiltersSurviveWhateverComes) {
  Random random(42);
  for (int round = 0; round < 20'000; ++round) {
    std::string input = random_input(random);
    for (const std::string& name : names()) {
      auto filter = find(name)->make_filter();
      traffic::testing::fuzz_filter(*filter, reinterpret_cast<const uint8_t*>(input.data()),
                                    input.size());
    }
  }
}

}  // namespace
}  // namespace mishap::protocols
