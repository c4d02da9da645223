// Any bytes are a filter or an error inside them; a filter's own text means the same; it can be explained, and asked
// about any objects, one after the other and in a table, with one answer. Input: a filter, a zero byte, JSON lines.
#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "intel/fql_matcher.hpp"
#include "intel/fql_schema.hpp"
#include "intel/fql_table.hpp"

namespace {

/// Which of two members with the same name counts is not said.
bool repeats_a_name(const simdjson::dom::element& value) {
  simdjson::dom::array items;
  simdjson::dom::object members;
  if (value.get_array().get(items) == simdjson::SUCCESS) return std::any_of(items.begin(), items.end(), repeats_a_name);
  if (value.get_object().get(members) != simdjson::SUCCESS) return false;
  std::set<std::string> names;
  for (const auto member : members)
    if (!names.insert(intelwall::fql::to_lower(member.key)).second || repeats_a_name(member.value)) return true;
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace intelwall;
  static const Time now{std::chrono::seconds{1'700'827'200}};
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view text = input.substr(0, input.find('\0'));
  input.remove_prefix(std::min(text.size() + 1, input.size()));

  const auto filter = fql::read(text);
  if (!filter) {
    const auto& fault = filter.error();
    IW_ASSERT(fault.column >= 1 && fault.column <= text.size() + 1 && !fault.message.empty() && !fault.hint.empty());
    IW_ASSERT(!fql::caret_lines(text, fault.column).empty());
    return 0;
  }
  const auto again = fql::read(filter->to_text());
  IW_ASSERT(again && again->root == filter->root && again->to_text() == filter->to_text());
  const auto resolved = fql::read(filter->to_text(now));
  IW_ASSERT(resolved);
  IW_ASSERT(!fql::explain(*filter, now).empty());

  fql::Matcher matcher(*filter, now);
  fql::Matcher later(*resolved, now + std::chrono::days{1});
  fql::Table table;
  std::vector<std::uint32_t> rows;
  simdjson::dom::parser parser;
  while (!input.empty()) {
    const std::string line(input.substr(0, input.find('\n')));
    input.remove_prefix(std::min(line.size() + 1, input.size()));
    simdjson::dom::element element;
    if (parser.parse(line).get(element) != simdjson::SUCCESS || repeats_a_name(element)) continue;
    const bool matches = matcher(element);
    IW_ASSERT(later(element) == matches && matcher(element) == matches);
    if (table.add(element) && matches) rows.push_back(static_cast<std::uint32_t>(table.size() - 1));
  }
  IW_ASSERT(table.select(*filter, now) == rows);
  return 0;
}
