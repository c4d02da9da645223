#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <tuple>

#include "core/utf8.hpp"
#include "intel/fql.hpp"
#include "intel/fql_check.hpp"
#include "intel/fql_moment.hpp"
#include "intel/fql_schema.hpp"

namespace intelwall::fql {

namespace {

constexpr std::size_t longest_number = 32;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}
bool is_letter(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_quote(char c) {
  return c == '\'' || c == '"';
}

/// -12, 0.5
bool is_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const auto whole = std::min(text.find('.'), text.size());
  const auto fraction = whole == text.size() ? std::string_view("0") : text.substr(whole + 1);
  const auto digits = [](std::string_view part) { return !part.empty() && std::ranges::all_of(part, is_digit); };
  return digits(text.substr(0, whole)) && digits(fraction);
}

struct Spelling {
  std::string_view text;
  Relation relation;
  bool negated = false;
};
// The longest first.
constexpr Spelling spellings[] = {
    {"!~", Relation::text_match, true},
    {"!*", Relation::wildcard, true},
    {">=", Relation::greater_equal},
    {"=>", Relation::greater_equal},
    {"<=", Relation::less_equal},
    {"=<", Relation::less_equal},
    {"!", Relation::equal, true},
    {">", Relation::greater},
    {"<", Relation::less},
    {"=", Relation::equal},
    {"~", Relation::text_match},
    {"*", Relation::wildcard},
};

/// By recursive descent: any = all {"," all}; all = term {"+" term}; term = {"!"} ("(" any ")" | condition).
/// A prefix `!` is pushed down to the conditions as the tree is built, so the tree has none.
class Parser {
 public:
  Parser(std::string_view text, const ParseOptions& options) : text_(text), end_(text.size()), options_(options) {}

  std::expected<Filter, Remark> run() {
    if (!take_whole()) return std::unexpected(*fault_);
    Filter filter;
    if (!any_of(filter.root, 0, false)) return std::unexpected(*fault_);
    skip_blanks();
    if (at_ < end_) {
      bad_join();
      return std::unexpected(*fault_);
    }
    std::ranges::sort(warnings_, {}, [](const Remark& each) { return std::tie(each.column, each.message); });
    filter.warnings = std::move(warnings_);
    return filter;
  }

 private:
  // ---- reading

  char peek() const { return at_ < end_ ? text_[at_] : '\0'; }
  std::string_view rest() const { return text_.substr(at_, end_ - at_); }
  bool sees(std::string_view prefix) const { return rest().starts_with(prefix); }
  void skip_blanks() {
    while (at_ < end_ && is_blank(text_[at_])) ++at_;
  }
  bool take(char c) {
    if (at_ >= end_ || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  /// The word, sign or quoted thing at the front, for messages.
  std::string_view next_piece() const {
    const auto text = rest();
    std::size_t size = 0;
    while (size < text.size() && is_word(text[size])) ++size;
    if (size == 0) size = std::max<std::size_t>(first_code_point(text).size, 1);
    return text.substr(0, size);
  }
  std::string seen() const {
    return at_ >= end_ ? "the filter ends" : fmt::format("`{}` stands here", printable(next_piece(), 40));
  }

  // ---- saying

  std::size_t column(std::size_t at) const {
    const auto before = text_.substr(0, at);
    const auto starts = std::ranges::count_if(before, [](char c) { return (c & '\xc0') != '\x80'; });
    return static_cast<std::size_t>(starts) + 1;
  }
  bool fail_at(std::size_t at, std::string message, std::string hint) {
    fault_ = Remark{column(at), std::move(message), std::move(hint)};
    return false;
  }
  void warn_at(std::size_t at, std::string message, std::string hint) {
    warnings_.push_back({column(at), std::move(message), std::move(hint)});
  }

  // ---- the parts

  /// Refuses what no filter can be, and takes off quotes round the whole: no filter begins with one.
  bool take_whole() {
    if (text_.size() > max_bytes)
      return fail_at(0, fmt::format("the filter is {} bytes long, {} are allowed", text_.size(), max_bytes),
                     "split it into several filters");
    for (std::size_t at = 0; at < text_.size();) {
      const CodePoint c = first_code_point(text_.substr(at));
      if (c.size == 0) return fail_at(at, "this byte is not valid UTF-8", "save the filter as UTF-8");
      if ((c.value < 0x20 && !is_blank(static_cast<char>(c.value))) || c.value == 0x7f)
        return fail_at(at, fmt::format("there is a control character, code {}", static_cast<unsigned>(c.value)),
                       "remove it");
      at += c.size;
    }
    skip_blanks();
    while (end_ > at_ && is_blank(text_[end_ - 1])) --end_;
    if (!is_quote(peek())) return true;
    const char quote = peek();
    if (end_ - at_ < 2 || text_[end_ - 1] != quote)
      return fail_at(at_, fmt::format("{} opens here and does not end the filter", quote == '"' ? "`\"`" : "`'`"),
                     "quotes round the whole filter go at both of its ends; a property has none: type:'domain'");
    ++at_;
    --end_;
    while (end_ > at_ && is_blank(text_[end_ - 1])) --end_;
    return true;
  }

  bool any_of(Expression& out, std::size_t depth, bool negated) {
    bool trap = false;
    const std::size_t start = at_;
    const auto kind = negated ? Expression::Kind::all : Expression::Kind::any;
    const auto part = [&](Expression& each) { return all_of(each, depth, negated, trap); };
    std::size_t parts = 0;
    if (!sequence(out, kind, ',', parts, part)) return false;
    if (trap && parts > 1) {
      std::size_t first = start;
      while (first < end_ && is_blank(text_[first])) ++first;
      warn_at(first, "`+` binds tighter than `,`, and both stand here without parentheses",
              "a,b+c means a,(b+c): write the parentheses that you mean");
    }
    return true;
  }

  bool all_of(Expression& out, std::size_t depth, bool negated, bool& joined) {
    const auto kind = negated ? Expression::Kind::any : Expression::Kind::all;
    const auto part = [&](Expression& each) { return term(each, depth, negated); };
    std::size_t parts = 0;
    if (!sequence(out, kind, '+', parts, part)) return false;
    joined = joined || parts > 1;
    return true;
  }

  /// Parts joined by `separator` as one expression; parts of the same kind become its own.
  template <class Part>
  bool sequence(Expression& out, Expression::Kind kind, char separator, std::size_t& parts, Part part) {
    std::vector<Expression> found;
    do {
      Expression each;
      if (!part(each)) return false;
      ++parts;
      if (each.kind == kind) {
        std::ranges::move(each.parts, std::back_inserter(found));
      } else {
        found.push_back(std::move(each));
      }
      skip_blanks();
    } while (take(separator));
    if (found.size() == 1) {
      out = std::move(found.front());
    } else {
      out.kind = kind;
      out.parts = std::move(found);
    }
    return true;
  }

  bool term(Expression& out, std::size_t depth, bool negated) {
    skip_blanks();
    const std::size_t start = at_;
    bool prefixed = false;
    while (take('!')) {
      prefixed = true;
      negated = !negated;
      skip_blanks();
    }
    if (prefixed && at_ < end_)
      warn_at(start, "`!` in front is not in CrowdStrike's documentation", "write it behind the colon: prop:!'v'");
    const std::size_t open = at_;
    if (!take('(')) return condition(out.condition, negated);
    if (depth == max_depth)
      return fail_at(open, fmt::format("parentheses are nested deeper than {} levels", max_depth),
                     "most of them are not needed: (a+(b+c)) is a+b+c");
    if (!any_of(out, depth + 1, negated)) return false;
    skip_blanks();
    if (take(')')) return true;
    if (at_ < end_) return bad_join();
    return fail_at(open, "`(` is never closed", "add `)`");
  }

  bool condition(Condition& out, bool negated) {
    const std::size_t start = at_;
    if (!is_letter(peek())) return bad_property();
    while (is_word(peek()) || (peek() == '.' && at_ + 1 < end_ && is_word(text_[at_ + 1]))) ++at_;
    out.property = to_lower(text_.substr(start, at_ - start));
    const std::size_t property_end = at_;
    skip_blanks();
    if (!take(':')) return bad_colon(text_.substr(start, property_end - start));
    if (++conditions_ > max_conditions)
      return fail_at(start, fmt::format("a filter has at most {} properties, this is one more", max_conditions),
                     "name several values of one property in a list: type:['domain','url']");
    skip_blanks();
    if (!relation(out)) return false;
    if (negated) out.negated = !out.negated;
    skip_blanks();
    const std::size_t value_at = at_;
    if (peek() == '[' ? !list(out) : !single(out)) return false;
    if (auto remark = check_condition(out)) {
      remark->remark.column = column(remark->about == Subject::property ? start : value_at);
      if (remark->severity == Severity::error) {
        fault_ = std::move(remark->remark);
        return false;
      }
      warnings_.push_back(std::move(remark->remark));
    }
    return true;
  }

  bool relation(Condition& out) {
    if (sees("!=") || sees("<>"))
      return fail_at(at_, fmt::format("`{}` is not FQL", rest().substr(0, 2)), "not equal is `:!`: prop:!'v'");
    if (sees("==")) return fail_at(at_, "`==` is not FQL", "equal has no operator: prop:'v'");
    if (sees("=~")) return fail_at(at_, "`=~` is not FQL", "a text match is `:~`, a wildcard `:*`");
    if (sees("!>") || sees("!<"))
      return fail_at(at_, fmt::format("`{}` is not FQL", rest().substr(0, 2)),
                     sees("!>") ? "the opposite of `>` is `<=`" : "the opposite of `<` is `>=`");
    const auto* found = std::ranges::find_if(spellings, [&](const Spelling& s) { return sees(s.text); });
    if (found == std::end(spellings)) return true;
    out.relation = found->relation;
    out.negated = found->negated;
    const std::size_t start = at_;
    at_ += found->text.size();
    // A star with nothing behind it is the value `*`, not the operator.
    if (found->relation == Relation::wildcard && !starts_value()) {
      out.relation = Relation::equal;
      at_ = start + (found->negated ? 1 : 0);
      return true;
    }
    const std::size_t next = std::min(text_.find_first_not_of(" \t\r\n", at_), end_);
    const std::string_view behind = text_.substr(next, end_ - next);
    if (behind.starts_with('=') && (found->text == "<" || found->text == ">"))
      return fail_at(start, fmt::format("`{}` and `=` stand apart", found->text),
                     fmt::format("`=` belongs before the date: `:{}='…'`", found->text));
    if (!behind.empty() && std::string_view("=<>!~*").find(behind.front()) != std::string_view::npos &&
        !(behind.starts_with('*') && found->relation == Relation::equal))
      return fail_at(next, fmt::format("`{}` does not go behind `{}`", behind.front(), found->text),
                     "the operators are :  :!  :>  :>=  :<  :<=  :~  :!~  :*  :!*");
    return true;
  }

  bool starts_value() const {
    const std::size_t next = std::min(text_.find_first_not_of(" \t\r\n", at_), end_);
    return next < end_ && std::string_view("+,)]").find(text_[next]) == std::string_view::npos;
  }

  bool list(Condition& out) {
    const std::size_t open = at_++;
    out.brackets = Brackets::list;
    while (true) {
      skip_blanks();
      if (peek() == ']' && out.values.empty()) return fail_at(open, "the list is empty", "name a value: ['a','b']");
      if (at_ >= end_) return fail_at(open, "`[` is never closed", "add `]`");
      if (peek() == '[') return fail_at(at_, "a list holds values, not lists", "write one list: ['a','b']");
      if (!single(out)) return false;
      skip_blanks();
      if (take(']')) return true;
      if (!take(',')) {
        if (at_ >= end_) return fail_at(open, "`[` is never closed", "add `]`");
        return fail_at(at_, fmt::format("expected `,` or `]` in the list, but {}", seen()),
                       "values are separated by commas: ['a','b']");
      }
    }
  }

  bool single(Condition& out) {
    Value value;
    if (is_quote(peek()) ? !quoted(value.text) : !bare(value)) return false;
    if (value.kind == Value::Kind::text) resolve_placeholder(value.text);
    out.values.push_back(std::move(value));
    return true;
  }

  bool quoted(std::string& out) {
    const std::size_t open = at_;
    const char quote = text_[at_++];
    while (at_ < end_ && text_[at_] != quote) {
      if (text_[at_] == '\\' && at_ + 1 < end_ && (is_quote(text_[at_ + 1]) || text_[at_ + 1] == '\\')) ++at_;
      out += text_[at_++];
    }
    if (take(quote)) return true;
    const bool escaped = end_ >= 2 && text_[end_ - 1] == quote && text_[end_ - 2] == '\\';
    return fail_at(open, "this quote is never closed",
                   escaped ? "`\\` before a quote makes it part of the value: a value that ends in a backslash is "
                             "written '…\\\\'"
                           : fmt::format("add `{}` where the value ends", quote));
  }

  bool bare(Value& out) {
    const std::size_t start = at_;
    if (peek() == '{') {
      while (at_ < end_ && text_[at_] != '}') ++at_;
      if (!take('}')) return fail_at(start, "`{` is never closed", "the placeholders are {old_date} and {now-30d}");
      out.text = text_.substr(start, at_ - start);
      std::string resolved = out.text;
      if (resolve_placeholder(resolved)) return true;
      return fail_at(start, fmt::format("there is no placeholder `{}`", printable(out.text, 40)),
                     "there are {old_date}, {now} and {now-30d} (s, m, h, d, w)");
    }
    while (at_ < end_ && !is_blank(text_[at_]) &&
           std::string_view("+,()[]'\"").find(text_[at_]) == std::string_view::npos)
      ++at_;
    out.text = text_.substr(start, at_ - start);
    if (out.text == "*") return true;
    if (is_number(out.text) && out.text.size() <= longest_number) {
      out.kind = Value::Kind::number;
      return true;
    }
    const std::string word = to_lower(out.text);
    if (word == "true" || word == "false" || word == "null") {
      out.kind = word == "null" ? Value::Kind::null : Value::Kind::boolean;
      out.text = word;
      return true;
    }
    return bad_value(start, out.text);
  }

  /// `{old_date}`, `{now}`, `{now-30d}` become relative dates; any other text stays.
  bool resolve_placeholder(std::string& text) const {
    if (text.size() < 2 || text.front() != '{' || text.back() != '}') return false;
    const std::string_view inside = std::string_view(text).substr(1, text.size() - 2);
    if (inside == "old_date") {
      text = relative_text(-options_.old_date.count());
      return true;
    }
    const auto seconds = parse_relative(inside);
    if (!seconds) return false;
    text = std::string(inside);
    return true;
  }

  // ---- what went wrong

  /// Where a condition or a parenthesis has ended and neither `+`, `,` nor the end follows.
  bool bad_join() {
    const std::string_view piece = next_piece();
    const std::string word = to_lower(piece);
    const auto is_not_fql = [&](std::string_view text, std::string_view instead) {
      return fail_at(at_, fmt::format("`{}` is not FQL", text), fmt::format("use `{}`", instead));
    };
    if (word == "and") return is_not_fql(piece, "+");
    if (word == "or") return is_not_fql(piece, ",");
    if (word == "not") return fail_at(at_, fmt::format("`{}` is not FQL", piece), "use `+` and `:!`: a:'x'+b:!'y'");
    if (sees("&&") || sees("&")) return is_not_fql(sees("&&") ? "&&" : "&", "+");
    if (sees("||")) return is_not_fql("||", ",");
    if (sees("|"))
      return fail_at(at_, "`|` is not FQL", "pipes belong to event search; in a filter `,` is or and `+` is and");
    if (sees(")")) return fail_at(at_, "`)` closes nothing", "remove it, or add `(` before");
    if (sees("]")) return fail_at(at_, "`]` closes nothing", "remove it, or add `[` before the first value");
    if (is_quote(peek()))
      return fail_at(at_, "there is a quote behind the value", "a quote inside a value is written \\'");
    if (sees("=")) return fail_at(at_, "`=` stands behind the value", "`=` belongs before the date: `:<='…'`");
    if (sees(";")) return fail_at(at_, "`;` is not FQL", "use `+` for and, `,` for or");
    if (is_letter(peek()) || sees("("))
      return fail_at(at_, fmt::format("expected `+`, `,` or the end, but {}", seen()),
                     "join conditions by `+` (and) or `,` (or); in a URL `+` is written %2B");
    return fail_at(at_, fmt::format("expected `+`, `,` or the end, but {}", seen()),
                   "join conditions by `+` (and) or `,` (or)");
  }

  bool bad_property() {
    if (at_ >= end_) {
      const bool empty = text_.find_first_not_of(" \t\r\n\"'") >= text_.size();
      return fail_at(at_, empty ? "the filter is empty" : "expected a condition, but the filter ends",
                     "a condition is property:value, as in type:'domain'");
    }
    if (is_quote(peek()))
      return fail_at(at_, "expected a property, but a quote stands here", "properties have no quotes: type:'domain'");
    if (is_curly_quote()) return bad_curly_quote();
    if (is_digit(peek()))
      return fail_at(at_, fmt::format("a property starts with a letter or `_`, but {}", seen()),
                     "a condition is property:value, as in type:'domain'");
    return fail_at(at_, fmt::format("expected a property, but {}", seen()),
                   "a condition is property:value, as in type:'domain'");
  }

  bool bad_colon(std::string_view property) {
    const std::string word = to_lower(property);
    if (word == "not")
      return fail_at(at_ - 1, fmt::format("`{}` is not FQL", property), "not equal is `:!`: prop:!'v'");
    if (at_ < end_ && std::string_view("=<>!~*").find(peek()) != std::string_view::npos) {
      const auto stop = rest().find_first_not_of("=<>!~*");
      const auto given = rest().substr(0, stop);
      const auto wanted = given == "=" || given == "==" ? "" : given == "!=" || given == "<>" ? "!" : given;
      return fail_at(at_, fmt::format("expected `:` before `{}`", printable(given, 20)),
                     fmt::format("write {}:{}'…'", printable(property, 60), printable(wanted, 20)));
    }
    if (peek() == '.' && at_ + 1 < end_ && is_quote(text_[at_ + 1]))
      return fail_at(at_, "a part of a property's name is in quotes", "nested properties are written a.b:'v'");
    if (peek() == '%')
      return fail_at(at_, "the filter is still encoded for a URL", "decode it: %3A is `:`, %27 is `'`, %2B is `+`");
    if (is_quote(peek()) && at_ > 0)
      return fail_at(at_, fmt::format("expected `:` behind `{}`, but a quote stands here", printable(property, 60)),
                     "properties have no quotes: type:'domain'");
    const std::string next = to_lower(next_piece());
    if (next == "in") return fail_at(at_, "`in` is not FQL", "write a list: type:['domain','url']");
    if (next == "like") return fail_at(at_, "`like` is not FQL", "write a wildcard: indicator:*'*evil*'");
    return fail_at(at_, fmt::format("expected `:` behind `{}`, but {}", printable(property, 60), seen()),
                   "a condition is property:value, as in type:'domain'");
  }

  bool bad_value(std::size_t start, std::string_view text) {
    if (text.empty()) {
      if (at_ >= end_) return fail_at(start, "expected a value, but the filter ends", "as in type:'domain'");
      return fail_at(start, fmt::format("expected a value, but {}", seen()),
                     "values are 'text', numbers, dates like 'now-30d', true, false, null or a ['list']");
    }
    if (is_curly_quote_at(start)) {
      at_ = start;
      return bad_curly_quote();
    }
    if (is_number(text)) return fail_at(start, "this number is too long", fmt::format("quote it: '{}'", text));
    const auto minus = text_.substr(start, end_ - start);
    std::string_view whole = text;
    if (text == "now" && minus.starts_with("now+")) whole = minus.substr(0, minus.find_first_of(" ,()[]'\"", 0));
    return fail_at(start, fmt::format("`{}` needs quotes", printable(whole, 40)),
                   fmt::format("write '{}'", printable(whole, 40)));
  }

  bool is_curly_quote() const { return is_curly_quote_at(at_); }
  bool is_curly_quote_at(std::size_t at) const {
    const char32_t c = at < end_ ? first_code_point(text_.substr(at, end_ - at)).value : U'\0';
    return c == U'`' || (c >= U'\u2018' && c <= U'\u201f') || c == U'\u00b4';
  }
  bool bad_curly_quote() {
    return fail_at(at_, "this is a typographic quote", "quote with ' or \": a word processor may have changed them");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t end_;
  const ParseOptions& options_;
  std::size_t conditions_ = 0;
  std::optional<Remark> fault_;
  std::vector<Remark> warnings_;
};

}  // namespace

std::expected<Filter, Remark> read(std::string_view text, const ParseOptions& options) {
  return Parser(text, options).run();
}

Result<Filter> parse(std::string_view text, const ParseOptions& options) {
  auto filter = read(text, options);
  if (filter) return *std::move(filter);
  auto& fault = filter.error();
  return fail(ErrorCode::invalid_input, std::move(fault.message), fmt::format("FQL column {}", fault.column),
              std::move(fault.hint));
}

}  // namespace intelwall::fql
