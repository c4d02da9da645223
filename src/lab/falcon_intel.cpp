#include "lab/falcon_intel.hpp"

#include <fmt/format.h>

#include <charconv>

#include "aws/http.hpp"
#include "aws/json_text.hpp"

namespace intelwall::lab {
namespace {

using Parameters = FalconIntel::Parameters;
using Relations = IndicatorStore::Relations;

constexpr std::size_t usual_limit = 10;
constexpr std::size_t highest_limit = 10'000;
constexpr std::size_t window = 50'000;
constexpr std::size_t most_entities = 10'000;
constexpr std::size_t most_put = 100'000;
constexpr std::string_view combined_path = "/intel/combined/indicators/v1";

std::string value_of(const Parameters& parameters, const char* name) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::string() : found->second;
}

std::optional<std::size_t> whole_number(const std::string& text, std::size_t otherwise) {
  if (text.empty()) return otherwise;
  std::size_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  return fault == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::optional<bool> truth(const std::string& text, bool otherwise) {
  if (text.empty()) return otherwise;
  if (text == "true") return true;
  if (text == "false") return false;
  return std::nullopt;
}

/// "published_date|asc", "_marker.desc", "id"
bool read_sort(const std::string& text, IndicatorStore::Query& query) {
  if (text.empty()) return true;
  const auto at = text.find_last_of("|.");
  const std::string direction = at == std::string::npos ? "asc" : text.substr(at + 1);
  query.sort = text.substr(0, at);
  query.ascending = direction == "asc";
  return (query.ascending || direction == "desc") && IndicatorStore::is_sortable(query.sort);
}

}  // namespace

Result<std::unique_ptr<FalconIntel>> FalconIntel::open(const FalconOptions& options) {
  // By the day, so that two labs of one day hold the same.
  const Time newest = std::chrono::floor<std::chrono::days>(options.clock());
  auto intel = std::make_unique<FalconIntel>(IndicatorSet(options.indicators, newest), options.clock);
  if (!options.indicator_file.empty()) IW_CHECK(intel->store_.load(options.indicator_file));
  return intel;
}

std::expected<FalconIntel::Page, FalconAnswer> FalconIntel::page_of(const Parameters& parameters) {
  const auto refuse = [](std::string message) { return std::unexpected(refuse_falcon(400, std::move(message))); };
  const auto limit = whole_number(value_of(parameters, "limit"), usual_limit);
  const auto offset = whole_number(value_of(parameters, "offset"), 0);
  if (!limit || *limit == 0 || *limit > highest_limit)
    return refuse(fmt::format("limit must be an integer between 1 and {}", highest_limit));
  if (!offset) return refuse("offset must be a positive integer");
  if (*offset >= window || *limit + *offset >= window)
    return refuse(fmt::format("the sum of limit and offset params must be less than {}", window));
  const auto deleted = truth(value_of(parameters, "include_deleted"), false);
  const auto relations = truth(value_of(parameters, "include_relations"), true);
  if (!deleted || !relations) return refuse("include_deleted and include_relations must be true or false");
  IndicatorStore::Query query{.filter = std::nullopt, .text = value_of(parameters, "q")};
  query.include_deleted = *deleted;
  if (!read_sort(value_of(parameters, "sort"), query)) return refuse("Invalid sort expression supplied");
  if (const std::string text = value_of(parameters, "filter"); !text.empty()) {
    auto filter = fql::parse(text);
    if (!filter) return refuse(fmt::format("Invalid filter expression supplied: {}", filter.error().message));
    query.filter = *std::move(filter);
  }
  return Page{store_.select(query), *offset, std::min(*limit, most_a_page_.load()),
              *relations ? Relations::included : Relations::without};
}

void FalconIntel::add_next_page(FalconAnswer& answer, const Page& page, const Parameters& parameters) const {
  if (!sends_next_page_ || page.end() >= page.rows.size() || page.end() == page.offset) return;
  if (!value_of(parameters, "sort").empty() && !value_of(parameters, "sort").starts_with("_marker")) return;
  const bool descends = value_of(parameters, "sort").ends_with("desc");
  const std::string bound =
      fmt::format("_marker:{}'{}'", descends ? '<' : '>', store_.marker(page.rows[page.end() - 1]));
  Parameters next = parameters;
  next.erase("offset");
  const std::string filter = value_of(parameters, "filter");
  next["filter"] = filter.empty() ? bound : fmt::format("({})+{}", filter, bound);
  answer.next_page = fmt::format("{}?{}", combined_path, aws::encode_query({next.begin(), next.end()}));
}

FalconAnswer FalconIntel::combined(const Parameters& parameters) {
  const auto page = page_of(parameters);
  if (!page) return page.error();
  FalconAnswer answer;
  answer.pagination = {{"offset", page->offset}, {"limit", page->limit}, {"total", page->rows.size()}};
  answer.resources_text = "[";
  for (std::size_t i = page->offset; i < page->end(); ++i) {
    if (i > page->offset) answer.resources_text += ',';
    store_.write(page->rows[i], page->relations, answer.resources_text);
  }
  answer.resources_text += ']';
  add_next_page(answer, *page, parameters);
  return answer;
}

FalconAnswer FalconIntel::query(const Parameters& parameters) {
  const auto page = page_of(parameters);
  if (!page) return page.error();
  FalconAnswer answer;
  answer.pagination = {{"offset", page->offset}, {"limit", page->limit}, {"total", page->rows.size()}};
  for (std::size_t i = page->offset; i < page->end(); ++i) answer.resources.push_back(store_.id(page->rows[i]));
  return answer;
}

FalconAnswer FalconIntel::entities(const Json& body) {
  const Json& ids = aws::member(body, "ids");
  if (!ids.is_array() || ids.empty() || ids.size() > most_entities)
    return refuse_falcon(400, fmt::format("ids must be a list of 1 to {} ids", most_entities));
  FalconAnswer answer;
  answer.resources_text = "[";
  for (const auto& id : ids) {
    const auto row = id.is_string() ? store_.find(id.get_ref<const std::string&>()) : std::nullopt;
    if (!row) continue;
    if (answer.resources_text.size() > 1) answer.resources_text += ',';
    store_.write(*row, Relations::included, answer.resources_text);
  }
  answer.resources_text += ']';
  return answer;
}

FalconAnswer FalconIntel::put(const Json& body) {
  const auto& indicators = aws::items_in(body, "indicators");
  if (indicators.empty() || indicators.size() > most_put)
    return refuse_falcon(400, fmt::format("indicators must be a list of 1 to {} indicators", most_put));
  FalconAnswer answer;
  for (const auto& indicator : indicators) {
    const auto row = store_.put(indicator);
    if (!row) return refuse_falcon(400, row.error().message);
    answer.resources.push_back({{"id", store_.id(*row)}, {"_marker", store_.marker(*row)}});
  }
  return answer;
}

FalconAnswer FalconIntel::move_time(const Json& body) {
  const auto by = parse_lifetime(aws::text_in(body, "forward"));
  if (!by || !*by) return refuse_falcon(400, "forward must be a time as \"90s\", \"12h\" or \"30d\"");
  const std::size_t changed = store_.move_time(**by);
  FalconAnswer answer;
  answer.resources = Json::array({{{"now", format_time(store_.now())}, {"changed", changed}}});
  return answer;
}

FalconAnswer FalconIntel::set_manners(const Json& body) {
  const Json& most = aws::member(body, "most_a_page");
  const Json& next = aws::member(body, "next_page");
  if (!most.is_null()) {
    const std::size_t number = aws::count_in(body, "most_a_page");
    if (number == 0 || number > highest_limit)
      return refuse_falcon(400, fmt::format("most_a_page must be from 1 to {}", highest_limit));
    most_a_page_ = number;
  }
  if (!next.is_null() && !next.is_boolean()) return refuse_falcon(400, "next_page must be true or false");
  if (next.is_boolean()) sends_next_page_ = next.get<bool>();
  return {};
}

Json FalconIntel::state() const {
  return {{"count", store_.count()}, {"now", format_time(store_.now())}};
}

}  // namespace intelwall::lab
