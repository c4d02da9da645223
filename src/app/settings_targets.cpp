#include "app/settings_targets.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "aws/endpoint.hpp"

namespace intelwall::app {

namespace {

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

Result<std::string> parse_account(const std::string& text) {
  const bool digits = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  if (text.size() != 12 || !digits)
    return fail(ErrorCode::invalid_input, fmt::format("\"{}\" is no AWS account", printable(text)), {},
                "accounts have 12 digits; put quotes around one that begins with 0");
  return text;
}

Result<std::string> parse_region(const std::string& text) {
  if (!aws::is_region_name(text))
    return fail(ErrorCode::invalid_input, fmt::format("\"{}\" is not the name of an AWS region", printable(text)), {},
                "for example eu-central-1");
  return text;
}

Result<std::string> parse_firewall(const std::string& text) {
  IW_CHECK(check_firewall(text));
  return text;
}

/// Reads one target; faults are told with their lines.
class TargetReader {
 public:
  TargetReader(const std::string& file, std::vector<Error>& errors) : file_(file), errors_(errors) {}

  Target read(const YAML::Node& node) {
    Target target;
    if (!node.IsMap()) {
      complain(node, "a target is no mapping", "write lines such as: firewall: NAME and accounts: [\"111122223333\"]");
      return target;
    }
    for (const auto& item : node) {
      const auto key = item.first.IsScalar() ? item.first.Scalar() : std::string();
      if (key == "firewall")
        take(item.second, target.firewall, parse_firewall);
      else if (key == "region")
        take(item.second, target.region, parse_region);
      else if (key == "role_arn")
        take(item.second, target.role_arn, parse_role_arn);
      else if (key == "external_id")
        take(item.second, target.external_id, parse_external_id);
      else if (key == "accounts")
        take_all(item.second, target.accounts, parse_account);
      else if (key == "regions")
        take_all(item.second, target.regions, parse_region);
      else
        complain(item.first, fmt::format("\"{}\" is nothing that a target has", printable(key)),
                 "firewall, region, role_arn, external_id, accounts, regions");
    }
    if (target.firewall.empty() && !node["firewall"])
      complain(node, "a target names no firewall", "add firewall: NAME");
    if (!target.external_id.empty() && target.role_arn.empty())
      complain(node, "a target has an external_id, but no role_arn that it is for", "add role_arn, or take it out");
    // arn:PARTITION:network-firewall:REGION:…
    if (!target.region && target.firewall.starts_with("arn:")) {
      const auto begin = target.firewall.find(":network-firewall:") + 18;
      target.region = target.firewall.substr(begin, target.firewall.find(':', begin) - begin);
    }
    return target;
  }

  void complain(const YAML::Node& node, std::string message, std::string hint) {
    errors_.push_back({ErrorCode::invalid_input, std::move(message),
                       fmt::format("{}:{}: targets", file_, node.Mark().line + 1), std::move(hint)});
  }

 private:
  using Parse = Result<std::string> (*)(const std::string&);

  template <class Into>
  void take(const YAML::Node& node, Into& into, Parse parse) {
    auto value = node.IsScalar() ? parse(node.Scalar())
                                 : fail(ErrorCode::invalid_input, "this needs one value", {}, "no list here");
    if (value)
      into = *std::move(value);
    else
      complain(node, value.error().message, value.error().hint);
  }
  void take_all(const YAML::Node& node, std::vector<std::string>& into, Parse parse) {
    if (!node.IsSequence() || node.size() == 0)
      return complain(node, "this needs a list with something in it", "leave the line out to mean all of them");
    for (const auto& item : node) take(item, into.emplace_back(), parse);
  }

  const std::string& file_;
  std::vector<Error>& errors_;
};

}  // namespace

bool Target::serves(const std::string& account, const std::string& finding_region) const {
  const auto fits = [](const std::vector<std::string>& wanted, const std::string& value) {
    return wanted.empty() || std::ranges::find(wanted, value) != wanted.end();
  };
  return fits(accounts, account) && fits(regions, finding_region);
}

Result<void> check_firewall(const std::string& text) {
  const bool arn = text.starts_with("arn:") && text.find(":network-firewall:") != std::string::npos &&
                   text.find(":firewall/") != std::string::npos && text.size() <= 256;
  const bool name = !text.empty() && text.size() <= 128 && std::ranges::all_of(text, is_name_character);
  if (arn || name) return {};
  return fail(ErrorCode::invalid_input,
              fmt::format("\"{}\" is neither the name nor the ARN of a firewall", printable(text)), {},
              "names have 1 to 128 letters, digits and hyphens");
}

Result<std::string> parse_role_arn(const std::string& text) {
  if (!text.starts_with("arn:") || !text.contains(":iam::") || !text.contains(":role/") || text.size() > 2'048)
    return fail(ErrorCode::invalid_input, fmt::format("\"{}\" is not the ARN of a role", printable(text)), {},
                "for example arn:aws:iam::222233334444:role/intelwall");
  return text;
}

Result<std::string> parse_external_id(const std::string& text) {
  constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@:/-";
  if (text.size() < 2 || text.size() > 1'224 || text.find_first_not_of(allowed) != std::string::npos)
    return fail(ErrorCode::invalid_input, "this is no external id", {},
                "it has 2 to 1224 letters, digits and characters of _+=,.@:/-");
  return text;
}

std::vector<Target> read_targets(const YAML::Node& node, const std::string& file, std::vector<Error>& errors) {
  std::vector<Target> targets;
  TargetReader reader(file, errors);
  if (!node.IsSequence() || node.size() == 0) {
    reader.complain(node, "targets needs a list of firewalls", "write \"- firewall: NAME\" lines below it");
    return targets;
  }
  for (const auto& item : node) {
    auto target = reader.read(item);
    const auto wider = std::ranges::find_if(
        targets, [](const Target& before) { return before.accounts.empty() && before.regions.empty(); });
    if (wider != targets.end())
      reader.complain(item,
                      fmt::format("this target is never reached: {} before it serves all findings",
                                  printable(wider->firewall, 128)),
                      "put the one without accounts and regions last");
    targets.push_back(std::move(target));
  }
  return targets;
}

}  // namespace intelwall::app
