#include "findings/documents.hpp"

#include <algorithm>
#include <cstring>

namespace intelwall::findings {
namespace {

constexpr std::size_t first_capacity = 4096;
bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

}  // namespace

Documents::Documents(std::string_view bytes) : text_(bytes), look_ahead_(8 * bytes.size()) {
  // The depth that is set here stays when the parser grows.
  if (parser_.allocate(first_capacity, max_depth) != simdjson::SUCCESS) throw std::bad_alloc();
  if (bytes.starts_with("\xEF\xBB\xBF")) at_ = line_start_ = 3;
}

void Documents::advance(std::size_t to) {
  const char* data = text_.data();
  while (const void* newline = at_ < to ? std::memchr(data + at_, '\n', to - at_) : nullptr) {
    at_ = static_cast<std::size_t>(static_cast<const char*>(newline) - data) + 1;
    line_start_ = at_;
    ++line_;
    line_has_several_ = false;
  }
  at_ = to;
}

bool Documents::skip_blanks() {
  auto to = at_;
  while (to < text_.size() && is_blank(text_.data()[to])) ++to;
  advance(to);
  return at_ < text_.size();
}

/// After the beginning of a document that never ends: its further lines are not documents of their own.
void Documents::skip_broken_lines() {
  while (skip_blanks()) {
    const char c = text_.data()[at_];
    if (at_ == line_start_ && c != '}' && c != ']') return;
    advance(end_of_line());
  }
}

/// Looked for once a line, which may hold millions of documents.
std::size_t Documents::end_of_line() {
  if (line_end_of_ != line_) {
    const void* newline = std::memchr(text_.data() + at_, '\n', text_.size() - at_);
    line_end_ =
        newline == nullptr ? text_.size() : static_cast<std::size_t>(static_cast<const char*>(newline) - text_.data());
    line_end_of_ = line_;
  }
  return line_end_;
}

/// Just after the bracket that closes the one at at_, or nothing when there is none.
std::optional<std::size_t> Documents::end_of_document() {
  const char* data = text_.data();
  std::size_t depth = 0;
  bool in_string = false;
  for (auto i = at_; i < text_.size() && look_ahead_ > 0; ++i, --look_ahead_) {
    const char c = data[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '\n') {
        return std::nullopt;  // never inside a JSON string: the document is cut
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > max_depth) return std::nullopt;
    } else if (c == '}' || c == ']') {
      if (depth <= 1) return depth == 1 ? std::optional(i + 1) : std::nullopt;
      --depth;
    } else if (depth == 0) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

Document Documents::parse(std::size_t end) {
  Document document{.line = line_, .error = {}, .value = {}};
  document.error = parser_.parse(text_.data() + at_, end - at_, false).get(document.value);
  return document;
}

std::optional<Document> Documents::next() {
  if (!skip_blanks()) return std::nullopt;
  const auto line_end = end_of_line();
  std::optional<Document> whole_line;
  if (!line_has_several_) {
    whole_line = parse(line_end);
    if (whole_line->error == simdjson::SUCCESS) {
      at_ = line_end;
      return whole_line;
    }
  }
  if (const auto end = end_of_document()) {
    auto document = parse(*end);
    advance(*end);
    line_has_several_ = true;
    return document;
  }
  if (!whole_line) whole_line = parse(line_end);
  const bool opened = text_.data()[at_] == '{' || text_.data()[at_] == '[';
  advance(line_end);
  if (opened) skip_broken_lines();
  return whole_line;
}

}  // namespace intelwall::findings
