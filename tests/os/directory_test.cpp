#include "os/directory.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <map>
#include <thread>

#include "os/descriptor.hpp"
#include "os/file.hpp"

namespace intelwall::os {
namespace {

namespace fs = std::filesystem;
using Files = std::map<std::string, std::string>;

class Folder : public testing::Test {
 protected:
  void SetUp() override {
    auto pattern = (fs::temp_directory_path() / "intelwall-directory-XXXXXX").native();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { fs::remove_all(root_); }

  Files read(const fs::path& directory) const {
    Files files;
    for (const auto& entry : fs::directory_iterator(directory)) {
      const auto bytes = read_file(entry.path());
      files[entry.path().filename().native()] = bytes ? *bytes : bytes.error().to_text();
    }
    return files;
  }
  static Result<void> replace(const fs::path& directory, const Files& files) {
    std::vector<NamedFile> named;
    for (const auto& [name, content] : files) named.push_back({name, content});
    return replace_directory(directory, named, [](std::string_view name) { return name.ends_with(".txt"); });
  }

  fs::path root_;
};

TEST_F(Folder, IsMadeAndReplacedAsAWhole) {
  const fs::path out = root_ / "out";
  const Files first{{"a.txt", "1"}, {"b.txt", std::string(100'000, 'x')}};
  const Files second{{"b.txt", "2"}, {"c.txt", ""}};
  ASSERT_TRUE(replace(out, first));
  EXPECT_EQ(read(out), first);
  ASSERT_TRUE(replace(out / "", second));
  EXPECT_EQ(read(out), second);
  ASSERT_TRUE(replace(out, {}));
  EXPECT_EQ(read(out), Files{});
  EXPECT_EQ(std::distance(fs::directory_iterator(root_), fs::directory_iterator()), 1) << "nothing is left beside";
}

TEST_F(Folder, KeepsItsModeAndItsLink) {
  const fs::path out = root_ / "out";
  ASSERT_TRUE(replace(out, {{"a.txt", "1"}}));
  fs::permissions(out, fs::perms::owner_all);
  fs::create_directory_symlink("out", root_ / "link");
  ASSERT_TRUE(replace(root_ / "link", {{"a.txt", "2"}}));
  EXPECT_TRUE(fs::is_symlink(root_ / "link"));
  EXPECT_EQ(read(out), (Files{{"a.txt", "2"}}));
  EXPECT_EQ(fs::status(out).permissions(), fs::perms::owner_all);
}

TEST_F(Folder, WithOtherThingsIsLeftAlone) {
  const fs::path out = root_ / "out";
  fs::create_directory(out);
  std::ofstream(out / "thesis.doc") << "years";
  const auto refused = replace(out, {{"a.txt", "1"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::refused);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("thesis.doc"));
  EXPECT_EQ(read(out), (Files{{"thesis.doc", "years"}}));
  fs::remove(out / "thesis.doc");
  fs::create_directory(out / "folder.txt");
  EXPECT_FALSE(replace(out, {{"a.txt", "1"}}));
  EXPECT_TRUE(fs::is_directory(out / "folder.txt"));
}

TEST_F(Folder, ErrorsNameThePlaceAndWriteNothing) {
  const auto no_parent = replace(root_ / "gone" / "out", {{"a.txt", "1"}});
  ASSERT_FALSE(no_parent);
  EXPECT_EQ(no_parent.error().code, ErrorCode::not_found);
  EXPECT_THAT(no_parent.error().place, testing::HasSubstr("gone"));
  std::ofstream(root_ / "file") << "x";
  EXPECT_FALSE(replace(root_ / "file", {{"a.txt", "1"}}));
  EXPECT_EQ(read(root_), (Files{{"file", "x"}}));
}

TEST_F(Folder, SweepsUpWhatAKilledCallLeftAndOnlyThat) {
  fs::create_directory(root_ / ".out.intelwall-dead01");
  std::ofstream(root_ / ".out.intelwall-dead01" / "a.txt") << "half";
  fs::create_directory(root_ / ".out.intelwall-alive1");
  const Descriptor alive(::open((root_ / ".out.intelwall-alive1").c_str(), O_RDONLY | O_DIRECTORY));
  ASSERT_EQ(::flock(alive.get(), LOCK_EX | LOCK_NB), 0);
  fs::create_directory(root_ / ".other.intelwall-dead02");
  ASSERT_TRUE(replace(root_ / "out", {{"a.txt", "1"}}));
  EXPECT_FALSE(fs::exists(root_ / ".out.intelwall-dead01"));
  EXPECT_TRUE(fs::exists(root_ / ".out.intelwall-alive1"));
  EXPECT_TRUE(fs::exists(root_ / ".other.intelwall-dead02"));
}

TEST_F(Folder, ReadersSeeAllOldOrAllNewFiles) {
  const fs::path out = root_ / "out";
  ASSERT_TRUE(replace(out, {{"a.txt", "0"}, {"z.txt", "0"}}));
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (int i = 1; i <= 60; ++i) {
      const std::string turn = std::to_string(i);
      EXPECT_TRUE(replace(out, {{"a.txt", turn}, {"z.txt", turn}}));
    }
    stop = true;
  });
  // A reader that holds the folder open reads from one state, however slow it is; the folder may lose its files only
  // when it is the old one already.
  int whole = 0;
  while (!stop) {
    const Descriptor folder(::open(out.c_str(), O_RDONLY | O_DIRECTORY));
    ASSERT_TRUE(folder.is_open()) << "the folder is always there";
    const fs::path held = "/proc/self/fd/" + std::to_string(folder.get());
    const auto first = read_file(held / "a.txt");
    const auto last = read_file(held / "z.txt");
    if (!first || !last) continue;
    EXPECT_EQ(*first, *last);
    ++whole;
  }
  writer.join();
  EXPECT_GT(whole, 0);
}

}  // namespace
}  // namespace intelwall::os
