#include "falcon/stream_framing.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <random>

namespace intelwall::falcon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string event(int offset, std::string_view rest = R"("event":{"IOCValue":"evil.example.com"})") {
  return fmt::format(
      R"({{"metadata":{{"offset":{},"eventType":"EppDetectionSummaryEvent","eventCreationTime":1764079384000}},{}}})",
      offset, rest);
}

/// The frames as text: "event 7", "damage 12+30 not JSON …".
std::vector<std::string> frames(const std::vector<std::string_view>& pushes) {
  EventFramer framer;
  std::vector<std::string> out;
  const auto drain = [&] {
    while (auto frame = framer.next()) {
      if (const auto* found = std::get_if<StreamEvent>(&*frame)) {
        out.push_back(fmt::format("event {}", found->offset));
      } else {
        const auto& damage = std::get<Damage>(*frame);
        out.push_back(fmt::format("damage {}+{} {}", damage.at, damage.size, damage.reason));
      }
    }
  };
  for (const auto push : pushes) {
    framer.push(push);
    drain();
  }
  framer.finish();
  drain();
  return out;
}

std::vector<std::string> bytewise(std::string_view bytes) {
  std::vector<std::string_view> pushes;
  for (std::size_t i = 0; i < bytes.size(); ++i) pushes.push_back(bytes.substr(i, 1));
  return frames(pushes);
}

/// The frames, which must be the same however the bytes come in.
std::vector<std::string> read(std::string_view bytes) {
  const auto whole = frames({bytes});
  EXPECT_EQ(bytewise(bytes), whole) << bytes.substr(0, 500);
  return whole;
}

TEST(Framing, EventsInEveryArrangement) {
  const std::vector<std::string> both{"event 1", "event 2"};
  EXPECT_EQ(read(event(1) + "\n" + event(2) + "\n"), both);
  EXPECT_EQ(read("\r\n\r\n" + event(1) + "\r\n\r\n\n \t" + event(2)), both) << "keep-alives";
  EXPECT_EQ(read(event(1) + event(2)), both) << "concatenated";
  const std::string pretty =
      "{\n  \"metadata\": {\n    \"offset\": 1\n  },\n  \"event\": {\n    \"a\": [\n      {\n      }\n    ]\n  }\n}";
  EXPECT_EQ(read(pretty + pretty + "\n" + pretty), (std::vector<std::string>{"event 1", "event 1", "event 1"}));
  EXPECT_TRUE(read("").empty());
  EXPECT_TRUE(read("\r\n\r\n").empty());
}

TEST(Framing, TheEventIsWhatCame) {
  EventFramer framer;
  const std::string bytes = event(7, R"("event":{"x":"\"}{\\"})");
  framer.push(bytes + "\n");
  const auto frame = framer.next();
  ASSERT_TRUE(frame && std::holds_alternative<StreamEvent>(*frame));
  const auto& found = std::get<StreamEvent>(*frame);
  EXPECT_EQ(found.json, bytes);
  EXPECT_EQ(found.type, "EppDetectionSummaryEvent");
  EXPECT_EQ(found.created_ms, 1764079384000);
}

TEST(Framing, NumbersMayBeStrings) {
  EXPECT_THAT(read(R"({"metadata":{"offset":"12","eventCreationTime":"5"}})"), ElementsAre("event 12"));
  for (const auto* odd : {"-1", "\"x\"", "null", "1.5", "\"\"", "9223372036854775808", "18446744073709551615", "[]"}) {
    EXPECT_THAT(read(fmt::format(R"({{"metadata":{{"offset":{}}}}})", odd)),
                ElementsAre(HasSubstr("without an offset that could be one")))
        << odd;
  }
}

TEST(Framing, ACutEventCostsOnlyItself) {
  const std::string whole = event(1);
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const std::string bytes = whole.substr(0, size) + "\n" + event(2) + "\n" + event(3) + "\n";
    const auto found = read(bytes);
    ASSERT_EQ(found.size(), 3U) << bytes << testing::PrintToString(found);
    EXPECT_THAT(found[0], testing::StartsWith(fmt::format("damage 0+{} ", size + 1))) << bytes;
    EXPECT_EQ(found[1], "event 2") << bytes;
    EXPECT_EQ(found[2], "event 3") << bytes;
  }
}

TEST(Framing, ACutEventIsNoticedWithoutANewline) {
  EXPECT_THAT(read(R"({"metadata":{"offset":1},"ev)" + event(2)),
              ElementsAre(testing::StartsWith("damage 0+28 not JSON"), "event 2"));
  EXPECT_THAT(read(R"({"metadata":{"offset":1},"event":)" + event(2) + event(3)),
              ElementsAre(testing::StartsWith("damage 0+33 not JSON"), "event 2", "event 3"));
}

TEST(Framing, WhatIsNoEventIsCountedWithItsPlace) {
  EXPECT_THAT(read("<html>502</html>\n" + event(1)), ElementsAre("damage 0+17 not a JSON object", "event 1"));
  EXPECT_THAT(read("null 7 [1,2]\n" + event(1)), ElementsAre("damage 0+13 not a JSON object", "event 1"));
  EXPECT_THAT(read("[" + event(1) + "," + event(2) + "]"),
              ElementsAre("damage 0+1 not a JSON object", "event 1", HasSubstr("+1 not a JSON object"), "event 2",
                          HasSubstr("+1 not a JSON object")));
  EXPECT_THAT(read("{}\n" + event(1)), ElementsAre("damage 0+2 an object without metadata", "event 1"));
  EXPECT_THAT(read("{\"metadata\":7}" + event(1)), ElementsAre("damage 0+14 an object without metadata", "event 1"));
  EXPECT_THAT(read(event(1) + "\n" + event(2).substr(0, 30)),
              ElementsAre("event 1", HasSubstr("cut off by the end of the connection")));
  EXPECT_THAT(read(std::string("{\"a\":\"\0\"}\n", 10) + event(1)), ElementsAre(HasSubstr("damage 0+"), "event 1"));
  EXPECT_THAT(read("{\"metadata\":{\"offset\":1,\"eventType\":\"\xff\"}}\n" + event(2)),
              ElementsAre(HasSubstr("not JSON"), "event 2"));
}

TEST(Framing, NestingIsLimited) {
  std::string deep = R"({"metadata":{"offset":1},"event":)";
  for (int i = 0; i < 62; ++i) deep += "[";
  const auto close = [](int count) { return std::string(static_cast<std::size_t>(count), ']'); };
  EXPECT_THAT(read(deep + close(62) + "}"), ElementsAre("event 1"));
  EXPECT_THAT(read(deep + "[[" + close(64) + "}\n" + event(2)), ElementsAre(HasSubstr("not JSON"), "event 2"));
}

TEST(Framing, AnEndlessObjectDoesNotFillTheMemory) {
  EventFramer framer;
  std::size_t events = 0, damages = 0;
  const auto drain = [&] {
    while (auto frame = framer.next()) ++(std::holds_alternative<StreamEvent>(*frame) ? events : damages);
  };
  framer.push(R"({"metadata":{"offset":1},"event":")");
  const std::string filler(64u << 10, 'x');
  for (int i = 0; i < 200; ++i) {
    framer.push(filler);
    drain();
  }
  framer.push("\n" + event(2) + "\n");
  drain();
  EXPECT_EQ(events, 1U);
  EXPECT_EQ(damages, 1U);
}

TEST(Framing, LinesOfOpenBracketsStayLinear) {
  std::string hostile;
  for (int i = 0; i < 100'000; ++i) hostile += "{\"a\":\n";
  const auto found = frames({hostile + "\n" + event(2)});
  EXPECT_EQ(found.back(), "event 2");
}

/// Good events among any damage: each is found again when damage ends before the line that it begins.
TEST(Framing, EveryWholeLineIsFoundAmongDamage) {
  std::mt19937 random(7);
  const auto whole = event(1);
  for (int round = 0; round < 400; ++round) {
    std::string bytes;
    std::vector<std::string> expected;
    for (int i = 0; i < 6; ++i) {
      if (random() % 2 == 0) {
        expected.push_back(fmt::format("event {}", i));
        bytes += event(i) + "\n";
        continue;
      }
      auto damaged = whole.substr(0, random() % whole.size());
      if (!damaged.empty()) damaged[random() % damaged.size()] = static_cast<char>(random() % 256);
      bytes += damaged + "\n";
    }
    std::vector<std::string> events;
    std::uint64_t accounted = 0;
    for (const auto& frame : read(bytes)) {
      if (frame.starts_with("event")) events.push_back(frame);
      if (frame.starts_with("damage")) accounted += std::stoull(frame.substr(frame.find('+') + 1));
    }
    EXPECT_EQ(events, expected) << bytes;
    EXPECT_LE(accounted, bytes.size());
  }
}

}  // namespace
}  // namespace intelwall::falcon
