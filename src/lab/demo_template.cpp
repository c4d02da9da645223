#include <fmt/format.h>

#include <algorithm>

#include "aws/security_hub.hpp"
#include "lab/demo_steps.hpp"

namespace intelwall::lab {
namespace {

using std::chrono::seconds;

constexpr const char* hunt_function = "intelwall-hunt";
constexpr const char* expire_function = "intelwall-expire";
constexpr const char* short_lived = "short-lived.example.net";

std::optional<FunctionState> function_state(const std::string& name) {
  const auto now = status();
  if (!now) return {};
  const auto found = std::ranges::find(now->functions, name, &FunctionState::name);
  return found == now->functions.end() ? std::nullopt : std::optional(*found);
}

/// Waits for runs of a function that begin from here on and go well.
bool wait_for_runs(const std::string& name, std::uint64_t runs) {
  const auto before = function_state(name);
  return before && wait_for(seconds(60), [&] {
           const auto after = function_state(name);
           return after && after->last_error.empty() &&
                  after->invocations - after->failures >= before->invocations - before->failures + runs;
         });
}

/// What a function did last, for a proof.
std::string last_words(const std::string& name) {
  const auto state = function_state(name);
  if (!state) return "no function " + name;
  return fmt::format("{}: {} invocations, {} failed; last {}", name, state->invocations, state->failures,
                     printable(state->last_error.empty() ? state->last_answer : state->last_error, 400));
}

Result<void> step_scheduled(Demo& demo) {
  // A run that had begun before may not have seen the indicator.
  const bool ran = wait_for_runs(hunt_function, 2);
  demo.add("the schedule runs the function hunt, and its domains are alert rules in the firewall",
           ran && tokens(demo).contains("intelwall-hunts-1"),
           fmt::format("{}\n{}", last_words(hunt_function), tokens(demo)));
  return {};
}

Result<void> step_subscribed(Demo& demo) {
  demo.finding_id = sighting_id();
  const aws::SecurityHubClient hub(demo.session);
  const auto is_there = [&] {
    const auto found = hub.get_findings({demo.finding_id});
    return found && !found->empty();
  };
  // A warm function looks once a minute at what the hunt watches, and it has run since before the indicator came.
  for (int contact = 0; contact < 15 && !wait_for(seconds(5), is_there); ++contact) run_probe({Way::http, bad_name});
  return prove_sighting(demo, last_words("intelwall-sightings"));
}

Result<void> step_expired(Demo& demo) {
  IW_TRY(const auto blocked, intelwall(demo, {"block", short_lived, "--reason", "for a moment", "--expires", "3s"}));
  const bool stood = rules_text(demo).contains(short_lived);
  const bool gone = wait_for(seconds(60), [&] { return !rules_text(demo).contains(short_lived); });
  wait_for_runs(expire_function, 1);
  demo.add("the schedule runs the function expire, which lifts a block that is over",
           blocked.exit_code == 0 && stood && gone,
           fmt::format("{}{}", last_words(expire_function), blocked.exit_code == 0 ? "" : "\n" + blocked.err));
  return {};
}

Result<std::size_t> messages_in(const aws::ServiceClient& queues, const std::string& url) {
  IW_TRY(const Json answer, queues.call_json("1.0", "AmazonSQS.GetQueueAttributes",
                                             {{"QueueUrl", url}, {"AttributeNames", {"ApproximateNumberOfMessages"}}},
                                             aws::ServiceClient::Repeat::safe));
  const auto count = answer.value(Json::json_pointer("/Attributes/ApproximateNumberOfMessages"), std::string("0"));
  return static_cast<std::size_t>(std::atoi(count.c_str()));
}

Result<void> step_malformed(Demo& demo) {
  IW_TRY(const auto now, status());
  const auto output = [&](const char* name) {
    const auto found = now.outputs.find(name);
    return found == now.outputs.end() ? std::string() : found->second;
  };
  const aws::ServiceClient queues(demo.session, "SQS", "sqs", "sqs");
  const auto dead = output("DeadLetterQueueUrls").substr(0, output("DeadLetterQueueUrls").find(' '));
  wait_for_runs(hunt_function, 2);  // which put back the domain of the lifted block
  const auto before = tokens(demo);
  IW_CHECK(queues.call_json("1.0", "AmazonSQS.SendMessage",
                            {{"QueueUrl", output("ActionsQueueUrl")}, {"MessageBody", R"({"detail-type": 7})"}},
                            aws::ServiceClient::Repeat::unsafe));
  const auto has_one = [&] {
    const auto count = messages_in(queues, dead);
    return count && *count == 1;
  };
  const bool came = wait_for(seconds(60), has_one);
  // More tries would bring more of them.
  wait_for_runs(hunt_function, 1);
  demo.add("an event that is none ends in the dead-letter queue, once, and changes nothing",
           came && has_one() && before == tokens(demo), fmt::format("{}\n{}", dead, last_words("intelwall-respond")));
  return {};
}

}  // namespace

TemplateOptions with_demo_parameters(TemplateOptions stack) {
  stack.parameters.emplace("HuntFql", hunt_query);
  if (stack.schedule_seconds == 0) stack.schedule_seconds = 2;
  return stack;
}

Result<void> scenario_functions(Demo& demo) {
  for (const auto step :
       {step_preview, step_scheduled, step_contact, step_subscribed, step_block, step_expired, step_malformed})
    IW_CHECK(step(demo));
  return {};
}

}  // namespace intelwall::lab
