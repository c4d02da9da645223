#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aws/client.hpp"

namespace intelwall::aws {

struct FindingKey {
  std::string id;
  std::string product_arn;
};

enum class WorkflowStatus { unchanged, notified, resolved, suppressed };

/// "company/product" of the ARN of a product or of a subscription to one; empty when it is neither.
std::string product_name(std::string_view arn);

/// The calls of Security Hub that we need (rest-json, signing name securityhub).
class SecurityHubClient {
 public:
  explicit SecurityHubClient(Session session);

  /// Finding documents (ASFF) by id.
  Result<std::vector<Json>> get_findings(const std::vector<std::string>& ids) const;
  /// One test of a filter: `attribute` of AwsSecurityFindingFilters, EQUALS or PREFIX, `key` for maps (ProductFields).
  /// GetFindings has no CONTAINS: AWS keeps that for automation rules.
  struct FindingTest {
    std::string attribute, comparison, value, key;
  };
  struct SearchResult {
    std::vector<Json> findings;
    bool complete = true;  ///< false: there are more than `most`
  };
  /// Findings that pass, last updated first: tests of one attribute are alternatives (at most 20), all attributes must
  /// hold.
  Result<SearchResult> search_findings(const std::vector<FindingTest>& tests, std::size_t most) const;
  struct ImportResult {
    std::size_t accepted = 0;
    struct Failure {
      std::string id, code, message;
    };
    std::vector<Failure> failures;  ///< HTTP 200 with failures inside is usual
  };
  Result<ImportResult> batch_import_findings(const std::vector<Json>& findings) const;
  /// What one call of BatchImportFindings takes.
  static constexpr std::size_t max_batch = 100;
  static constexpr std::size_t max_batch_bytes = 6'000'000;
  static constexpr std::size_t max_finding_bytes = std::size_t{240} * 1024;
  /// One call with findings as JSON texts; the caller keeps to these limits.
  Result<ImportResult> import_batch(std::span<const std::string_view> findings) const;
  /// Writes a note (at most 512 characters) and a workflow status. The result names findings that were not processed.
  Result<ImportResult> batch_update_findings(const std::vector<FindingKey>& findings, const std::string& note,
                                             const std::string& updated_by, WorkflowStatus status) const;
  /// ARNs of all custom actions.
  Result<std::vector<std::string>> action_targets() const;
  /// ARNs of the subscriptions of all partner products that may import findings:
  /// "arn:aws:securityhub:REGION:ACCOUNT:product-subscription/COMPANY/PRODUCT".
  Result<std::vector<std::string>> enabled_products() const;
  /// ActionTargetArn; `conflict` when there is one of this id.
  Result<std::string> create_action_target(const std::string& id, const std::string& name,
                                           const std::string& description) const;
  Result<void> update_action_target(const std::string& arn, const std::string& name,
                                    const std::string& description) const;
  Result<void> delete_action_target(const std::string& arn) const;
  /// Lets a partner's product import findings. `conflict` when it may already.
  Result<void> enable_product(const std::string& product_arn) const;
  /// By the subscription's ARN, as enabled_products() has it.
  Result<void> disable_import_findings_for_product(const std::string& subscription_arn) const;
  /// ActionTargetArn; an existing target with this id is fine.
  Result<std::string> ensure_action_target(const std::string& id, const std::string& name,
                                           const std::string& description) const;

 private:
  ServiceClient client_;
};

/// SSM GetParameter (json 1.1), for lists kept there. A missing parameter is `not_found`.
class SsmClient {
 public:
  explicit SsmClient(Session session);
  Result<std::string> get_parameter(const std::string& name) const;
  Result<void> put_parameter(const std::string& name,
                             const std::string& value) const;  ///< overwrites, String or advanced

 private:
  ServiceClient client_;
};

}  // namespace intelwall::aws
