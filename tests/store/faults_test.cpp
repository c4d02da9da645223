// What happens to the ledger when the machine fails: one sentence, and what was committed stays.
#include <fmt/format.h>
#include <sched.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <functional>

#include "support.hpp"

namespace intelwall::store {
namespace {

using ::testing::HasSubstr;

class LedgerFaults : public StoreTest {
 protected:
  soci::session raw() const { return {soci::sqlite3, "db=\"" + (directory_ / Ledger::file_name).string() + "\""}; }

  /// In a process of its own, so that mounts and kills are its own; `body` says what was wrong, or nothing.
  static std::string apart(const std::function<std::string()>& body) {
    int ends[2];
    IW_ASSERT(::pipe(ends) == 0);
    const auto child = ::fork();
    if (child == 0) {
      const auto text = body();
      static_cast<void>(!::write(ends[1], text.data(), text.size()));
      ::_exit(0);
    }
    ::close(ends[1]);
    std::string said;
    char buffer[512];
    for (ssize_t got = 0; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;)
      said.append(buffer, static_cast<std::size_t>(got));
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    return said;
  }

  /// A small disk at directory_, in the mount namespace of the calling process. False where that is not allowed.
  bool mount_disk(const char* options, unsigned long flags = 0) const {
    return ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           ::mount("tmpfs", directory_.c_str(), "tmpfs", flags, options) == 0;
  }

  static Roster large(std::int64_t hunt, int names) {
    Roster roster(hunt);
    for (int i = 0; i < names; ++i)
      roster.put(name_of(fmt::format("some-longer-name-{}.example", i)), Scope::subdomains, {}, noon);
    return roster;
  }
};

TEST_F(LedgerFaults, ANewerLedgerIsLeftAlone) {
  {
    add(*std::make_unique<Ledger>(open()), "apt");
  }
  raw() << "pragma user_version = 7";
  const auto newer = Ledger::open(directory_);
  ASSERT_FALSE(newer.has_value());
  EXPECT_THAT(newer.error().message, HasSubstr("newer intelwall (version 7, this one knows 2)"));
  EXPECT_THAT(newer.error().hint, HasSubstr("update"));
  raw() << "pragma user_version = 2";
  EXPECT_EQ(open().hunts()->size(), 1U);
}

TEST_F(LedgerFaults, AnOlderLedgerIsBroughtUpToDate) {
  {
    auto ledger = open();
    keep(ledger, add(ledger, "apt"), {"evil.example"});
  }
  raw() << "drop table decision";
  raw() << "create view decision as select 1 as domain";
  raw() << "pragma user_version = 1";
  auto ledger = open();
  EXPECT_EQ(names(ledger, *ledger.hunt("apt")), std::set<std::string>{"evil.example"});
  EXPECT_THAT(*ledger.decisions({}, 10), ::testing::IsEmpty());
}

TEST_F(LedgerFaults, TheAuditIsOnlyAddedTo) {
  auto ledger = open();
  ASSERT_TRUE(ledger.audit({noon, "jane", "hunt-add", "apt", "it's new"}).has_value());
  auto sql = raw();
  EXPECT_THROW(sql << "delete from audit", soci::soci_error);
  EXPECT_THROW(sql << "update audit set actor = 'x'", soci::soci_error);
  EXPECT_EQ(ledger.audit_entries(5)->front(), (AuditEntry{noon, "jane", "hunt-add", "apt", "it's new"}));
}

TEST_F(LedgerFaults, AFileThatIsNoLedgerIsSaidSo) {
  std::ofstream(directory_ / Ledger::file_name) << std::string(20'000, 'x');
  const auto opened = Ledger::open(directory_);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::protocol);
  EXPECT_THAT(opened.error().to_text(), HasSubstr("ledger.db: the ledger is damaged"));
  EXPECT_EQ(std::filesystem::file_size(directory_ / Ledger::file_name), 20'000U);
}

TEST_F(LedgerFaults, ADamagedPageIsSaidSo) {
  Hunt apt;
  {
    auto ledger = open();
    apt = add(ledger, "apt");
    ASSERT_TRUE(ledger.commit(large(apt.id, 5'000), {}, noon).has_value());
  }
  // Every page from the middle on.
  const auto file = directory_ / Ledger::file_name;
  const auto size = std::filesystem::file_size(file);
  std::fstream damage(file, std::ios::in | std::ios::out | std::ios::binary);
  damage.seekp(static_cast<std::streamoff>(size / 2 / 4'096 * 4'096));
  damage << std::string(size / 2, '\x5a');
  damage.close();
  auto ledger = Ledger::open(directory_);
  const auto roster = ledger ? ledger->roster(apt.id) : Result<Roster>(std::unexpected(ledger.error()));
  ASSERT_FALSE(roster.has_value());
  EXPECT_THAT(roster.error().to_text(), HasSubstr("the ledger is damaged; the rules in the firewall stay"));
}

TEST_F(LedgerFaults, ARowThatIsNoNameEndsNowhere) {
  auto ledger = open();
  const auto apt = add(ledger, "apt");
  keep(ledger, apt, {"a.example"});
  raw() << "update indicator set name = 'a\"; sid:1; x'";
  const auto roster = ledger.roster(apt.id);
  ASSERT_FALSE(roster.has_value());
  EXPECT_THAT(roster.error().message, HasSubstr("holds no domain name"));
}

TEST_F(LedgerFaults, AWriterThatHoldsOnIsWaitedForAndNamed) {
  auto ledger = open();
  auto other = raw();
  other << "begin immediate";
  std::string said = apart([&] {
    auto mine = Ledger::open(directory_, std::chrono::seconds{1});
    const auto done = mine->save_note("a", "b");
    return done ? "" : done.error().to_text();
  });
  EXPECT_THAT(said, HasSubstr("another intelwall is writing the ledger"));
  other << "rollback";
}

TEST_F(LedgerFaults, KilledWithinATransactionLeavesWhatWasThere) {
  auto apt = [&] {
    auto ledger = open();
    auto added = add(ledger, "apt");
    keep(ledger, added, {"a.example"});
    return added;
  }();
  for (int kill_after = 0; kill_after < 8; ++kill_after) {
    apart([&] {
      const auto killer = ::fork();
      if (killer == 0) {
        ::usleep(static_cast<useconds_t>(2'000 * kill_after * kill_after));
        ::kill(::getppid(), SIGKILL);
        ::_exit(0);
      }
      auto ledger = open();
      const auto roster = large(apt.id, 20'000);
      static_cast<void>(ledger.commit(roster, {.cursor = "written"}, noon));
      ::pause();
      return std::string();
    });
    auto ledger = open();
    const auto progress = ledger.progress(apt.id);
    ASSERT_TRUE(progress.has_value());
    const auto kept = names(ledger, apt).size();
    // The cursor stands where what it covers does.
    if (progress->cursor == "written") {
      EXPECT_EQ(kept, 20'001U);
      ASSERT_TRUE(ledger.remove_hunt("apt", noon).has_value());
      apt = add(ledger, "apt");
      keep(ledger, apt, {"a.example"});
    } else {
      EXPECT_EQ(kept, 1U);
    }
  }
}

TEST_F(LedgerFaults, AFullDiskKeepsWhatWasCommitted) {
  const auto said = apart([&]() -> std::string {
    if (!mount_disk("size=1m")) return "skip";
    auto ledger = open();
    const auto apt = add(ledger, "apt");
    keep(ledger, apt, {"a.example"});
    const auto done = ledger.commit(large(apt.id, 60'000), {.cursor = "too much"}, noon);
    if (done) return "a megabyte held it all";
    const auto kept = names(ledger, apt).size();
    const auto cursor = ledger.progress(apt.id)->cursor;
    return fmt::format("{} / kept {} / {}", done.error().to_text(), kept, cursor);
  });
  if (said == "skip") GTEST_SKIP() << "no mounts here";
  EXPECT_THAT(said, HasSubstr("the disk is full, so nothing was written"));
  EXPECT_THAT(said, HasSubstr("kept 1 / behind them"));
}

TEST_F(LedgerFaults, AReadOnlyDiskIsSaidSo) {
  const auto said = apart([&]() -> std::string {
    if (!mount_disk("size=4m")) return "skip";
    {
      add(*std::make_unique<Ledger>(open()), "apt");
    }
    if (::mount(nullptr, directory_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0) return "skip";
    auto ledger = Ledger::open(directory_);
    if (!ledger) return ledger.error().to_text();
    const auto done = ledger->save_note("a", "b");
    return done ? "written" : done.error().to_text();
  });
  if (said == "skip") GTEST_SKIP() << "no mounts here";
  EXPECT_THAT(said, ::testing::AnyOf(HasSubstr("cannot be written"), HasSubstr("cannot be opened")));
  EXPECT_THAT(said, HasSubstr("--state DIR"));
}

TEST_F(LedgerFaults, ADirectoryThatCannotBeIsSaidSo) {
  std::ofstream(directory_ / "file") << "x";
  const auto below_file = Ledger::open(directory_ / "file" / "state");
  ASSERT_FALSE(below_file.has_value());
  EXPECT_THAT(below_file.error().to_text(), HasSubstr("the directory cannot be made"));
  EXPECT_EQ(Ledger::open(directory_ / "a\"b").error().code, ErrorCode::usage);
}

}  // namespace
}  // namespace intelwall::store
