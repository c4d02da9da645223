#include "cli/preview_report.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "aws/json_text.hpp"

namespace intelwall::cli {

using Json = nlohmann::json;

namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + printable(word, 40);
  return text;
}

}  // namespace

Json to_json(const app::Preview& preview) {
  Json json{{"count", preview.total}, {"facets_over", preview.facets.counted()}, {"sampled", preview.is_sampled()}};
  json["indicators"] = Json::array();
  for (const auto& line : preview.lines) {
    auto object = aws::parse_json(line);
    json["indicators"].push_back(object ? *std::move(object) : Json(line));
  }
  json["facets"] = Json::object();
  for (const auto& facet : preview.facets.list()) {
    auto& values = json["facets"][facet.name] = Json::array();
    for (const auto& [name, count] : facet.values) values.push_back({{"value", name}, {"count", count}});
  }
  return json;
}

void print(const app::Preview& preview) {
  constexpr std::size_t most_values = 8;
  std::string out = fmt::format("{} indicators match\n", preview.total);
  if (!preview.first.empty()) out += '\n';
  for (const auto& each : preview.first) {
    out += fmt::format("  {:<10}  {}  {:<14}  {}", to_string(each.confidence), format_time(each.last_updated),
                       printable(each.type, 20), printable(each.value, 100));
    if (each.deleted) out += "  (deleted)";
    if (const auto who = joined(each.actors); !who.empty()) out += "  by " + who;
    out += '\n';
  }
  if (preview.total > preview.first.size())
    out += fmt::format("  … and {} more\n", preview.total - preview.first.size());
  if (preview.facets.counted() > 0)
    out += preview.is_sampled() ? fmt::format("\nof the first {} in this order:\n", preview.facets.counted())
                                : std::string("\nof all:\n");
  for (const auto& facet : preview.facets.list()) {
    if (facet.values.empty()) continue;
    out += fmt::format("  {:<21}", facet.name);
    for (std::size_t i = 0; i < std::min(most_values, facet.values.size()); ++i)
      out += fmt::format("{}{} {}", i > 0 ? " · " : "", printable(facet.values[i].name, 40), facet.values[i].count);
    if (facet.values.size() > most_values) out += fmt::format(" · and {} more", facet.values.size() - most_values);
    out += '\n';
  }
  std::fputs(out.c_str(), stdout);
}

}  // namespace intelwall::cli
