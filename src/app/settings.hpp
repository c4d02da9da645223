#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "aws/credentials.hpp"
#include "core/decision.hpp"
#include "firewalls/network_firewall.hpp"
#include "firewalls/route53.hpp"
#include "firewalls/suricata.hpp"

namespace intelwall::app {

/// Where a list is kept: a file, or an SSM parameter written as "ssm:/name".
struct ListPlace {
  enum class Kind { file, ssm };
  Kind kind = Kind::file;
  std::string name;
  std::string to_text() const { return kind == Kind::ssm ? "ssm:" + name : name; }
};

/// A firewall, and whose findings it serves. Of several, the first that serves a finding gets it.
struct Target {
  std::string firewall;               ///< name or ARN
  std::optional<std::string> region;  ///< nothing: that of the firewall's ARN, else the session's
  std::string role_arn, external_id;  ///< to be taken on; empty: none
  std::vector<std::string> accounts;  ///< of findings; empty: all
  std::vector<std::string> regions;   ///< of findings; empty: all

  /// A finding that names no account or Region is served only where any will do.
  bool serves(const std::string& account, const std::string& finding_region) const;
};

/// Everything that can be configured. Built once, then only read.
struct Settings {
  std::optional<std::string> profile;
  std::optional<std::string> region;
  std::string role_arn, external_id;  ///< a role to take on for AWS; empty: none
  std::vector<Target> targets;        ///< empty: the firewall serves all findings
  /// One of the two is named, or only `dns`: the AWS firewall, or the rule file of a Suricata of one's own.
  firewalls::NetworkFirewallOptions firewall;
  firewalls::SuricataOptions suricata;
  firewalls::Route53Options dns;  ///< beside it, or alone
  Action action = Action::drop;
  std::set<Protocol> protocols = {Protocol::tls, Protocol::http};
  std::optional<std::chrono::seconds> lifetime = std::chrono::days{30};  ///< nothing: never expires
  std::optional<ListPlace> allow_list;
  std::optional<ListPlace> warn_list;        ///< beside the popular names that intelwall ships
  std::optional<ListPlace> protected_zones;  ///< beside the zones that intelwall ships
  std::string actor;                         ///< who decides; the login name unless set
  std::filesystem::path state;               ///< directory of the ledger; empty: none is kept
  std::chrono::seconds patience{60};         ///< how long to wait until the firewall runs what was written
};

/// Services run as root; for others the XDG Base Directory Specification says where state belongs.
std::filesystem::path state_directory(const aws::Environment& env);

/// One configuration key; flag, environment variable and YAML share its parser.
struct SettingKey {
  const char* name;         ///< in intelwall.yaml; INTELWALL_<NAME> in the environment
  const char* description;  ///< one line, with the default
  const char* example;
  Result<void> (*set)(Settings&, const std::string& value);
};
const std::vector<SettingKey>& setting_keys();

/// Values by key name, as flags give them.
using Overrides = std::map<std::string, std::string>;

struct LoadedSettings {
  Settings settings;
  std::optional<std::filesystem::path> file;   ///< the configuration file that was read
  std::map<std::string, std::string> origins;  ///< key → "flag", "environment" or "file:line"
};

/// Flags over environment over file. The file is `explicit_file`, INTELWALL_CONFIG, ./intelwall.yaml or
/// /etc/intelwall/intelwall.yaml; none of the last two need exist.
/// Errors name file, line, key, reason and what to write instead.
Result<LoadedSettings> load_settings(const aws::Environment& env,
                                     const std::optional<std::filesystem::path>& explicit_file, const Overrides& flags);

/// All faults of one configuration text, not only the first (`config check`).
std::vector<Error> check_configuration(std::string_view yaml, const std::string& name);

}  // namespace intelwall::app
