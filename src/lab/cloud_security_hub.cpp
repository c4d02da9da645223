#include "lab/cloud_security_hub.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "lab/cloud.hpp"
#include "lab/cloud_asff.hpp"
#include "lab/cloud_finding_filter.hpp"
#include "lab/cloud_shape.hpp"

namespace intelwall::lab {
namespace {

constexpr std::int64_t findings_per_call = 100;
constexpr std::size_t actions_per_account =
    50;  // https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub_limits.html

std::unexpected<ApiError> invalid(std::string message) {
  return refuse("InvalidInputException", std::move(message));
}

std::string action_arn(const std::string& id) {
  return fmt::format("arn:aws:securityhub:{}:{}:action/custom/{}", region, account_id, id);
}

/// The wall clock gives seconds; ASFF's own fractions count where two times are equal to the second.
bool is_newer(const std::string& candidate, const std::string& than) {
  const auto a = parse_time(candidate), b = parse_time(than);
  return a && b && (*a > *b || (*a == *b && candidate > than));
}

/// What Security Hub adds to a finding that comes in for the first time.
void add_defaults(Json& finding) {
  const std::string arn = text_or(finding, "ProductArn");
  const std::string product = arn.substr(arn.find(":product/") + 9);  // "company/product"
  const std::size_t slash = std::min(product.find('/'), product.size());
  const auto put = [&finding](const char* member, Json value) {
    if (!has(finding, member)) finding[member] = std::move(value);
  };
  put("CompanyName", product.substr(0, slash));
  put("ProductName", slash < product.size() ? product.substr(slash + 1) : product);
  put("Region", region);
  put("RecordState", "ACTIVE");
  put("WorkflowState", "NEW");
  put("Workflow", {{"Status", "NEW"}});
  Json provider = child(finding, "FindingProviderFields");
  for (const char* member : {"Severity", "Types"}) {
    if (has(provider, member)) {
      put(member, provider.at(member));
    } else if (has(finding, member)) {
      provider[member] = finding.at(member);
    }
  }
  if (!provider.empty()) finding["FindingProviderFields"] = std::move(provider);
}

struct Operation {
  ApiAnswer (SecurityHub::*run)(const Json&);
  ShapePtr input;
};

/// Security Hub says its own refusals in its own exception.
ApiError to_hub_error(const Violation& violation) {
  ApiError error = to_api_error(violation);
  if (error.name == "ValidationException") error.name = "InvalidInputException";
  return error;
}

}  // namespace

SecurityHub::SecurityHub(Clock clock, Imported imported) : clock_(std::move(clock)), imported_(std::move(imported)) {
  for (const auto& [id, name, description] : seeded_actions) {
    const std::string arn = action_arn(id);
    actions_[arn] = {arn, id, name, description};
  }
}

ApiAnswer SecurityHub::call(const std::string& operation, Json input) {
  using namespace shapes;  // NOLINT(google-build-using-namespace)
  static const std::unordered_map<std::string, Operation> operations = [] {
    const ShapePtr solid = text(1, unbounded, &patterns::not_blank);
    const ShapePtr key = structure({required("Id", solid), required("ProductArn", solid)});
    const Shape::Member next = shapes::optional("NextToken", text());
    const Shape::Member most = shapes::optional("MaxResults", integer(1, 100));
    const ShapePtr note =
        structure({required("Text", text(1, 512, &patterns::not_blank)), required("UpdatedBy", solid)});
    const ShapePtr workflow =
        structure({shapes::optional("Status", one_of({"NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"}))});
    return std::unordered_map<std::string, Operation>{
        {"BatchImportFindings",
         {&SecurityHub::import_findings, structure({required("Findings", list(object(), 1, findings_per_call))})}},
        {"GetFindings",
         {&SecurityHub::get_findings, structure({shapes::optional("Filters", object()),
                                                 shapes::optional("SortCriteria", list(object())), next, most})}},
        {"BatchUpdateFindings",
         {&SecurityHub::update_findings,
          structure({required("FindingIdentifiers", list(key, 1, findings_per_call)), shapes::optional("Note", note),
                     shapes::optional("Workflow", workflow),
                     shapes::optional("VerificationState",
                                      one_of({"UNKNOWN", "TRUE_POSITIVE", "FALSE_POSITIVE", "BENIGN_POSITIVE"})),
                     shapes::optional("Confidence", integer(0, 100)), shapes::optional("Criticality", integer(0, 100)),
                     shapes::optional("Types", list(solid, 0, 50)),
                     shapes::optional("UserDefinedFields", map(text(1, 128), text(0, 1024), 50))})}},
        {"EnableImportFindingsForProduct", {&SecurityHub::enable_product, structure({required("ProductArn", solid)})}},
        {"DisableImportFindingsForProduct",
         {&SecurityHub::disable_product, structure({required("ProductSubscriptionArn", solid)})}},
        {"ListEnabledProductsForImport", {&SecurityHub::list_products, structure({next, most})}},
        {"CreateActionTarget",
         {&SecurityHub::create_action,
          structure({required("Name", solid), required("Description", solid), required("Id", solid)})}},
        {"DescribeActionTargets",
         {&SecurityHub::describe_actions, structure({shapes::optional("ActionTargetArns", list(solid)), next, most})}},
        {"UpdateActionTarget",
         {&SecurityHub::update_action, structure({required("ActionTargetArn", solid), shapes::optional("Name", solid),
                                                  shapes::optional("Description", solid)})}},
        {"DeleteActionTarget", {&SecurityHub::delete_action, structure({required("ActionTargetArn", solid)})}},
    };
  }();
  const auto found = operations.find(operation);
  if (found == operations.end()) return no_operation(operation, 404);
  if (const auto violation = find_violation(*found->second.input, input))
    return std::unexpected(to_hub_error(*violation));
  prune(*found->second.input, input);
  return (this->*found->second.run)(input);
}

std::optional<std::pair<std::string, std::string>> SecurityHub::import_one(const Json& finding) {
  if (auto problem = asff_problem(finding)) return {{"InvalidInput", *std::move(problem)}};
  const std::string product = text_or(finding, "ProductArn");
  if (!products_.may_import(product))
    return {{"InvalidAccess", fmt::format("The account has not enabled the product {}", printable(product, 128))}};
  if (text_or(finding, "AwsAccountId") != account_id)
    return {{"InvalidAccess", "AwsAccountId is not the account that the findings are imported into"}};

  Json stored = finding;
  stored["ProcessedAt"] = format_time(clock_());
  {
    const std::scoped_lock lock(mutex_);
    const Key key{product, text_or(finding, "Id")};
    const auto before = findings_.find(key);
    if (before == findings_.end()) {
      add_defaults(stored);
    } else {
      if (!is_newer(text_or(finding, "UpdatedAt"), text_or(before->second, "UpdatedAt")))
        return {{"InvalidInput", "UpdatedAt must be later than the one of the finding that is already there"}};
      // These belong to the people who work on the finding: an import does not change them once it exists.
      for (const char* kept : {"Note", "UserDefinedFields", "VerificationState", "Workflow", "WorkflowState"}) {
        stored.erase(kept);
        if (has(before->second, kept)) stored[kept] = before->second.at(kept);
      }
      add_defaults(stored);
    }
    findings_[key] = stored;
  }
  if (imported_) imported_(stored);
  return {};
}

ApiAnswer SecurityHub::import_findings(const Json& input) {
  Json failed = Json::array();
  std::size_t accepted = 0;
  for (const Json& finding : input.at("Findings")) {
    if (const auto problem = import_one(finding)) {
      const std::string id = printable(text_or(finding, "Id"), 512);
      failed.push_back(
          {{"Id", id.empty() ? "unknown" : id}, {"ErrorCode", problem->first}, {"ErrorMessage", problem->second}});
    } else {
      ++accepted;
    }
  }
  return Json{{"FailedCount", failed.size()}, {"SuccessCount", accepted}, {"FailedFindings", std::move(failed)}};
}

ApiAnswer SecurityHub::get_findings(const Json& input) {
  IW_TRY(const FindingFilter filter, FindingFilter::parse(child(input, "Filters")));
  std::vector<Json> found;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [key, finding] : findings_) {
      if (filter.accepts(finding)) found.push_back(finding);
    }
  }
  IW_TRY(Page page, page_of(found, input, 100, "InvalidInputException"));
  Json out{{"Findings", std::move(page.items)}};
  if (page.next) out["NextToken"] = *page.next;
  return out;
}

ApiAnswer SecurityHub::update_findings(const Json& input) {
  Json processed = Json::array(), unprocessed = Json::array();
  const std::scoped_lock lock(mutex_);
  for (const Json& identifier : input.at("FindingIdentifiers")) {
    const auto found = findings_.find({text_or(identifier, "ProductArn"), text_or(identifier, "Id")});
    if (found == findings_.end()) {
      unprocessed.push_back(
          {{"FindingIdentifier", identifier}, {"ErrorCode", "FindingNotFound"}, {"ErrorMessage", "Finding Not Found"}});
      continue;
    }
    Json& finding = found->second;
    if (has(input, "Note")) {
      finding["Note"] = input.at("Note");
      finding["Note"]["UpdatedAt"] = format_time(clock_());
    }
    for (const char* member :
         {"Workflow", "VerificationState", "Confidence", "Criticality", "Types", "UserDefinedFields"}) {
      if (has(input, member)) finding[member] = input.at(member);
    }
    processed.push_back(identifier);
  }
  return Json{{"ProcessedFindings", std::move(processed)}, {"UnprocessedFindings", std::move(unprocessed)}};
}

ApiAnswer SecurityHub::create_action(const Json& input) {
  const std::string id = text_or(input, "Id"), name = text_or(input, "Name");
  const bool alphanumeric = std::ranges::all_of(
      id, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
  if (!alphanumeric || id.size() > 20)
    return invalid("Invalid parameter 'Id': it must be alphanumeric, with at most 20 characters");
  if (name.size() > 20) return invalid("Invalid parameter 'Name': at most 20 characters");
  const std::scoped_lock lock(mutex_);
  const std::string arn = action_arn(id);
  if (actions_.contains(arn))
    return refuse("ResourceConflictException", fmt::format("An action target with Id {} already exists", id), 409);
  if (actions_.size() >= actions_per_account)
    return refuse("LimitExceededException",
                  fmt::format("the account has its limit of {} custom actions", actions_per_account), 429);
  actions_[arn] = {arn, id, name, text_or(input, "Description")};
  return Json{{"ActionTargetArn", arn}};
}

ApiAnswer SecurityHub::describe_actions(const Json& input) {
  const std::scoped_lock lock(mutex_);
  const Json& wanted = child(input, "ActionTargetArns");
  std::vector<Json> items;
  for (const auto& [arn, action] : actions_) {
    if (wanted.empty() || std::ranges::find(wanted, Json(arn)) != wanted.end())
      items.push_back({{"ActionTargetArn", arn}, {"Name", action.name}, {"Description", action.description}});
  }
  if (items.empty() && !wanted.empty())
    return refuse("ResourceNotFoundException", "There is no action target with this ARN", 404);
  IW_TRY(Page page, page_of(items, input, 100, "InvalidInputException"));
  Json out{{"ActionTargets", std::move(page.items)}};
  if (page.next) out["NextToken"] = *page.next;
  return out;
}

ApiAnswer SecurityHub::update_action(const Json& input) {
  const std::scoped_lock lock(mutex_);
  const auto found = actions_.find(text_or(input, "ActionTargetArn"));
  if (found == actions_.end())
    return refuse("ResourceNotFoundException", "There is no action target with this ARN", 404);
  if (text_or(input, "Name").size() > 20) return invalid("Invalid parameter 'Name': at most 20 characters");
  found->second.name = text_or(input, "Name", found->second.name);
  found->second.description = text_or(input, "Description", found->second.description);
  return Json::object();
}

ApiAnswer SecurityHub::delete_action(const Json& input) {
  const std::scoped_lock lock(mutex_);
  const std::string arn = text_or(input, "ActionTargetArn");
  if (actions_.erase(arn) == 0)
    return refuse("ResourceNotFoundException", "There is no action target with this ARN", 404);
  return Json{{"ActionTargetArn", arn}};
}

ApiResult<SecurityHub::Press> SecurityHub::press(const std::string& action,
                                                 const std::vector<std::string>& finding_ids) const {
  const std::scoped_lock lock(mutex_);
  const auto target = std::ranges::find_if(actions_, [&action](const auto& entry) {
    return entry.first == action || entry.second.id == action || entry.second.name == action;
  });
  if (target == actions_.end())
    return refuse("ResourceNotFoundException", fmt::format("There is no custom action {}", printable(action, 128)),
                  404);
  Press press{.action = target->second, .findings = Json::array()};
  for (const std::string& id : finding_ids) {
    const std::size_t before = press.findings.size();
    for (const auto& [key, finding] : findings_) {
      if (key.second == id) press.findings.push_back(finding);
    }
    if (press.findings.size() == before)
      return refuse("ResourceNotFoundException", fmt::format("There is no finding {}", printable(id, 128)), 404);
  }
  return press;
}

}  // namespace intelwall::lab
