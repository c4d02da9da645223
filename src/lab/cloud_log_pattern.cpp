#include "lab/cloud_log_pattern.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "core/result.hpp"

namespace intelwall::lab {
namespace {

constexpr std::size_t pattern_bytes = 1024;  // the model's limit
constexpr int max_nesting = 32;

std::unexpected<ApiError> invalid(const std::string& reason) {
  return refuse("InvalidParameterException", "Invalid filter pattern: " + reason);
}

bool is_name_byte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return {};
  return value;
}

}  // namespace

/// Recursive descent over one pattern.
class LogPatternParser {
 public:
  explicit LogPatternParser(std::string_view text) : text_(text) {}

  ApiResult<LogPattern> pattern() {
    LogPattern made;
    skip_spaces();
    if (take("{")) {
      made.form_ = LogPattern::Form::json;
      IW_TRY(made.root_, any(0));
      if (!take("}")) return unexpected("a }");
    } else {
      if (sees('[')) return invalid("the lab has no space-delimited patterns");
      IW_CHECK(terms(made));
    }
    skip_spaces();
    if (at_ != text_.size()) return unexpected("its end");
    return made;
  }

 private:
  using Node = LogPattern::Node;
  using Relation = LogPattern::Relation;

  std::unexpected<ApiError> unexpected(const char* wanted) const {
    return invalid(fmt::format("at byte {} {} was expected", at_, wanted));
  }
  bool sees(char c) const { return at_ < text_.size() && text_[at_] == c; }
  void skip_spaces() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  bool take(std::string_view token) {
    skip_spaces();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  bool take_word(std::string_view word) {
    const std::size_t before = at_;
    if (take(word) && (at_ == text_.size() || !is_name_byte(text_[at_]))) return true;
    at_ = before;
    return false;
  }

  ApiResult<void> terms(LogPattern& made) {
    while (true) {
      skip_spaces();
      if (at_ == text_.size()) return {};
      if (sees('%')) return invalid("the lab has no regular expressions");
      std::vector<std::string>* kind = &made.required_;
      if (sees('?') || sees('-')) kind = text_[at_++] == '?' ? &made.optional_ : &made.excluded_;
      std::string term;
      if (sees('"')) {
        IW_TRY(term, quoted());
      } else {
        while (at_ < text_.size() && !is_space(text_[at_])) term += text_[at_++];
      }
      if (term.empty()) return unexpected("a term");
      kind->push_back(std::move(term));
    }
  }

  ApiResult<std::string> quoted() {
    std::string out;
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out += text_[at_];
    }
    if (at_ == text_.size()) return unexpected("a closing quotation mark");
    ++at_;
    return out;
  }

  ApiResult<Node> any(int depth) { return chain(depth, "||", Node::Kind::any); }

  /// Parts with one operator between them; `&&` binds closer than `||`.
  ApiResult<Node> chain(int depth, std::string_view between, Node::Kind kind) {
    Node node;
    node.kind = kind;
    do {
      IW_TRY(Node part, kind == Node::Kind::any ? chain(depth, "&&", Node::Kind::all) : primary(depth));
      node.parts.push_back(std::move(part));
    } while (take(between));
    return node;
  }

  ApiResult<Node> primary(int depth) {
    if (!take("(")) return condition();
    if (depth == max_nesting) return invalid("it nests too deeply");
    IW_TRY(Node inner, any(depth + 1));
    if (!take(")")) return unexpected("a )");
    return inner;
  }

  ApiResult<Node> condition() {
    Node node;
    IW_TRY(node.selector, selector());
    static constexpr std::array<std::pair<std::string_view, Relation>, 6> relations{{{"!=", Relation::unequal},
                                                                                     {"<=", Relation::less_equal},
                                                                                     {">=", Relation::greater_equal},
                                                                                     {"=", Relation::equal},
                                                                                     {"<", Relation::less},
                                                                                     {">", Relation::greater}}};
    for (const auto& [token, relation] : relations) {
      if (!take(token)) continue;
      node.relation = relation;
      IW_CHECK(value(node));
      return node;
    }
    if (take_word("IS")) {
      node.relation = take_word("NULL")    ? Relation::is_null
                      : take_word("TRUE")  ? Relation::is_true
                      : take_word("FALSE") ? Relation::is_false
                                           : Relation::equal;
      if (node.relation == Relation::equal) return unexpected("NULL, TRUE or FALSE");
      return node;
    }
    if (!take_word("NOT") || !take_word("EXISTS")) return unexpected("a comparison");
    node.relation = Relation::absent;
    return node;
  }

  ApiResult<void> value(Node& node) {
    skip_spaces();
    const bool is_ordered = node.relation != Relation::equal && node.relation != Relation::unequal;
    if (sees('%')) return invalid("the lab has no regular expressions");
    if (sees('"') && !is_ordered) {
      IW_TRY(node.value, quoted());
      return {};
    }
    while (at_ < text_.size() && !is_space(text_[at_]) && !std::string_view("(){}|&=<>!\"").contains(text_[at_]))
      node.value += text_[at_++];
    const auto number = number_of(node.value);
    if (node.value.empty() || (is_ordered && !number)) return unexpected(is_ordered ? "a number" : "a value");
    if (!number) return {};
    node.compare = Node::Compare::number;
    node.number = *number;
    return {};
  }

  ApiResult<std::vector<LogPattern::Step>> selector() {
    using Step = LogPattern::Step;
    std::vector<Step> steps;
    if (!take("$")) return unexpected("a selector, such as $.name,");
    while (sees('.') || sees('[')) {
      Step step;
      if (text_[at_++] == '.') {
        while (at_ < text_.size() && is_name_byte(text_[at_])) step.name += text_[at_++];
        if (step.name.empty()) return unexpected("a name");
      } else if (sees('"') || sees('\'')) {
        const char quote = text_[at_++];
        while (at_ < text_.size() && text_[at_] != quote) step.name += text_[at_++];
        if (!take_exactly(quote) || !take_exactly(']')) return unexpected("the end of a name in brackets");
      } else if (sees('*')) {
        ++at_;
        step.kind = Step::Kind::each;
        if (!take_exactly(']')) return unexpected("a ]");
      } else {
        step.kind = Step::Kind::index;
        const char* const end = text_.data() + text_.size();
        const auto parsed = std::from_chars(text_.data() + at_, end, step.index);
        if (parsed.ec != std::errc()) return unexpected("an index");
        at_ = static_cast<std::size_t>(parsed.ptr - text_.data());
        if (!take_exactly(']')) return unexpected("a ]");
      }
      steps.push_back(std::move(step));
    }
    if (steps.empty()) return unexpected("a .name or [index]");
    return steps;
  }
  bool take_exactly(char c) {
    if (!sees(c)) return false;
    ++at_;
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

ApiResult<LogPattern> LogPattern::parse(std::string_view text) {
  if (text.size() > pattern_bytes) return invalid("it is longer than 1024 bytes");
  return LogPatternParser(text).pattern();
}

bool matches_stars(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool LogPattern::matches(std::string_view message) const {
  if (form_ == Form::json) {
    // Empty text is an empty object to parse_json.
    const ApiAnswer document = message.empty() ? ApiAnswer(Json()) : parse_json(message);
    return document && document->is_structured() && holds(root_, *document);
  }
  const auto is_there = [message](const std::string& term) { return message.contains(term); };
  if (!std::ranges::all_of(required_, is_there) || std::ranges::any_of(excluded_, is_there)) return false;
  // Beside terms of another kind the optional ones say nothing.
  return optional_.empty() || !required_.empty() || !excluded_.empty() || std::ranges::any_of(optional_, is_there);
}

bool LogPattern::holds(const Node& node, const Json& document) {
  const auto part_holds = [&document](const Node& part) { return holds(part, document); };
  if (node.kind == Node::Kind::all) return std::ranges::all_of(node.parts, part_holds);
  if (node.kind == Node::Kind::any) return std::ranges::any_of(node.parts, part_holds);
  return any_selected(node, document, 0) != (node.relation == Relation::absent);
}

/// Whether the condition holds for a value that the selector leads to; of `absent`: whether there is one at all.
bool LogPattern::any_selected(const Node& node, const Json& value, std::size_t step) {
  if (step == node.selector.size()) return node.relation == Relation::absent || holds_for(node, value);
  const Step& next = node.selector[step];
  switch (next.kind) {
    case Step::Kind::member: {
      if (!value.is_object()) return false;
      const auto found = value.find(next.name);
      return found != value.end() && any_selected(node, *found, step + 1);
    }
    case Step::Kind::index:
      return value.is_array() && next.index < value.size() && any_selected(node, value[next.index], step + 1);
    case Step::Kind::each:
      return value.is_array() &&
             std::ranges::any_of(value, [&](const Json& element) { return any_selected(node, element, step + 1); });
  }
  return false;
}

bool LogPattern::holds_for(const Node& node, const Json& value) {
  if (node.relation == Relation::is_null) return value.is_null();
  if (node.relation == Relation::is_true) return value == true;
  if (node.relation == Relation::is_false) return value == false;
  if (value.is_null() || value.is_structured()) return false;  // what is no scalar compares with nothing
  const bool as_numbers = node.compare == Node::Compare::number && value.is_number();
  const double number = as_numbers ? value.get<double>() : 0;
  switch (node.relation) {
    case Relation::less:
      return as_numbers && number < node.number;
    case Relation::less_equal:
      return as_numbers && number <= node.number;
    case Relation::greater:
      return as_numbers && number > node.number;
    case Relation::greater_equal:
      return as_numbers && number >= node.number;
    default: {
      const bool equal = as_numbers ? number == node.number
                                    : matches_stars(node.value, value.is_string() ? value.get_ref<const std::string&>()
                                                                                  : value.dump());
      return equal == (node.relation == Relation::equal);
    }
  }
}

}  // namespace intelwall::lab
