#pragma once

#include "falcon/client.hpp"

namespace intelwall::falcon {

/// Which alerts, in which order. `filter` and `sort` are Falcon's ("product:'epp'+ioc_type:'domain'",
/// "updated_timestamp|asc"); empty for all, and for the service's own order.
struct AlertQuery {
  std::string filter, sort;
  std::size_t limit = 100;  ///< of a page: at most AlertsClient::query_limit or combined_limit
};

/// "updated_timestamp:>='2026-11-24T14:03:04Z'"
std::string updated_since(Time time);

/// Alerts v2 (scope "Alerts: Read"), which replaced the Detects API.
/// https://www.falconpy.io/Service-Collections/Alerts
class AlertsClient {
 public:
  static constexpr std::size_t query_limit = 10'000;
  static constexpr std::size_t entities_limit = 1'000;
  static constexpr std::size_t combined_limit = 1'000;

  explicit AlertsClient(std::shared_ptr<Client> client) : client_(std::move(client)) {}

  struct Ids {
    std::vector<std::string> ids;  ///< composite ids
    std::size_t total = 0;         ///< of all pages; 0 when it was not told
  };
  /// GET /alerts/queries/alerts/v2
  Result<Ids> query(const AlertQuery& query, std::size_t offset = 0) const;

  struct Found {
    std::vector<Json> alerts;
    std::vector<ApiFault> missing;  ///< ids that Falcon does not know or does not show
  };
  /// POST /alerts/entities/alerts/v2, in as many calls as the ids need.
  Result<Found> entities(const std::vector<std::string>& ids) const;

  struct Page {
    std::vector<Json> alerts;
    std::string after;  ///< empty after the last page; it ends within about two minutes
  };
  /// POST /alerts/combined/alerts/v1
  Result<Page> combined(const AlertQuery& query, const std::string& after = {}) const;
  /// All pages; stops early with the error of `visit`, or when Falcon gives the same page again.
  Result<void> each_page(const AlertQuery& query, const std::function<Result<void>(std::vector<Json>)>& visit) const;

 private:
  std::shared_ptr<Client> client_;
};

}  // namespace intelwall::falcon
