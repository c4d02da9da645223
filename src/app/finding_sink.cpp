#include "app/finding_sink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "aws/json_text.hpp"

namespace intelwall::app {
namespace {

using Hub = aws::SecurityHubClient;
using std::chrono::milliseconds;

constexpr int most_attempts = 5;
constexpr milliseconds first_wait{200};

/// Whether the same finding may be taken later. Their codes are words without a documented list.
bool is_passing(std::string_view code) {
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"Internal", "Throttl", "LimitExceeded", "TooManyRequests", "Unavailable"},
      [code](auto word) { return code.contains(word); });
}

std::unexpected<Error> no_access(const std::string& why) {
  return fail(
      ErrorCode::denied, "Security Hub takes no findings of CrowdStrike's product: " + printable(why, 300),
      "securityhub BatchImportFindings",
      "enable the product in Security Hub (Integrations, CrowdStrike Falcon), and call from the account that the "
      "findings are for");
}

}  // namespace

Result<void> FindingSink::deliver(const std::vector<nlohmann::json>& findings) {
  std::vector<Item> items;
  items.reserve(findings.size());
  for (const auto& finding : findings)
    items.push_back({aws::text_in(finding, "Id"), aws::text_in(finding, "UpdatedAt"), aws::dump_json(finding)});
  Items batch;
  std::size_t bytes = 0;
  const auto flush = [&]() -> Result<void> {
    bytes = 0;
    return batch.empty() ? Result<void>{} : import(std::exchange(batch, {}));
  };
  for (const auto& item : items) {
    if (item.text.size() > Hub::max_finding_bytes) {
      reject(item, fmt::format("{} bytes are more than Security Hub takes for one finding", item.text.size()));
      continue;
    }
    if (batch.size() == Hub::max_batch || bytes + item.text.size() + 1 > Hub::max_batch_bytes) IW_CHECK(flush());
    batch.push_back(&item);
    bytes += item.text.size() + 1;
  }
  return flush();
}

Result<void> FindingSink::import(Items items) {
  milliseconds wait = first_wait;
  std::string last_reason;
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    if (const auto pause = limit_.take(); pause > milliseconds(0)) sleep_(pause);
    std::vector<std::string_view> texts;
    for (const auto* item : items) texts.emplace_back(item->text);
    const auto result = hub_.import_batch(texts);
    ++totals_.calls;
    if (!result) {
      // A call that is refused as a whole for one finding in it: look for that one.
      if (result.error().code != ErrorCode::invalid_input) return std::unexpected(result.error());
      if (items.size() == 1) return look_again(items, {result.error().message});
      const auto middle = items.begin() + static_cast<std::ptrdiff_t>(items.size() / 2);
      IW_CHECK(import({items.begin(), middle}));
      return import({middle, items.end()});
    }
    totals_.accepted += result->accepted;
    if (result->failures.empty()) return {};

    std::map<std::string_view, const Hub::ImportResult::Failure*> failed;
    for (const auto& failure : result->failures) failed[failure.id] = &failure;
    Items again, refused;
    std::vector<std::string> reasons;
    for (const auto* item : items) {
      const auto found = failed.find(item->id);
      if (found == failed.end()) continue;
      const auto& failure = *found->second;
      last_reason = fmt::format("{}: {}", failure.code, printable(failure.message, 300));
      if (failure.code.starts_with("InvalidAccess") || failure.code.starts_with("AccessDenied"))
        return no_access(last_reason);
      if (is_passing(failure.code)) {
        again.push_back(item);
      } else {
        refused.push_back(item);
        reasons.push_back(last_reason);
      }
    }
    if (again.empty() && refused.empty())
      return fail(ErrorCode::unavailable, "Security Hub names failed findings that were not in the call",
                  "securityhub BatchImportFindings", "the batch is sent again");
    IW_CHECK(look_again(refused, reasons));
    if (again.empty()) return {};
    items = std::move(again);
    sleep_(wait);
    wait *= 2;
  }
  return fail(ErrorCode::unavailable,
              fmt::format("Security Hub does not take {} findings for now: {}", items.size(), last_reason),
              "securityhub BatchImportFindings", "they are sent again");
}

Result<void> FindingSink::look_again(const Items& refused, const std::vector<std::string>& why) {
  Items left = refused;
  // What was imported a moment ago may not show yet.
  for (const auto wait : {milliseconds(0), milliseconds(500), milliseconds(1500)}) {
    if (left.empty()) return {};
    if (wait > milliseconds(0)) sleep_(wait);
    std::vector<std::string> ids;
    for (const auto* item : left) ids.push_back(item->id);
    IW_TRY(const auto stored, hub_.get_findings(ids));
    std::map<std::string, std::string> updated;
    for (const auto& finding : stored)
      updated[aws::text_in(finding, "Id")] =
          std::max(updated[aws::text_in(finding, "Id")], aws::text_in(finding, "UpdatedAt"));
    totals_.already += std::erase_if(left, [&](const Item* item) {
      const auto there = updated.find(item->id);
      return there != updated.end() && there->second >= item->updated_at;
    });
  }
  for (const auto* item : left) {
    const auto place = std::ranges::find(refused, item) - refused.begin();
    reject(*item, why[static_cast<std::size_t>(place)]);
  }
  return {};
}

void FindingSink::reject(const Item& item, const std::string& why) {
  ++totals_.rejected;
  tell_({ErrorCode::invalid_input, "Security Hub will not take this finding: " + printable(why, 300),
         printable(item.id, 200), "it is left out; the others go on"});
}

}  // namespace intelwall::app
