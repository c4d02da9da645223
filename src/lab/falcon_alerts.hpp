#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "lab/cloud_wire.hpp"
#include "lab/falcon_cloud.hpp"

namespace intelwall::lab {

/// Falcon's answer to a call, without its meta: resources and paging, or its own error.
struct FalconAnswer {
  int status = 200;
  Json resources = Json::array();
  std::string resources_text;    ///< instead of `resources` when it is not empty: many are written as they are
  std::string next_page;         ///< the header Next-Page
  Json pagination;               ///< null: none
  std::vector<ApiError> errors;  ///< also beside resources; only message and status are used
};
FalconAnswer refuse_falcon(int status, std::string message);

/// Alerts v2: by composite_id, with FQL filters. Thread-safe.
class FalconAlerts {
 public:
  explicit FalconAlerts(Clock clock) : clock_(std::move(clock)) {}

  /// Replaces the alert with the same composite_id; false when it has none.
  bool put(Json alert);
  /// The alert of a detection event; nothing for other events.
  void put_event(const Json& event);
  std::size_t count() const;

  FalconAnswer query(const std::map<std::string, std::string>& parameters) const;
  FalconAnswer entities(const Json& body) const;
  FalconAnswer combined(const Json& body);

 private:
  /// The ids that a filter and a text keep, sorted.
  std::expected<std::vector<std::string>, FalconAnswer> select(const std::string& filter, const std::string& text,
                                                               const std::string& sort) const;
  struct Rest {
    std::vector<std::string> ids;
    Time expires{};
  };

  Clock clock_;
  mutable std::mutex mutex_;  ///< guards what follows
  std::map<std::string, Json> alerts_;
  std::map<std::string, Rest> pages_;  ///< by the `after` that leads to them
};

}  // namespace intelwall::lab
