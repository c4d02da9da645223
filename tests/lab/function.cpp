#include <gmock/gmock.h>

#include <sstream>

#include "lab/function_set.hpp"
#include "lab/shell_function.hpp"
#include "os/file.hpp"
#include "os/process.hpp"

namespace intelwall::lab {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class FunctionTest : public testing::Test {
 protected:
  FunctionOptions options(std::map<std::string, std::string> variables = {}) {
    return {.name = "test",
            .handler = "a-handler",
            .code = shell_.directory(),
            .variables = std::move(variables),
            .timeout = std::chrono::seconds(30),
            .output = shell_.directory() / "output",
            .log = [this](const std::string& line) { lines_.push_back(line); }};
  }
  FunctionSet::DeadLetter letters() {
    return [this](const std::string& queue, const std::string& event, const Error& reason) {
      dead_.push_back(queue + " " + event + " " + reason.message);
    };
  }
  static std::string word(const Result<std::string>& answer, std::size_t which) {
    if (!answer) return answer.error().to_text();
    std::istringstream words(*answer);
    std::string each;
    for (std::size_t i = 0; i <= which; ++i) words >> each;
    return each;
  }

  ShellFunction shell_{"intelwall-function"};
  std::vector<std::string> lines_, dead_;
};

TEST_F(FunctionTest, AnswersWithTheVariablesOfLambdaAndNoOthers) {
  Function function(options({{"GIVEN", "given"}}));
  ASSERT_TRUE(function.open());
  const auto answer = function.invoke("{}");
  EXPECT_EQ(word(answer, 1), "a-handler");
  EXPECT_EQ(word(answer, 2), "given");
  EXPECT_EQ(word(answer, 3), "nothing");
}

TEST_F(FunctionTest, StaysWarm) {
  Function function(options());
  ASSERT_TRUE(function.open());
  const auto first = function.invoke("{}");
  EXPECT_THAT(function.invoke("fail").error().message, HasSubstr("Test.Failed: as asked"));
  EXPECT_EQ(word(first, 0), word(function.invoke("{}"), 0));
  EXPECT_EQ(function.status().invocations, 3);
  EXPECT_EQ(function.status().failures, 1);
  EXPECT_EQ(function.status().last_error, "");
}

TEST_F(FunctionTest, ComesBackAfterACrash) {
  Function function(options());
  ASSERT_TRUE(function.open());
  const auto first = function.invoke("{}");
  EXPECT_THAT(function.invoke("crash").error().message, StartsWith("Runtime.ExitError"));
  const auto after = function.invoke("{}");
  ASSERT_TRUE(after) << after.error().to_text();
  EXPECT_NE(word(first, 0), word(after, 0));
}

TEST_F(FunctionTest, IsKilledWhenItsTimeIsOver) {
  auto slow = options();
  slow.timeout = std::chrono::milliseconds(500);
  Function function(slow);
  ASSERT_TRUE(function.open());
  const auto first = function.invoke("{}");
  ASSERT_TRUE(first) << first.error().to_text();
  EXPECT_THAT(function.invoke("hang").error().message, HasSubstr("Task timed out after 0.50 seconds"));
  EXPECT_FALSE(os::is_running(std::stoi(*first)));
  EXPECT_TRUE(function.invoke("{}"));
}

TEST_F(FunctionTest, TellsWhyItCannotStart) {
  Function function(options({{"BROKEN", "yes"}}));
  ASSERT_TRUE(function.open());
  EXPECT_THAT(function.invoke("{}").error().message, HasSubstr("Test.Broken: cannot start"));
}

TEST_F(FunctionTest, LogsAsLambdaDoes) {
  Function function(options());
  ASSERT_TRUE(function.open());
  ASSERT_TRUE(function.invoke("{}"));
  EXPECT_THAT(lines_, ElementsAre(StartsWith("START RequestId: "), StartsWith("a line of "),
                                  StartsWith("END RequestId: "), StartsWith("REPORT RequestId: ")));
}

TEST_F(FunctionTest, LeavesNoProcess) {
  int process = 0;
  {
    Function function(options());
    ASSERT_TRUE(function.open());
    const auto answer = function.invoke("{}");
    ASSERT_TRUE(answer) << answer.error().to_text();
    process = std::stoi(*answer);
    EXPECT_TRUE(os::is_running(process));
  }
  EXPECT_FALSE(os::is_running(process));
}

TEST_F(FunctionTest, TriesAsynchronousInvocationsThreeTimes) {
  FunctionSet functions(letters(), std::chrono::milliseconds(1));
  auto with_queue = options();
  with_queue.dead_letter_queue = "arn:queue";
  ASSERT_TRUE(functions.add(with_queue));
  EXPECT_FALSE(functions.deliver("arn:aws:lambda:us-east-1:111122223333:function:test", "fail"));
  EXPECT_EQ(functions.status().at("test").invocations, 3);
  EXPECT_THAT(dead_, ElementsAre("arn:queue fail Test.Failed: as asked"));
  EXPECT_TRUE(functions.deliver("test", "{}"));
  EXPECT_FALSE(functions.invoke("test", "fail"));
  EXPECT_EQ(functions.status().at("test").invocations, 5);
  EXPECT_EQ(dead_.size(), 1);
  EXPECT_EQ(functions.invoke("other", "{}").error().code, ErrorCode::not_found);
}

TEST_F(FunctionTest, UnpacksPackages) {
  const auto there = shell_.directory() / "unpacked";
  const auto unpacked = unpack_package(shell_.package(), there);
  ASSERT_TRUE(unpacked) << unpacked.error().to_text();
  EXPECT_EQ(os::read_file(there / "bootstrap").value_or(""), shell_bootstrap);
  EXPECT_EQ(unpack_package(shell_.directory() / "none.zip", there).error().code, ErrorCode::not_found);
  EXPECT_EQ(unpack_package(shell_.directory() / "bootstrap", there).error().code, ErrorCode::invalid_input);
}

}  // namespace
}  // namespace intelwall::lab
