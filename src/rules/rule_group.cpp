#include "rules/rule_group.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "rules/rule_form.hpp"

namespace intelwall::rules {
namespace {

constexpr std::string_view blanks = " \t\r";

std::string_view trim_left(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return text;
}
std::string_view trim_right(std::string_view text) {
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

/// A line's text without the "\r" of a CRLF line break.
std::string_view bare(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool is_comment(std::string_view line) {
  return trim_left(line).starts_with('#');
}

/// Calls visit(first, last) for the lines of each rule, as Suricata reads a file: blank lines and comments stand alone,
/// a comment does not continue, and inside a continued rule nothing is a comment. (Suricata also skips lines that begin
/// with a blank; here they count, since Network Firewall is not known to skip them and capacity must not be guessed too
/// low.)
template <class Visit>
void each_rule(const std::vector<RuleLine>& lines, Visit visit) {
  for (std::size_t first = 0; first < lines.size(); ++first) {
    if (trim_left(lines[first].text).empty() || is_comment(lines[first].text)) continue;
    auto last = first;
    while (last + 1 < lines.size() && trim_right(lines[last].text).ends_with('\\')) ++last;
    visit(first, last);
    first = last;
  }
}

bool same_keyword(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

/// The sid of any rule. Options end at ";" without "\" before it, quotes or not, as in Suricata.
std::optional<std::uint32_t> find_sid(std::string_view rule) {
  rule.remove_prefix(std::min(rule.find('('), rule.size()));
  while (!rule.empty()) {
    rule.remove_prefix(1);
    auto end = rule.find(';');
    while (end != std::string_view::npos && end > 0 && rule[end - 1] == '\\') end = rule.find(';', end + 1);
    if (end == std::string_view::npos) return std::nullopt;
    const auto option = trim_left(rule.substr(0, end));
    const auto colon = option.find(':');
    if (colon != std::string_view::npos && same_keyword(trim_right(option.substr(0, colon)), "sid")) {
      return parse_sid(trim_left(trim_right(option.substr(colon + 1))));
    }
    rule.remove_prefix(end);
  }
  return std::nullopt;
}

/// Folds the rules of each decision into one.
class Folding {
 public:
  explicit Folding(std::size_t rules) { index_.reserve(rules); }

  /// Takes in a rule of ours, or says why it is not one.
  std::expected<OwnRuleHead, std::string_view> accept(std::string_view line) {
    line = bare(line);
    const auto head = read_head(line);
    if (!head) return head;
    id_.assign(head->id);
    const auto known = index_.find(id_);
    if (known == index_.end()) {
      auto rule = read_own_rule(line);
      if (!rule) return std::unexpected(rule.error());
      index_.emplace(id_, decisions_.size());
      decisions_.push_back(std::move(rule->decision));
      metadata_.push_back(std::move(rule->metadata));
      return head;
    }
    // A further rule of a known decision is exactly what that decision renders to: no need to take it apart.
    auto& decision = decisions_[known->second];
    written_.clear();
    append_rule(written_, decision, metadata_[known->second], head->protocol, head->sid);
    if (written_ != line) {
      const auto rule = read_own_rule(line);
      return std::unexpected(rule ? "says something else than the first rule with its decision id" : rule.error());
    }
    if (!decision.protocols.insert(head->protocol).second) {
      return std::unexpected("repeats the protocol of another rule with its decision id");
    }
    return head;
  }

  std::vector<Decision> take() && { return std::move(decisions_); }

 private:
  std::vector<Decision> decisions_;
  std::vector<std::string> metadata_;  ///< of each decision
  std::unordered_map<std::string, std::size_t> index_;
  std::string id_, written_;
};

bool claims_to_be_ours(std::string_view line) {
  return line.contains(id_key);
}

Error problem(std::size_t line, std::string_view reason) {
  return {ErrorCode::invalid_input, fmt::format("the rule {}, so it is left alone", reason),
          fmt::format("line {}", line + 1), "if nobody else needs it, delete it and block the domain again"};
}

}  // namespace

std::size_t RuleDocument::rule_count() const {
  std::size_t count = 0;
  each_rule(lines, [&count](std::size_t, std::size_t) { ++count; });
  return count;
}

std::size_t RuleDocument::bytes() const {
  if (lines.empty()) return 0;
  std::size_t sum = lines.size() - (ends_with_newline ? 0 : 1);
  for (const auto& line : lines) sum += line.text.size();
  return sum;
}

RuleDocument parse_rules(std::string_view text) {
  RuleDocument document;
  document.ends_with_newline = text.empty() || text.ends_with('\n');
  document.lines.reserve(static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1);
  while (!text.empty()) {
    const auto newline = text.find('\n');
    document.lines.push_back(
        {.text = std::string(text.substr(0, newline)), .decision_id = {}, .protocol = {}, .sid = {}});
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
  }
  Folding folding(document.lines.size());
  each_rule(document.lines, [&](std::size_t first, std::size_t last) {
    auto& line = document.lines[first];
    if (first != last) {
      std::string joined;
      for (auto i = first; i <= last; ++i) {
        auto part = trim_right(document.lines[i].text);
        if (part.ends_with('\\')) part.remove_suffix(1);
        joined.append(part);
      }
      line.sid = find_sid(joined);
    } else if (const auto own = folding.accept(line.text)) {
      line.decision_id = own->id;
      line.protocol = own->protocol;
      line.sid = own->sid;
    } else {
      line.sid = find_sid(line.text);
    }
  });
  return document;
}

std::string to_string(const RuleDocument& document) {
  std::string text;
  text.reserve(document.bytes() + 1);
  for (const auto& line : document.lines) text.append(line.text).append("\n");
  if (!text.empty() && !document.ends_with_newline) text.pop_back();
  return text;
}

ReadBack read_decisions(const RuleDocument& document) {
  ReadBack result;
  const auto& lines = document.lines;
  Folding folding(lines.size());
  each_rule(lines, [&](std::size_t first, std::size_t last) {
    if (first == last) {
      const auto own = folding.accept(lines[first].text);
      if (!own && claims_to_be_ours(lines[first].text)) result.problems.push_back(problem(first, own.error()));
    } else if (std::any_of(lines.begin() + static_cast<std::ptrdiff_t>(first),
                           lines.begin() + static_cast<std::ptrdiff_t>(last) + 1,
                           [](const RuleLine& line) { return claims_to_be_ours(line.text); })) {
      result.problems.push_back(problem(first, "is continued over several lines, which intelwall never writes"));
    }
  });
  result.decisions = std::move(folding).take();
  return result;
}

}  // namespace intelwall::rules
