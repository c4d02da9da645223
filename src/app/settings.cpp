#include "app/settings.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "app/settings_targets.hpp"
#include "os/file.hpp"

namespace intelwall::app {

namespace {

constexpr std::size_t max_configuration_bytes = 1u << 20;

Result<std::size_t> parse_number(const std::string& text, std::size_t least, std::size_t most) {
  std::size_t value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc{} || end != text.data() + text.size() || value < least || value > most)
    return fail(ErrorCode::invalid_input,
                fmt::format("\"{}\" is no whole number from {} to {}", printable(text), least, most));
  return value;
}

Result<ListPlace> parse_place(const std::string& text) {
  if (text.empty()) return fail(ErrorCode::invalid_input, "a list needs a file name or ssm:/parameter");
  if (text.starts_with("ssm:")) {
    if (text.size() == 4)
      return fail(ErrorCode::invalid_input, "ssm: needs the name of a parameter", {},
                  "for example ssm:/intelwall/allow");
    return ListPlace{ListPlace::Kind::ssm, text.substr(4)};
  }
  return ListPlace{ListPlace::Kind::file, text};
}

bool is_name(const std::string& text, std::size_t most) {
  return !text.empty() && text.size() <= most && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
}

constexpr std::string_view suricata_scheme = "suricata:";

Result<void> set_firewall(Settings& settings, const std::string& value) {
  settings.suricata.rules_file.clear();
  if (value.starts_with(suricata_scheme)) {
    const std::filesystem::path file = value.substr(suricata_scheme.size());
    if (!file.is_absolute() || !file.has_filename())
      return fail(ErrorCode::invalid_input, fmt::format("\"{}\" names no rule file", printable(value)), {},
                  "write the whole path: suricata:/var/lib/suricata/rules/intelwall.rules");
    settings.suricata.rules_file = file;
    settings.firewall.firewall.clear();
    return {};
  }
  IW_CHECK(check_firewall(value));
  settings.firewall.firewall = value;
  return {};
}

Result<void> set_prefix(Settings& settings, const std::string& value) {
  if (!is_name(value, 100))
    return fail(ErrorCode::invalid_input, fmt::format("\"{}\" cannot begin the name of a rule group", printable(value)),
                {}, "use 1 to 100 letters, digits and hyphens");
  settings.firewall.prefix = value;
  settings.dns.prefix = value;
  return {};
}

/// The pattern of ids of DNS Firewall's rule groups, or none.
Result<void> set_dns_firewall(Settings& settings, const std::string& value) {
  if (value != "none" && !(value.starts_with("rslvr-frg-") && is_name(value, 64)))
    return fail(ErrorCode::invalid_input,
                fmt::format("\"{}\" is no id of a rule group of DNS Firewall", printable(value)), {},
                "an id begins with rslvr-frg-; `aws route53resolver list-firewall-rule-groups` shows them");
  settings.dns.rule_group = value == "none" ? "" : value;
  return {};
}

/// Assigns what `parse` makes of a value, as a SettingKey's set.
#define IW_SETTING(target, parse)                                    \
  [](Settings& settings, const std::string& value) -> Result<void> { \
    IW_TRY(settings.target, parse);                                  \
    return {};                                                       \
  }

Result<double> parse_share(const std::string& text) {
  double value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc{} || end != text.data() + text.size() || !(value >= 0 && value <= 1))
    return fail(ErrorCode::invalid_input, fmt::format("\"{}\" is no share between 0 and 1", printable(text)), {},
                "0.2 is 20 %");
  return value;
}

Result<std::chrono::seconds> parse_patience(const std::string& text) {
  IW_TRY(const auto time, parse_lifetime(text));
  if (!time) return fail(ErrorCode::invalid_input, "waiting for ever is not possible here", {}, "for example 60s");
  return *time;
}

Result<std::filesystem::path> parse_path(const std::string& text) {
  std::filesystem::path path = text;
  if (!path.is_absolute())
    return fail(ErrorCode::invalid_input, fmt::format("\"{}\" is no whole path", printable(text)), {},
                "begin it with /");
  return path;
}

Result<std::vector<std::filesystem::path>> parse_paths(const std::string& text) {
  std::vector<std::filesystem::path> paths;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find(',', at), text.size());
    IW_TRY(auto path, parse_path(text.substr(at, end - at)));
    paths.push_back(std::move(path));
    at = end + 1;
  }
  return paths;
}

Result<std::string> parse_actor(const std::string& text) {
  if (text.empty() || text.size() > 256) return fail(ErrorCode::invalid_input, "an actor has 1 to 256 characters");
  return text;
}

std::string nearest_key(const std::string& wrong) {
  std::string best;
  std::size_t best_shared = 2;
  for (const auto& key : setting_keys()) {
    const std::string name = key.name;
    std::size_t shared = 0;
    while (shared < name.size() && shared < wrong.size() && name[shared] == wrong[shared]) ++shared;
    if (shared > best_shared) {
      best_shared = shared;
      best = name;
    }
  }
  return best;
}

std::string environment_name(const SettingKey& key) {
  std::string name = fmt::format("INTELWALL_{}", key.name);
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return name;
}

const SettingKey* find_key(const std::string& name) {
  const auto& keys = setting_keys();
  const auto key = std::ranges::find_if(keys, [&](const SettingKey& each) { return name == each.name; });
  return key == keys.end() ? nullptr : &*key;
}

std::unexpected<Error> at(Error error, const std::string& place, const std::string& key) {
  error.place = fmt::format("{}: {}", place, key);
  return std::unexpected(std::move(error));
}

/// Of whoever runs this, where the environment does not say (services, containers).
std::string login_name() {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> buffer{};
  if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return "intelwall";
  return entry.pw_name;
}

struct Entry {
  std::string key, value;
  int line = 0;
};

/// The scalars of a YAML mapping; lists of scalars are joined by commas. Faults go to `errors`.
std::vector<Entry> read_yaml(std::string_view text, const std::string& name, std::vector<Target>& targets,
                             std::vector<Error>& errors) {
  std::vector<Entry> entries;
  const auto complain = [&](int line, std::string message, std::string hint) {
    errors.push_back({ErrorCode::invalid_input, std::move(message), fmt::format("{}:{}", name, line), std::move(hint)});
  };
  try {
    const YAML::Node root = YAML::Load(std::string(text));
    if (root.IsNull()) return entries;
    if (!root.IsMap()) {
      complain(root.Mark().line + 1, "the configuration is no mapping of keys to values",
               "write lines such as: firewall: my-firewall");
      return entries;
    }
    for (const auto& item : root) {
      const int line = item.first.Mark().line + 1;
      if (!item.first.IsScalar()) {
        complain(line, "a key must be a word", {});
        continue;
      }
      Entry entry{item.first.Scalar(), {}, line};
      if (entry.key == "targets") {
        targets = read_targets(item.second, name, errors);
        continue;
      }
      if (item.second.IsScalar()) {
        entry.value = item.second.Scalar();
      } else if (item.second.IsSequence() && std::all_of(item.second.begin(), item.second.end(),
                                                         [](const auto& each) { return each.IsScalar(); })) {
        for (const auto& each : item.second) entry.value += (entry.value.empty() ? "" : ",") + each.Scalar();
      } else {
        complain(line, fmt::format("{} needs a value, or a list of values", printable(entry.key)), {});
        continue;
      }
      entries.push_back(std::move(entry));
    }
  } catch (const YAML::Exception& error) {
    complain(error.mark.line + 1, fmt::format("this is not YAML: {}", printable(error.msg)),
             "check indentation, quotes and colons");
  }
  return entries;
}

/// Applies a file's entries; what is wrong goes to `errors`.
void apply_yaml(std::string_view text, const std::string& name, LoadedSettings& into, std::vector<Error>& errors) {
  std::map<std::string, int> seen;
  for (const auto& entry : read_yaml(text, name, into.settings.targets, errors)) {
    const auto place = fmt::format("{}:{}", name, entry.line);
    const auto* key = find_key(entry.key);
    if (key == nullptr) {
      const auto near = nearest_key(entry.key);
      errors.push_back({ErrorCode::invalid_input, fmt::format("\"{}\" is no setting", printable(entry.key)), place,
                        near.empty() ? "`intelwall config keys` lists them" : fmt::format("did you mean {}?", near)});
      continue;
    }
    if (const auto [first, fresh] = seen.emplace(entry.key, entry.line); !fresh) {
      errors.push_back({ErrorCode::invalid_input,
                        fmt::format("{} stands twice, first in line {}", entry.key, first->second), place,
                        "keep one of them"});
      continue;
    }
    if (auto set = key->set(into.settings, entry.value); !set) {
      errors.push_back(at(std::move(set).error(), place, entry.key).error());
      continue;
    }
    into.origins[entry.key] = fmt::format("file:{}", entry.line);
  }
}

Result<void> apply_file(const aws::Environment& env, const std::optional<std::filesystem::path>& explicit_file,
                        LoadedSettings& into) {
  std::filesystem::path path;
  if (explicit_file) {
    path = *explicit_file;
  } else if (const auto named = env("INTELWALL_CONFIG")) {
    path = *named;
  } else {
    std::error_code ignored;
    for (const char* usual : {"intelwall.yaml", "/etc/intelwall/intelwall.yaml"})
      if (path.empty() && std::filesystem::exists(usual, ignored)) path = usual;
    if (path.empty()) return {};
  }
  IW_TRY(const std::string text, os::read_file(path, max_configuration_bytes));
  std::vector<Error> errors;
  apply_yaml(text, path.string(), into, errors);
  if (!errors.empty()) {
    if (errors.size() > 1)
      errors.front().hint += fmt::format("{}{} more: `intelwall config check`", errors.front().hint.empty() ? "" : "; ",
                                         errors.size() - 1);
    return std::unexpected(std::move(errors.front()));
  }
  into.file = path;
  return {};
}

}  // namespace

std::filesystem::path state_directory(const aws::Environment& env) {
  if (::geteuid() == 0) return "/var/lib/intelwall";
  if (const auto state = env("XDG_STATE_HOME"); state && !state->empty())
    return std::filesystem::path(*state) / "intelwall";
  return std::filesystem::path(env("HOME").value_or(".")) / ".local/state/intelwall";
}

const std::vector<SettingKey>& setting_keys() {
  static const std::vector<SettingKey> keys = {
      {"firewall", "name or ARN of the Network Firewall to act on, or suricata:RULE_FILE for a Suricata of your own",
       "inspection-firewall", set_firewall},
      {"suricata_config", "its configuration, to test rules with (/etc/suricata/suricata.yaml)",
       "/etc/suricata/suricata.yaml", IW_SETTING(suricata.config, parse_path(value))},
      {"suricata_sockets", "command socket of each Suricata that reads the file (/var/run/suricata-command.socket)",
       "[/run/suricata-1.socket, /run/suricata-2.socket]", IW_SETTING(suricata.sockets, parse_paths(value))},
      {"region", "AWS Region; else AWS_REGION or the profile's", "eu-central-1",
       IW_SETTING(region, Result<std::string>(value))},
      {"role_arn", "a role to take on for AWS, with the credentials that are there (none)",
       "arn:aws:iam::222233334444:role/intelwall", IW_SETTING(role_arn, parse_role_arn(value))},
      {"external_id", "what the role's trust policy asks for (none)", "a-shared-word",
       IW_SETTING(external_id, parse_external_id(value))},
      {"profile", "profile of the shared AWS files; else AWS_PROFILE", "security",
       IW_SETTING(profile, Result<std::string>(value))},
      {"prefix", "our rule groups are <prefix>-blocks-N (intelwall)", "intelwall", set_prefix},
      {"format", "suricata (explained, expiring) or domain-list (suricata)", "suricata",
       IW_SETTING(firewall.format, firewalls::parse_format(value))},
      {"priority", "first priority to try in a strict-order policy (100)", "100",
       [](Settings& settings, const std::string& value) -> Result<void> {
         IW_TRY(const std::size_t number, parse_number(value, 1, 65'535));
         settings.firewall.priority = static_cast<int>(number);
         return {};
       }},
      {"group_capacity", "capacity units reserved for each new rule group (5000)", "5000",
       IW_SETTING(firewall.group_capacity, parse_number(value, 10, 30'000))},
      {"policy_capacity", "your quota of stateful rules a firewall policy (30000)", "30000",
       IW_SETTING(firewall.policy_capacity, parse_number(value, 10, 50'000))},
      {"max_removals", "share of all blocks that one unattended change may remove (0.2)", "0.2",
       [](Settings& settings, const std::string& value) -> Result<void> {
         IW_TRY(settings.firewall.max_removals, parse_share(value));
         settings.dns.max_removals = settings.firewall.max_removals;
         return {};
       }},
      {"dns_firewall", "rule group of Route 53 DNS Firewall that takes the same decisions, or none (none)",
       "rslvr-frg-0123456789abcdef0", set_dns_firewall},
      {"dns_firewall_domains", "your account's quota of names in DNS Firewall's domain lists (100000)", "100000",
       IW_SETTING(dns.domains, parse_number(value, 10, 100'000'000))},
      {"action", "drop, reject or alert (drop)", "drop", IW_SETTING(action, parse_action(value))},
      {"quic_fallback", "where the firewall takes no rules on QUIC's names: none, or drop-all of QUIC (none)",
       "drop-all", IW_SETTING(firewall.quic_fallback, firewalls::parse_quic_fallback(value))},
      {"protocols", "any of tls, http, dns, quic (tls,http)", "[tls, http]",
       IW_SETTING(protocols, parse_protocols(value))},
      {"expires", "how long a block lasts: 12h, 30d, 4w or never (30d)", "30d",
       IW_SETTING(lifetime, parse_lifetime(value))},
      {"allow_list", "names that must never be blocked: a file or ssm:/parameter", "/etc/intelwall/allow.txt",
       IW_SETTING(allow_list, parse_place(value))},
      {"warn_list", "names to ask about, beside the popular ones shipped: a file or ssm:/parameter",
       "ssm:/intelwall/warn", IW_SETTING(warn_list, parse_place(value))},
      {"protected_zones", "zones to protect, beside those shipped: a file or ssm:/parameter",
       "/etc/intelwall/protected.txt", IW_SETTING(protected_zones, parse_place(value))},
      {"actor", "who decides, for the record (the login name)", "soc-automation",
       IW_SETTING(actor, parse_actor(value))},
      {"state", "directory of the ledger, or none (/var/lib/intelwall, or ~/.local/state/intelwall)",
       "/var/lib/intelwall",
       [](Settings& settings, const std::string& value) -> Result<void> {
         if (value.empty()) return fail(ErrorCode::invalid_input, "a directory has a name");
         settings.state = value == "none" ? "" : value;
         return {};
       }},
      {"patience", "how long to wait until every zone runs a change (60s)", "60s",
       IW_SETTING(patience, parse_patience(value))},
  };
  return keys;
}

Result<LoadedSettings> load_settings(const aws::Environment& env,
                                     const std::optional<std::filesystem::path>& explicit_file,
                                     const Overrides& flags) {
  LoadedSettings loaded;
  loaded.settings.actor = env("USER").value_or(env("LOGNAME").value_or(login_name()));
  loaded.settings.state = state_directory(env);
  IW_CHECK(apply_file(env, explicit_file, loaded));
  for (const auto& key : setting_keys()) {
    const auto variable = environment_name(key);
    if (const auto value = env(variable)) {
      if (auto set = key.set(loaded.settings, *value); !set) return at(std::move(set).error(), "environment", variable);
      loaded.origins[key.name] = "environment";
    }
    if (const auto flag = flags.find(key.name); flag != flags.end()) {
      if (auto set = key.set(loaded.settings, flag->second); !set) {
        auto error = std::move(set).error();
        error.code = ErrorCode::usage;
        return at(std::move(error), "command line", flag->first);
      }
      loaded.origins[key.name] = "flag";
    }
  }
  return loaded;
}

std::vector<Error> check_configuration(std::string_view yaml, const std::string& name) {
  LoadedSettings ignored;
  std::vector<Error> errors;
  apply_yaml(yaml, name, ignored, errors);
  return errors;
}

}  // namespace intelwall::app
