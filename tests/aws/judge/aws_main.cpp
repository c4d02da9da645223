// Drives our AWS clients for test_security_hub_moto.py: a JSON line {"call": …} on stdin, a line {"ok": …} or
// {"error": {"code", "message", "place", "hint"}} on stdout. Endpoint, keys and region come from the environment.
#include <iostream>

#include "aws/ec2.hpp"
#include "aws/network_firewall.hpp"
#include "aws/s3.hpp"
#include "aws/secrets_manager.hpp"
#include "aws/security_hub.hpp"

namespace {

using namespace intelwall;
using aws::Json;

Json to_json(const aws::SecurityHubClient::ImportResult& result) {
  Json failures = Json::array();
  for (const auto& failure : result.failures)
    failures.push_back({{"id", failure.id}, {"code", failure.code}, {"message", failure.message}});
  return {{"accepted", result.accepted}, {"failures", failures}};
}

Json to_json(const aws::FirewallState& state) {
  return {{"arn", state.arn},
          {"name", state.name},
          {"policy_arn", state.policy_arn},
          {"status", state.status},
          {"sync", state.sync_summary}};
}

Result<Json> run(const aws::Session& session, const Json& input) {
  const aws::SecurityHubClient hub(session);
  const aws::SsmClient ssm(session);
  const aws::NetworkFirewallClient firewall(session);
  const std::string call = input.at("call");
  if (call == "batch_import_findings") {
    IW_TRY(const auto result, hub.batch_import_findings(input.at("findings").get<std::vector<Json>>()));
    return to_json(result);
  }
  if (call == "get_findings") {
    IW_TRY(const auto findings, hub.get_findings(input.at("ids").get<std::vector<std::string>>()));
    return Json(findings);
  }
  if (call == "batch_update_findings") {
    std::vector<aws::FindingKey> keys;
    for (const auto& key : input.at("findings")) keys.push_back({key.at("Id"), key.at("ProductArn")});
    IW_TRY(const auto result,
           hub.batch_update_findings(keys, input.at("note"), "judge", aws::WorkflowStatus::notified));
    return to_json(result);
  }
  if (call == "ensure_action_target") {
    IW_TRY(const std::string arn, hub.ensure_action_target(input.at("id"), input.at("name"), "judge"));
    return Json(arn);
  }
  if (call == "get_parameter") {
    IW_TRY(const std::string value, ssm.get_parameter(input.at("name")));
    return Json(value);
  }
  if (call == "put_parameter") {
    IW_CHECK(ssm.put_parameter(input.at("name"), input.at("value")));
    return Json(true);
  }
  if (call == "list_firewalls") {
    IW_TRY(const auto arns, firewall.list_firewalls());
    return Json(arns);
  }
  if (call == "describe_firewall") {
    IW_TRY(const auto state, firewall.describe_firewall(input.at("name")));
    return to_json(state);
  }
  if (call == "instances_at") {
    IW_TRY(const auto found,
           aws::Ec2Client(session).instances_at(input.at("addresses").get<std::vector<std::string>>()));
    return Json(found);
  }
  if (call == "s3_get") {
    IW_TRY(const auto content, aws::S3Client(session, input.at("bucket")).get(input.at("key")));
    return Json{{"body", content.body}, {"etag", content.etag}};
  }
  if (call == "s3_put") {
    aws::WriteCondition condition;
    if (input.contains("absent")) condition = aws::WriteCondition::absent();
    if (input.contains("matches")) condition = aws::WriteCondition::matches(input.at("matches"));
    IW_TRY(const auto etag,
           aws::S3Client(session, input.at("bucket")).put(input.at("key"), input.at("body"), condition));
    return Json(etag);
  }
  if (call == "s3_remove_everything") {
    IW_TRY(const auto removed, aws::S3Client(session, input.at("bucket")).remove_everything());
    return Json(removed);
  }
  if (call == "secret_value") {
    IW_TRY(const auto text, aws::SecretsManagerClient(session).secret_value(input.at("id")));
    return Json(text);
  }
  return fail(ErrorCode::usage, "unknown call " + call);
}

}  // namespace

int main() {
  aws::Session session;
  session.env = aws::process_environment();
  session.http = aws::make_curl_client();
  session.credentials = aws::default_credentials(session.env);
  const auto region = aws::resolve_region(session.env);
  session.region = region.value_or("");
  session.retries.attempts = 2;
  for (std::string line; std::getline(std::cin, line);) {
    const auto result = run(session, Json::parse(line));
    Json answer;
    if (result) {
      answer["ok"] = *result;
    } else {
      const Error& error = result.error();
      answer["error"] = {
          {"code", to_string(error.code)}, {"message", error.message}, {"place", error.place}, {"hint", error.hint}};
    }
    std::cout << answer.dump() << '\n' << std::flush;
  }
}
