#include "findings/falcon_fields.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace intelwall::findings {
namespace {

/// Whether `key` is `word` but for case and underscores.
bool spells(std::string_view key, std::string_view word) {
  std::size_t at = 0;
  for (const char c : key) {
    if (c == '_') continue;
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (at == word.size() || lower != word[at]) return false;
    ++at;
  }
  return at == word.size();
}

bool is_empty(simdjson::dom::element value) {
  std::string_view text;
  simdjson::dom::array list;
  return value.is_null() || (value.get(text) == simdjson::SUCCESS && text.empty()) ||
         (value.get(list) == simdjson::SUCCESS && list.begin() == list.end());
}

std::string number_text(const Node& node) {
  std::int64_t whole = 0;
  if (node.value().get(whole) == simdjson::SUCCESS) return std::to_string(whole);
  return fmt::format("{}", node.number());
}

}  // namespace

void OddParts::note(const Node& part) {
  if (count++ == 0) first = part.path();
}

std::optional<Node> FalconFields::find(std::initializer_list<std::string_view> words) const {
  simdjson::dom::object members;
  if (holder_->value().get(members) != simdjson::SUCCESS) return std::nullopt;
  for (const auto word : words) {
    for (const auto [key, value] : members) {
      if (spells(key, word) && !is_empty(value)) return Node::member_of(*holder_, key, value);
    }
  }
  return std::nullopt;
}

std::string FalconFields::text(std::initializer_list<std::string_view> words) const {
  const auto node = find(words);
  if (!node) return {};
  if (node->is(Kind::string)) return bounded(node->text());
  if (node->is(Kind::number)) return number_text(*node);
  odd_->note(*node);
  return {};
}

std::optional<double> FalconFields::number(std::initializer_list<std::string_view> words) const {
  const auto node = find(words);
  if (!node) return std::nullopt;
  if (node->is(Kind::number)) return node->number();
  const auto text = node->text();
  double number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (!text.empty() && fault == std::errc() && end == text.data() + text.size() && std::isfinite(number)) return number;
  odd_->note(*node);
  return std::nullopt;
}

std::optional<Node> FalconFields::string(std::initializer_list<std::string_view> words) const {
  auto node = find(words);
  if (!node || node->is(Kind::string)) return node;
  odd_->note(*node);
  return std::nullopt;
}

std::optional<Node> FalconFields::object(std::initializer_list<std::string_view> words) const {
  auto node = find(words);
  if (!node || node->is(Kind::object)) return node;
  odd_->note(*node);
  return std::nullopt;
}

}  // namespace intelwall::findings
