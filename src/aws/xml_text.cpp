#include "aws/xml_text.hpp"

#include <utility>

namespace intelwall::aws {

std::string xml_text(std::string_view xml, std::string_view tag) {
  const auto open = "<" + std::string(tag) + ">";
  const auto begin = xml.find(open);
  if (begin == std::string_view::npos) return {};
  xml.remove_prefix(begin + open.size());
  const auto end = xml.find("</" + std::string(tag) + ">");
  if (end == std::string_view::npos) return {};
  std::string text;
  for (std::string_view rest = xml.substr(0, end); !rest.empty();) {
    static constexpr std::pair<std::string_view, char> entities[] = {
        {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&amp;", '&'}};
    char c = rest.front();
    std::size_t used = 1;
    for (const auto& [entity, meant] : entities)
      if (rest.starts_with(entity)) {
        c = meant;
        used = entity.size();
      }
    text += c;
    rest.remove_prefix(used);
  }
  return text;
}

std::vector<std::string_view> xml_items(std::string_view xml, std::string_view list) {
  static constexpr std::string_view open = "<item>";
  static constexpr std::string_view close = "</item>";
  std::vector<std::string_view> items;
  auto at = xml.find("<" + std::string(list) + ">");
  std::size_t begin = 0;
  for (int depth = 0; at != std::string_view::npos;) {
    const auto next_open = xml.find(open, at);
    const auto next_close = xml.find(close, at);
    if (next_open < next_close) {
      at = next_open + open.size();
      if (depth++ == 0) begin = at;
    } else if (depth > 0 && next_close != std::string_view::npos) {
      if (--depth == 0) items.push_back(xml.substr(begin, next_close - begin));
      at = next_close + close.size();
      // A second list would be another one.
      if (depth == 0 && xml.substr(at).starts_with("</" + std::string(list) + ">")) break;
    } else {
      break;
    }
  }
  return items;
}

std::vector<std::string_view> xml_elements(std::string_view xml, std::string_view tag) {
  const auto open = "<" + std::string(tag) + ">";
  const auto close = "</" + std::string(tag) + ">";
  std::vector<std::string_view> elements;
  for (auto begin = xml.find(open); begin != std::string_view::npos; begin = xml.find(open, begin)) {
    begin += open.size();
    const auto end = xml.find(close, begin);
    if (end == std::string_view::npos) break;
    elements.push_back(xml.substr(begin, end - begin));
    begin = end + close.size();
  }
  return elements;
}

}  // namespace intelwall::aws
