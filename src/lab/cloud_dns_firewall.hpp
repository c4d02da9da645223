#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/time.hpp"
#include "lab/cloud_shape.hpp"

namespace intelwall::lab {

/// The rule group that the lab has from the start, in force in its VPC.
inline constexpr const char* dns_rule_group_id = "rslvr-frg-0123456789abcdef0";
/// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html
inline constexpr std::size_t dns_domains_per_account = 100'000, dns_domains_per_update = 1'000,
                             dns_rules_per_group = 100;

/// The VPC that the rule group protects.
inline constexpr const char* dns_vpc_id = "vpc-01ab1ab1ab1ab1ab1";

/// What the first rule says that a query meets.
struct DnsVerdict {
  enum class Action { allow, alert, block };
  enum class Response { no_such_name, no_data, other_name };
  Action action = Action::allow;
  std::string group_id, list_id;
  Response response = Response::no_such_name;  ///< of a block
  std::string other_name;
  std::uint32_t seconds = 0;  ///< that the other name may be kept
};

/// Route 53 Resolver's DNS Firewall as far as domain lists and rules go. Thread-safe.
class DnsFirewall {
 public:
  explicit DnsFirewall(Clock clock);
  ApiAnswer call(const std::string& operation, Json input);
  /// What the rules in force in the VPC say of a query for `name` (lower case, without the root's dot) and `type`
  /// ("A"); nothing when none is met. The lowest priority comes first, and "*.x" covers what is below x.
  std::optional<DnsVerdict> verdict(const std::string& name, const std::string& type);

 private:
  struct DomainList {
    std::string id, name, request_id;
    std::map<std::string, std::string> tags;
    std::set<std::string> domains;
    Time created{}, modified{};
  };
  struct RuleGroup {
    std::string id, name, request_id;
    std::map<std::string, std::string> tags;
    std::vector<Json> rules;  ///< by priority
    Time created{}, modified{};
  };
  using Operation = ApiAnswer (DnsFirewall::*)(const Json&);
  struct Known {
    ShapePtr shape;
    Operation run;
  };
  static const std::map<std::string, Known>& operations();

  ApiAnswer create_list(const Json& input);
  ApiAnswer get_list(const Json& input);
  ApiAnswer delete_list(const Json& input);
  ApiAnswer list_lists(const Json& input);
  ApiAnswer list_domains(const Json& input);
  ApiAnswer update_domains(const Json& input);
  ApiAnswer create_group(const Json& input);
  ApiAnswer get_group(const Json& input);
  ApiAnswer list_groups(const Json& input);
  ApiAnswer create_rule(const Json& input);
  ApiAnswer update_rule(const Json& input);
  ApiAnswer delete_rule(const Json& input);
  ApiAnswer list_rules(const Json& input);
  ApiAnswer list_associations(const Json& input);
  ApiAnswer list_tags(const Json& input);

  ApiResult<DomainList*> find_list(const Json& input);
  ApiResult<RuleGroup*> find_group(const Json& input);
  Json describe(const DomainList& list) const;
  static Json describe(const RuleGroup& group);
  Json association() const;

  Clock clock_;
  std::mutex mutex_;
  std::map<std::string, DomainList> lists_;  ///< by id
  std::map<std::string, RuleGroup> groups_;
  std::uint64_t made_ = 0;  ///< ids given
};

}  // namespace intelwall::lab
