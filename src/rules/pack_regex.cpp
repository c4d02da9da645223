#include "rules/pack_regex.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace intelwall::rules {
namespace {

/// More branches than this are found by halving.
constexpr std::size_t few_branches = 5;
/// The engine allows 250 nested parentheses; deeper branches are written out word by word.
constexpr std::size_t max_nesting = 200;

constexpr std::string_view alphabet = "-.0123456789_abcdefghijklmnopqrstuvwxyz";

/// Characters of names that follow each other in ASCII, where a range of a class may span.
constexpr std::array<std::string_view, 2> ranges = {"0123456789", "abcdefghijklmnopqrstuvwxyz"};

/// A set of characters that have the same rest behind them.
struct Branch {
  std::string characters;  ///< sorted
  std::string rest;
};

/// A class that has all of `in` and none of `out`; characters of neither may be in it, which keeps it short.
void append_class(std::string& text, std::string_view in, std::string_view out) {
  text += '[';
  for (const auto range : ranges) {
    for (std::size_t i = 0; i < range.size(); ++i) {
      if (!in.contains(range[i])) continue;
      auto last = i;
      for (auto j = i + 1; j < range.size() && !out.contains(range[j]); ++j) {
        if (in.contains(range[j])) last = j;
      }
      text += range[i];
      if (last > i + 1) text += '-';
      if (last > i) text += range[last];
      i = last;
    }
  }
  for (const char c : std::string_view("_.-")) {
    if (in.contains(c)) text += c;
  }
  text += ']';
}

/// The characters of the alphabet that `in` lacks: a class that stands in a word must not have one too many.
std::string others(std::string_view in) {
  std::string out;
  for (const char c : alphabet) {
    if (!in.contains(c)) out += c;
  }
  return out;
}

class Writer {
 public:
  Writer(std::string& out, std::span<const std::string_view> words) : out_(out), words_(words) {}

  void write_all() { write(0, words_.size(), 0, 0); }

 private:
  /// The words of [first, last), which agree in their first `depth` bytes, from there on.
  void write(std::size_t first, std::size_t last, std::size_t depth, std::size_t nesting) {
    const auto begin = words_[first];
    const auto end = words_[last - 1];
    const auto shared = static_cast<std::size_t>(std::ranges::mismatch(begin, end).in1 - begin.begin());
    append_escaped(out_, begin.substr(depth, shared - depth));
    if (last - first == 1) return;
    const bool may_end = begin.size() == shared;
    auto branches = nesting < max_nesting ? fork(first + (may_end ? 1 : 0), last, shared, nesting + 1)
                                          : spell(first + (may_end ? 1 : 0), last, shared);
    if (branches.size() == 1 && !may_end) {
      append_branch(branches[0]);
    } else if (branches.size() == 1 && branches[0].rest.empty()) {
      append_branch(branches[0]);
      out_ += '?';
    } else if (nesting == 0 && !may_end && branches.size() > few_branches) {
      halve(branches);
    } else {
      append_group(branches);
      if (may_end) out_ += '?';
    }
  }

  /// The branches at `depth`, those with equal rests made one.
  std::vector<Branch> fork(std::size_t first, std::size_t last, std::size_t depth, std::size_t nesting) {
    std::vector<Branch> branches;
    for (auto begin = first; begin < last;) {
      const char c = words_[begin][depth];
      auto end = begin + 1;
      while (end < last && words_[end][depth] == c) ++end;
      const auto mark = out_.size();
      write(begin, end, depth + 1, nesting);
      const auto rest = std::string_view(out_).substr(mark);
      const auto same = std::ranges::find(branches, rest, &Branch::rest);
      if (same == branches.end()) {
        branches.push_back({std::string(1, c), std::string(rest)});
      } else {
        same->characters += c;
      }
      out_.resize(mark);
      begin = end;
    }
    return branches;
  }

  std::vector<Branch> spell(std::size_t first, std::size_t last, std::size_t depth) {
    std::vector<Branch> branches;
    for (auto i = first; i < last; ++i) {
      Branch branch{std::string(1, words_[i][depth]), {}};
      append_escaped(branch.rest, words_[i].substr(depth + 1));
      branches.push_back(std::move(branch));
    }
    return branches;
  }

  void append_branch(const Branch& branch) {
    if (branch.characters.size() == 1) {
      append_escaped(out_, branch.characters);
    } else {
      append_class(out_, branch.characters, others(branch.characters));
    }
    out_ += branch.rest;
  }

  void append_group(std::span<const Branch> branches) {
    out_ += "(?:";
    for (const auto& branch : branches) {
      if (&branch != branches.data()) out_ += '|';
      append_branch(branch);
    }
    out_ += ')';
  }

  static std::string characters_of(std::span<const Branch> branches) {
    std::string all;
    for (const auto& branch : branches) all += branch.characters;
    return all;
  }

  /// "(?(?=[a-m])…|…)": the engine looks at one character and goes one way.
  void halve(std::span<const Branch> branches) {
    if (branches.size() <= few_branches) {
      if (branches.size() == 1) {
        append_branch(branches[0]);
      } else {
        append_group(branches);
      }
      return;
    }
    const auto half = branches.size() / 2;
    const auto left = branches.first(half);
    const auto right = branches.subspan(half);
    out_ += "(?(?=";
    append_class(out_, characters_of(left), characters_of(right));
    out_ += ')';
    halve(left);
    out_ += '|';
    halve(right);
    out_ += ')';
  }

  std::string& out_;
  std::span<const std::string_view> words_;
};

/// Reads what Writer writes, and a little more: whether it is just that is for the caller to see.
class Reader {
 public:
  Reader(std::string_view regex, std::size_t limit) : rest_(regex), limit_(limit) {}

  bool read_all(std::vector<std::string>& words) {
    words = sequence(0);
    return !failed_ && rest_.empty();
  }

 private:
  using Words = std::vector<std::string>;

  bool take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  Words fail() {
    failed_ = true;
    return {};
  }

  /// All words that a sequence of items stands for.
  Words sequence(std::size_t nesting) {
    Words words = {std::string()};
    while (!failed_ && !rest_.empty() && rest_[0] != '|' && rest_[0] != ')') {
      auto item = read_item(nesting);
      if (take("?")) item.emplace_back();
      if (failed_ || item.size() * words.size() > limit_) return fail();
      if (item.size() == 1) {
        for (auto& word : words) word += item[0];
        continue;
      }
      Words longer;
      longer.reserve(item.size() * words.size());
      for (const auto& word : words) {
        for (const auto& end : item) longer.push_back(word + end);
      }
      words = std::move(longer);
    }
    return words;
  }

  Words read_item(std::size_t nesting) {
    // Two parentheses for a halving, which only the outermost level has.
    if (nesting > max_nesting + 64) return fail();
    if (take("(?:")) return alternatives({}, nesting + 1);
    if (take("(?(?=[")) {
      class_characters();
      if (!take(")")) return fail();
      return alternatives({}, nesting + 1);
    }
    if (take("[")) {
      Words words;
      for (const char c : class_characters()) words.emplace_back(1, c);
      return words.empty() ? fail() : words;
    }
    const bool escaped = take("\\");
    const char c = rest_.empty() ? '\0' : rest_[0];
    if (!alphabet.contains(c) || escaped != (c == '.')) return fail();
    rest_.remove_prefix(1);
    return {std::string(1, c)};
  }

  Words alternatives(Words words, std::size_t nesting) {
    while (true) {
      auto more = sequence(nesting);
      if (failed_ || words.size() + more.size() > limit_) return fail();
      std::ranges::move(more, std::back_inserter(words));
      if (take(")")) return words;
      if (!take("|")) return fail();
    }
  }

  std::string class_characters() {
    std::string characters;
    while (!rest_.empty() && rest_[0] != ']') {
      const char from = rest_[0];
      rest_.remove_prefix(1);
      if (!alphabet.contains(from)) break;
      if (rest_.size() >= 2 && rest_[0] == '-' && rest_[1] != ']') {
        for (char c = from; c <= rest_[1]; ++c) characters += c;
        rest_.remove_prefix(2);
      } else {
        characters += from;
      }
    }
    if (!take("]")) failed_ = true;
    return characters;
  }

  std::string_view rest_;
  std::size_t limit_;
  bool failed_ = false;
};

}  // namespace

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '.') out += '\\';
    out += c;
  }
}

void append_words_regex(std::string& out, std::span<const std::string_view> words) {
  Writer(out, words).write_all();
}

bool read_words_regex(std::string_view regex, std::size_t limit, std::vector<std::string>& words) {
  if (!Reader(regex, limit).read_all(words) || words.empty()) return false;
  std::ranges::sort(words);
  if (std::ranges::adjacent_find(words) != words.end()) return false;
  // The proof: whatever the reading was lenient about shows here.
  std::string written;
  const std::vector<std::string_view> views(words.begin(), words.end());
  append_words_regex(written, views);
  return written == regex;
}

}  // namespace intelwall::rules
