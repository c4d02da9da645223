// The runtime against a Runtime API of the tests' own.
#include "lambda/runtime.hpp"

#include <gmock/gmock.h>
#include <httplib.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

namespace intelwall::lambda {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

/// Gives each event once, then lets callers wait; keeps what is told. Stops the runtime when all are answered.
class RuntimeApi {
 public:
  struct Told {
    std::string path, body, type;
  };
  explicit RuntimeApi(std::deque<std::string> events) : events_(std::move(events)), open_(events_.size()) {
    server_.new_task_queue = [] { return new httplib::ThreadPool(4); };
    server_.Get("/2018-06-01/runtime/invocation/next",
                httplib::Server::Handler([this](const httplib::Request&, httplib::Response& answer) { next(answer); }));
    server_.Post(R"(/2018-06-01/runtime/(.*))",
                 httplib::Server::Handler([this](const httplib::Request& asked, httplib::Response& answer) {
                   take(asked.matches[1], asked, answer);
                 }));
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::jthread([this] { server_.listen_after_bind(); });
    if (events_.empty()) stop_.request_stop();
  }
  ~RuntimeApi() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    server_.stop();
  }
  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  std::stop_token stop() const { return stop_.get_token(); }
  std::vector<Told> told() {
    const std::lock_guard lock(mutex_);
    return told_;
  }
  void answer_with(int status) { status_ = status; }

 private:
  void next(httplib::Response& answer) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds{20}, [this] { return over_ || !events_.empty(); });
    if (events_.empty()) return;
    answer.set_header("Lambda-Runtime-Aws-Request-Id", "request-" + std::to_string(++given_));
    answer.set_header("Lambda-Runtime-Deadline-Ms", "1795000000123");
    answer.set_header("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700");
    answer.set_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:111122223333:function:f");
    answer.set_content(events_.front(), "application/json");
    events_.pop_front();
  }
  void take(const std::string& path, const httplib::Request& asked, httplib::Response& answer) {
    const std::lock_guard lock(mutex_);
    told_.push_back({path, asked.body, asked.get_header_value("Lambda-Runtime-Function-Error-Type")});
    answer.status = status_;
    if (status_ == 413) {
      status_ = 202;  // the error is taken
    } else if (--open_ == 0) {
      stop_.request_stop();
    }
  }

  httplib::Server server_;
  int port_ = 0, given_ = 0;
  std::atomic<int> status_ = 202;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> events_;
  std::size_t open_ = 0;
  std::vector<Told> told_;
  bool over_ = false;
  std::stop_source stop_;
  std::jthread thread_;
};

TEST(Runtime, GivesEachEventToTheHandlerAndAnswersIt) {
  RuntimeApi api({R"({"n":1})", R"({"n":2})"});
  std::vector<Invocation> seen;
  Runtime runtime(api.host());
  const auto served = runtime.serve(
      [&](const Invocation& invocation) -> Result<std::string> {
        seen.push_back(invocation);
        return "[" + invocation.event + "]";
      },
      api.stop());
  ASSERT_TRUE(served.has_value()) << served.error().to_text();
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].request_id, "request-1");
  EXPECT_EQ(seen[0].deadline, Time{std::chrono::seconds{1'795'000'000}});
  EXPECT_THAT(seen[0].function_arn, HasSubstr(":function:f"));
  EXPECT_STREQ(std::getenv("_X_AMZN_TRACE_ID"), "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700");
  const auto told = api.told();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].path, "invocation/request-1/response");
  EXPECT_EQ(told[1].body, R"([{"n":2}])");
}

TEST(Runtime, TellsAnErrorWithATypeToSearchFor) {
  RuntimeApi api({"{}", "{}"});
  Runtime runtime(api.host());
  const auto served = runtime.serve(
      [](const Invocation& invocation) -> Result<std::string> {
        if (invocation.request_id == "request-2") return "1";
        return fail(ErrorCode::invalid_input, "the event is no \"finding\"", "event", "look at the rule");
      },
      api.stop());
  ASSERT_TRUE(served.has_value());
  const auto told = api.told();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].path, "invocation/request-1/error");
  EXPECT_EQ(told[0].type, "Intelwall.InvalidInput");
  const auto body = Json::parse(told[0].body);
  EXPECT_EQ(body["errorType"], "Intelwall.InvalidInput");
  EXPECT_EQ(body["errorMessage"], "event: the event is no \"finding\" (look at the rule)");
  EXPECT_TRUE(body["stackTrace"].is_array());
  EXPECT_EQ(told[1].path, "invocation/request-2/response");
}

TEST(Runtime, AnAnswerThatIsNotTakenIsAnError) {
  RuntimeApi api({"{}"});
  api.answer_with(413);
  Runtime runtime(api.host());
  ASSERT_TRUE(runtime.serve([](const Invocation&) -> Result<std::string> { return std::string(100, '1'); }, api.stop())
                  .has_value());
  const auto told = api.told();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[1].path, "invocation/request-1/error");
  EXPECT_EQ(told[1].type, "Intelwall.Protocol");
}

TEST(Runtime, EndsWhenTheContainerIsBeyondRecovery) {
  RuntimeApi api({"{}"});
  api.answer_with(500);
  Runtime runtime(api.host());
  const auto served = runtime.serve([](const Invocation&) -> Result<std::string> { return "1"; }, api.stop());
  ASSERT_FALSE(served.has_value());
  EXPECT_EQ(served.error().code, ErrorCode::unavailable);
}

TEST(Runtime, WaitsUntilItIsStopped) {
  RuntimeApi api({"{}"});
  std::stop_source stop;
  Runtime runtime(api.host());
  const auto served = runtime.serve(
      [&](const Invocation&) -> Result<std::string> {
        stop.request_stop();
        return "1";
      },
      stop.get_token());
  EXPECT_TRUE(served.has_value());
  EXPECT_EQ(api.told().size(), 1U);
}

TEST(Runtime, AFunctionThatCannotStartSaysWhy) {
  RuntimeApi api({});
  Runtime runtime(api.host());
  runtime.tell_init_failure({ErrorCode::usage, "no firewall is named", {}, {}});
  const auto told = api.told();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].path, "init/error");
  EXPECT_EQ(told[0].type, "Intelwall.Usage");
}

TEST(Handlers, AreFoundByName) {
  const auto named = [](const char* name) {
    return [name](const std::string& key) -> std::optional<std::string> {
      return key == "_HANDLER" ? std::optional<std::string>(name) : std::nullopt;
    };
  };
  const auto none = make_handler(named("index.handler"));
  ASSERT_FALSE(none.has_value());
  EXPECT_THAT(none.error().message, HasSubstr("index.handler"));
  EXPECT_THAT(none.error().hint, HasSubstr("respond"));
  const auto without_firewall = make_handler(named("respond"));
  ASSERT_FALSE(without_firewall.has_value());
  for (const auto& kind : handler_kinds()) EXPECT_STRNE(kind.description, "");
}

}  // namespace
}  // namespace intelwall::lambda
