#include "rules/evaluate.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>

namespace intelwall::rules {
namespace {

/// Suricata's defaults (suricata.yaml, pcre): a match that needs more is none.
constexpr std::uint32_t match_limit = 3'500;
constexpr std::uint32_t depth_limit = 1'500;

struct FreeCode {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct FreeData {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
struct FreeContext {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

struct Rule {
  std::uint32_t sid = 0;
  std::string protocol;
  std::string content;
  bool nocase = false, startswith = false, endswith = false;
  std::optional<std::size_t> less_than_after;  ///< isdataat:!N,relative
  std::unique_ptr<pcre2_code, FreeCode> regex;
  bool relative = false;
};

std::string_view buffer_for(std::string_view protocol) {
  return protocol == "tls"    ? "tls.sni"
         : protocol == "http" ? "http.host"
         : protocol == "dns"  ? "dns.query"
                              : "quic.sni";
}

/// The options between the parentheses; none of ours holds "; " inside quotes.
std::vector<std::string_view> options_of(std::string_view line) {
  std::vector<std::string_view> options;
  const auto begin = line.find('(');
  if (begin == std::string_view::npos || !line.ends_with(";)")) return options;
  line = line.substr(begin + 1, line.size() - begin - 2);
  while (!line.empty()) {
    const auto end = line.find("; ");
    options.push_back(end == std::string_view::npos ? line.substr(0, line.size() - 1) : line.substr(0, end));
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 2);
  }
  return options;
}

bool read_pcre(std::string_view value, Rule& rule) {
  const auto end = value.rfind('/');
  if (!value.starts_with("\"/") || !value.ends_with('"') || end <= 1) return false;
  const auto pattern = value.substr(2, end - 2);
  std::uint32_t flags = 0;
  for (const char flag : value.substr(end + 1, value.size() - end - 2)) {
    if (flag == 'i') {
      flags |= PCRE2_CASELESS;
    } else if (flag == 'R') {
      rule.relative = true;
    } else {
      return false;
    }
  }
  int error = 0;
  std::size_t at = 0;
  rule.regex.reset(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), flags, &error, &at, nullptr));
  return rule.regex != nullptr;
}

std::optional<Rule> read_rule(std::string_view line) {
  Rule rule;
  const auto first = line.find(' ');
  if (first == std::string_view::npos) return std::nullopt;
  rule.protocol = line.substr(first + 1, line.find(' ', first + 1) - first - 1);
  bool buffer = false;
  bool dotprefix = false;
  for (const auto option : options_of(line)) {
    const auto colon = option.find(':');
    const auto key = option.substr(0, colon);
    const auto value = colon == std::string_view::npos ? std::string_view() : option.substr(colon + 1);
    if (key == buffer_for(rule.protocol)) {
      buffer = true;
    } else if (key == "dotprefix") {
      dotprefix = buffer;
    } else if (key == "content" && rule.content.empty() && value.size() > 2) {
      rule.content = value.substr(1, value.size() - 2);
    } else if (key == "nocase") {
      rule.nocase = true;
    } else if (key == "startswith") {
      rule.startswith = true;
    } else if (key == "endswith") {
      rule.endswith = true;
    } else if (option == "isdataat:!2,relative") {
      rule.less_than_after = 2;
    } else if (key == "pcre") {
      if (!read_pcre(value, rule)) return std::nullopt;
    } else if (key == "sid") {
      std::from_chars(value.data(), value.data() + value.size(), rule.sid);
    } else if (key != "msg" && key != "flow" && key != "rev") {
      return std::nullopt;
    }
  }
  // Without one of these a content could stand anywhere, where matches() does not look.
  const bool bound_to_end = rule.endswith || rule.less_than_after || rule.relative;
  if (!dotprefix || rule.content.empty() || rule.sid == 0 || !rule.nocase || !bound_to_end) return std::nullopt;
  return rule;
}

}  // namespace

namespace {

struct Hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
using ByContent = std::unordered_map<std::string, std::vector<std::uint32_t>, Hash, std::equal_to<>>;

}  // namespace

struct RuleEvaluator::Rules {
  std::vector<Rule> all;
  /// By protocol and content, as the engine's prefilter finds them.
  std::map<std::string, ByContent, std::less<>> by_content;
  std::size_t longest = 0;
  std::unique_ptr<pcre2_match_data, FreeData> data{pcre2_match_data_create(1, nullptr)};
  std::unique_ptr<pcre2_match_context, FreeContext> context{pcre2_match_context_create(nullptr)};

  bool regex_matches(const Rule& rule, std::string_view buffer) const {
    return pcre2_match(rule.regex.get(), reinterpret_cast<PCRE2_SPTR>(buffer.data()), buffer.size(), 0, 0, data.get(),
                       context.get()) >= 0;
  }

  /// Whether the rule matches with its content at `at`.
  bool matches_at(const Rule& rule, std::string_view buffer, std::size_t at) const {
    const auto after = buffer.substr(at + rule.content.size());
    if (rule.startswith && at != 0) return false;
    if (rule.endswith && !after.empty()) return false;
    if (rule.less_than_after && after.size() >= *rule.less_than_after) return false;
    return rule.regex == nullptr || regex_matches(rule, rule.relative ? after : buffer);
  }
};

RuleEvaluator::RuleEvaluator(std::unique_ptr<Rules> rules) : rules_(std::move(rules)) {}
RuleEvaluator::RuleEvaluator(RuleEvaluator&&) noexcept = default;
RuleEvaluator& RuleEvaluator::operator=(RuleEvaluator&&) noexcept = default;
RuleEvaluator::~RuleEvaluator() = default;

std::size_t RuleEvaluator::size() const {
  return rules_->all.size();
}

Result<RuleEvaluator> RuleEvaluator::load(std::span<const CompiledFile> files) {
  auto rules = std::make_unique<Rules>();
  pcre2_set_match_limit(rules->context.get(), match_limit);
  pcre2_set_depth_limit(rules->context.get(), depth_limit);
  for (const auto& file : files) {
    const std::string_view text = file.content;
    std::size_t number = 0;
    for (std::size_t at = 0; at < text.size();) {
      const auto end = std::min(text.find('\n', at), text.size());
      auto rule = read_rule(text.substr(at, end - at));
      ++number;
      if (!rule) {
        return fail(ErrorCode::invalid_input, "this rule cannot be evaluated: " + printable(text.substr(at, end - at)),
                    fmt::format("{}, line {}", file.name, number));
      }
      at = end + 1;
      rules->longest = std::max(rules->longest, rule->content.size());
      rules->by_content[rule->protocol][rule->content].push_back(static_cast<std::uint32_t>(rules->all.size()));
      rules->all.push_back(*std::move(rule));
    }
  }
  return RuleEvaluator(std::move(rules));
}

std::vector<std::uint32_t> RuleEvaluator::matches(std::string_view protocol, std::string_view name) const {
  const auto sent = "." + std::string(name);
  const auto buffer = lower(sent);
  std::vector<std::uint32_t> sids;
  const auto contents = rules_->by_content.find(protocol);
  if (contents == rules_->by_content.end()) return sids;
  for (std::size_t at = 0; at < buffer.size(); ++at) {
    // Contents of ours that match end at most one byte before the end.
    const auto rest = buffer.size() - at;
    if (rest - 1 > rules_->longest) continue;
    for (auto size = std::max<std::size_t>(rest, 2) - 1; size <= rest; ++size) {
      const auto found = contents->second.find(std::string_view(buffer).substr(at, size));
      if (found == contents->second.end()) continue;
      for (const auto index : found->second) {
        const auto& rule = rules_->all[index];
        if (rules_->matches_at(rule, sent, at)) sids.push_back(rule.sid);
      }
    }
  }
  std::ranges::sort(sids);
  sids.erase(std::ranges::unique(sids).begin(), sids.end());
  return sids;
}

}  // namespace intelwall::rules
