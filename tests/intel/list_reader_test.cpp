#include "intel/list_reader.hpp"

#include <gmock/gmock.h>
#include <zlib.h>
#include <zstd.h>

#include <random>
#include <string>
#include <vector>

#include "intel/line_reader.hpp"
#include "intel/table_row.hpp"

namespace intelwall::intel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Read {
  std::vector<std::string> names;  ///< "=" before exact ones
  std::vector<std::uint32_t> ranks;
  ListReport report;
  std::optional<Error> error;
};

Read read(std::string_view bytes, const std::string& name = "list.txt", const ListOptions& options = {}) {
  Read result;
  auto source = unpacked(bytes, name);
  const auto status =
      !source ? Result<void>(std::unexpected(source.error()))
              : read_list(**source, name, options, result.report, [&](DomainSpec&& domain, std::uint32_t rank) {
                  result.names.push_back((domain.scope == Scope::exact ? "=" : "") + domain.name.text());
                  result.ranks.push_back(rank);
                });
  if (!status) result.error = status.error();
  EXPECT_EQ(result.names.size(), result.report.taken);
  return result;
}

std::string gzip(std::string_view text) {
  std::string out(compressBound(text.size()) + 64, '\0');
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

TEST(ListReader, ReadsPlainLists) {
  const auto list = read(
      "\xef\xbb\xbf# a comment\r\n"
      "evil.com\r\n"
      "  *.wild.example  # and why\n"
      "; old comments\n! adblock\n// slashes\n\n"
      "=only.this.org\n"
      "hxxp://DEFANGED[.]net/path#fragment\n"
      "last.example");
  EXPECT_THAT(list.names, ElementsAre("evil.com", "wild.example", "=only.this.org", "defanged.net", "last.example"));
  EXPECT_EQ(list.report.refused_count, 0u);
}

TEST(ListReader, ReadsHostsFiles) {
  const auto list = read(
      "127.0.0.1 localhost localhost.localdomain\n"
      "::1 ip6-localhost ip6-loopback\n"
      "fe80::1%lo0 localhost\n"
      "255.255.255.255\tbroadcasthost\n"
      "0.0.0.0 0.0.0.0\n"
      "0.0.0.0 ads.example.com tracker.example.net # two\n"
      "127.0.0.1\t\tbad.example\n");
  EXPECT_THAT(list.names, ElementsAre("ads.example.com", "tracker.example.net", "bad.example"));
  EXPECT_EQ(list.report.refused_count, 0u);
  EXPECT_EQ(list.report.passed_over, 7u);
}

TEST(ListReader, RefusesWithFileLineAndReason) {
  const auto list =
      read("good.com\n10.0.0.1\nhttps://no host/\n\nlocal\nd41d8cd98f00b204e9800998ecf8427e\nbad\x1b[2J.com\n");
  EXPECT_THAT(list.names, ElementsAre("good.com"));
  ASSERT_EQ(list.report.refused_count, 5u);
  const auto& refused = list.report.refused;
  EXPECT_EQ(refused[0].text, "10.0.0.1");
  EXPECT_EQ(refused[0].file, "list.txt");
  EXPECT_EQ(refused[0].line, 2u);
  EXPECT_THAT(refused[0].reason, HasSubstr("IP address"));
  EXPECT_EQ(refused[1].line, 3u);
  EXPECT_THAT(refused[1].reason, HasSubstr("white space"));
  EXPECT_EQ(refused[2].line, 5u);
  EXPECT_THAT(refused[2].reason, HasSubstr("single label"));
  EXPECT_THAT(refused[3].reason, HasSubstr("hash"));
  EXPECT_EQ(refused[4].text, "bad\\x1b[2J.com");
}

TEST(ListReader, CountsEveryRefusalAndKeepsTheFirst) {
  std::string text;
  for (int i = 0; i < 2'500; ++i) text += "bad" + std::to_string(i) + "\n";
  const auto list = read(text);
  EXPECT_EQ(list.report.refused_count, 2'500u);
  ASSERT_EQ(list.report.refused.size(), ListReport::most_kept);
  EXPECT_EQ(list.report.refused.back().line, ListReport::most_kept);
}

TEST(ListReader, ReadsTables) {
  EXPECT_THAT(read("evil.com\tmalware\tsomebody\nbad.org\tc2\t\n", "x.tsv").names, ElementsAre("evil.com", "bad.org"));
  EXPECT_THAT(read("domain,kind\nevil.com,c2\n\"bad.org\",\"a, \"\"b\"\"\"\n", "x.csv").names,
              ElementsAre("evil.com", "bad.org"));
  const std::string table =
      "id,domain,note\r\n1,evil.com,x\r\n2,bad.org,\"two\r\nlines, of.a.note\"\r\n3,last.net,\r\n";
  for (const char* column : {"domain", "2"}) {
    const auto list = read(table, "x.csv", {.column = column});
    EXPECT_THAT(list.names, ElementsAre("evil.com", "bad.org", "last.net")) << column;
    EXPECT_EQ(list.report.refused_count, 0u);
  }
  const auto no_header = read("1,evil.com\n2,bad.org\n", "x.csv", {.column = "2"});
  EXPECT_THAT(no_header.names, ElementsAre("evil.com", "bad.org"));
}

TEST(ListReader, KnowsTheScopeThatDecompileWrites) {
  const auto list = read("evil.com\texact\nbad.org\tsubdomains\nother.net\tsomething\n", "-");
  EXPECT_THAT(list.names, ElementsAre("=evil.com", "bad.org", "other.net"));
}

TEST(ListReader, SaysWhenATableHasNoSuchColumn) {
  const auto list = read("id,name\n1,evil.com\n", "x.csv", {.column = "domain"});
  ASSERT_TRUE(list.error);
  EXPECT_EQ(list.error->place, "x.csv:1");
  EXPECT_THAT(list.error->message, HasSubstr("no column 'domain'"));
  const auto short_row = read("id,domain\n1,evil.com\n2\n", "x.csv", {.column = "2"});
  EXPECT_THAT(short_row.names, ElementsAre("evil.com"));
  ASSERT_EQ(short_row.report.refused_count, 1u);
  EXPECT_EQ(short_row.report.refused[0].line, 3u);
  EXPECT_THAT(short_row.report.refused[0].reason, HasSubstr("no column 2"));
}

TEST(ListReader, AnOpenQuoteDoesNotSwallowTheList) {
  std::string text = "first.com,ok\nopen.com,\"never closed\n";
  for (int i = 0; i < 10'000; ++i) text += "name" + std::to_string(i) + ".com,ok\n";
  for (const bool at_end : {false, true}) {
    const auto list =
        read(at_end ? "first.com,ok\nopen.com,\"never closed\nname0.com,ok\nname1.com,ok\n" : text, "x.csv");
    EXPECT_EQ(list.names.size(), at_end ? 3u : 10'001u);
    ASSERT_EQ(list.report.refused_count, 1u);
    EXPECT_EQ(list.report.refused[0].line, 2u);
    EXPECT_THAT(list.report.refused[0].reason, HasSubstr("does not close"));
  }
}

TEST(ListReader, ReadsIndicators) {
  const auto list = read(
      R"({"id":"domain_evil.com","indicator":"evil.com","type":"domain","deleted":false,"last_updated":1700000000,"malicious_confidence":"high","labels":[{"name":"x","created_on":1}]})"
      "\n"
      R"({"indicator":"older.com","type":"domain","deleted":false,"last_updated":1600000000,"malicious_confidence":"high"})"
      "\n"
      R"({"indicator":"unsure.com","type":"domain","last_updated":1700000000,"malicious_confidence":"low"})"
      "\n"
      R"({"indicator":"gone.com","type":"domain","deleted":true})"
      "\n"
      R"({"indicator":"d41d8cd98f00b204e9800998ecf8427e","type":"hash_md5","deleted":false})"
      "\n"
      R"({"domain":"short\u002eorg"})"
      "\n",
      "x.jsonl");
  EXPECT_THAT(list.names, ElementsAre("evil.com", "older.com", "unsure.com", "short.org"));
  EXPECT_EQ(list.report.passed_over, 2u);
  EXPECT_EQ(list.report.refused_count, 0u);
  EXPECT_LT(list.ranks[0], list.ranks[1]);  // as sure, and newer
  EXPECT_LT(list.ranks[1], list.ranks[2]);
  EXPECT_EQ(list.ranks[3], 0u);
}

TEST(ListReader, RefusesDamagedIndicators) {
  for (const char* line :
       {"{", "{\"indicator\":\"evil.com\"", "[\"evil.com\"]", "{\"indicator\":7}", "{\"type\":\"domain\"}",
        "{\"indicator\":\"evil.com\"} {\"indicator\":\"b.com\"}", "{\"indicator\":\"evil.com\"}x", "\"evil.com\"", "{}",
        "{\"indicator\":\"evil.com\\ud800\"}", "{\"indicator\":\"\xff.com\"}"}) {
    const auto list = read(std::string(line) + "\n{\"indicator\":\"next.com\"}\n", "x.jsonl");
    EXPECT_THAT(list.names, ElementsAre("next.com")) << line;
    EXPECT_EQ(list.report.refused_count, 1u) << line;
  }
}

TEST(ListReader, TellsTheFormByNameElseByTheFirstLine) {
  EXPECT_EQ(form_of_name("feeds.d/x.csv.gz"), ListForm::comma);
  EXPECT_EQ(form_of_name("x.tsv.zst"), ListForm::tab);
  EXPECT_EQ(form_of_name("x.ndjson.zstd"), ListForm::json);
  EXPECT_EQ(form_of_name("x.txt"), std::nullopt);
  EXPECT_EQ(form_of_name("-"), std::nullopt);
  EXPECT_EQ(form_of_line("evil.com\tx"), ListForm::tab);
  EXPECT_EQ(form_of_line("evil.com,x"), ListForm::comma);
  EXPECT_EQ(form_of_line("0.0.0.0\tevil.com"), ListForm::plain);
  EXPECT_EQ(form_of_line("evil.com\t# why"), ListForm::plain);
  EXPECT_EQ(form_of_line("  {\"a\":1}"), ListForm::json);
  EXPECT_THAT(read("# comment\n\nevil.com\tx\nbad.org\ty\n", "-").names, ElementsAre("evil.com", "bad.org"));
}

TEST(ListReader, UnpacksInAnyPieces) {
  std::string text;
  for (int i = 0; i < 60'000; ++i) text += "name" + std::to_string(i) + ".example.com\n";
  const auto plain = read(text).names;
  ASSERT_EQ(plain.size(), 60'000u);
  const auto half = std::string_view(text).find('\n', text.size() / 2) + 1;
  for (const auto& pack : {gzip, zstd}) {
    EXPECT_EQ(read(pack(text)).names, plain);
    // Parts in a row are one.
    EXPECT_EQ(read(pack(text.substr(0, half)) + pack("") + pack(text.substr(half))).names, plain);
  }
}

TEST(ListReader, RefusesDamagedPacks) {
  std::string text;
  for (int i = 0; i < 5'000; ++i) text += "name" + std::to_string(i * 7919 % 5000) + ".example.com\n";
  for (const auto& packed : {gzip(text), zstd(text)}) {
    for (const std::size_t size : {std::size_t{5}, packed.size() / 2, packed.size() - 1}) {
      const auto list = read(std::string_view(packed).substr(0, size));
      ASSERT_TRUE(list.error) << size;
      EXPECT_EQ(list.error->code, ErrorCode::invalid_input);
      EXPECT_THAT(list.error->message, HasSubstr("cannot unpack"));
    }
    const auto trailing = read(packed + "more.com\n");
    ASSERT_TRUE(trailing.error);
  }
}

TEST(ListReader, NeedsNoMoreMemoryForAnEndlessLine) {
  const std::string endless(30u << 20, 'a');
  const auto list = read("first.com\n" + endless + "\nlast.com\n" + endless);
  EXPECT_THAT(list.names, ElementsAre("first.com", "last.com"));
  ASSERT_EQ(list.report.refused_count, 2u);
  EXPECT_EQ(list.report.refused[0].line, 2u);
  EXPECT_THAT(list.report.refused[0].reason, HasSubstr("longer than"));
  EXPECT_LT(list.report.refused[0].text.size(), 1'000u);
}

/// Gives its bytes in pieces of random sizes.
class Dribble : public ByteSource {
 public:
  Dribble(std::string bytes, std::uint64_t seed) : bytes_(std::move(bytes)), random_(seed) {}
  Result<std::size_t> read(std::span<char> room) override {
    const std::size_t size = std::min({room.size(), bytes_.size() - at_, std::size_t{1 + random_() % 5}});
    std::copy_n(bytes_.data() + at_, size, room.data());
    at_ += size;
    return size;
  }
  std::uint64_t consumed() const override { return at_; }

 private:
  std::string bytes_;
  std::size_t at_ = 0;
  std::mt19937_64 random_;
};

TEST(LineReader, GivesTheSameLinesHoweverTheBytesCome) {
  std::mt19937_64 random(5);
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    std::string text;
    std::vector<std::string> lines;
    for (std::size_t i = random() % 20; i > 0; --i) {
      std::string line(random() % 30, 'x');
      text += line + (random() % 2 == 0 ? "\r\n" : "\n");
      lines.push_back(line);
    }
    if (random() % 2 == 0) text += lines.emplace_back("end");
    Dribble source(text, seed);
    LineReader reader(source);
    std::vector<std::string> got;
    for (;;) {
      const auto line = reader.next();
      ASSERT_TRUE(line);
      if (!*line) break;
      got.emplace_back((*line)->text);
      EXPECT_EQ((*line)->number, got.size());
    }
    ASSERT_EQ(got, lines) << "seed " << seed;
  }
}

TEST(TableRow, ReadsBackWhatIsQuoted) {
  std::mt19937_64 random(7);
  std::string memory;
  for (int round = 0; round < 2'000; ++round) {
    std::vector<std::string> cells(1 + random() % 5);
    std::string row;
    for (auto& cell : cells) {
      for (std::size_t i = random() % 6; i > 0; --i) cell += "ab\",\n\t "[random() % 7];
      std::string quoted = "\"";
      for (const char c : cell) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
      const bool bare = !cell.starts_with('"') && !cell.contains(',') && random() % 2 == 0;
      row += (&cell == cells.data() ? "" : ",") + (bare ? cell : quoted + "\"");
    }
    const auto got = split_row(row, ',', memory);
    ASSERT_TRUE(got) << row;
    ASSERT_EQ(std::vector<std::string>(got->begin(), got->end()), cells) << row;
  }
}

}  // namespace
}  // namespace intelwall::intel
