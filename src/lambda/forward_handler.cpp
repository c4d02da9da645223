#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "app/forward.hpp"
#include "aws/json_text.hpp"
#include "aws/s3.hpp"
#include "lambda/falcon_secret.hpp"
#include "lambda/function_context.hpp"
#include "lambda/handler.hpp"
#include "lambda/runtime.hpp"
#include "os/file.hpp"

namespace intelwall::lambda {

namespace {

using Json = nlohmann::json;

constexpr const char* position_key = "forward/alerts.json";
constexpr std::size_t most_position_bytes = 1u << 20;
/// What a page under way and the bucket may take.
constexpr std::chrono::seconds last_of_a_call{30};

/// Falcon's alerts → Security Hub, with the position in the state bucket. The position is written behind the findings:
/// a call that is killed between them, or runs beside another one, brings again what Security Hub then knows already.
class Forward {
 public:
  Forward(app::Context context, app::ForwardOptions options, const std::string& bucket)
      : context_(std::move(context)),
        env_(context_.env),
        options_(std::move(options)),
        bucket_(*context_.session, bucket) {}

  Result<std::string> handle(const Invocation& invocation) {
    IW_CHECK(check_schedule_event(invocation));
    IW_TRY(context_.env, with_falcon_secret(*context_.session, env_));
    IW_TRY(const auto before, fetch());
    std::stop_source stop;
    app::ForwardHooks hooks;
    hooks.tell = [&](const Error& error) { log_line("WARN", invocation.request_id, "forwarding goes on", &error); };
    // The next call goes on where this one ends.
    hooks.progress = [&](const app::ForwardReport&) {
      if (system_now() + last_of_a_call > invocation.deadline) stop.request_stop();
    };
    auto report = app::forward(context_, options_, hooks, stop.get_token());
    // Also of a run that broke off: what was delivered need not come again.
    const auto kept = keep(before, invocation);
    if (!report) return std::unexpected(std::move(report).error());
    IW_CHECK(kept);
    const auto& totals = report->forwarded;
    const Json done{{"detections", totals.detections}, {"accepted", totals.sink.accepted},
                    {"already", totals.sink.already},  {"rejected", totals.sink.rejected},
                    {"unreadable", totals.unreadable}, {"complete", !stop.stop_requested()}};
    auto text = aws::dump_json(done);
    if (totals.detections > 0) log_line("INFO", invocation.request_id, text, nullptr);
    return text;
  }

 private:
  using Stored = std::optional<aws::S3Client::Content>;

  /// The bucket's position into the file that forward() reads.
  Result<Stored> fetch() {
    const auto file = app::position_file(options_);
    auto stored = bucket_.get(position_key);
    if (!stored) {
      if (stored.error().code != ErrorCode::not_found) return std::unexpected(std::move(stored).error());
      std::error_code none;
      std::filesystem::remove(file, none);
      return Stored{};
    }
    std::error_code error;
    std::filesystem::create_directories(file.parent_path(), error);
    IW_CHECK(os::replace_file(file, stored->body));
    return Stored{*std::move(stored)};
  }

  Result<void> keep(const Stored& before, const Invocation& invocation) {
    const auto file = app::position_file(options_);
    std::error_code none;
    if (!std::filesystem::exists(file, none)) return {};
    IW_TRY(const auto text, os::read_file(file, most_position_bytes));
    if (before && before->body == text) return {};
    const auto put = bucket_.put(position_key, text,
                                 before ? aws::WriteCondition::matches(before->etag) : aws::WriteCondition::absent());
    if (put) return {};
    if (put.error().code != ErrorCode::conflict) return std::unexpected(put.error());
    log_line("WARN", invocation.request_id, "another call has moved the position meanwhile, and its stays",
             &put.error());
    return {};
  }

  app::Context context_;
  aws::Environment env_;
  app::ForwardOptions options_;
  aws::S3Client bucket_;
};

}  // namespace

Result<Handler> make_forward_handler(const aws::Environment& env) {
  IW_TRY(const auto bucket, required_variable(env, "INTELWALL_STATE_BUCKET",
                                              "name the bucket that keeps the position in Falcon's alerts"));
  IW_TRY(auto context, make_function_context(env));
  app::ForwardOptions options{.source = app::ForwardOptions::Source::alerts,
                              .until = app::ForwardOptions::Until::caught_up};
  options.state_directory = scratch_directory(env, "forward");
  return [function = std::make_shared<Forward>(std::move(context), std::move(options), bucket)](
             const Invocation& invocation) { return function->handle(invocation); };
}

}  // namespace intelwall::lambda
