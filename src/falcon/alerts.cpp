#include "falcon/alerts.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace intelwall::falcon {
namespace {

constexpr const char* scope = "Alerts: Read";

Error refused_limit(std::size_t limit, std::size_t most) {
  return {ErrorCode::invalid_input, fmt::format("{} alerts a page are not from 1 to {}", limit, most), "limit", ""};
}

}  // namespace

std::string updated_since(Time time) {
  return fmt::format("updated_timestamp:>='{}'", format_time(time));
}

Result<AlertsClient::Ids> AlertsClient::query(const AlertQuery& query, std::size_t offset) const {
  if (query.limit == 0 || query.limit > query_limit) return std::unexpected(refused_limit(query.limit, query_limit));
  Call call{.path = "/alerts/queries/alerts/v2", .scope = scope};
  if (!query.filter.empty()) call.query.emplace_back("filter", query.filter);
  if (!query.sort.empty()) call.query.emplace_back("sort", query.sort);
  call.query.emplace_back("limit", std::to_string(query.limit));
  if (offset != 0) call.query.emplace_back("offset", std::to_string(offset));
  IW_TRY(auto answer, client_->call(call));
  Ids found;
  found.total = aws::count_in(aws::member(answer.meta, "pagination"), "total");
  for (auto& id : answer.resources)
    if (id.is_string()) found.ids.push_back(std::move(id.get_ref<std::string&>()));
  return found;
}

Result<AlertsClient::Found> AlertsClient::entities(const std::vector<std::string>& ids) const {
  Found found;
  for (std::size_t from = 0; from < ids.size(); from += entities_limit) {
    const auto first = ids.begin() + static_cast<std::ptrdiff_t>(from);
    const std::vector<std::string> some(
        first, first + static_cast<std::ptrdiff_t>(std::min(entities_limit, ids.size() - from)));
    IW_TRY(auto answer, client_->call({.method = "POST",
                                       .path = "/alerts/entities/alerts/v2",
                                       .body = aws::dump_json({{"composite_ids", some}}),
                                       .scope = scope}));
    std::ranges::move(answer.resources, std::back_inserter(found.alerts));
    std::ranges::move(answer.errors, std::back_inserter(found.missing));
  }
  return found;
}

Result<AlertsClient::Page> AlertsClient::combined(const AlertQuery& query, const std::string& after) const {
  if (query.limit == 0 || query.limit > combined_limit)
    return std::unexpected(refused_limit(query.limit, combined_limit));
  Json body{{"limit", query.limit}};
  if (!query.filter.empty()) body["filter"] = query.filter;
  if (!query.sort.empty()) body["sort"] = query.sort;
  if (!after.empty()) body["after"] = after;
  IW_TRY(auto answer,
         client_->call(
             {.method = "POST", .path = "/alerts/combined/alerts/v1", .body = aws::dump_json(body), .scope = scope}));
  return Page{std::move(answer.resources), aws::text_in(aws::member(answer.meta, "pagination"), "after")};
}

Result<void> AlertsClient::each_page(const AlertQuery& query,
                                     const std::function<Result<void>(std::vector<Json>)>& visit) const {
  std::string after;
  for (;;) {
    IW_TRY(auto page, combined(query, after));
    const bool last = page.after.empty() || page.alerts.empty();
    if (!last && page.after == after) {
      return fail(ErrorCode::protocol, "Falcon gives the same page again and again",
                  "Falcon POST /alerts/combined/alerts/v1", "try a narrower filter");
    }
    if (!page.alerts.empty()) IW_CHECK(visit(std::move(page.alerts)));
    if (last) return {};
    after = std::move(page.after);
  }
}

}  // namespace intelwall::falcon
