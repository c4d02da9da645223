#include "hunt/log_tail.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

namespace intelwall::hunt {
namespace {

class LogTailTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("iw-tail-" + std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path log() const { return folder_ / "eve.json"; }
  void append(const std::string& text, const std::string& name = "eve.json") const {
    std::ofstream(folder_ / name, std::ios::app) << text;
  }
  void rotate(const std::string& to) const { std::filesystem::rename(log(), folder_ / to); }
  static std::string all(LogTail& tail) {
    std::string text;
    for (;;) {
      const auto lines = tail.next();
      EXPECT_TRUE(lines.has_value()) << lines.error().to_text();
      if (!lines || lines->empty()) return text;
      text += *lines;
    }
  }

  std::filesystem::path folder_;
};

TEST_F(LogTailTest, GivesWholeLinesOnce) {
  LogTail tail(log(), From::beginning);
  EXPECT_EQ(all(tail), "");  // not there yet
  append("one\ntw");
  EXPECT_EQ(all(tail), "one\n");
  append("o\nthree\n");
  EXPECT_EQ(all(tail), "two\nthree\n");
  EXPECT_EQ(all(tail), "");
}

TEST_F(LogTailTest, FromTheEndSkipsTheRestOfALine) {
  append("old\nhal");
  LogTail tail(log(), From::end);
  EXPECT_EQ(all(tail), "");
  append("f\nnew\n");
  EXPECT_EQ(all(tail), "new\n");
}

TEST_F(LogTailTest, ReadsOnAfterARestart) {
  append("one\ntwo\nthr");
  LogTail first(log(), From::beginning);
  EXPECT_EQ(all(first), "one\ntwo\n");
  const auto place = parse_position(to_string(first.position()));
  ASSERT_TRUE(place.has_value());
  EXPECT_EQ(*place, first.position());
  append("ee\n");
  LogTail second(log(), *place);
  EXPECT_EQ(all(second), "three\n");
}

TEST_F(LogTailTest, ReadsOnInTheCurrentFolderToo) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder_);
  append("one\n");
  LogTail first("eve.json", From::beginning);
  EXPECT_EQ(all(first), "one\n");
  LogTail second("eve.json", first.position());
  EXPECT_EQ(all(second), "");
  append("two\n");
  EXPECT_EQ(all(second), "two\n");
  std::filesystem::current_path(before);
}

TEST_F(LogTailTest, RotationByRenamingLosesNothing) {
  append("one\n");
  LogTail tail(log(), From::beginning);
  EXPECT_EQ(all(tail), "one\n");
  append("two\n");
  rotate("eve.json.1");
  append("three\n", "eve.json.1");  // the writer has not turned to the new file yet
  append("");                       // which is there already, empty
  EXPECT_EQ(all(tail), "two\nthree\n");
  append("four\n", "eve.json.1");
  append("five\n");
  EXPECT_EQ(all(tail), "four\nfive\n");
}

TEST_F(LogTailTest, RotationsWhileNobodyReadsLoseNothing) {
  append("one\n");
  LogTail first(log(), From::beginning);
  EXPECT_EQ(all(first), "one\n");
  const auto place = first.position();
  append("two\n");
  rotate("eve.json.2");
  ::usleep(20'000);
  append("three\n");
  rotate("eve.json.1");
  ::usleep(20'000);
  append("four\n");
  append("not ours\n", "eve.jso");
  LogTail second(log(), place);
  EXPECT_EQ(all(second), "two\nthree\nfour\n");
}

TEST_F(LogTailTest, CutInPlaceBeginsAnew) {
  append("one is long enough\ntwo\n");
  LogTail tail(log(), From::beginning);
  EXPECT_EQ(all(tail), "one is long enough\ntwo\n");
  std::filesystem::resize_file(log(), 0);
  append("three\n");
  EXPECT_EQ(all(tail), "three\n");
  // Cut, and longer than before when it is looked at again.
  std::filesystem::resize_file(log(), 0);
  append("four is a much longer line than the one before\n");
  EXPECT_EQ(all(tail), "four is a much longer line than the one before\n");
  // The same while nobody reads.
  const auto place = tail.position();
  std::filesystem::resize_file(log(), 0);
  append("five, again longer than anything that was read of it before\n");
  LogTail second(log(), place);
  EXPECT_EQ(all(second), "five, again longer than anything that was read of it before\n");
}

TEST_F(LogTailTest, ALineThatNeverEndsIsLeftOut) {
  LogTail tail(log(), From::beginning);
  append(std::string(LogTail::max_line + 5, 'x'));
  EXPECT_EQ(all(tail), "");
  append(std::string(LogTail::max_line + 5, 'x') + "\nnext\n");
  EXPECT_EQ(all(tail), "next\n");
  EXPECT_EQ(tail.overlong(), 1U);
}

TEST_F(LogTailTest, AnyMixOfWritesRotationsAndRestartsGivesEachLineOnce) {
  std::mt19937 random(20261124);
  const auto pick = [&](unsigned n) { return random() % n; };
  for (int round = 0; round < 20; ++round) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    std::string written, read, open_line;
    int rotations = 0;
    std::optional<LogTail> tail(std::in_place, log(), From::beginning);
    append("first\n");
    EXPECT_EQ(all(*tail), "first\n");
    for (int step = 0; step < 120; ++step) {
      switch (pick(6)) {
        case 0:
        case 1:
        case 2: {
          std::string text = "line " + std::to_string(step) + std::string(pick(400), '.') + (pick(4) != 0 ? "\n" : "");
          append(text);
          written += text;
          break;
        }
        case 3:
          read += all(*tail);
          break;
        case 4: {
          const auto place = tail->position();
          if (place.inode != 0) tail.emplace(log(), place);
          break;
        }
        case 5:
          if (std::filesystem::exists(log()) && written.ends_with('\n')) {
            rotate("eve.json." + std::to_string(++rotations));
            ::usleep(5'000);  // file systems keep times by the tick
            append("after\n");
            written += "after\n";
          }
          break;
      }
    }
    append("\n");
    written += "\n";
    read += all(*tail);
    ASSERT_TRUE(read == written) << read.size() << " of " << written.size() << ", round " << round;
  }
}

TEST_F(LogTailTest, PositionsAreCheckedAsTexts) {
  for (const char* bad : {"", "1", "1:2:3", "1:2:3:4:5", "a:2:3:4", "1:2:3:4 ", "1:2:3:99999999999999999999"})
    EXPECT_FALSE(parse_position(bad).has_value()) << bad;
  LogTail folder(folder_, From::beginning);
  EXPECT_FALSE(folder.next().has_value());
}

}  // namespace
}  // namespace intelwall::hunt
