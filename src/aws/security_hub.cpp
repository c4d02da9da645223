#include "aws/security_hub.hpp"

#include <algorithm>
#include <iterator>
#include <span>

#include "aws/arn.hpp"
#include "aws/json_text.hpp"

namespace intelwall::aws {

namespace {

using Repeat = ServiceClient::Repeat;

/// Values of one filter (API_GetFindings).
constexpr std::size_t max_filter_values = 20;
/// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchUpdateFindings.html
constexpr std::size_t max_note = 512;
constexpr int max_pages = 1'000;

HttpRequest json_request(const char* method, const char* path, const Json& body) {
  HttpRequest request;
  request.method = method;
  request.path = path;
  request.body = dump_json(body);
  return request;
}

std::unexpected<Error> broken_answer(const std::string& operation, const std::string& what) {
  return fail(ErrorCode::protocol, "the answer has no " + what, "securityhub " + operation,
              "check AWS_ENDPOINT_URL: this is not an answer of AWS Security Hub");
}

/// At most `limit` bytes, cut between characters.
std::string shortened(const std::string& text, std::size_t limit) {
  if (text.size() <= limit) return text;
  std::size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

const char* word(WorkflowStatus status) {
  switch (status) {
    case WorkflowStatus::unchanged:
      break;
    case WorkflowStatus::notified:
      return "NOTIFIED";
    case WorkflowStatus::resolved:
      return "RESOLVED";
    case WorkflowStatus::suppressed:
      return "SUPPRESSED";
  }
  return "";
}

}  // namespace

std::string product_name(std::string_view arn) {
  const auto parsed = Arn::parse(arn);
  if (!parsed) return {};
  const auto slash = parsed->resource.find('/');
  const auto kind = std::string_view(parsed->resource).substr(0, slash);
  return kind == "product" || kind == "product-subscription" ? parsed->resource.substr(slash + 1) : std::string();
}

SecurityHubClient::SecurityHubClient(Session session)
    : client_(std::move(session), "SECURITYHUB", "securityhub", "securityhub") {}

Result<std::vector<Json>> SecurityHubClient::get_findings(const std::vector<std::string>& ids) const {
  std::vector<Json> findings;
  for (std::size_t from = 0; from < ids.size(); from += max_filter_values) {
    const std::span batch(ids.begin() + static_cast<std::ptrdiff_t>(from),
                          std::min(max_filter_values, ids.size() - from));
    Json input = {{"MaxResults", 100}};
    for (const std::string& id : batch) input["Filters"]["Id"].push_back({{"Value", id}, {"Comparison", "EQUALS"}});
    for (int page = 0;; ++page) {
      if (page == max_pages) return broken_answer("GetFindings", "last page");
      IW_TRY(Json answer, client_.call_rest(json_request("POST", "/findings", input), Repeat::safe));
      if (!member(answer, "Findings").is_array()) return broken_answer("GetFindings", "Findings");
      for (Json& finding : answer["Findings"])
        if (std::ranges::find(batch, text_in(finding, "Id")) != batch.end()) findings.push_back(std::move(finding));
      const std::string next = text_in(answer, "NextToken");
      if (next.empty()) break;
      input["NextToken"] = next;
    }
  }
  return findings;
}

Result<SecurityHubClient::SearchResult> SecurityHubClient::search_findings(const std::vector<FindingTest>& tests,
                                                                           std::size_t most) const {
  Json input = {{"MaxResults", 100},
                {"SortCriteria", Json::array({Json{{"Field", "UpdatedAt"}, {"SortOrder", "desc"}}})}};
  for (const auto& test : tests) {
    Json filter = {{"Value", test.value}, {"Comparison", test.comparison}};
    if (!test.key.empty()) filter["Key"] = test.key;
    input["Filters"][test.attribute].push_back(std::move(filter));
  }
  SearchResult result;
  for (int page = 0; page < max_pages; ++page) {
    IW_TRY(Json answer, client_.call_rest(json_request("POST", "/findings", input), Repeat::safe));
    if (!member(answer, "Findings").is_array()) return broken_answer("GetFindings", "Findings");
    for (Json& finding : answer["Findings"]) {
      if (result.findings.size() == most) {
        result.complete = false;
        return result;
      }
      result.findings.push_back(std::move(finding));
    }
    const std::string next = text_in(answer, "NextToken");
    if (next.empty()) return result;
    input["NextToken"] = next;
  }
  return broken_answer("GetFindings", "last page");
}

Result<SecurityHubClient::ImportResult> SecurityHubClient::import_batch(
    std::span<const std::string_view> findings) const {
  HttpRequest request;
  request.path = "/findings/import";
  request.body = R"({"Findings":[)";
  for (const auto finding : findings) {
    if (request.body.back() != '[') request.body += ',';
    request.body += finding;
  }
  request.body += "]}";
  // The same finding twice is one finding.
  IW_TRY(const Json answer, client_.call_rest(std::move(request), Repeat::safe));
  if (!member(answer, "SuccessCount").is_number()) return broken_answer("BatchImportFindings", "SuccessCount");
  ImportResult result{.accepted = count_in(answer, "SuccessCount"), .failures = {}};
  for (const Json& failed : items_in(answer, "FailedFindings"))
    result.failures.push_back({text_in(failed, "Id"), text_in(failed, "ErrorCode"), text_in(failed, "ErrorMessage")});
  return result;
}

Result<SecurityHubClient::ImportResult> SecurityHubClient::batch_import_findings(
    const std::vector<Json>& findings) const {
  ImportResult result;
  std::vector<std::string> texts;
  for (const Json& finding : findings) texts.push_back(dump_json(finding));
  for (std::size_t from = 0; from < texts.size();) {
    std::vector<std::string_view> batch;
    for (std::size_t bytes = 0; from < texts.size() && batch.size() < max_batch; ++from) {
      bytes += texts[from].size() + 1;
      if (!batch.empty() && bytes > max_batch_bytes) break;
      batch.emplace_back(texts[from]);
    }
    IW_TRY(auto part, import_batch(batch));
    result.accepted += part.accepted;
    std::ranges::move(part.failures, std::back_inserter(result.failures));
  }
  return result;
}

Result<SecurityHubClient::ImportResult> SecurityHubClient::batch_update_findings(
    const std::vector<FindingKey>& findings, const std::string& note, const std::string& updated_by,
    WorkflowStatus status) const {
  ImportResult result;
  for (std::size_t from = 0; from < findings.size(); from += max_batch) {
    Json input = Json::object();
    for (std::size_t at = from; at < std::min(from + max_batch, findings.size()); ++at)
      input["FindingIdentifiers"].push_back({{"Id", findings[at].id}, {"ProductArn", findings[at].product_arn}});
    if (!note.empty()) input["Note"] = {{"Text", shortened(note, max_note)}, {"UpdatedBy", updated_by}};
    if (status != WorkflowStatus::unchanged) input["Workflow"] = {{"Status", word(status)}};
    IW_TRY(const Json answer, client_.call_rest(json_request("PATCH", "/findings/batchupdate", input), Repeat::safe));
    if (!member(answer, "ProcessedFindings").is_array())
      return broken_answer("BatchUpdateFindings", "ProcessedFindings");
    result.accepted += items_in(answer, "ProcessedFindings").size();
    for (const Json& failed : items_in(answer, "UnprocessedFindings"))
      result.failures.push_back({text_in(member(failed, "FindingIdentifier"), "Id"), text_in(failed, "ErrorCode"),
                                 text_in(failed, "ErrorMessage")});
  }
  return result;
}

Result<std::vector<std::string>> SecurityHubClient::action_targets() const {
  std::vector<std::string> arns;
  Json input = {{"MaxResults", 100}};
  for (int page = 0; page < max_pages; ++page) {
    IW_TRY(const Json answer, client_.call_rest(json_request("POST", "/actionTargets/get", input), Repeat::safe));
    for (const Json& action : items_in(answer, "ActionTargets")) arns.push_back(text_in(action, "ActionTargetArn"));
    const std::string next = text_in(answer, "NextToken");
    if (next.empty()) return arns;
    input["NextToken"] = next;
  }
  return broken_answer("DescribeActionTargets", "last page");
}

Result<std::vector<std::string>> SecurityHubClient::enabled_products() const {
  std::vector<std::string> subscriptions;
  std::string next;
  for (int page = 0; page < max_pages; ++page) {
    HttpRequest request;
    request.method = "GET";
    request.path = "/productSubscriptions";
    if (!next.empty()) request.query.emplace_back("NextToken", next);
    IW_TRY(const Json answer, client_.call_rest(std::move(request), Repeat::safe));
    if (!member(answer, "ProductSubscriptions").is_array())
      return broken_answer("ListEnabledProductsForImport", "ProductSubscriptions");
    for (const Json& arn : items_in(answer, "ProductSubscriptions"))
      if (arn.is_string()) subscriptions.push_back(arn.get<std::string>());
    next = text_in(answer, "NextToken");
    if (next.empty()) return subscriptions;
  }
  return broken_answer("ListEnabledProductsForImport", "last page");
}

Result<std::string> SecurityHubClient::create_action_target(const std::string& id, const std::string& name,
                                                            const std::string& description) const {
  const Json wanted = {{"Id", id}, {"Name", name}, {"Description", description}};
  IW_TRY(const Json created, client_.call_rest(json_request("POST", "/actionTargets", wanted), Repeat::safe));
  std::string arn = text_in(created, "ActionTargetArn");
  if (arn.empty()) return broken_answer("CreateActionTarget", "ActionTargetArn");
  return arn;
}

Result<void> SecurityHubClient::update_action_target(const std::string& arn, const std::string& name,
                                                     const std::string& description) const {
  IW_CHECK(client_.call_rest(
      json_request("PATCH", ("/actionTargets/" + arn).c_str(), {{"Name", name}, {"Description", description}}),
      Repeat::safe));
  return {};
}

Result<void> SecurityHubClient::delete_action_target(const std::string& arn) const {
  HttpRequest request;
  request.method = "DELETE";
  request.path = "/actionTargets/" + arn;
  IW_CHECK(client_.call_rest(std::move(request), Repeat::safe));
  return {};
}

Result<void> SecurityHubClient::enable_product(const std::string& product_arn) const {
  const Json input = {{"ProductArn", product_arn}};
  IW_CHECK(client_.call_rest(json_request("POST", "/productSubscriptions", input), Repeat::safe));
  return {};
}

Result<void> SecurityHubClient::disable_import_findings_for_product(const std::string& subscription_arn) const {
  HttpRequest request;
  request.method = "DELETE";
  request.path = "/productSubscriptions/" + subscription_arn;
  IW_CHECK(client_.call_rest(std::move(request), Repeat::safe));
  return {};
}

Result<std::string> SecurityHubClient::ensure_action_target(const std::string& id, const std::string& name,
                                                            const std::string& description) const {
  auto created = create_action_target(id, name, description);
  if (created) return created;
  if (service_error_name(created.error()) != "ResourceConflictException")
    return std::unexpected(std::move(created).error());
  // Its ARN holds our account, which we do not know: look for it.
  IW_TRY(const auto arns, action_targets());
  for (const auto& arn : arns)
    if (arn.ends_with("action/custom/" + id)) return arn;
  return std::unexpected(std::move(created).error());
}

}  // namespace intelwall::aws
