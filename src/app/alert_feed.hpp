#pragma once

#include <filesystem>
#include <map>
#include <stop_token>

#include "falcon/alerts.hpp"

namespace intelwall::app {

/// Reads alerts in the order in which they change, from a position that outlives the process.
class AlertFeed {
 public:
  using Deliver = std::function<Result<void>(const std::vector<nlohmann::json>&)>;
  AlertFeed(const std::shared_ptr<falcon::Client>& client, std::string filter, std::filesystem::path position);

  /// Where to begin when nothing was saved.
  Result<void> open(Time otherwise);
  /// All alerts that changed since the last call, each once. The position is saved after each page is delivered.
  Result<void> read(const Deliver& deliver);

 private:
  Result<void> save();

  falcon::AlertsClient alerts_;
  std::string origin_, filter_;
  std::filesystem::path position_;
  Time since_{};
  std::map<std::string, std::string> seen_;  ///< updated_timestamp by id, of the time that is read again
};

}  // namespace intelwall::app
