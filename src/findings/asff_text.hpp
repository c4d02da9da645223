#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace intelwall::findings {

/// `text` as ASFF takes it: at most `limit` bytes, cut between characters, line breaks and tabs as spaces (its pattern
/// `.*\S.*` does not match over lines), other control characters as U+FFFD. Empty when nothing but blanks is left, for
/// then the field must not be sent.
std::string asff_text(std::string_view text, std::size_t limit);

/// RFC 3339 with nine fractional digits, in UTC. Nothing when `text` is no time.
std::string asff_time(std::string_view text);

/// ProductFields of CrowdStrike's product within ASFF's limits: 50 pairs, 2048 bytes a value. What comes first stays.
class AsffProductFields {
 public:
  static constexpr std::size_t most = 50;
  static constexpr std::size_t value_limit = 2048;
  static constexpr std::string_view prefix = "crowdstrike/crowdstrike-falcon/";

  void put(std::string_view name, std::string_view text);
  /// "a.example,b.example" under `name`, `name`/1, …
  void put_list(std::string_view name, const std::vector<std::string>& items);
  std::size_t room() const { return most - fields_.size(); }
  nlohmann::json take() { return std::move(fields_); }

 private:
  nlohmann::json fields_ = nlohmann::json::object();
};

}  // namespace intelwall::findings
