#include "intel/stix_pattern.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "intel/fql_schema.hpp"

namespace intelwall::intel {
namespace {

constexpr std::size_t most_bytes = 64u << 10;
constexpr int most_depth = 32;

bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/// `file:hashes.'SHA-256'` and `file:hashes."SHA-256"` are the same path.
std::string plain_path(std::string_view path) {
  std::string plain;
  for (const char c : path)
    if (c != '\'' && c != '"') plain += fql::to_lower(std::string_view(&c, 1));
  return plain;
}

std::string type_of(std::string_view written, std::string_view value) {
  constexpr std::pair<std::string_view, std::string_view> types[] = {
      {"domain-name:value", "domain"},        {"url:value", "url"},
      {"ipv4-addr:value", "ip_address"},      {"ipv6-addr:value", "ip_address"},
      {"file:hashes.sha-256", "hash_sha256"}, {"file:hashes.sha256", "hash_sha256"},
      {"file:hashes.sha-1", "hash_sha1"},     {"file:hashes.sha1", "hash_sha1"},
      {"file:hashes.md5", "hash_md5"},        {"file:name", "file_name"},
      {"email-addr:value", "email_address"},  {"email-message:subject", "email_subject"},
      {"mutex:name", "mutex_name"},           {"windows-registry-key:key", "registry"}};
  const std::string path = plain_path(written);
  const auto* known = std::ranges::find(types, path, &std::pair<std::string_view, std::string_view>::first);
  if (known == std::end(types)) return {};
  if (known->second == "ip_address" && value.contains('/')) return "ip_address_block";
  return std::string(known->second);
}

class Parser {
 public:
  explicit Parser(std::string_view pattern) : text_(pattern) {}

  Result<std::vector<StixObservable>> run() {
    IW_CHECK(alternatives(0, Level::pattern));
    skip_blanks();
    if (at_ < text_.size()) return unexpected("the end");
    return std::move(found_);
  }

 private:
  enum class Level { pattern, observation };

  std::unexpected<Error> refuse(std::string message) const {
    return fail(ErrorCode::invalid_input, std::move(message), fmt::format("pattern, byte {}", at_ + 1));
  }
  std::unexpected<Error> unexpected(std::string_view wanted) {
    const std::string_view word = peek_word();
    constexpr std::string_view telling[] = {
        "AND",   "FOLLOWEDBY", "LIKE",   "MATCHES",    "NOT", "!=", "WITHIN", "REPEATS",
        "START", "ISSUBSET",   "EXISTS", "ISSUPERSET", ">",   "<",  ">=",     "<="};
    for (const auto each : telling)
      if (fql::equal_ignoring_case(word, each))
        return refuse(fmt::format("the pattern asks for more than one of several values ({})", each));
    return refuse(fmt::format("the pattern has \"{}\" where {} should be", printable(text_.substr(at_), 20), wanted));
  }

  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }
  bool take(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::string_view peek_word() {
    skip_blanks();
    std::size_t end = at_;
    while (end < text_.size() && !is_blank(text_[end]) &&
           std::string_view("[]()',").find(text_[end]) == std::string_view::npos)
      ++end;
    return text_.substr(at_, end - at_);
  }
  bool take_word(std::string_view word) {
    if (!fql::equal_ignoring_case(peek_word(), word)) return false;
    at_ += word.size();
    return true;
  }

  /// Alternatives of brackets, or of comparisons inside them.
  Result<void> alternatives(int depth, Level level) {
    if (depth > most_depth) return refuse("the pattern is nested too deep");
    do {
      if (take('(')) {
        IW_CHECK(alternatives(depth + 1, level));
        if (!take(')')) return unexpected("a \")\" or OR");
      } else if (level == Level::observation) {
        IW_CHECK(comparison());
      } else {
        if (!take('[')) return unexpected("a \"[\"");
        IW_CHECK(alternatives(depth + 1, Level::observation));
        if (!take(']')) return unexpected("a \"]\" or OR");
      }
    } while (take_word("OR"));
    return {};
  }

  Result<void> comparison() {
    IW_TRY(const std::string_view path, object_path());
    if (take('=')) {
      if (at_ < text_.size() && text_[at_] == '=') ++at_;  // `==` is an old spelling
      return value_of(path);
    }
    if (!take_word("IN")) return unexpected("= or IN");
    if (!take('(')) return unexpected("a \"(\"");
    do {
      IW_CHECK(value_of(path));
    } while (take(','));
    if (!take(')')) return unexpected("a \")\" or a comma");
    return {};
  }

  Result<std::string_view> object_path() {
    skip_blanks();
    const std::size_t begin = at_;
    char quote = '\0';
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (quote != '\0') {
        if (c == quote) quote = '\0';
      } else if (c == '\'' || c == '"') {
        quote = c;
      } else if (is_blank(c) || std::string_view("=!<>()").find(c) != std::string_view::npos ||
                 (c == ']' && text_.substr(begin, at_ - begin).find('[') == std::string_view::npos)) {
        break;
      }
    }
    const std::string_view path = text_.substr(begin, at_ - begin);
    if (path.find(':') == std::string_view::npos) {
      at_ = begin;
      return unexpected("a path as domain-name:value");
    }
    return path;
  }

  Result<void> value_of(std::string_view path) {
    skip_blanks();
    if (!take('\'')) {
      if (const auto word = peek_word(); !word.empty() && type_of(path, "").empty()) {  // a number, a truth, a time
        at_ += word.size();
        if (at_ < text_.size() && text_[at_] == '\'') return value_of(path);  // t'…', h'…', b'…'
        found_.push_back({{}, std::string(word)});
        return {};
      }
      return unexpected("a value in quotes");
    }
    std::string value;
    for (; at_ < text_.size() && text_[at_] != '\''; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      value += text_[at_];
    }
    if (!take('\'')) return refuse("a value's quote does not close");
    std::string type = type_of(path, value);
    found_.push_back({std::move(type), std::move(value)});
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<StixObservable> found_;
};

}  // namespace

Result<std::vector<StixObservable>> read_stix_pattern(std::string_view pattern) {
  if (pattern.size() > most_bytes)
    return fail(ErrorCode::invalid_input, fmt::format("the pattern is longer than {} bytes", most_bytes), "pattern");
  return Parser(pattern).run();
}

}  // namespace intelwall::intel
