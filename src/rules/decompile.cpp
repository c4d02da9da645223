#include "rules/decompile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "rules/compile_text.hpp"
#include "rules/pack_regex.hpp"

namespace intelwall::rules {
namespace {

constexpr std::string_view not_ours = "this is no rule that intelwall compiles";

struct Name {
  std::string text;
  Scope scope;
  auto operator<=>(const Name&) const = default;
};
using Names = std::vector<Name>;

/// A line's text, taken piece by piece from the front.
class Text {
 public:
  explicit Text(std::string_view text) : rest_(text) {}

  bool take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  /// What stands before `stop`, and `stop` with it.
  std::optional<std::string_view> take_until(std::string_view stop) {
    const auto end = rest_.find(stop);
    if (end == std::string_view::npos) return std::nullopt;
    const auto text = rest_.substr(0, end);
    rest_.remove_prefix(end + stop.size());
    return text;
  }
  /// "sid:1000000000; rev:1;)" and no more.
  bool take_sid() {
    return take("sid:") && rest_.size() == sid_bytes - 4 && rest_.find_first_not_of("0123456789") == 10 &&
           rest_.ends_with("; rev:1;)");
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

std::optional<Carrier> take_head(Text& text) {
  if (!text.take("alert ") && !text.take("drop ") && !text.take("reject ")) return std::nullopt;
  for (const auto carrier : {Carrier::tls, Carrier::http, Carrier::dns, Carrier::quic}) {
    if (!text.take(to_string(carrier)) || !text.take(" ")) continue;
    const auto source = text.take_until(" any -> any any (msg:\"intelwall ");
    const auto message = text.take_until("\"; flow:to_server; ");
    if (!source || !message || !text.take(buffer_of(carrier))) return std::nullopt;
    return carrier;
  }
  return std::nullopt;
}

/// The names of a packed or plain rule, after its head. False: it is not ours.
bool read_matching(Text text, Carrier carrier, Names& names, bool& packed) {
  if (!text.take("dotprefix; content:\"")) return false;
  const auto content = text.take_until("\"; nocase; ");
  if (!content) return false;
  if (content->starts_with('.')) {
    // A plain rule's content is a whole name; a suffix may begin with a dot, too.
    auto plain = text;
    const auto scope = plain.take("startswith; ") ? Scope::exact : Scope::subdomains;
    if (plain.take(name_end_of(carrier)) && plain.take_sid()) {
      names.push_back({std::string(content->substr(1)), scope});
      return true;
    }
  }
  if (!text.take(content_end_of(carrier)) || !text.take("pcre:\"/")) return false;
  static_cast<void>(text.take("(*NO_JIT)"));
  const auto scope = text.take("^") ? Scope::exact : Scope::subdomains;
  std::string end;
  append_escaped(end, *content);
  end += regex_end_of(carrier);
  if (!text.take("\\.")) return false;
  const auto at = text.rest().rfind(end);
  if (at == std::string_view::npos) return false;
  const auto regex = text.rest().substr(0, at);
  Text after(text.rest().substr(at + end.size()));
  std::vector<std::string> words;
  if (!after.take_sid() || !read_words_regex(regex, max_rule_bytes, words)) return false;
  for (const auto& word : words) names.push_back({word + std::string(*content), scope});
  packed = true;
  return true;
}

std::optional<std::string> from_base64(std::string_view text) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 4) {
    auto four = text.substr(i, 4);
    if (i + 4 == text.size()) four = four.substr(0, four.find('='));
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const auto digit = j < four.size() ? digits.find(four[j]) : 0;
      if (digit == std::string_view::npos) return std::nullopt;
      bits = bits << 6 | static_cast<std::uint32_t>(digit);
    }
    if (four.size() < 2) return std::nullopt;
    for (std::size_t j = 0; j + 1 < four.size(); ++j) out += static_cast<char>(bits >> (16 - 8 * j) & 0xff);
  }
  return out;
}

class Reader {
 public:
  Result<Decompiled> read(std::span<const CompiledFile> files) {
    for (const auto& file : files) {
      if (file.name.ends_with(".lst")) {
        IW_CHECK(each_line(file, [&](std::string_view line) { return read_data(file, line); }));
      }
    }
    for (const auto& file : files) {
      if (file.name.ends_with(".rules")) {
        IW_CHECK(each_line(file, [&](std::string_view line) { return read_rule(line); }));
      } else if (file.name.ends_with(".json")) {
        IW_CHECK(read_domain_list(file));
      }
    }
    return merge();
  }

 private:
  template <class Read>
  static Result<void> each_line(const CompiledFile& file, Read read) {
    const std::string_view text = file.content;
    std::size_t number = 0;
    for (std::size_t at = 0; at < text.size();) {
      const auto end = std::min(text.find('\n', at), text.size());
      const auto line = text.substr(at, end - at);
      at = end + 1;
      ++number;
      if (line.empty() || line.starts_with('#')) continue;
      if (const auto problem = read(line)) {
        return fail(ErrorCode::invalid_input, fmt::format("{}: {}", *problem, printable(line)),
                    fmt::format("{}, line {}", file.name, number), "compile the list again");
      }
    }
    return {};
  }

  using Problem = std::optional<std::string_view>;

  Problem read_rule(std::string_view line) {
    Text text(line);
    const auto carrier = take_head(text);
    if (!carrier) return not_ours;
    if (text.rest().starts_with("to_lowercase; ")) return read_dataset_rule(text, *carrier);
    auto& names = by_carrier_[*carrier];
    const auto first = names.size();
    bool packed = false;
    if (!read_matching(text, *carrier, names, packed)) return not_ours;
    if (packed) format_ = CompileFormat::packed;
    // Real lists have far more names than rules; that the rules' texts are names is proven here.
    for (auto i = first; i < names.size(); ++i) {
      const auto name = DomainName::parse(names[i].text);
      if (!name || name->text() != names[i].text) return "the rule holds text that is no domain name";
    }
    return std::nullopt;
  }

  Problem read_dataset_rule(Text text, Carrier carrier) {
    const bool whole =
        text.take("to_lowercase; pcrexform:\"^(.+?)\\.?$\"; dataset:isset,iw_exact,type string,load exact.lst,");
    std::size_t dots = 0;
    if (!whole) {
      if (!text.take("to_lowercase; pcrexform:\"((?:[^.]+\\.){")) return not_ours;
      const auto digits = text.take_until("}[^.]+)\\.?$\"; dataset:isset,iw_domains,type string,load domains.lst,");
      if (!digits || digits->empty() || digits->size() > 3 ||
          digits->find_first_not_of("0123456789") != std::string::npos)
        return not_ours;
      for (const char c : *digits) dots = 10 * dots + static_cast<std::size_t>(c - '0');
    }
    const auto sizes = text.take_until("; sid:");
    if (!sizes || !sizes->starts_with("memcap ")) return not_ours;
    format_ = CompileFormat::dataset;
    auto& names = by_carrier_[carrier];
    for (const auto& name : data_[whole ? Scope::exact : Scope::subdomains]) {
      if (whole || static_cast<std::size_t>(std::ranges::count(name, '.')) == dots)
        names.push_back({name, whole ? Scope::exact : Scope::subdomains});
    }
    return std::nullopt;
  }

  Problem read_data(const CompiledFile& file, std::string_view line) {
    const auto text = from_base64(line);
    const auto name = text ? DomainName::parse(*text) : fail(ErrorCode::invalid_input, "");
    if (!name || name->text() != *text) return "this is no name in base64";
    data_[file.name == "exact.lst" ? Scope::exact : Scope::subdomains].insert(*text);
    return std::nullopt;
  }

  /// The JSON that compile() writes: a target a line between the first line and the last.
  Result<void> read_domain_list(const CompiledFile& file) {
    bool inside = false;
    bool http = false;
    bool tls = false;
    Names names;
    IW_CHECK(each_line(file, [&](std::string_view line) -> Problem {
      if (line == "{\"RulesSource\":{\"RulesSourceList\":{\"Targets\":[") {
        inside = true;
        return std::nullopt;
      }
      if (!inside) return "this is no domain list that intelwall compiles";
      if (line.starts_with("],\"TargetTypes\":[")) {
        inside = false;
        tls = line.contains("\"TLS_SNI\"");
        http = line.contains("\"HTTP_HOST\"");
        return std::nullopt;
      }
      if (line.ends_with(',')) line.remove_suffix(1);
      if (line.size() < 2 || !line.starts_with('"') || !line.ends_with('"')) return "this is no target";
      const auto domain = from_target(line.substr(1, line.size() - 2));
      if (!domain) return "this is no target of ours";
      names.push_back({domain->name.text(), domain->scope});
      return std::nullopt;
    }));
    if (inside || (!tls && !http))
      return fail(ErrorCode::invalid_input, "the domain list does not end", file.name, "compile the list again");
    format_ = CompileFormat::domain_list;
    for (const auto carrier : {Carrier::tls, Carrier::http}) {
      if (carrier == Carrier::tls ? tls : http) std::ranges::copy(names, std::back_inserter(by_carrier_[carrier]));
    }
    return {};
  }

  Result<Decompiled> merge() {
    Decompiled out{.domains = {}, .format = format_};
    const Names* all = nullptr;
    Carrier first{};
    for (auto& [carrier, names] : by_carrier_) {
      std::ranges::sort(names);
      names.erase(std::ranges::unique(names).begin(), names.end());
      if (all == nullptr) {
        all = &names;
        first = carrier;
      } else if (names != *all) {
        const auto& [text, scope] = first_difference(*all, names);
        return fail(ErrorCode::invalid_input,
                    fmt::format("the rules for {} and for {} differ, for example in {}", to_string(first),
                                to_string(carrier), text),
                    {}, "compile the list again");
      }
    }
    if (all == nullptr) return out;
    for (const auto& [text, scope] : *all) out.domains.add(*DomainName::parse(text), scope);
    return out;
  }

  static const Name& first_difference(const Names& a, const Names& b) {
    const auto [left, right] = std::ranges::mismatch(a, b);
    if (left == a.end()) return *right;
    if (right == b.end()) return *left;
    return std::min(*left, *right);
  }

  std::map<Carrier, Names> by_carrier_;
  std::map<Scope, std::set<std::string>> data_;
  CompileFormat format_ = CompileFormat::suricata;
};

}  // namespace

Result<Decompiled> decompile(std::span<const CompiledFile> files) {
  return Reader().read(files);
}

}  // namespace intelwall::rules
