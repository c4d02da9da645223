// A Suricata of one's own, with the real one: what is written is what it runs, or what it ran before.
#include "firewalls/suricata.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <set>

#include "firewalls/suricata_cuts.hpp"
#include "firewalls/suricata_socket.hpp"
#include "os/descriptor.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "support.hpp"
#include "support/suricata_sensor.hpp"

namespace intelwall::firewalls {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class SuricataTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "a live Suricata needs root";
    if (!os::run({"suricata", "-V"})) GTEST_SKIP() << "there is no suricata on this machine";
    directory_ = std::filesystem::temp_directory_path() / fmt::format("iw-own-{}", ::getpid());
    std::filesystem::create_directories(directory_);
    ASSERT_TRUE(os::replace_file(rules_file(), foreign));
    sensor_.emplace(directory_ / "one");
    ASSERT_EQ(sensor_->rules(), 1U);
  }
  void TearDown() override {
    sensor_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  static constexpr const char* foreign =
      "# ours to keep\nalert tls any any -> any any (msg:\"theirs\"; tls.sni; content:\"theirs.example\"; sid:7;)\n";
  std::filesystem::path rules_file() const { return directory_ / "intelwall.rules"; }
  std::string text() const { return os::read_file(rules_file()).value_or("(none)"); }
  SuricataOptions options() const {
    return {.rules_file = rules_file(), .config = sensor_->config(), .sockets = {sensor_->socket()}};
  }

  std::filesystem::path directory_;
  std::optional<test::SuricataSensor> sensor_;
};

TEST_F(SuricataTest, PutsReadsBackAndLifts) {
  const auto wall = make_suricata(options());
  const auto evil = decision("evil.example");
  const auto applied = wall->apply(put({evil, decision("watched.example", Action::alert)}));
  ASSERT_TRUE(applied.has_value()) << applied.error().to_text();
  EXPECT_EQ(applied->plan.steps.size(), 1U);
  EXPECT_EQ(sensor_->rules(), 5U);
  EXPECT_TRUE(wall->verify(*applied, 1s).has_value());

  const auto seen = wall->observe();
  ASSERT_TRUE(seen.has_value());
  ASSERT_EQ(seen->enforced.size(), 2U);
  EXPECT_EQ(seen->groups[0].foreign_rules, 1U);
  EXPECT_EQ(seen->firewall, "suricata:" + rules_file().string());

  // The same again writes nothing, and what is not ours stays byte for byte.
  const auto inode = std::filesystem::last_write_time(rules_file());
  const auto again = wall->apply(put({evil}));
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->plan.empty());
  EXPECT_EQ(std::filesystem::last_write_time(rules_file()), inode);
  ASSERT_TRUE(wall->apply(remove({evil.id, seen->enforced[1].decision.id, seen->enforced[0].decision.id})).has_value());
  EXPECT_THAT(text(), ::testing::StartsWith(foreign));
  EXPECT_EQ(wall->observe()->enforced.size(), 0U);
}

TEST_F(SuricataTest, WhatItRefusesIsNotWritten) {
  // Our own rules are always taken, so somebody else's line is what breaks.
  ASSERT_TRUE(
      os::replace_file(rules_file(), std::string(foreign) + "alert tls any any -> any any (nonsense; sid:8;)\n"));
  const auto before = text();
  const auto applied = make_suricata(options())->apply(put({decision("evil.example")}));
  ASSERT_FALSE(applied.has_value());
  EXPECT_THAT(applied.error().message, HasSubstr("nonsense"));
  EXPECT_EQ(text(), before);
  EXPECT_EQ(sensor_->rules(), 1U);
}

TEST_F(SuricataTest, ASensorThatDoesNotAnswerLeavesAllAsItIs) {
  auto both = options();
  both.sockets.emplace_back(directory_ / "nobody.socket");
  const auto applied = make_suricata(both)->apply(put({decision("evil.example")}));
  ASSERT_FALSE(applied.has_value());
  EXPECT_EQ(applied.error().code, ErrorCode::unavailable);
  EXPECT_EQ(text(), foreign);
  EXPECT_EQ(sensor_->rules(), 1U);
}

TEST_F(SuricataTest, ASensorThatReadsOtherRulesIsToldAndAllIsPutBack) {
  ASSERT_TRUE(os::replace_file(directory_ / "other.rules",
                               "alert tls any any -> any any (msg:\"o\"; tls.sni; content:\"o.example\"; sid:9;)\n"));
  test::SuricataSensor other(directory_ / "two", "[other.rules]");
  ASSERT_EQ(other.rules(), 1U);
  auto both = options();
  both.sockets.push_back(other.socket());
  const auto applied = make_suricata(both)->apply(put({decision("evil.example")}));
  ASSERT_FALSE(applied.has_value());
  EXPECT_THAT(applied.error().message, HasSubstr("did not change"));
  EXPECT_THAT(applied.error().message, HasSubstr("rules before are in force again"));
  EXPECT_THAT(applied.error().hint, HasSubstr("rule-files"));
  EXPECT_EQ(text(), foreign);
  EXPECT_EQ(sensor_->rules(), 1U);

  // Two that do read it run the change both.
  test::SuricataSensor third(directory_ / "three");
  both.sockets.back() = third.socket();
  const auto now = make_suricata(both)->apply(put({decision("evil.example")}));
  ASSERT_TRUE(now.has_value()) << now.error().to_text();
  EXPECT_EQ(sensor_->rules(), 3U);
  EXPECT_EQ(third.rules(), 3U);
}

TEST_F(SuricataTest, WritersWaitForEachOther) {
  std::vector<std::future<Result<Applied>>> writers;
  for (int i = 0; i < 6; ++i)
    writers.push_back(std::async(std::launch::async, [this, i] {
      return make_suricata(options())->apply(put({decision(fmt::format("evil-{}.example", i))}));
    }));
  for (auto& writer : writers) {
    const auto applied = writer.get();
    EXPECT_TRUE(applied.has_value()) << applied.error().to_text();
  }
  EXPECT_EQ(make_suricata(options())->observe()->enforced.size(), 6U);
  EXPECT_EQ(sensor_->rules(), 13U);
}

TEST_F(SuricataTest, AnUnattendedChangeMayNotEmptyIt) {
  std::vector<Decision> many;
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) {
    many.push_back(decision(fmt::format("evil-{}.example", i)));
    ids.push_back(many.back().id);
  }
  const auto wall = make_suricata(options());
  ASSERT_TRUE(wall->apply(put(many)).has_value());
  const auto refused = wall->apply(remove(ids, Change::Intent::unattended));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::refused);
  EXPECT_EQ(wall->observe()->enforced.size(), 20U);
}

/// A TCP connection over lo, held at both its ends.
class OpenConnection {
 public:
  OpenConnection() {
    const os::Descriptor listener(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener.get(), any, size) != 0 || ::listen(listener.get(), 1) != 0) return;
    ::getsockname(listener.get(), any, &size);
    ends_.destination_port = ntohs(address.sin_port);
    client_ = os::Descriptor(::socket(AF_INET, SOCK_STREAM, 0));
    if (::connect(client_.get(), any, size) != 0) return;
    ::getsockname(client_.get(), any, &size);
    ends_.source_port = ntohs(address.sin_port);
    server_ = os::Descriptor(::accept(listener.get(), nullptr, nullptr));
  }
  const Connection& ends() const { return ends_; }
  /// Whether what one end says still reaches the other.
  bool alive() const {
    if (::send(client_.get(), "x", 1, MSG_NOSIGNAL) != 1) return false;
    char byte = 0;
    return readable(server_) && ::recv(server_.get(), &byte, 1, 0) == 1;
  }
  /// Says something, and waits until the kernel has been told to end it.
  bool ended() const {
    for (int i = 0; i < 200; ++i) {
      if (::send(client_.get(), "x", 1, MSG_NOSIGNAL) != 1) return true;
      pollfd one{client_.get(), POLLIN, 0};
      if (::poll(&one, 1, 25) > 0 && (one.revents & (POLLERR | POLLHUP)) != 0) return true;
    }
    return false;
  }

 private:
  static bool readable(const os::Descriptor& end) {
    pollfd one{end.get(), POLLIN, 0};
    return ::poll(&one, 1, 2'000) == 1;
  }
  Connection ends_{"127.0.0.1", "127.0.0.1", 0, 0};
  os::Descriptor client_, server_;
};

TEST_F(SuricataTest, CutsWhatIsOpenAndNothingElse) {
  sensor_.reset();
  sensor_.emplace(directory_ / "cutting", "[intelwall.rules, intelwall-cuts.rules]");
  auto now = *parse_time("2026-11-28T07:00:00Z");
  auto with_clock = options();
  with_clock.clock = [&now] { return now; };
  const auto wall = make_suricata(with_clock);
  const OpenConnection bad, other;
  ASSERT_TRUE(bad.alive());
  ASSERT_TRUE(other.alive());

  // One address alone, or text that is no address, never reaches a rule.
  const auto unknown =
      wall->cut({{"127.0.0.1", "127.0.0.1", 0, 443}, {"any", "$HOME_NET", 1, 2}, {"1.2.3.4 any", "1.1.1.1", 1, 2}}, 1s);
  ASSERT_TRUE(unknown.has_value());
  EXPECT_EQ(unknown->result, Cut::Result::no_address);
  EXPECT_EQ(sensor_->rules(), 1U);

  const auto cut = wall->cut({bad.ends(), {"2001:DB8:0::1", "2001:db8::2", 50'000, 443}}, 1s);
  ASSERT_TRUE(cut.has_value()) << cut.error().to_text();
  EXPECT_EQ(cut->result, Cut::Result::cut);
  EXPECT_EQ(cut->ended.size(), 2U);
  EXPECT_EQ(sensor_->rules(), 5U);
  EXPECT_TRUE(bad.ended());
  EXPECT_TRUE(other.alive());

  // It is over after five minutes, and the next change, or `expire` with none, takes it out.
  ASSERT_TRUE(wall->apply(put({decision("evil.example")})).has_value());
  EXPECT_EQ(sensor_->rules(), 7U);
  now += SuricataCuts::cut_lifetime;
  const auto applied = wall->apply([](const Observation&) { return Result<Change>(Change{}); });
  ASSERT_TRUE(applied.has_value());
  EXPECT_FALSE(applied->failure.has_value());
  EXPECT_EQ(sensor_->rules(), 3U);
}

TEST_F(SuricataTest, ASensorThatDoesNotReadCutsIsTold) {
  const auto cut = make_suricata(options())->cut({{"10.0.0.1", "192.0.2.1", 40'000, 443}}, 1s);
  ASSERT_FALSE(cut.has_value());
  EXPECT_THAT(cut.error().message, HasSubstr("did not change"));
  EXPECT_THAT(cut.error().hint, HasSubstr("intelwall-cuts.rules to rule-files"));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "intelwall-cuts.rules"));
  EXPECT_EQ(sensor_->rules(), 1U);
}

TEST_F(SuricataTest, AFullDiskKeepsTheRules) {
  const auto small = directory_ / "small";
  std::filesystem::create_directories(small);
  ASSERT_EQ(os::run({"mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", small.string()})->exit_code, 0);
  {
    ASSERT_TRUE(os::replace_file(small / "intelwall.rules", foreign));
    test::SuricataSensor sensor(directory_ / "small-sensor", fmt::format("[{}/intelwall.rules]", small.string()));
    EXPECT_EQ(sensor.rules(), 1U);
    std::vector<Decision> many;
    for (int i = 0; i < 60; ++i) many.push_back(decision(fmt::format("evil-{}.example", i)));
    const auto wall = make_suricata(
        {.rules_file = small / "intelwall.rules", .config = sensor.config(), .sockets = {sensor.socket()}});
    const auto applied = wall->apply(put(many));
    ASSERT_FALSE(applied.has_value());
    EXPECT_THAT(applied.error().message, HasSubstr("No space left"));
    EXPECT_EQ(os::read_file(small / "intelwall.rules").value_or(""), foreign);
    EXPECT_EQ(sensor.rules(), 1U);
  }
  EXPECT_EQ(os::run({"umount", small.string()})->exit_code, 0);
}

}  // namespace
}  // namespace intelwall::firewalls
