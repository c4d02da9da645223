#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "app/respond.hpp"
#include "aws/json_text.hpp"
#include "lambda/finding_filter.hpp"
#include "lambda/function_context.hpp"
#include "lambda/handler.hpp"
#include "lambda/runtime.hpp"

namespace intelwall::lambda {

namespace {

using Json = nlohmann::json;

constexpr std::string_view pressed = "Security Hub Findings - Custom Action";
constexpr std::string_view imported = "Security Hub Findings - Imported";
constexpr std::string_view guardduty = "GuardDuty Finding";

std::unexpected<Error> malformed(std::string message, std::string place) {
  return fail(ErrorCode::invalid_input, std::move(message), std::move(place),
              "it is an event of EventBridge, or of a queue of those, that this function takes");
}

class Respond {
 public:
  Respond(app::Context context, std::optional<FindingFilter> filter)
      : context_(std::move(context)), filter_(std::move(filter)) {}

  Result<std::string> handle(const Invocation& invocation) {
    const auto event = Json::parse(invocation.event, nullptr, false);
    if (!event.is_object()) return malformed("the event is no JSON object", "event");
    if (event.contains("Records")) return handle_queue(event["Records"], invocation);
    IW_TRY(const auto done, handle_event(event, invocation));
    return aws::dump_json(done);
  }

 private:
  /// Messages that follow each other and ask for the same are done as one, with one write for each group. Where that
  /// does not succeed whole, each is done alone: what fails comes again, and the others do not.
  Result<std::string> handle_queue(const Json& records, const Invocation& invocation) {
    if (!records.is_array()) return malformed("\"Records\" is no list", "event");
    std::vector<Message> messages;
    for (std::size_t i = 0; i < records.size(); ++i) {
      messages.push_back(
          {aws::text_in(records[i], "messageId"), Json::parse(aws::text_in(records[i], "body"), nullptr, false)});
      // Without an id the service could not be told which one it is.
      if (messages.back().id.empty()) return malformed("a record has no messageId", fmt::format("Records[{}]", i));
    }
    Json failed = Json::array();
    for (auto first = messages.begin(); first != messages.end();) {
      auto last = first + 1;
      Json whole = first->event;
      for (; last != messages.end() && asks_the_same(whole, last->event); ++last) {
        const auto& more = last->event["detail"]["findings"];
        auto& findings = whole["detail"]["findings"];
        findings.insert(findings.end(), more.begin(), more.end());
      }
      const auto done = last - first > 1 ? handle_event(std::move(whole), invocation) : Result<Json>{Json()};
      const bool is_done = done && aws::member(*done, "unreadable") == 0;
      for (; first != last; ++first) {
        if (is_done) continue;
        if (const auto alone = handle_message(*first, invocation); !alone) {
          log_line("ERROR", invocation.request_id,
                   fmt::format("message {} failed and comes again", printable(first->id, 60)), &alone.error());
          failed.push_back({{"itemIdentifier", first->id}});
        }
      }
    }
    return aws::dump_json({{"batchItemFailures", std::move(failed)}});
  }

  struct Message {
    std::string id;
    Json event;
  };

  /// Events of Security Hub that differ in their findings, their ids and times alone.
  static bool asks_the_same(const Json& one, const Json& other) {
    const auto of = [](const Json& event) -> Json {
      const auto& detail = aws::member(event, "detail");
      if (!aws::member(detail, "findings").is_array()) return nullptr;
      const auto kind = aws::text_in(event, "detail-type");
      // An imported finding's event names the finding there, a pressed action's the action.
      return {kind, kind == pressed ? aws::member(event, "resources") : Json(), aws::text_in(event, "account"),
              aws::text_in(event, "region"), aws::text_in(detail, "actionName")};
    };
    const auto asked = of(one);
    return !asked.is_null() && asked == of(other);
  }

  Result<Json> handle_message(const Message& message, const Invocation& invocation) {
    if (!message.event.is_object())
      return malformed("the body of a message is no JSON object", printable(message.id, 60));
    return handle_event(message.event, invocation);
  }

  /// What was done. An Error when it is worth another try, or when the event is none.
  Result<Json> handle_event(Json event, const Invocation& invocation) {
    const auto kind = aws::text_in(event, "detail-type");
    if (kind == imported || kind == guardduty) {
      if (const auto left = filter(event, kind); left == 0)
        return Json{{"passed_over", "no finding of this event is one that blocks by itself"}};
    } else if (kind != pressed) {
      return malformed(fmt::format("\"{}\" is no kind of event that is known here", printable(kind, 80)),
                       "detail-type");
    }
    IW_CHECK(refresh_guardrails(context_));
    IW_TRY(const auto outcome, app::respond(context_, aws::dump_json(event), app::Mode::write));
    return report(outcome, invocation);
  }

  /// Takes out of the event what nobody asked to block; how many findings are left.
  std::size_t filter(Json& event, std::string_view kind) const {
    if (!filter_ || !event.contains("detail") || !event["detail"].is_object()) return 0;
    if (kind == guardduty) return filter_->takes(event["detail"]) ? 1 : 0;
    auto& findings = event["detail"]["findings"];
    if (!findings.is_array()) return 0;
    Json kept = Json::array();
    for (auto& finding : findings)
      if (filter_->takes(finding)) kept.push_back(std::move(finding));
    findings = std::move(kept);
    return findings.size();
  }

  static Result<Json> report(const app::RespondOutcome& outcome, const Invocation& invocation) {
    if (outcome.findings.empty() && !outcome.unreadable.empty()) return std::unexpected(outcome.unreadable.front());
    const auto tell = [&](const char* level, const Error& error, const char* what) {
      log_line(level, invocation.request_id, what, &error);
    };
    for (const auto& error : outcome.unreadable) tell("WARN", error, "a finding cannot be read");
    for (const auto& error : outcome.notes_not_written) tell("WARN", error, "a finding did not get its note");
    if (outcome.press_unknown) tell("WARN", *outcome.press_unknown, "the action is taken as block");
    if (outcome.enforcement.failure) return std::unexpected(*outcome.enforcement.failure);
    log_unverified(invocation, outcome.enforcement);
    if (outcome.enforcement.plan.shortfall) tell("WARN", *outcome.enforcement.plan.shortfall, "done in part");
    Json decisions = Json::array();
    for (const auto& decision : outcome.decisions)
      decisions.push_back({{"id", decision.id},
                           {"domain", decision.domain.name.text()},
                           {"scope", to_string(decision.domain.scope)},
                           {"action", to_string(decision.action)}});
    Json lifted = Json::array();
    for (const auto& decision : outcome.lifted) lifted.push_back(decision.domain.name.text());
    Json done{{"findings", outcome.findings.size()},
              {"unreadable", outcome.unreadable.size()},
              {"decisions", std::move(decisions)},
              {"lifted", std::move(lifted)},
              {"writes", outcome.enforcement.plan.steps.size()}};
    log_line("INFO", invocation.request_id, aws::dump_json(done), nullptr);
    return done;
  }

  app::Context context_;
  std::optional<FindingFilter> filter_;
};

}  // namespace

Result<Handler> make_respond_handler(const aws::Environment& env) {
  std::optional<FindingFilter> filter;
  if (const auto text = env("INTELWALL_FINDINGS_FILTER")) {
    IW_TRY(filter, FindingFilter::parse(*text));
  }
  IW_TRY(auto context, make_function_context(env));
  if (context.settings.targets.empty()) IW_CHECK(app::open_firewall(context));
  IW_CHECK(app::load_guardrails(context));
  return [respond = std::make_shared<Respond>(std::move(context), std::move(filter))](const Invocation& invocation) {
    return respond->handle(invocation);
  };
}

}  // namespace intelwall::lambda
