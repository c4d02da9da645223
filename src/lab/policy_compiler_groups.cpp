#include "lab/policy_compiler_groups.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>

namespace intelwall::lab {
namespace {

using Json = nlohmann::json;
using Variables = std::map<std::string, std::string>;

/// "stateful-rulegroup/NAME" of an ARN, for people.
std::string group_name(const std::string& arn) {
  return printable(arn.substr(arn.rfind('/') + 1));
}

std::unexpected<Error> malformed(std::string what) {
  return fail(ErrorCode::invalid_input, std::move(what), {}, "see RuleGroup in the Network Firewall API reference");
}

Result<std::string> text_of(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (!object.is_object() || found == object.end() || !found->is_string()) {
    return malformed(fmt::format("{} is missing or no text", key));
  }
  return found->get<std::string>();
}

Result<std::vector<std::string>> texts_of(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (!object.is_object() || found == object.end() || !found->is_array()) {
    return malformed(fmt::format("{} is missing or no list", key));
  }
  std::vector<std::string> texts;
  for (const auto& item : *found) {
    if (!item.is_string()) return malformed(fmt::format("{} holds something that is no text", key));
    texts.push_back(item.get<std::string>());
  }
  return texts;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}
bool is_target_character(char c) {
  return is_name_character(c) || c == '.' || c == '-';
}

/// What an expansion is made of: "tls" or "http" rules with the guide's words.
struct ListedProtocol {
  std::string_view protocol;  // "tls"
  std::string_view shown;     // "TLS"
  std::string_view before;    // options before the content
  std::string_view nocase;    // SNI keeps its case in Suricata, http.host is lower-cased
  std::string_view tail;      // options of the last rule of an allow list
};
constexpr ListedProtocol listed_tls{"tls", "TLS", "ssl_state:client_hello; tls.sni;", " nocase;",
                                    "ssl_state:client_hello;"};
constexpr ListedProtocol listed_http{"http", "HTTP", "http.host;", "",
                                     "http.header_names; content:\"|0d 0a|\"; startswith;"};

struct ListType {
  std::string_view name, action, word;
};
constexpr ListType list_types[] = {{"ALLOWLIST", "pass", "allowlisted"},
                                   {"DENYLIST", "drop", "denylisted"},
                                   {"REJECTLIST", "reject", "rejectlisted"},
                                   {"ALERTLIST", "alert", "alertlisted"}};

}  // namespace

std::string place_of(const GroupRule& rule) {
  return fmt::format("group {}, line {}", group_name(rule.origin.group_arn), rule.rule.line);
}

Result<std::vector<SuricataRule>> expand_domain_list(const Json& source_list) {
  IW_TRY(const auto targets, texts_of(source_list, "Targets"));
  IW_TRY(const auto target_types, texts_of(source_list, "TargetTypes"));
  IW_TRY(const auto type_name, text_of(source_list, "GeneratedRulesType"));
  const auto* type = std::ranges::find(list_types, type_name, &ListType::name);
  if (type == std::end(list_types)) {
    return malformed(fmt::format("GeneratedRulesType \"{}\" is unknown", printable(type_name, 40)));
  }
  std::vector<ListedProtocol> protocols;
  if (std::ranges::count(target_types, "TLS_SNI") > 0) protocols.push_back(listed_tls);
  if (std::ranges::count(target_types, "HTTP_HOST") > 0) protocols.push_back(listed_http);
  if (protocols.empty()) return malformed("TargetTypes names neither TLS_SNI nor HTTP_HOST");

  std::string text;
  std::size_t sid = 0;
  const auto add = [&](std::string_view action, const ListedProtocol& listed, std::string_view matches,
                       std::string_view message) {
    text += fmt::format(
        "{} {} $HOME_NET any -> $EXTERNAL_NET any ({} msg:\"{} {} {} FQDNs\"; priority:1; "
        "flow:to_server, established; sid:{}; rev:1;)\n",
        action, listed.protocol, matches, message, listed.shown, type->word, ++sid);
  };
  for (const auto& target : targets) {
    const bool below = target.starts_with('.');
    if (target.size() <= (below ? 1u : 0u) || !std::ranges::all_of(target, is_target_character)) {
      return fail(ErrorCode::invalid_input, fmt::format("target \"{}\" is no domain", printable(target, 60)), "Targets",
                  "write evil.com, or .evil.com for it and all names below it");
    }
    for (const auto& listed : protocols) {
      add(type->action, listed,
          below
              ? fmt::format("{} dotprefix; content:\"{}\";{} endswith;", listed.before, lower(target), listed.nocase)
              : fmt::format("{} content:\"{}\"; startswith;{} endswith;", listed.before, lower(target), listed.nocase),
          "matching");
    }
  }
  if (type->action == "pass") {
    for (const auto& listed : protocols) add("drop", listed, listed.tail, "not matching any");
  }
  return parse_suricata_rules(text);
}

Result<std::vector<SuricataRule>> render_stateful_rules(const Json& rules) {
  if (!rules.is_array()) return malformed("StatefulRules is no list");
  std::vector<SuricataRule> rendered;
  for (const auto& given : rules) {
    const auto number = rendered.size() + 1;
    const auto one = [&]() -> Result<SuricataRule> {
      IW_TRY(const auto action, text_of(given, "Action"));
      if (!given.contains("Header")) return malformed("Header is missing");
      const auto& header = given["Header"];
      IW_TRY(const auto protocol, text_of(header, "Protocol"));
      IW_TRY(const auto source, text_of(header, "Source"));
      IW_TRY(const auto source_port, text_of(header, "SourcePort"));
      IW_TRY(const auto direction, text_of(header, "Direction"));
      IW_TRY(const auto destination, text_of(header, "Destination"));
      IW_TRY(const auto destination_port, text_of(header, "DestinationPort"));
      const auto any = [](const std::string& text) { return lower(text) == "any" ? std::string("any") : text; };
      auto text = fmt::format("{} {} {} {} {} {} {} (", lower(action), lower(protocol), any(source), any(source_port),
                              direction == "ANY" ? "<>" : "->", any(destination), any(destination_port));
      const auto options = given.find("RuleOptions");
      if (options == given.end() || !options->is_array()) return malformed("RuleOptions is missing or no list");
      for (const auto& option : *options) {
        IW_TRY(const auto keyword, text_of(option, "Keyword"));
        text += keyword;
        if (option.contains("Settings") && !option["Settings"].empty()) {
          IW_TRY(const auto settings, texts_of(option, "Settings"));
          text += fmt::format(":{}", fmt::join(settings, ","));
        }
        text += "; ";
      }
      text += ")";
      IW_TRY(auto parsed, parse_suricata_rules(text));
      // A field that holds rule syntax of its own would say more than its place allows.
      if (parsed.size() != 1 || parsed[0].options.size() != options->size()) {
        return malformed("a field holds rule syntax of its own");
      }
      return std::move(parsed[0]);
    }();
    if (!one) {
      auto error = one.error();
      error.place = fmt::format("StatefulRules[{}]", number - 1);
      return std::unexpected(std::move(error));
    }
    rendered.push_back(*one);
    rendered.back().line = number;
  }
  return rendered;
}

namespace {

/// One IP or port set as Suricata writes it.
Result<void> add_sets(const Json& sets, Variables& variables) {
  if (!sets.is_object()) return malformed("a set of variables is no object");
  for (const auto& [name, set] : sets.items()) {
    IW_TRY(const auto items, texts_of(set, "Definition"));
    if (items.empty()) return malformed(fmt::format("variable {} is empty", printable(name, 40)));
    variables[name] = items.size() == 1 ? items[0] : fmt::format("[{}]", fmt::join(items, ","));
  }
  return {};
}

Result<Variables> variables_of(const Json& body, const PolicySnapshot& policy) {
  auto variables = policy.variables;
  variables.try_emplace("HOME_NET", policy.vpc_cidr);
  if (!variables.contains("EXTERNAL_NET")) variables["EXTERNAL_NET"] = "!" + variables["HOME_NET"];
  if (const auto own = body.find("RuleVariables"); own != body.end() && own->is_object()) {
    for (const auto* kind : {"IPSets", "PortSets"}) {
      if (const auto sets = own->find(kind); sets != own->end() && !sets->is_null()) {
        IW_CHECK(add_sets(*sets, variables));
      }
    }
  }
  return variables;
}

/// `field` with its variables put in. Two negations in a row cancel out: Suricata does not read "!!".
Result<std::string> put_in(std::string_view field, const Variables& variables, int depth = 0) {
  if (depth > 8) return malformed(fmt::format("variables name each other without end in \"{}\"", printable(field, 60)));
  std::string text;
  while (!field.empty()) {
    const auto dollar = field.find('$');
    text += field.substr(0, dollar);
    if (dollar == std::string_view::npos) break;
    field.remove_prefix(dollar + 1);
    const auto end = std::ranges::find_if_not(field, is_name_character) - field.begin();
    const std::string name(field.substr(0, static_cast<std::size_t>(end)));
    field.remove_prefix(static_cast<std::size_t>(end));
    const auto found = variables.find(name);
    if (found == variables.end()) {
      return fail(ErrorCode::invalid_input, fmt::format("variable ${} is not defined", printable(name, 40)), {},
                  "define it in RuleVariables of the group or, for addresses, in PolicyVariables");
    }
    IW_TRY(auto value, put_in(found->second, variables, depth + 1));
    if (text.ends_with('!') && value.starts_with('!')) {
      text.pop_back();
      value.erase(0, 1);
    }
    text += value;
  }
  return text;
}

Result<std::uint32_t> sid_of(const SuricataRule& rule) {
  const auto* option = rule.find("sid");
  if (option == nullptr || !option->value) return malformed("the rule has no sid");
  std::uint32_t sid = 0;
  const auto& text = *option->value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), sid);
  if (error != std::errc{} || end != text.data() + text.size() || sid == 0) {
    return malformed(fmt::format("\"{}\" is no sid", printable(text, 40)));
  }
  return sid;
}

std::string message_of(const SuricataRule& rule) {
  const auto* option = rule.find("msg");
  if (option == nullptr || !option->value || option->value->size() < 2) return {};
  std::string message;
  const auto inside = std::string_view(*option->value).substr(1, option->value->size() - 2);
  for (std::size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] == '\\' && i + 1 < inside.size()) ++i;
    message += inside[i];
  }
  return message;
}

Result<std::vector<SuricataRule>> read_source(const Json& body) {
  const auto source = body.find("RulesSource");
  if (source == body.end() || !source->is_object()) return malformed("RulesSource is missing");
  if (const auto text = source->find("RulesString"); text != source->end() && text->is_string()) {
    return parse_suricata_rules(text->get_ref<const std::string&>());
  }
  if (const auto list = source->find("RulesSourceList"); list != source->end() && list->is_object()) {
    return expand_domain_list(*list);
  }
  if (const auto rules = source->find("StatefulRules"); rules != source->end()) return render_stateful_rules(*rules);
  return malformed("RulesSource holds neither RulesString, RulesSourceList nor StatefulRules");
}

Result<void> complete(GroupRule& entry, const Variables& variables) {
  auto& rule = entry.rule;
  for (auto* field : {&rule.source, &rule.source_port, &rule.destination, &rule.destination_port}) {
    if (field->contains('@')) {
      return fail(ErrorCode::invalid_input, fmt::format("\"{}\" is an IP set reference", printable(*field, 40)), {},
                  "the lab has no prefix lists: use an IP set variable");
    }
    IW_TRY(*field, put_in(*field, variables));
  }
  rule.action = lower(rule.action);
  static constexpr std::string_view actions[] = {"pass", "drop", "reject", "alert"};
  if (std::ranges::count(actions, rule.action) == 0) {
    return malformed(fmt::format("action \"{}\" is not pass, drop, reject or alert", printable(rule.action, 40)));
  }
  IW_TRY(entry.origin.sid, sid_of(rule));
  entry.origin.message = message_of(rule);
  std::erase_if(rule.options, [](const auto& option) { return option.keyword == "gid"; });
  return {};
}

}  // namespace

Result<std::vector<GroupRule>> rules_of_group(const PolicyGroup& group, const PolicySnapshot& policy) {
  const auto in_group = [&](Error error) {
    error.place = error.place.empty() ? "group " + group_name(group.arn)
                                      : fmt::format("group {}, {}", group_name(group.arn), error.place);
    return std::unexpected(std::move(error));
  };
  if (!group.body.is_object()) return in_group(Error{ErrorCode::invalid_input, "the rule group is no object", {}, {}});
  auto parsed = read_source(group.body);
  if (!parsed) return in_group(parsed.error());
  const auto variables = variables_of(group.body, policy);
  if (!variables) return in_group(variables.error());

  std::vector<GroupRule> rules;
  rules.reserve(parsed->size());
  for (auto& rule : *parsed) {
    GroupRule entry{std::move(rule), {group.arn, 0, {}}};
    if (auto done = complete(entry, *variables); !done) {
      auto error = done.error();
      error.place = fmt::format("line {}", entry.rule.line);
      return in_group(std::move(error));
    }
    rules.push_back(std::move(entry));
  }
  return rules;
}

}  // namespace intelwall::lab
