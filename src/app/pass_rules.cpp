#include "app/pass_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <sstream>

#include "rules/rule_group.hpp"

namespace intelwall::app {

namespace {

using aws::items_in;
using aws::Json;
using aws::member;
using aws::text_in;

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

bool carries_names(const std::string& protocol) {
  static const std::set<std::string> protocols = {"ip", "tcp", "tls", "http", "http1"};
  return protocols.contains(lower(protocol));
}

bool is_anywhere(const std::string& address) {
  const auto word = lower(address);
  return word == "any" || word == "0.0.0.0/0" || word == "$external_net" || word == "!$home_net";
}

bool is_all_workloads(const std::string& address) {
  const auto word = lower(address);
  return word == "any" || word == "0.0.0.0/0" || word == "$home_net";
}

bool has_option_that_narrows(const std::string& options) {
  constexpr std::array narrowing = {"content:", "pcre:", "geoip:", "ja3", "ja4", "aws_", "dsize:", "flowbits:isset"};
  const auto text = lower(options);
  return std::ranges::any_of(narrowing, [&](const char* word) { return text.find(word) != std::string::npos; });
}

void read_text(const std::string& text, std::vector<PassRule>& out) {
  const auto document = rules::parse_rules(text);
  for (std::size_t at = 0; at < document.lines.size(); ++at) {
    std::string rule = document.lines[at].text;
    while (rule.ends_with('\\') && at + 1 < document.lines.size()) {
      rule.pop_back();
      rule += document.lines[++at].text;
    }
    const auto open = rule.find('(');
    std::istringstream header(rule.substr(0, open));
    std::string action, protocol, source, source_port, arrow, destination;
    header >> action >> protocol >> source >> source_port >> arrow >> destination;
    const auto options = open == std::string::npos ? std::string() : rule.substr(open);
    if (lower(action) != "pass" || options.find("not_established") != std::string::npos) continue;
    const bool all = carries_names(protocol) && is_all_workloads(source) && is_anywhere(destination) &&
                     !has_option_that_narrows(options);
    out.push_back({all ? PassRule::Reach::all : PassRule::Reach::some, printable(rule, 160)});
  }
}

void read_five_tuple(const Json& rule, std::vector<PassRule>& out) {
  if (text_in(rule, "Action") != "PASS") return;
  const Json& header = member(rule, "Header");
  std::string options;
  for (const Json& option : items_in(rule, "RuleOptions")) {
    options += text_in(option, "Keyword") + ":";
    for (const Json& setting : items_in(option, "Settings"))
      if (setting.is_string()) options += setting.get_ref<const std::string&>() + ";";
  }
  if (options.find("not_established") != std::string::npos) return;
  const bool all = carries_names(text_in(header, "Protocol")) && is_all_workloads(text_in(header, "Source")) &&
                   is_anywhere(text_in(header, "Destination")) && !has_option_that_narrows(options);
  out.push_back({all ? PassRule::Reach::all : PassRule::Reach::some,
                 fmt::format("PASS {} {} to {}", printable(text_in(header, "Protocol"), 20),
                             printable(text_in(header, "Source"), 60), printable(text_in(header, "Destination"), 60))});
}

}  // namespace

std::vector<PassRule> pass_rules(const Json& rule_group_body) {
  std::vector<PassRule> out;
  const Json& source = member(rule_group_body, "RulesSource");
  read_text(text_in(source, "RulesString"), out);
  for (const Json& rule : items_in(source, "StatefulRules")) read_five_tuple(rule, out);
  const Json& list = member(source, "RulesSourceList");
  if (text_in(list, "GeneratedRulesType") == "ALLOWLIST")
    out.push_back({PassRule::Reach::some, fmt::format("an ALLOWLIST of {} targets", items_in(list, "Targets").size())});
  return out;
}

}  // namespace intelwall::app
