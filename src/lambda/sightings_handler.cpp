#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/hunt_schedule.hpp"
#include "app/sighting_raiser.hpp"
#include "aws/json_text.hpp"
#include "hunt/log_subscription.hpp"
#include "lambda/function_context.hpp"
#include "lambda/handler.hpp"
#include "lambda/runtime.hpp"
#include "lambda/state_bucket.hpp"

namespace intelwall::lambda {

namespace {

using Json = nlohmann::json;

/// How long a changed manifest may go unseen.
constexpr std::chrono::seconds look_again{60};

std::unexpected<Error> malformed(std::string message, std::string place) {
  return fail(ErrorCode::invalid_input, std::move(message), std::move(place),
              "this function takes what CloudWatch Logs delivers, and objects that S3 tells EventBridge of");
}

/// Looks for what the hunt watches in what the firewall logs. The findings are the record.
class Sightings {
 public:
  Sightings(app::Context context, const std::string& bucket, const std::string& hunt)
      : context_(std::move(context)),
        hunt_{.name = hunt, .source = app::falcon_source},
        bucket_(*context_.session, bucket, hunt),
        raiser_(context_) {}
  Sightings(const Sightings&) = delete;
  Sightings& operator=(const Sightings&) = delete;
  ~Sightings() = default;

  Result<std::string> handle(const Invocation& invocation) {
    const auto event = Json::parse(invocation.event, nullptr, false);
    if (!event.is_object()) return malformed("the event is no JSON object", "event");
    IW_TRY(const auto log, log_of(event, invocation.event));
    IW_CHECK(watch());
    app::FollowOutcome outcome;
    app::SeenCollector collector(context_.clock());
    hunt::LogScanner scanner(watched_);
    IW_TRY(const auto lines, intel::unpacked(log.bytes, log.name));
    IW_CHECK(scanner.scan(
        *lines, log.name,
        [&](const hunt::Contact& contact, const DomainSet::Match& match) { collector.add(contact, match); },
        outcome.report));
    if (!collector.empty()) {
      IW_TRY(auto seen, collector.take(*ledger_));
      IW_CHECK(raiser_.add_told(seen, log.bytes));
      IW_CHECK(raiser_.raise(std::move(seen), outcome, [](const auto&) { return Result<void>(); }));
    }
    if (outcome.not_raised) return std::unexpected(*outcome.not_raised);
    return report(outcome, invocation);
  }

 private:
  struct Log {
    std::string name, bytes;  ///< as they came: maybe packed
  };
  Result<Log> log_of(const Json& event, const std::string& text) const {
    if (event.contains("awslogs") || event.contains("messageType")) {
      IW_TRY(auto batch, hunt::read_subscription(text));
      return Log{printable(batch.group), std::move(batch.lines)};
    }
    if (aws::text_in(event, "source") != "aws.s3" || aws::text_in(event, "detail-type") != "Object Created")
      return malformed("the event has neither awslogs nor a created object", "event");
    const auto& detail = aws::member(event, "detail");
    const auto bucket = aws::text_in(aws::member(detail, "bucket"), "name");
    const auto key = aws::text_in(aws::member(detail, "object"), "key");
    if (bucket.empty() || key.empty()) return malformed("the event names no object", "detail");
    IW_TRY(auto object, aws::S3Client(*context_.session, bucket).get(key));
    return Log{printable(bucket + "/" + key), std::move(object.body)};
  }

  /// The cursor is small and names the manifest, which is large and seldom new.
  Result<void> watch() {
    const auto now = context_.clock();
    if (ledger_ && now - looked_ < look_again) return {};
    IW_TRY(const auto cursor, bucket_.cursor());
    if (!ledger_ || (cursor && cursor->content.manifest != manifest_)) {
      IW_TRY(const auto manifest, bucket_.manifest());
      ledger_.reset();
      std::error_code error;
      std::filesystem::remove_all(context_.settings.state, error);
      IW_TRY(auto ledger, store::Ledger::open(context_.settings.state));
      IW_TRY(const auto added, ledger.add_hunt(hunt_));
      IW_CHECK(restore(ledger, added, manifest ? manifest->content : std::string(), {}, now));
      IW_TRY(watched_, app::watched_domains(ledger));
      manifest_ = manifest ? manifest->etag : std::string();
      ledger_.emplace(std::move(ledger));
    }
    looked_ = now;
    return {};
  }

  static Result<std::string> report(const app::FollowOutcome& outcome, const Invocation& invocation) {
    if (outcome.no_instances)
      log_line("WARN", invocation.request_id, "workloads are told by address only", &*outcome.no_instances);
    for (const auto& refused : outcome.not_accepted)
      log_line("WARN", invocation.request_id, "Security Hub did not take a finding: " + refused, nullptr);
    for (const auto& unreadable : outcome.report.unreadable_lines)
      log_line("WARN", invocation.request_id, "a line of the log cannot be read: " + unreadable, nullptr);
    const Json done{{"lines", outcome.report.lines}, {"hits", outcome.report.hits}, {"findings", outcome.findings}};
    auto text = aws::dump_json(done);
    if (outcome.findings > 0) log_line("INFO", invocation.request_id, text, nullptr);
    return text;
  }

  app::Context context_;
  store::Hunt hunt_;
  HuntBucket bucket_;
  app::SightingRaiser raiser_;
  std::optional<store::Ledger> ledger_;
  DomainSet watched_;
  std::string manifest_;
  Time looked_{};
};

}  // namespace

Result<Handler> make_sightings_handler(const aws::Environment& env) {
  IW_TRY(auto context, make_function_context(env));
  context.settings.state = scratch_directory(env, "sightings");
  IW_TRY(const auto bucket, required_variable(env, "INTELWALL_STATE_BUCKET", "set it as the function hunt has it"));
  IW_TRY(const auto hunt, hunt_name(env));
  return [function = std::make_shared<Sightings>(std::move(context), bucket, hunt)](const Invocation& invocation) {
    return function->handle(invocation);
  };
}

}  // namespace intelwall::lambda
