#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "core/result.hpp"
#include "core/time.hpp"
#include "lab/cloud_dns_firewall.hpp"
#include "os/descriptor.hpp"

namespace intelwall::lab {

/// A query and its answer as a line of Route 53 Resolver's query log, which tells of DNS Firewall only where a rule
/// blocked or alerted
/// (https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-query-logs-format.html).
struct ResolverQuery {
  std::string name, type;  ///< without the root's dot; "A"
  std::string source;      ///< address
  std::uint16_t port = 0;
  std::string answer;  ///< message
  std::optional<DnsVerdict> verdict;
  Time at{};
};
std::string query_record(const ResolverQuery& query);

/// What the resolver answers: what a rule of DNS Firewall says, else what `ask` brings. Empty: nothing, since the query
/// is none, or nobody answers.
std::string resolve(std::string_view query, const std::optional<DnsVerdict>& verdict,
                    const std::function<std::string(std::string_view)>& ask);

/// The resolver of the lab's VPC, at the network's address plus two as in AWS, over UDP: its queries pass no firewall,
/// and its rules are those of DNS Firewall. Answers on a thread of its own until it is destroyed.
class VpcResolver {
 public:
  /// Hears of each record, on the resolver's own thread.
  using OnRecord = std::function<void(const std::string& record)>;
  /// Needs the lab's network. `firewall` is asked for each query; records go to `log`.
  static Result<std::unique_ptr<VpcResolver>> start(std::shared_ptr<DnsFirewall> firewall, std::filesystem::path log,
                                                    OnRecord on_record);

 private:
  VpcResolver(std::shared_ptr<DnsFirewall> firewall, std::filesystem::path log, OnRecord on_record,
              os::Descriptor inside, os::Descriptor outside);
  void answer_until(const std::stop_token& stop);
  std::string ask(std::string_view query);

  std::shared_ptr<DnsFirewall> firewall_;
  std::filesystem::path log_;
  OnRecord on_record_;
  os::Descriptor inside_, outside_;  ///< sockets in the workload's network, and in the internet's
  std::jthread thread_;
};

}  // namespace intelwall::lab
