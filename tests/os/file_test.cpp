#include "os/file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

namespace intelwall::os {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class FileTest : public testing::Test {
 protected:
  FileTest() {
    std::string name = (fs::temp_directory_path() / "intelwall-file-XXXXXX").native();
    directory_ = ::mkdtemp(name.data());
  }
  ~FileTest() override { fs::remove_all(directory_); }

  fs::path path(const char* name) const { return directory_ / name; }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : fs::directory_iterator(directory_)) all.push_back(entry.path().filename());
    std::ranges::sort(all);
    return all;
  }

  fs::path directory_;
};

mode_t mode_of(const fs::path& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_mode & 07777;
}

TEST_F(FileTest, WritesAndReadsAnyBytes) {
  std::string bytes(300'000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7);
  ASSERT_TRUE(replace_file(path("a"), bytes));
  EXPECT_EQ(read_file(path("a")).value(), bytes);
  EXPECT_EQ(mode_of(path("a")), 0644U);
  ASSERT_TRUE(replace_file(path("a"), ""));
  EXPECT_EQ(read_file(path("a")).value(), "");
  EXPECT_EQ(names(), std::vector<std::string>{"a"});
}

TEST_F(FileTest, ReadsUpToTheLimitAndNoMore) {
  ASSERT_TRUE(replace_file(path("a"), "12345"));
  EXPECT_EQ(read_file(path("a"), 5).value(), "12345");
  const auto over = read_file(path("a"), 4);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, ErrorCode::invalid_input);
  EXPECT_THAT(over.error().to_text(), HasSubstr("larger than 4 bytes"));
}

TEST_F(FileTest, NamesThePathAndTheReason) {
  const auto missing = read_file(path("missing\n"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_THAT(missing.error().to_text(), HasSubstr("missing\\x0a: cannot open it: No such file"));
  const auto directory = read_file(directory_);
  ASSERT_FALSE(directory);
  EXPECT_THAT(directory.error().message, HasSubstr("Is a directory"));
  const auto nowhere = replace_file(path("no/such/place"), "x");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, ErrorCode::not_found);
}

TEST_F(FileTest, KeepsTheModeAndFollowsALink) {
  ASSERT_TRUE(replace_file(path("real"), "old"));
  fs::permissions(path("real"), fs::perms{0600});
  fs::create_symlink("real", path("link"));
  ASSERT_TRUE(replace_file(path("link"), "new"));
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(read_file(path("real")).value(), "new");
  EXPECT_EQ(mode_of(path("real")), 0600U);
  fs::create_symlink("nowhere", path("dangling"));
  ASSERT_TRUE(replace_file(path("dangling"), "made"));
  EXPECT_EQ(read_file(path("dangling")).value(), "made");
}

TEST_F(FileTest, LeavesTheOldFileWholeWhenTheDiskIsFull) {
  ASSERT_TRUE(replace_file(path("a"), "old"));
  // A limit on the size of files fails a write as a full disk does.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{.rlim_cur = 1000, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const auto written = replace_file(path("a"), std::string(100'000, 'x'));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, handler);
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, HasSubstr("cannot write it: File too large"));
  EXPECT_EQ(read_file(path("a")).value(), "old");
  EXPECT_EQ(names(), std::vector<std::string>{"a"}) << "the half-written file stayed";
}

TEST_F(FileTest, ReadersSeeOneWholeVersionWhileWritersRace) {
  const std::vector<std::string> versions{std::string(50'000, 'a'), std::string(70'000, 'b'), std::string(1, 'c')};
  ASSERT_TRUE(replace_file(path("a"), versions[0]));
  std::atomic<int> writing = 3;
  {
    std::vector<std::jthread> writers;
    for (const std::string& version : versions) {
      writers.emplace_back([&] {
        for (int i = 0; i < 30; ++i) EXPECT_TRUE(replace_file(path("a"), version));
        --writing;
      });
    }
    while (writing > 0) {
      const auto seen = read_file(path("a"));
      ASSERT_TRUE(seen);
      ASSERT_TRUE(std::ranges::find(versions, *seen) != versions.end())
          << "a torn file of " << seen->size() << " bytes";
    }
  }
  EXPECT_EQ(names(), std::vector<std::string>{"a"});
}

}  // namespace
}  // namespace intelwall::os
