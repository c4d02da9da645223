#include "lab/suricata_rule.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace intelwall::lab {
namespace {

constexpr std::string_view blanks = " \t\r";

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

bool is_keyword(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

std::unexpected<Error> fault(std::size_t line, std::string message, std::string hint = {}) {
  return fail(ErrorCode::invalid_input, std::move(message), fmt::format("line {}", line), std::move(hint));
}

/// The next word of the header; blanks inside brackets belong to it. Empty at the end, or when a bracket is left open.
std::string_view next_word(std::string_view& rest) {
  rest = trim(rest);
  std::size_t end = 0;
  for (int depth = 0; end < rest.size(); ++end) {
    if (rest[end] == '[') ++depth;
    if (rest[end] == ']') --depth;
    if (depth < 0) return {};
    if (depth == 0 && blanks.contains(rest[end])) break;
    if (end + 1 == rest.size() && depth != 0) return {};
  }
  const auto word = rest.substr(0, end);
  rest.remove_prefix(end);
  return word;
}

Result<void> read_header(std::string_view header, SuricataRule& rule) {
  struct Field {
    std::string SuricataRule::* member;
    const char* name;
  };
  static constexpr Field fields[] = {
      {&SuricataRule::action, "action"},
      {&SuricataRule::protocol, "protocol"},
      {&SuricataRule::source, "source"},
      {&SuricataRule::source_port, "source port"},
      {&SuricataRule::direction, "direction"},
      {&SuricataRule::destination, "destination"},
      {&SuricataRule::destination_port, "destination port"},
  };
  for (const auto& [member, name] : fields) {
    const auto word = next_word(header);
    if (word.empty()) {
      return fault(rule.line, fmt::format("the rule's {} is missing or its brackets do not close", name),
                   "a rule begins as: drop tls $HOME_NET any -> $EXTERNAL_NET any (");
    }
    rule.*member = word;
  }
  if (!trim(header).empty()) {
    return fault(rule.line,
                 fmt::format("\"{}\" stands between the destination port and \"(\"", printable(trim(header), 40)));
  }
  if (!is_keyword(rule.action)) {
    return fault(rule.line, fmt::format("\"{}\" is no action", printable(rule.action, 40)));
  }
  if (!is_keyword(rule.protocol)) {
    return fault(rule.line, fmt::format("\"{}\" is no protocol", printable(rule.protocol, 40)));
  }
  if (rule.direction != "->" && rule.direction != "<>") {
    return fault(rule.line, fmt::format("\"{}\" is no direction", printable(rule.direction, 40)), "use -> or <>");
  }
  return {};
}

/// Where the option at the start of `text` ends: as in Suricata the first ";" without a "\" right before it, quotes or
/// not.
std::size_t option_end(std::string_view text) {
  auto end = text.find(';');
  while (end != std::string_view::npos && end > 0 && text[end - 1] == '\\') end = text.find(';', end + 1);
  return end;
}

bool quotes_close(std::string_view value) {
  if (value.starts_with('!')) value = trim(value.substr(1));
  if (!value.starts_with('"')) return true;
  if (value.size() < 2 || !value.ends_with('"')) return false;
  const auto inside = value.substr(1, value.size() - 2);
  const auto last = inside.find_last_not_of('\\');
  const auto slashes = inside.size() - (last == std::string_view::npos ? 0 : last + 1);
  return slashes % 2 == 0;
}

Result<void> read_options(std::string_view text, SuricataRule& rule) {
  for (text = trim(text); !text.empty(); text = trim(text)) {
    const auto end = option_end(text);
    if (end == std::string_view::npos) {
      return fault(rule.line, fmt::format("option \"{}\" does not end with \";\"", printable(text, 40)));
    }
    const auto option = trim(text.substr(0, end));
    text.remove_prefix(end + 1);

    const auto colon = option.find(':');
    const auto keyword = trim(option.substr(0, colon));
    if (!is_keyword(keyword)) {
      return fault(rule.line, fmt::format("\"{}\" is no option keyword", printable(keyword, 40)),
                   "a \";\" inside a value is written \"\\;\"");
    }
    SuricataRule::Option parsed{std::string(keyword), std::nullopt};
    if (colon != std::string_view::npos) {
      const auto value = trim(option.substr(colon + 1));
      if (value.empty()) return fault(rule.line, fmt::format("option {} has a \":\" but no value", keyword));
      if (value.ends_with('\\')) {
        return fault(rule.line, fmt::format("the value of option {} ends in \"\\\"", keyword));
      }
      if (!quotes_close(value)) {
        return fault(rule.line, fmt::format("the quotes of option {} do not close before \";\"", keyword),
                     "a \";\" inside quotes is written \"\\;\"");
      }
      parsed.value = value;
    }
    rule.options.push_back(std::move(parsed));
  }
  if (rule.options.empty()) return fault(rule.line, "the rule has no options", "give it at least a sid");
  return {};
}

Result<SuricataRule> read_rule(std::string_view text, std::size_t line) {
  SuricataRule rule;
  rule.line = line;
  const auto control = std::ranges::find_if(
      text, [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\r') || c == 0x7f; });
  if (control != text.end()) {
    return fault(line, fmt::format("a control character (\\x{:02x}) stands in the rule",
                                   static_cast<unsigned>(static_cast<unsigned char>(*control))));
  }
  const auto open = text.find('(');
  if (open == std::string_view::npos) {
    return fault(line, fmt::format("\"{}\" has no options in parentheses", printable(text, 40)));
  }
  if (!text.ends_with(')')) return fault(line, "the rule does not end with \")\"");
  IW_CHECK(read_header(text.substr(0, open), rule));
  IW_CHECK(read_options(text.substr(open + 1, text.size() - open - 2), rule));
  return rule;
}

}  // namespace

const SuricataRule::Option* SuricataRule::find(std::string_view keyword) const {
  const auto found = std::ranges::find(options, keyword, &Option::keyword);
  return found == options.end() ? nullptr : &*found;
}

Result<std::vector<SuricataRule>> parse_suricata_rules(std::string_view text) {
  std::vector<SuricataRule> rules;
  std::string joined;          // what continued lines have given so far
  std::size_t first_line = 0;  // of `joined`; 0: none is being continued
  std::size_t number = 0;
  while (!text.empty()) {
    const auto newline = text.find('\n');
    auto line = text.substr(0, newline);
    line = line.substr(0, line.find_last_not_of(blanks) + 1);
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
    ++number;
    if (first_line == 0 && (trim(line).empty() || trim(line).starts_with('#'))) continue;
    if (first_line == 0) first_line = number;
    if (line.ends_with('\\')) {
      line.remove_suffix(1);
      joined.append(line);
      continue;
    }
    joined.append(line);
    IW_TRY(auto rule, read_rule(trim(joined), first_line));
    rules.push_back(std::move(rule));
    joined.clear();
    first_line = 0;
  }
  if (first_line != 0) return fault(first_line, "the text ends in a continued line", "end the rule or drop the \"\\\"");
  return rules;
}

std::string to_string(const SuricataRule& rule) {
  auto text = fmt::format("{} {} {} {} {} {} {} (", rule.action, rule.protocol, rule.source, rule.source_port,
                          rule.direction, rule.destination, rule.destination_port);
  for (std::size_t i = 0; i < rule.options.size(); ++i) {
    const auto& [keyword, value] = rule.options[i];
    if (i > 0) text += ' ';
    text += keyword;
    if (value) text.append(":").append(*value);
    text += ';';
  }
  text += ')';
  return text;
}

}  // namespace intelwall::lab
