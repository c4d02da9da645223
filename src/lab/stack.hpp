#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "lab/cloud.hpp"
#include "lab/cloud_services.hpp"
#include "lab/function_set.hpp"
#include "lab/stack_custom_resource.hpp"
#include "lab/stack_queue_source.hpp"
#include "lab/stack_schedule.hpp"
#include "lab/template_stack.hpp"

namespace intelwall::lab {

inline constexpr const char* stack_name = "intelwall";
/// What AlertLogGroup and QueryLogGroup are unless told otherwise.
inline constexpr const char* alert_log_group = "/lab/alert";
inline constexpr const char* query_log_group = "/lab/queries";

struct StackOptions {
  std::filesystem::path template_file;
  std::filesystem::path package;                       ///< the zip that all functions run
  std::filesystem::path directory;                     ///< for what functions keep and write
  std::map<std::string, std::string> parameters;       ///< those given; others have the lab's or the template's value
  std::optional<std::chrono::seconds> schedule_every;  ///< in place of all schedules' times
  std::string falcon_client_id, falcon_client_secret;  ///< what the secret of FalconSecretArn holds
  Clock clock = system_now;
};

/// A CloudFormation stack in the lab: the template's functions as processes, and the queues, rules, schedules, buckets,
/// secrets and subscriptions between them. Resources that have no effect here (roles, policies, permissions, alarms,
/// dashboards, keys) are skipped and listed; others that the lab does not know are errors. Thread-safe.
class Stack final : public CloudStack {
 public:
  explicit Stack(StackOptions options);
  ~Stack() override;
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  /// Makes the whole stack, in place of the rule and the custom actions that the lab seeds. `services` must live until
  /// `stop`. `variables`: what every function gets beside its own; AWS_ENDPOINT_URL among them.
  Result<void> create(CloudServices services, const std::map<std::string, std::string>& variables);

  Result<std::string> deliver(const std::string& function, const std::string& event) override;
  Result<std::string> invoke(const std::string& function, const std::string& event) override;
  Taken take_answer(const std::string& token, const std::string& body) override;
  Json status() const override;
  Json settle(std::chrono::milliseconds most) override;

  enum class FirewallLog { alerts, queries };
  /// A record of Network Firewall's alert log or of the resolver's query log, for the log group that the stack watches.
  void log_record(FirewallLog log, const std::string& record);
  /// Ends functions, schedules and sources; later invocations fail.
  void stop();

 private:
  Result<std::map<std::string, std::string>> parameters_for(const Json& document, CloudServices& services);

  StackOptions options_;
  FunctionSet functions_;
  CustomResourceAnswers answers_;
  Schedules schedules_;
  std::optional<CloudServices> services_;
  mutable std::mutex mutex_;  ///< guards the four below
  std::map<std::string, std::string> outputs_;
  std::vector<std::string> skipped_;
  std::map<FirewallLog, std::string> log_groups_;
  std::vector<std::unique_ptr<QueueSource>> sources_;
};

}  // namespace intelwall::lab
