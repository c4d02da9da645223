#include "lab/cloud_wire.hpp"

#include <gmock/gmock.h>

#include <limits>
#include <random>
#include <set>

#include "core/result.hpp"
#include "lab/cloud_shape.hpp"

namespace intelwall::lab {
namespace {

std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (const int value : values) out += static_cast<char>(value);
  return out;
}

Json random_value(std::mt19937& random, int depth) {
  const auto text = [&random] {
    static const std::vector<std::string> parts{
        "a", "\"", "\\", "\n", "\t", "\x01", "ü", "€", "😀", "/", "long plain text "};
    std::string out;
    for (std::size_t i = random() % 6; i > 0; --i) out += parts[random() % parts.size()];
    return out;
  };
  switch (random() % (depth > 4 ? 6u : 8u)) {
    case 0:
      return nullptr;
    case 1:
      return random() % 2 == 0;
    case 2:
      return static_cast<std::uint64_t>(random()) << (random() % 33);
    case 3:
      return -1 - static_cast<std::int64_t>(random() >> (random() % 32));
    case 4:
      return static_cast<double>(random()) / 1024;
    case 5:
      return text();
    case 6: {
      Json list = Json::array();
      for (std::size_t i = random() % 5; i > 0; --i) list.push_back(random_value(random, depth + 1));
      return list;
    }
    default: {
      Json object = Json::object();
      for (std::size_t i = random() % 5; i > 0; --i) object[text()] = random_value(random, depth + 1);
      return object;
    }
  }
}

TEST(CloudWire, what_is_written_is_read_back) {
  std::mt19937 random(3);
  for (int round = 0; round < 3000; ++round) {
    const Json value = random_value(random, 0);
    const auto cbor = parse_cbor(dump_cbor(value));
    ASSERT_TRUE(cbor.has_value()) << value;
    EXPECT_EQ(*cbor, value);
    EXPECT_EQ(Json::from_cbor(dump_cbor(value)), value) << "nlohmann's reader is the judge";
    const auto made = Json::to_cbor(value);
    const auto read = parse_cbor(std::string(made.begin(), made.end()));
    ASSERT_TRUE(read.has_value()) << value;
    EXPECT_EQ(*read, value);
    EXPECT_EQ(Json::parse(dump_json(value)), value) << "nlohmann's parser is the judge";
    const auto json = parse_json(dump_json(value));
    ASSERT_TRUE(json.has_value()) << value;
    EXPECT_EQ(*json, value);
  }
}

TEST(CloudWire, json_is_valid_utf8_whatever_it_holds) {
  const std::string text = dump_json(Json{{"bad", "a\xff\xfe"}, {"half", "\xc3"}});
  EXPECT_TRUE(is_utf8(text));
  EXPECT_NO_THROW(Json::parse(text));
}

TEST(CloudWire, utf8) {
  for (const char* good : {"", "plain ascii, longer than eight", "ü€😀", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(is_utf8(good)) << good;
  for (const char* bad :
       {"\xff", "abcdefgh\x80", "\xc0\x80", "\xc3", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf0\x80\x80\x80"})
    EXPECT_FALSE(is_utf8(bad)) << bad;
}

TEST(CloudWire, cbor_in_the_forms_that_smithy_clients_send) {
  EXPECT_EQ(parse_cbor("").value(), Json::object());
  EXPECT_EQ(parse_cbor(bytes({0xbf, 0x61, 'a', 0x9f, 0x01, 0x20, 0xff, 0xff})).value(), (Json{{"a", {1, -1}}}));
  EXPECT_EQ(parse_cbor(bytes({0x7f, 0x61, 'a', 0x62, 'b', 'c', 0xff})).value(), "abc");
  EXPECT_EQ(parse_cbor(bytes({0xc1, 0x1a, 0x00, 0x00, 0x00, 0x05})).value(), 5);
  EXPECT_EQ(parse_cbor(bytes({0xf9, 0x3e, 0x00})).value(), 1.5);
  EXPECT_EQ(parse_cbor(bytes({0xf9, 0xc0, 0x00})).value(), -2.0);
  EXPECT_EQ(parse_cbor(bytes({0xfa, 0x3f, 0xc0, 0x00, 0x00})).value(), 1.5);
  EXPECT_EQ(parse_cbor(bytes({0xf7})).value(), nullptr);
}

TEST(CloudWire, times_are_tagged_in_cbor) {
  const std::string written = dump_cbor({{"LastModifiedTime", 5}});
  EXPECT_EQ(written.substr(written.size() - 2), bytes({0xc1, 0x05}));
}

TEST(CloudWire, damaged_cbor_is_refused) {
  for (const std::string& bad :
       {bytes({0x5b}), bytes({0x41, 'a'}), bytes({0x61}), bytes({0x7b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}),
        bytes({0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), bytes({0xa1, 0x01, 0x02}), bytes({0x01, 0x02}),
        bytes({0x61, 0xff}), bytes({0xff}), bytes({0x1c}), bytes({0xf8, 0x20}), bytes({0xf9, 0x7c, 0x00}),
        bytes({0x9f}), bytes({0xbf}), bytes({0x7f, 0x01}),
        bytes({0x3b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), std::string(1'000'000, '\x81'),
        std::string(1'000'000, '\x9f'), std::string(1'000'000, '\xc1')}) {
    const auto parsed = parse_cbor(bad);
    ASSERT_FALSE(parsed.has_value()) << bad.size();
    EXPECT_EQ(parsed.error().name, "SerializationException");
  }
}

TEST(CloudWire, damaged_json_is_refused) {
  for (const std::string& bad : {std::string("{"), std::string("nul"), std::string("{\"a\":1}x"), std::string("\xff"),
                                 std::string("\"\\ud800\""), std::string(1'000'000, '[')}) {
    const auto parsed = parse_json(bad);
    ASSERT_FALSE(parsed.has_value()) << bad.substr(0, 20);
    EXPECT_EQ(parsed.error().name, "SerializationException");
  }
}

TEST(CloudWire, uuids) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string uuid = random_uuid();
    EXPECT_TRUE(patterns::token.matches(uuid)) << uuid;
    EXPECT_EQ(uuid[14], '4');
    seen.insert(uuid);
  }
  EXPECT_EQ(seen.size(), 1000u);
}

TEST(CloudShape, says_the_first_violation_with_its_path) {
  using namespace shapes;
  const ShapePtr shape =
      structure({required("Name", text(1, 3, &patterns::name)),
                 shapes::optional("Tags", list(structure({required("Key", text(1, 2))}), 1, 2)),
                 shapes::optional("Size", integer(1, 9)), shapes::optional("Kind", one_of({"A", "B"})),
                 shapes::optional("Sets", map(text(1, 2), boolean()))});
  const auto said = [&shape](const Json& value) {
    const auto violation = find_violation(*shape, value);
    return violation ? to_api_error(*violation).name + ": " + to_api_error(*violation).message : "";
  };
  EXPECT_EQ(said({{"Name", "a"},
                  {"Tags", {{{"Key", "k"}}}},
                  {"Size", 9},
                  {"Kind", "B"},
                  {"Sets", {{"x", true}}},
                  {"More", 1}}),
            "");
  EXPECT_EQ(said(Json::object()),
            "ValidationException: 1 validation error detected: Value null at 'name' failed to satisfy constraint: "
            "Member must "
            "not be null");
  EXPECT_EQ(said({{"Name", nullptr}}), said(Json::object()));
  EXPECT_THAT(said({{"Name", "abcd"}}), ::testing::HasSubstr("'abcd' at 'name'"));
  EXPECT_THAT(said({{"Name", "a_"}}), ::testing::HasSubstr("regular expression pattern: ^[a-zA-Z0-9-]+$"));
  EXPECT_THAT(said({{"Name", 5}}), ::testing::StartsWith("SerializationException: at 'name'"));
  EXPECT_THAT(said({{"Name", "a"}, {"Tags", Json::array()}}), ::testing::HasSubstr("'tags'"));
  EXPECT_THAT(said({{"Name", "a"}, {"Tags", {{{"Key", "k"}}, {{"Key", "long"}}}}}),
              ::testing::HasSubstr("'tags[1].key'"));
  EXPECT_THAT(said({{"Name", "a"}, {"Size", 10}}), ::testing::HasSubstr("less than or equal to 9"));
  EXPECT_THAT(said({{"Name", "a"}, {"Size", std::numeric_limits<std::uint64_t>::max()}}),
              ::testing::HasSubstr("'size'"));
  EXPECT_THAT(said({{"Name", "a"}, {"Size", 1.5}}), ::testing::StartsWith("SerializationException"));
  EXPECT_THAT(said({{"Name", "a"}, {"Kind", "C"}}), ::testing::HasSubstr("enum value set: [A, B]"));
  EXPECT_THAT(said({{"Name", "a"}, {"Sets", {{"x", 1}}}}), ::testing::HasSubstr("'sets.x'"));
  EXPECT_THAT(said({{"Name", "\n\x1b"}}), ::testing::Not(::testing::HasSubstr("\x1b")));
}

TEST(CloudShape, prunes_what_the_model_does_not_know) {
  using namespace shapes;
  const ShapePtr shape = structure(
      {shapes::optional("Known", structure({shapes::optional("In", any())})), shapes::optional("Free", object())});
  Json value{{"Known", {{"In", {{"x", 1}}}, {"Out", 1}}}, {"Free", {{"x", nullptr}}}, {"Odd", 1}, {"Nothing", nullptr}};
  prune(*shape, value);
  EXPECT_EQ(value, (Json{{"Known", {{"In", {{"x", 1}}}}}, {"Free", {{"x", nullptr}}}}));
}

}  // namespace
}  // namespace intelwall::lab
