#include "lab/falcon_alerts.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>

#include "aws/json_text.hpp"
#include "intel/fql_matcher.hpp"

namespace intelwall::lab {
namespace {

constexpr std::size_t query_limit = 10'000;
constexpr std::size_t page_limit = 1'000;
constexpr std::size_t usual_limit = 100;
constexpr std::chrono::seconds after_lifetime{120};
constexpr std::size_t most_pages = 1'000;

std::optional<std::size_t> whole_number(const std::string& text, std::size_t otherwise) {
  if (text.empty()) return otherwise;
  std::size_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  return fault == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::string value_of(const std::map<std::string, std::string>& parameters, const char* name) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::string() : found->second;
}

const Json& first_of(const Json& object, std::initializer_list<const char*> keys) {
  for (const char* key : keys)
    if (const Json& value = aws::member(object, key); !value.is_null()) return value;
  return aws::member(object, "");
}

/// How many alerts the filter could be asked about: those whose text parses, which is all of them.
bool fits(fql::Matcher& matcher, simdjson::dom::parser& parser, const Json& alert) {
  const std::string text = dump_json(alert);
  simdjson::dom::element element;
  return parser.parse(text).get(element) == simdjson::SUCCESS && matcher(element);
}

struct Order {
  std::string field;
  bool ascending = true;
};

/// "updated_timestamp|asc", "severity.desc"
std::optional<Order> parse_sort(const std::string& sort) {
  if (sort.empty()) return Order{"updated_timestamp", false};
  const auto at = sort.find_last_of("|.");
  const std::string direction = at == std::string::npos ? "asc" : sort.substr(at + 1);
  if (direction != "asc" && direction != "desc") return std::nullopt;
  return Order{sort.substr(0, at), direction == "asc"};
}

}  // namespace

FalconAnswer refuse_falcon(int status, std::string message) {
  FalconAnswer answer;
  answer.status = status;
  answer.errors.push_back({"", std::move(message), status});
  return answer;
}

bool FalconAlerts::put(Json alert) {
  const std::string id = aws::text_in(alert, "composite_id");
  if (id.empty()) return false;
  const std::string now = format_time(clock_());
  for (const char* key : {"created_timestamp", "updated_timestamp", "timestamp"}) alert.emplace(key, now);
  const std::lock_guard lock(mutex_);
  alerts_[id] = std::move(alert);
  return true;
}

void FalconAlerts::put_event(const Json& envelope) {
  const Json& event = aws::member(envelope, "event");
  const Json& id = first_of(event, {"CompositeId", "DetectId"});
  if (!id.is_string()) return;
  Json alert{{"composite_id", id}, {"cid", falcon_customer_id}, {"product", "epp"}, {"status", "new"}};
  const auto take = [&](const char* name, std::initializer_list<const char*> keys) {
    if (const Json& value = first_of(event, keys); !value.is_null()) alert[name] = value;
  };
  take("type", {"Type"});
  take("name", {"Name", "DetectName"});
  take("display_name", {"Name", "DetectName"});
  take("description", {"Description", "DetectDescription"});
  take("severity", {"Severity"});
  take("severity_name", {"SeverityName"});
  take("agent_id", {"AgentId", "SensorId"});
  take("aggregate_id", {"AggregateId"});
  take("cmdline", {"CommandLine"});
  take("filename", {"FileName"});
  take("filepath", {"FilePath"});
  take("sha256", {"SHA256String"});
  take("tactic", {"Tactic"});
  take("technique", {"Technique"});
  take("pattern_id", {"PatternId"});
  take("falcon_host_link", {"FalconHostLink"});
  take("ioc_type", {"IOCType"});
  take("ioc_value", {"IOCValue"});
  if (alert.contains("ioc_type") && alert.contains("ioc_value")) {
    alert["ioc_values"] = Json::array({alert["ioc_value"]});
    alert["ioc_context"] = Json::array({{{"ioc_type", alert["ioc_type"]}, {"ioc_value", alert["ioc_value"]}}});
  }
  Json device = Json::object();
  for (const auto& [name, keys] : {std::pair{"device_id", std::pair{"AgentId", "SensorId"}},
                                   std::pair{"hostname", std::pair{"Hostname", "ComputerName"}},
                                   std::pair{"local_ip", std::pair{"LocalIP", "LocalIP"}},
                                   std::pair{"mac_address", std::pair{"MACAddress", "MACAddress"}}}) {
    if (const Json& value = first_of(event, {keys.first, keys.second}); !value.is_null()) device[name] = value;
  }
  alert["device"] = std::move(device);
  put(std::move(alert));
}

std::size_t FalconAlerts::count() const {
  const std::lock_guard lock(mutex_);
  return alerts_.size();
}

std::expected<std::vector<std::string>, FalconAnswer> FalconAlerts::select(const std::string& filter,
                                                                           const std::string& text,
                                                                           const std::string& sort) const {
  const auto order = parse_sort(sort);
  if (!order) return std::unexpected(refuse_falcon(400, "Invalid sort expression supplied"));
  std::optional<fql::Matcher> matcher;
  if (!filter.empty()) {
    const auto parsed = fql::parse(filter);
    if (!parsed) return std::unexpected(refuse_falcon(400, "Invalid filter expression supplied"));
    matcher.emplace(*parsed, clock_());
  }
  simdjson::dom::parser parser;
  std::vector<std::pair<const Json*, const std::string*>> kept;
  for (const auto& [id, alert] : alerts_) {
    if (matcher && !fits(*matcher, parser, alert)) continue;
    if (!text.empty() && !dump_json(alert).contains(text)) continue;
    kept.emplace_back(&aws::member(alert, order->field.c_str()), &id);
  }
  std::ranges::stable_sort(
      kept, [&](const auto& a, const auto& b) { return order->ascending ? *a.first < *b.first : *b.first < *a.first; });
  std::vector<std::string> ids;
  ids.reserve(kept.size());
  for (const auto& item : kept) ids.push_back(*item.second);
  return ids;
}

FalconAnswer FalconAlerts::query(const std::map<std::string, std::string>& parameters) const {
  const auto limit = whole_number(value_of(parameters, "limit"), usual_limit);
  const auto offset = whole_number(value_of(parameters, "offset"), 0);
  if (!limit || *limit == 0 || *limit > query_limit || !offset || *offset > query_limit)
    return refuse_falcon(400, fmt::format("limit must be from 1 to {0}, offset from 0 to {0}", query_limit));
  const std::lock_guard lock(mutex_);
  auto ids = select(value_of(parameters, "filter"), value_of(parameters, "q"), value_of(parameters, "sort"));
  if (!ids) return std::move(ids).error();
  FalconAnswer answer;
  for (std::size_t i = *offset; i < ids->size() && i - *offset < *limit; ++i)
    answer.resources.push_back(std::move((*ids)[i]));
  answer.pagination = {{"offset", *offset}, {"limit", *limit}, {"total", ids->size()}};
  return answer;
}

FalconAnswer FalconAlerts::entities(const Json& body) const {
  const Json& ids = aws::member(body, "composite_ids");
  if (!ids.is_array() || ids.empty() || ids.size() > page_limit)
    return refuse_falcon(400, fmt::format("composite_ids must be a list of 1 to {} ids", page_limit));
  FalconAnswer answer;
  const std::lock_guard lock(mutex_);
  for (const auto& id : ids) {
    const auto found = id.is_string() ? alerts_.find(id.get_ref<const std::string&>()) : alerts_.end();
    if (found == alerts_.end()) {
      answer.errors.push_back({"", "alert not found: " + printable(dump_json(id), 200), 404});
    } else {
      answer.resources.push_back(found->second);
    }
  }
  return answer;
}

FalconAnswer FalconAlerts::combined(const Json& body) {
  const Json& wanted = aws::member(body, "limit");
  const std::size_t limit = wanted.is_null() ? usual_limit : aws::count_in(body, "limit");
  if (limit == 0 || limit > page_limit)
    return refuse_falcon(400, fmt::format("limit must be from 1 to {}", page_limit));
  const std::string after = aws::text_in(body, "after");
  const std::lock_guard lock(mutex_);
  std::erase_if(pages_, [now = clock_()](const auto& page) { return page.second.expires <= now; });
  std::vector<std::string> ids;
  if (!after.empty()) {
    const auto page = pages_.find(after);
    if (page == pages_.end()) return refuse_falcon(400, "the after token is invalid or has expired");
    ids = page->second.ids;
  } else {
    auto selected = select(aws::text_in(body, "filter"), "", aws::text_in(body, "sort"));
    if (!selected) return std::move(selected).error();
    ids = *std::move(selected);
  }
  FalconAnswer answer;
  const auto end = ids.begin() + static_cast<std::ptrdiff_t>(std::min(limit, ids.size()));
  for (auto id = ids.begin(); id != end; ++id)
    if (const auto found = alerts_.find(*id); found != alerts_.end()) answer.resources.push_back(found->second);
  answer.pagination = {{"limit", limit}, {"total", ids.size()}};
  ids.erase(ids.begin(), end);
  if (!ids.empty()) {
    if (pages_.size() >= most_pages) pages_.clear();
    const std::string next = random_uuid();
    answer.pagination["after"] = next;
    pages_[next] = {std::move(ids), clock_() + after_lifetime};
  }
  return answer;
}

}  // namespace intelwall::lab
