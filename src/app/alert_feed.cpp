#include "app/alert_feed.hpp"

#include "aws/json_text.hpp"
#include "os/file.hpp"

namespace intelwall::app {
namespace {

/// Falcon may show an alert later than others that changed after it.
constexpr std::chrono::seconds overlap{120};

}  // namespace

AlertFeed::AlertFeed(const std::shared_ptr<falcon::Client>& client, std::string filter, std::filesystem::path position)
    : alerts_(client), origin_(client->origin().host), filter_(std::move(filter)), position_(std::move(position)) {}

Result<void> AlertFeed::open(Time otherwise) {
  since_ = otherwise;
  std::error_code unknown;
  if (!std::filesystem::exists(position_, unknown) && !unknown) return {};
  constexpr std::size_t largest = 1u << 20;
  IW_TRY(const std::string text, os::read_file(position_, largest));
  const auto json = aws::parse_json(text);
  const auto saved =
      json ? parse_time(aws::text_in(aws::member(*json, "updated"), origin_.c_str())) : Result<Time>(Time{});
  if (!json || !aws::member(*json, "updated").is_object() || !saved)
    return fail(ErrorCode::invalid_input, "the position in the alerts cannot be read", position_.string(),
                "restore the file, or remove it to begin anew");
  since_ = *saved;
  return {};
}

Result<void> AlertFeed::save() {
  return os::replace_file(position_, aws::dump_json({{"updated", {{origin_, format_time(since_)}}}}) + "\n");
}

Result<void> AlertFeed::read(const Deliver& deliver) {
  falcon::AlertQuery query;
  query.filter = filter_ + (filter_.empty() ? "" : "+") + falcon::updated_since(since_ - overlap);
  query.sort = "updated_timestamp|asc";
  query.limit = falcon::AlertsClient::combined_limit;
  auto read = alerts_.each_page(query, [&](std::vector<nlohmann::json> page) -> Result<void> {
    Time latest = since_;
    std::erase_if(page, [&](const nlohmann::json& alert) {
      const auto known = seen_.find(aws::text_in(alert, "composite_id"));
      return known != seen_.end() && known->second == aws::text_in(alert, "updated_timestamp");
    });
    if (page.empty()) return {};
    IW_CHECK(deliver(page));
    for (const auto& alert : page) {
      std::string updated = aws::text_in(alert, "updated_timestamp");
      if (const auto time = parse_time(updated); time && *time > latest) latest = *time;
      seen_[aws::text_in(alert, "composite_id")] = std::move(updated);
    }
    // A time that lies ahead must not hide what is still to come.
    since_ = std::max(since_, std::min(latest, system_now()));
    return save();
  });
  if (!read) return read;
  std::erase_if(seen_, [&](const auto& entry) {
    const auto time = parse_time(entry.second);
    return !time || *time < since_ - overlap;
  });
  return {};
}

}  // namespace intelwall::app
