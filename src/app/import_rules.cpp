// Names in rule groups of other tools: what a rule says of a name, and nothing that it says beside.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <expected>
#include <sstream>

#include "app/import_source.hpp"
#include "aws/json_text.hpp"
#include "rules/rule_group.hpp"

namespace intelwall::app {

namespace {

using aws::items_in;
using aws::Json;
using aws::member;
using aws::text_in;

/// The reason why a rule cannot be adopted, to follow "the rule".
template <class T>
using Read = std::expected<T, std::string>;

struct Option {
  std::string keyword, value;
};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

/// "keyword: value; …", where a semicolon in quotes or behind a backslash is part of the value.
std::vector<Option> options_of(std::string_view text) {
  std::vector<Option> options;
  bool quoted = false;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      quoted = !quoted;
    } else if (text[at] == ';' && !quoted) {
      const auto option = trimmed(text.substr(begin, at - begin));
      begin = at + 1;
      const auto colon = std::min(option.find(':'), option.size());
      if (!option.empty())
        options.push_back({lower(trimmed(option.substr(0, colon))),
                           std::string(trimmed(option.substr(std::min(colon + 1, option.size()))))});
    }
  }
  return options;
}

/// A content's bytes: without its quotes, `|2e|` and `\;` decoded.
Read<std::string> bytes_of_content(std::string_view value) {
  if (value.starts_with('!')) return std::unexpected("matches what does not hold its content");
  if (value.size() < 2 || !value.starts_with('"') || !value.ends_with('"'))
    return std::unexpected("has a content without quotes");
  value = value.substr(1, value.size() - 2);
  std::string out;
  bool hex = false;
  for (std::size_t at = 0; at < value.size(); ++at) {
    if (value[at] == '|') {
      hex = !hex;
    } else if (!hex) {
      if (value[at] == '\\' && at + 1 < value.size()) ++at;
      out += value[at];
    } else if (value[at] != ' ') {
      unsigned byte = 0;
      const auto digits = value.substr(at, 2);
      const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
      if (code != std::errc{} || digits.size() < 2 || end != digits.data() + 2)
        return std::unexpected("has a content whose bytes cannot be read");
      out += static_cast<char>(byte);
      ++at;
    }
  }
  return out;
}

std::optional<Protocol> protocol_of_buffer(std::string_view keyword) {
  if (keyword == "tls.sni" || keyword == "tls_sni") return Protocol::tls;
  if (keyword == "http.host" || keyword == "http.host.raw") return Protocol::http;
  if (keyword == "dns.query" || keyword == "dns_query") return Protocol::dns;
  if (keyword == "quic.sni") return Protocol::quic;
  return std::nullopt;
}

/// Options that say nothing about which connections match, or only what every client's first word fulfils.
bool changes_no_match(std::string_view keyword) {
  constexpr std::array harmless{"msg",       "sid",  "rev",    "gid",      "metadata",     "classtype",
                                "reference", "flow", "target", "priority", "fast_pattern", "ssl_state"};
  return std::ranges::find(harmless, keyword) != harmless.end();
}

bool is_any_workload(std::string_view address) {
  return address == "any" || address == "$home_net" || address == "0.0.0.0/0";
}

bool is_anywhere(std::string_view address) {
  return address == "any" || address == "$external_net" || address == "!$home_net" || address == "0.0.0.0/0";
}

/// How the one content of a rule is bound to its buffer.
struct Match {
  std::optional<Protocol> protocol;
  std::optional<std::string> content;
  bool dotprefix = false, begins = false, ends = false;
};

Read<DomainSpec> domain_of(const Match& match) {
  if (!match.protocol) return std::unexpected("looks at no name");
  if (!match.content) return std::unexpected("has no content");
  if (!match.ends) return std::unexpected("also matches names that go on behind its content");
  std::string_view name = *match.content;
  const bool dotted = name.starts_with('.');
  if (dotted) name.remove_prefix(1);
  if (!dotted && (match.dotprefix || !match.begins))
    return std::unexpected(match.dotprefix ? "never matches: dotprefix puts a dot where its content has none"
                                           : "also matches names that only end in the same letters");
  if (dotted && match.begins && !match.dotprefix) return std::unexpected("never matches: no name begins with a dot");
  auto domain = DomainName::parse(name);
  if (!domain) return std::unexpected(fmt::format("names no domain: {}", domain.error().message));
  return DomainSpec{*std::move(domain), match.begins ? Scope::exact : Scope::subdomains};
}

std::optional<Action> written_action(std::string_view word) {
  const auto action = parse_action(word);
  return action ? std::optional(*action) : std::nullopt;
}

Read<ImportEntry> read_rule(const std::string& rule) {
  const auto open = rule.find('(');
  const auto close = rule.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close < open)
    return std::unexpected("has no options in brackets");
  std::istringstream header(rule.substr(0, open));
  std::string action_word, carrier, source, source_port, arrow, destination, destination_port;
  header >> action_word >> carrier >> source >> source_port >> arrow >> destination >> destination_port;
  if (lower(action_word) == "pass")
    return std::unexpected(
        "lets traffic through, which intelwall never does (`intelwall allow` keeps a name from "
        "being blocked)");
  const auto action = written_action(lower(action_word));
  if (!action) return std::unexpected("has an action that intelwall does not know");
  if (!is_any_workload(lower(source)) || !is_anywhere(lower(destination)))
    return std::unexpected("holds only for some addresses, and ours would hold for all workloads");

  Match match;
  for (const auto& [keyword, value] : options_of(std::string_view(rule).substr(open + 1, close - open - 1))) {
    if (const auto protocol = protocol_of_buffer(keyword)) {
      if (match.protocol) return std::unexpected("looks at more than one name");
      match.protocol = protocol;
    } else if (keyword == "content") {
      if (match.content) return std::unexpected("has more than one content");
      auto bytes = bytes_of_content(value);
      if (!bytes) return std::unexpected(std::move(bytes).error());
      match.content = *std::move(bytes);
    } else if (keyword == "dotprefix") {
      match.dotprefix = true;
    } else if (keyword == "endswith" || (keyword == "isdataat" && value == "!1,relative") ||
               (keyword == "pcre" && value == R"("/^\.?\z/R")")) {  // the last is how our own rules end
      match.ends = true;
    } else if (keyword == "bsize" && match.content && value == std::to_string(match.content->size())) {
      match.begins = match.ends = true;
    } else if (keyword == "startswith" ||
               (keyword == "depth" && match.content && value == std::to_string(match.content->size()))) {
      match.begins = true;
    } else if (keyword != "nocase" && keyword != "to_lowercase" && !changes_no_match(keyword)) {
      return std::unexpected(fmt::format("also asks for {}", printable(keyword, 40)));
    }
  }
  auto domain = domain_of(match);
  if (!domain) return std::unexpected(std::move(domain).error());
  return ImportEntry{*std::move(domain), action, {*match.protocol}, {}};
}

/// A StatefulRule as the line that it stands for.
std::string line_of(const Json& rule) {
  const Json& header = member(rule, "Header");
  std::string line =
      fmt::format("{} {} {} {} -> {} {} (", lower(text_in(rule, "Action")), lower(text_in(header, "Protocol")),
                  text_in(header, "Source"), text_in(header, "SourcePort"), text_in(header, "Destination"),
                  text_in(header, "DestinationPort"));
  for (const Json& option : items_in(rule, "RuleOptions")) {
    line += text_in(option, "Keyword");
    char separator = ':';
    for (const Json& setting : items_in(option, "Settings")) {
      if (setting.is_string()) line += separator + setting.get_ref<const std::string&>();
      separator = ',';
    }
    line += "; ";
  }
  return line + ")";
}

class GroupReader {
 public:
  explicit GroupReader(ImportSource& out) : out_(out) {}

  void read_text(const std::string& text) {
    const auto document = rules::parse_rules(text);
    for (std::size_t at = 0; at < document.lines.size(); ++at) {
      const auto number = at + 1;
      std::string rule = document.lines[at].text;
      while (rule.ends_with('\\') && at + 1 < document.lines.size()) {
        rule.pop_back();
        rule += document.lines[++at].text;
      }
      const auto bare = trimmed(rule);
      if (!bare.empty() && !bare.starts_with('#')) take_rule(std::string(bare), "line", number);
    }
  }

  void read_rules(const std::vector<Json>& rules) {
    for (std::size_t at = 0; at < rules.size(); ++at) take_rule(line_of(rules[at]), "rule", at + 1);
  }

  void read_list(const Json& list) {
    const auto type = text_in(list, "GeneratedRulesType");
    const std::optional<Action> action = type == "DENYLIST"     ? std::optional(Action::drop)
                                         : type == "REJECTLIST" ? std::optional(Action::reject)
                                         : type == "ALERTLIST"  ? std::optional(Action::alert)
                                                                : std::nullopt;
    std::set<Protocol> protocols;
    for (const Json& each : items_in(list, "TargetTypes")) {
      if (each == "TLS_SNI") protocols.insert(Protocol::tls);
      if (each == "HTTP_HOST") protocols.insert(Protocol::http);
    }
    const auto& targets = items_in(list, "Targets");
    for (std::size_t at = 0; at < targets.size(); ++at) {
      const auto text = targets[at].is_string() ? targets[at].get<std::string>() : std::string();
      if (!action) {
        refuse(text, at + 1,
               fmt::format("stands in a list of the kind {}, which blocks nothing by its names", printable(type, 40)));
        continue;
      }
      auto domain = parse_domain(text, Scope::exact);
      if (!domain) {
        refuse(text, at + 1, std::move(domain.error().message));
        continue;
      }
      out_.entries.push_back({*std::move(domain), action, protocols, fmt::format("{}, target {}", out_.name, at + 1)});
    }
  }

 private:
  void take_rule(const std::string& rule, const char* what, std::size_t number) {
    auto entry = read_rule(rule);
    if (!entry) return refuse(rule, number, "the rule " + std::move(entry).error());
    entry->place = fmt::format("{}, {} {}", out_.name, what, number);
    out_.entries.push_back(*std::move(entry));
  }

  void refuse(std::string_view text, std::size_t number, std::string reason) {
    ++out_.refused_count;
    if (out_.refused.size() < intel::ListReport::most_kept)
      out_.refused.push_back({printable(text), out_.name, number, std::move(reason)});
  }

  ImportSource& out_;
};

}  // namespace

ImportSource names_of_rule_group(const Json& body, const std::string& name) {
  ImportSource out{
      .kind = ImportSource::Kind::rule_group, .name = printable(name), .arn = {}, .entries = {}, .refused = {}};
  GroupReader reader(out);
  const Json& source = member(body, "RulesSource");
  reader.read_text(text_in(source, "RulesString"));
  reader.read_rules(items_in(source, "StatefulRules"));
  if (const Json& list = member(source, "RulesSourceList"); list.is_object()) reader.read_list(list);
  return out;
}

}  // namespace intelwall::app
