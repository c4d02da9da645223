#include "intel/log_tail.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>
#include <random>

#include "intel/line_reader.hpp"

namespace intelwall::intel {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class LogTails : public testing::Test {
 protected:
  LogTails() {
    std::string pattern = (std::filesystem::temp_directory_path() / "intelwall-tail-XXXXXX").string();
    IW_ASSERT(mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
  }
  ~LogTails() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  std::filesystem::path log() const { return directory_ / "eve.json"; }
  void write(const std::string& text) const { std::ofstream(log(), std::ios::app | std::ios::binary) << text; }
  void rename(const char* name = "eve.json.1") const { std::filesystem::rename(log(), directory_ / name); }

  LogTail::Read poll(LogTail& tail) {
    const auto read = tail.poll([this](std::string_view line) { lines_.emplace_back(line); });
    EXPECT_TRUE(read) << read.error().to_text();
    return read.value_or(LogTail::Read{});
  }
  std::vector<std::string> take() { return std::exchange(lines_, {}); }

  std::filesystem::path directory_;
  std::vector<std::string> lines_;
};

TEST_F(LogTails, GivesWholeLinesOnce) {
  LogTail tail(log(), std::nullopt);
  EXPECT_EQ(poll(tail).lines, 0) << "not there yet";
  write("a\nb\r\n\nc");
  EXPECT_EQ(poll(tail).lines, 2);
  EXPECT_THAT(take(), ElementsAre("a", "b"));
  write("c\nd\n");
  poll(tail);
  EXPECT_THAT(take(), ElementsAre("cc", "d"));
  EXPECT_EQ(poll(tail).lines, 0);
}

TEST_F(LogTails, MayBeginAtTheEnd) {
  write("old\n");
  LogTail tail(log(), std::nullopt, LogTail::Start::at_the_end);
  poll(tail);
  write("new\n");
  poll(tail);
  EXPECT_THAT(take(), ElementsAre("new"));
}

TEST_F(LogTails, FollowsARename) {
  LogTail tail(log(), std::nullopt);
  write("a\n");
  poll(tail);
  const std::ofstream writer(log(), std::ios::app);
  rename();
  std::ofstream(directory_ / "eve.json.1", std::ios::app) << "b\n";
  poll(tail);
  EXPECT_THAT(take(), ElementsAre("a", "b")) << "the writer has not opened the new one";
  std::ofstream(log()).close();  // made by the rotator; the writer is still with the old one
  std::ofstream(directory_ / "eve.json.1", std::ios::app) << "c\n";
  poll(tail);
  std::ofstream(directory_ / "eve.json.1", std::ios::app) << "d\n";
  write("e\n");
  EXPECT_FALSE(poll(tail).lost_something);
  EXPECT_THAT(take(), ElementsAre("c", "d", "e"));
}

TEST_F(LogTails, FollowsATruncation) {
  LogTail tail(log(), std::nullopt);
  write("a\nbbbbbbbbbbbb\n");
  poll(tail);
  std::filesystem::resize_file(log(), 0);
  write("c\n");
  EXPECT_TRUE(poll(tail).lost_something) << "what came before the copy may be lost";
  EXPECT_THAT(take(), ElementsAre("a", "bbbbbbbbbbbb", "c"));
  // Truncated and longer than before: its front is another.
  std::filesystem::resize_file(log(), 0);
  write("d\ne\nf\n");
  poll(tail);
  EXPECT_THAT(take(), ElementsAre("d", "e", "f"));
}

TEST_F(LogTails, GoesOnAfterARestart) {
  write("a\nb\nhal");
  std::string kept;
  {
    LogTail tail(log(), std::nullopt);
    poll(tail);
    kept = tail.position()->to_text();
  }
  write("f\nc\n");
  take();
  LogTail again(log(), *LogPosition::parse(kept));
  EXPECT_FALSE(poll(again).lost_something);
  EXPECT_THAT(take(), ElementsAre("half", "c"));
  // Renamed while nobody looked: the rest of the old one comes first.
  const auto position = again.position();
  write("d\n");
  rename("eve-2026.json");
  write("e\n");
  LogTail third(log(), position);
  EXPECT_FALSE(poll(third).lost_something);
  EXPECT_THAT(take(), ElementsAre("d", "e"));
  // Gone: what is there is read from its beginning, and it is said that something may be missing.
  const auto last = third.position();
  std::filesystem::rename(log(), directory_ / "x");
  std::filesystem::remove(directory_ / "x");
  write("another file\n");
  LogTail fourth(log(), last);
  const auto read = poll(fourth);
  EXPECT_THAT(take(), ElementsAre("another file"));
  EXPECT_TRUE(read.lost_something);
}

TEST_F(LogTails, DropsALineThatIsTooLong) {
  LogTail tail(log(), std::nullopt);
  write("a\n" + std::string(LineReader::max_line + 10, 'x'));
  poll(tail);
  write(std::string(LineReader::max_line, 'y') + "\nb\n");
  EXPECT_EQ(poll(tail).too_long, 1);
  EXPECT_THAT(take(), ElementsAre("a", "b"));
}

TEST_F(LogTails, WhatCannotBeReadIsAnError) {
  std::filesystem::create_directory(log());
  LogTail tail(log(), std::nullopt);
  const auto read = tail.poll([](std::string_view) {});
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().place, testing::HasSubstr("eve.json"));
}

/// Whatever the writer, the rotator and our own restarts do in whichever order, each line comes once and in order.
TEST_F(LogTails, LosesNothingInAnyOrder) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    std::vector<std::string> written;
    LogTail tail(log(), std::nullopt);
    const auto put_line = [&] {
      written.push_back("line " + std::to_string(seed) + "-" + std::to_string(written.size()));
      write(written.back() + "\n");
    };
    put_line();
    for (int step = 0; step < 100; ++step) {
      switch (random() % 6) {
        case 0:
          poll(tail);
          break;
        case 1: {  // a restart, with the position that was kept
          poll(tail);
          const auto kept = tail.position();
          tail = LogTail(log(), kept);
          break;
        }
        case 2:  // a rotation, of which we see each
          poll(tail);
          rename(("eve." + std::to_string(step)).c_str());
          put_line();
          break;
        default:
          put_line();
      }
    }
    poll(tail);
    EXPECT_EQ(take(), written) << seed;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) std::filesystem::remove(entry.path());
  }
}

TEST(LogPositions, TextAndBack) {
  const LogPosition position{1, 2, 3, 4, 0xffff'ffff'ffff'ffff};
  EXPECT_EQ(*LogPosition::parse(position.to_text()), position);
  for (const char* text : {"", "1", "1 2 3 4", "1 2 3 4 5 6", "1 2 3 4 x", "1  2 3 4 5", "-1 2 3 4 5"})
    EXPECT_FALSE(LogPosition::parse(text)) << text;
}

}  // namespace
}  // namespace intelwall::intel
