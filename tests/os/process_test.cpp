#include "os/process.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <thread>

#include "os/file.hpp"

namespace intelwall::os {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

TEST(Run, GivesExitCodeAndBothOutputs) {
  const auto done = run({"sh", "-c", "cat; echo problem >&2; exit 3"}, {.input = "hello"});
  ASSERT_TRUE(done) << done.error().to_text();
  EXPECT_EQ(done->exit_code, 3);
  EXPECT_EQ(done->out, "hello");
  EXPECT_EQ(done->err, "problem\n");
}

TEST(Run, PassesArgumentsUntouched) {
  const std::string hostile = "$(touch /tmp/x) `id` \"; ' \n *";
  const auto done = run({"printf", "%s|", hostile, ""});
  ASSERT_TRUE(done);
  EXPECT_EQ(done->out, hostile + "||");
}

TEST(Run, CarriesMoreThanAPipeHoldsBothWays) {
  std::string input;
  for (int i = 0; i < 400'000; ++i) input += std::to_string(i) + "\n";
  const auto done = run({"cat"}, {.input = input});
  ASSERT_TRUE(done);
  EXPECT_EQ(done->out, input);
}

TEST(Run, SurvivesAChildThatReadsNothing) {
  const auto done = run({"true"}, {.input = std::string(1'000'000, 'x')});
  ASSERT_TRUE(done);
  EXPECT_EQ(done->exit_code, 0);
}

TEST(Run, TellsASignal) {
  const auto done = run({"sh", "-c", "kill -TERM $$"});
  ASSERT_TRUE(done);
  EXPECT_EQ(done->exit_code, 128 + SIGTERM);
}

TEST(Run, KillsTheWholeGroupAtTheTimeOut) {
  const auto late =
      run({"sh", "-c", "sleep 1000 & echo $! >\"$PIDFILE\"; wait"},
          {.extra_env = {{"PIDFILE", testing::TempDir() + "intelwall-grandchild"}}, .time_out = milliseconds{300}});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::unavailable);
  EXPECT_THAT(late.error().message, HasSubstr("sh did not end within 300 ms"));
  const auto written = read_file(testing::TempDir() + "intelwall-grandchild");
  ASSERT_TRUE(written);
  const pid_t grandchild = std::stoi(*written);
  for (int i = 0; i < 200 && is_running(grandchild); ++i) std::this_thread::sleep_for(milliseconds{10});
  EXPECT_FALSE(is_running(grandchild));
  std::filesystem::remove(testing::TempDir() + "intelwall-grandchild");
}

TEST(Run, DoesNotWaitForWhatStaysInTheBackground) {
  const auto done = run({"sh", "-c", "sleep 1000 & echo $!"}, {.time_out = milliseconds{20'000}});
  ASSERT_TRUE(done) << done.error().to_text();
  stop(std::stoi(done->out));
}

TEST(Run, BoundsTheOutput) {
  const auto flood = run({"yes"}, {.max_output = 1'000'000});
  ASSERT_FALSE(flood);
  EXPECT_EQ(flood.error().code, ErrorCode::protocol);
  EXPECT_THAT(flood.error().message, HasSubstr("yes printed more than 1000000 bytes"));
}

TEST(Run, NamesAProgramThatIsNotThere) {
  const auto missing = run({"no-such-program"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_THAT(missing.error().to_text(), HasSubstr("cannot start no-such-program: No such file"));
}

TEST(Run, ReplacesAndAddsEnvironment) {
  ASSERT_EQ(::setenv("INTELWALL_TEST_VALUE", "old", 1), 0);
  const auto done = run({"sh", "-c", "echo $INTELWALL_TEST_VALUE $INTELWALL_TEST_MORE $HOME"},
                        {.extra_env = {{"INTELWALL_TEST_VALUE", "new"}, {"INTELWALL_TEST_MORE", "more"}}});
  ASSERT_TRUE(done);
  EXPECT_THAT(done->out, testing::StartsWith("new more"));
  EXPECT_STREQ(::getenv("INTELWALL_TEST_VALUE"), "old");
}

TEST(Run, GivesTheChildNoneOfOurDescriptors) {
  const int leaked = ::fcntl(STDIN_FILENO, F_DUPFD, 100);  // without O_CLOEXEC, as a careless library would
  ASSERT_GE(leaked, 100);
  const auto done = run({"sh", "-c", "echo /proc/self/fd/*"});
  ::close(leaked);
  ASSERT_TRUE(done);
  EXPECT_THAT(done->out, testing::Not(HasSubstr("/" + std::to_string(leaked)))) << done->out;
}

TEST(Run, WorksFromManyThreads) {
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 10; ++i) {
        const std::string text = std::to_string(t * 100 + i);
        const auto done = run({"cat"}, {.input = text});
        EXPECT_TRUE(done && done->out == text);
      }
    });
  }
}

TEST(Spawn, AppendsToAFileAndStops) {
  const std::filesystem::path log = testing::TempDir() + "intelwall-spawn.log";
  std::filesystem::remove(log);
  for (int i = 0; i < 2; ++i) {
    const auto pid = spawn({"sh", "-c", "echo out; echo err >&2; exec sleep 1000"}, {.output = log});
    ASSERT_TRUE(pid) << pid.error().to_text();
    EXPECT_EQ(::getsid(*pid), *pid);
    for (int n = 0; n < 500 && read_file(log)->size() < 8U * static_cast<unsigned>(i + 1); ++n) {
      std::this_thread::sleep_for(milliseconds{10});
    }
    EXPECT_TRUE(is_running(*pid));
    stop(*pid);
    EXPECT_FALSE(is_running(*pid));
  }
  EXPECT_EQ(read_file(log).value(), "out\nerr\nout\nerr\n");
  std::filesystem::remove(log);
}

TEST(Spawn, KillsWhatIgnoresTheSignal) {
  const std::filesystem::path log = testing::TempDir() + "intelwall-stubborn.log";
  const auto pid = spawn({"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"}, {.output = log});
  ASSERT_TRUE(pid);
  for (int n = 0; n < 500 && read_file(log)->empty(); ++n) std::this_thread::sleep_for(milliseconds{10});
  stop(*pid, milliseconds{100});
  EXPECT_FALSE(is_running(*pid));
  std::filesystem::remove(log);
}

TEST(Spawn, GivesNothingOfOurEnvironmentWhereToldSo) {
  const std::filesystem::path log = testing::TempDir() + "intelwall-environment.log";
  std::filesystem::remove(log);
  const auto pid = spawn({"/usr/bin/env"},
                         {.output = log, .inherits = SpawnOptions::Inherits::nothing, .extra_env = {{"ONLY", "this"}}});
  ASSERT_TRUE(pid) << pid.error().to_text();
  for (int n = 0; n < 500 && is_running(*pid); ++n) std::this_thread::sleep_for(milliseconds{10});
  EXPECT_EQ(read_file(log).value(), "ONLY=this\n");
  std::filesystem::remove(log);
}

TEST(Spawn, SaysWhyItCannot) {
  EXPECT_EQ(spawn({"no-such-program"}).error().code, ErrorCode::not_found);
  EXPECT_THAT(spawn({"true"}, {.output = "/no/such/place"}).error().to_text(),
              HasSubstr("/no/such/place: cannot open it"));
}

TEST(IsRunning, KnowsTheDeadAndTheImpossible) {
  const auto pid = spawn({"true"});
  ASSERT_TRUE(pid);
  for (int n = 0; n < 500 && is_running(*pid); ++n) std::this_thread::sleep_for(milliseconds{10});
  EXPECT_FALSE(is_running(*pid));
  EXPECT_FALSE(is_running(0));
  EXPECT_FALSE(is_running(-1));
  EXPECT_TRUE(is_running(::getpid()));
  stop(0);   // must not signal our own group
  stop(-1);  // nor everybody
}

}  // namespace
}  // namespace intelwall::os
