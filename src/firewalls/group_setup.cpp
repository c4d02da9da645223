#include "firewalls/group_setup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "aws/arn.hpp"
#include "aws/json_text.hpp"
#include "firewalls/block_groups.hpp"
#include "firewalls/group_content.hpp"
#include "firewalls/list_content.hpp"
#include "firewalls/policy_limits.hpp"

namespace intelwall::firewalls {

namespace {

using aws::Json;

constexpr int max_rounds = 8;
constexpr int delete_tries = 6;  // detaching takes a moment everywhere

bool is_list_group(std::string_view name, const std::string& prefix) {
  return number_behind(name, prefix + "-hunts-").has_value();
}

bool is_ours(std::string_view name, const std::string& prefix) {
  return GroupName::parse(name, prefix).has_value() || is_list_group(name, prefix);
}

bool has_others_rules(const aws::RuleGroupState& group, const std::string& prefix) {
  if (!is_list_group(group.name, prefix)) return GroupContent::read(group.body).foreign_rules() > 0;
  return split_lines(aws::text_in(aws::member(group.body, "RulesSource"), "RulesString")).has_others();
}

Result<int> free_priority(const aws::PolicyState& policy, const std::set<int>& taken, const GroupSetup& setup) {
  for (int priority = setup.priority.value_or(first_block_priority); priority <= last_priority; ++priority)
    if (!taken.contains(priority)) return priority;
  return fail(ErrorCode::quota, "the policy has no free priority for our group", policy.name, "ask for a lower one");
}

/// The policy's document with a reference to each of `arns`; nothing when they are there.
Result<std::optional<Json>> with_references(const aws::PolicyState& policy, const std::vector<std::string>& arns,
                                            const GroupSetup& setup) {
  Json body = policy.body;
  Json& all = body["StatefulRuleGroupReferences"];
  if (!all.is_array()) all = Json::array();
  std::set<std::string> there;
  std::set<int> taken;
  for (const auto& reference : policy.references()) {
    there.insert(reference.arn);
    if (reference.priority) taken.insert(*reference.priority);
  }
  const auto before = all.size();
  for (const auto& arn : arns) {
    if (there.contains(arn)) continue;
    Json reference{{"ResourceArn", arn}};
    if (policy.strict_order()) {
      IW_TRY(const int priority, free_priority(policy, taken, setup));
      taken.insert(priority);
      reference["Priority"] = priority;
    }
    all.push_back(std::move(reference));
  }
  if (all.size() == before) return std::nullopt;
  if (all.size() > max_references)
    return fail(ErrorCode::quota,
                fmt::format("the policy has {} stateful groups already, and {} is the most", before, max_references),
                policy.name, "take a group out of the policy");
  return body;
}

bool is_stale(const Error& error) {
  return error.code == ErrorCode::conflict;
}

/// Reads the policy and writes what `edit` makes of it; again on a stale token, so that nobody's change is lost.
template <class Edit>
Result<void> edit_policy(const aws::NetworkFirewallClient& client, const std::string& firewall, const Sleep& sleep,
                         const Edit& edit) {
  IW_TRY(const auto state, client.describe_firewall(firewall));
  for (int round = 1;; ++round) {
    IW_TRY(const auto policy, client.describe_policy(state.policy_arn));
    IW_TRY(const std::optional<Json> body, edit(policy));
    if (!body) return {};
    const auto written = client.update_policy(policy, *body);
    if (written) return {};
    if (!is_stale(written.error()) || round == max_rounds) return std::unexpected(written.error());
    sleep(std::chrono::milliseconds{50 << round});
  }
}

/// Its ARN; `made` gets it too where it was missing.
Result<std::string> ensure_group(const aws::NetworkFirewallClient& client, const GroupSetup& setup,
                                 const std::string& name, std::vector<std::string>& made) {
  auto found = client.describe_rule_group(name);
  if (found) return found->arn;
  if (found.error().code != ErrorCode::not_found) return std::unexpected(std::move(found).error());
  const Json empty{
      {"StatefulRuleOptions", {{"RuleOrder", setup.strict_order ? "STRICT_ORDER" : "DEFAULT_ACTION_ORDER"}}},
      {"RulesSource", {{"RulesString", ""}}}};
  const auto body = is_list_group(name, setup.prefix) ? [&] {
    Json list = empty;
    list["RulesSource"]["RulesString"] = to_text(ListLines{});
    return list;
  }()
                                                      : GroupContent::read(empty).to_body(empty);
  IW_TRY(const auto created,
         client.create_rule_group(name, body, setup.capacity, "intelwall: rules of others in here are left alone.",
                                  {{"managed-by", "intelwall"}}, aws::DryRun::no));
  made.push_back(created.arn);
  return created.arn;
}

Result<void> set_up(const aws::NetworkFirewallClient& client, const GroupSetup& setup, const Sleep& sleep,
                    std::vector<std::string>& made) {
  std::vector<std::string> arns;
  for (const auto& group : setup.groups) {
    const auto name = setup.prefix + '-' + group;
    if (!is_ours(name, setup.prefix))
      return fail(ErrorCode::usage, fmt::format("\"{}\" is no group of ours", printable(group, 60)), "Groups",
                  "give names such as blocks-1 and hunts-1");
    IW_TRY(auto arn, ensure_group(client, setup, name, made));
    arns.push_back(std::move(arn));
  }
  if (setup.attachment == Attachment::none) return {};
  return edit_policy(client, setup.firewall, sleep,
                     [&](const aws::PolicyState& policy) { return with_references(policy, arns, setup); });
}

/// Whether it is gone.
Result<bool> remove_group(const aws::NetworkFirewallClient& client, const std::string& name_or_arn,
                          const std::string& prefix, const Sleep& sleep) {
  const auto group = client.describe_rule_group(name_or_arn);
  if (!group && group.error().code == ErrorCode::not_found) return true;
  IW_CHECK(group);
  if (has_others_rules(*group, prefix)) return false;
  for (int attempt = 1;; ++attempt) {
    const auto gone = client.delete_rule_group(group->arn);
    if (gone || gone.error().code == ErrorCode::not_found) return true;
    if (gone.error().code != ErrorCode::conflict) return std::unexpected(gone.error());
    if (attempt == delete_tries) return false;
    sleep(std::chrono::milliseconds{200 << attempt});
  }
}

}  // namespace

Result<void> set_up_groups(const aws::NetworkFirewallClient& client, const GroupSetup& setup, const Sleep& sleep) {
  std::vector<std::string> made;
  auto done = set_up(client, setup, sleep, made);
  if (done) return done;
  auto error = std::move(done).error();
  std::string left;
  for (const auto& arn : made)
    if (!client.delete_rule_group(arn)) left += (left.empty() ? "" : ", ") + printable(arn, 300);
  if (!left.empty()) error.message += "; what was made before could not be taken away again: " + left;
  return std::unexpected(std::move(error));
}

Result<std::vector<std::string>> take_down_groups(const aws::NetworkFirewallClient& client, const GroupSetup& setup,
                                                  const Sleep& sleep) {
  std::set<std::string> names;
  for (const auto& group : setup.groups)
    if (auto name = setup.prefix + '-' + group; is_ours(name, setup.prefix)) names.insert(std::move(name));
  std::vector<std::string> stay;
  if (setup.attachment == Attachment::policy) {
    const auto edited =
        edit_policy(client, setup.firewall, sleep, [&](const aws::PolicyState& policy) -> Result<std::optional<Json>> {
          Json body = policy.body;
          Json kept = Json::array();
          const auto all = policy.references();
          stay.clear();
          for (const auto& reference : aws::items_in(policy.body, "StatefulRuleGroupReferences")) {
            const auto arn = aws::text_in(reference, "ResourceArn");
            const auto name = aws::name_of_arn(arn);
            bool leaves = is_ours(name, setup.prefix);
            if (leaves) {
              const auto group = client.describe_rule_group(arn);
              if (!group && group.error().code != ErrorCode::not_found) return std::unexpected(group.error());
              leaves = !group || !has_others_rules(*group, setup.prefix);
              if (leaves)
                names.insert(name);
              else
                stay.push_back(name);
            }
            if (!leaves) kept.push_back(reference);
          }
          if (kept.size() == all.size()) return std::nullopt;
          body["StatefulRuleGroupReferences"] = std::move(kept);
          return body;
        });
    // A firewall that is gone holds nothing of ours.
    if (!edited && edited.error().code != ErrorCode::not_found) return std::unexpected(edited.error());
  }
  for (const auto& name : names) {
    if (std::ranges::find(stay, name) != stay.end()) continue;
    IW_TRY(const bool gone, remove_group(client, name, setup.prefix, sleep));
    if (!gone) stay.push_back(name);
  }
  return stay;
}

}  // namespace intelwall::firewalls
