#include "falcon/hosts.hpp"

#include <algorithm>
#include <set>

namespace intelwall::falcon {
namespace {

constexpr std::size_t most_ids = 1'000;  // of a call; Falcon takes 5,000
constexpr std::size_t most_known = 10'000;
constexpr std::chrono::hours lifetime{1};
constexpr std::size_t longest_aid = 64;

}  // namespace

Result<void> Hosts::look_up(const std::vector<std::string>& aids) {
  const Time now = client_->session().clock();
  std::set<std::string> wanted;
  for (const auto& aid : aids) {
    const auto known = known_.find(aid);
    if (!aid.empty() && aid.size() <= longest_aid && (known == known_.end() || known->second.until <= now))
      wanted.insert(aid);
  }
  if (known_.size() + wanted.size() > most_known) {
    std::erase_if(known_, [&](const auto& entry) { return std::ranges::find(aids, entry.first) == aids.end(); });
  }
  for (auto next = wanted.begin(); next != wanted.end();) {
    Json ids = Json::array();
    for (; next != wanted.end() && ids.size() < most_ids; ++next) ids.push_back(*next);
    auto answer = client_->call({.method = "POST",
                                 .path = "/devices/entities/devices/v2",
                                 .body = aws::dump_json({{"ids", ids}}),
                                 .scope = hosts_scope});
    if (!answer && answer.error().code != ErrorCode::not_found) return std::unexpected(std::move(answer).error());
    for (const auto& id : ids) known_[id.get<std::string>()] = {nullptr, now + lifetime};
    if (!answer) continue;
    for (auto& device : answer->resources) {
      const auto known = known_.find(aws::text_in(device, "device_id"));
      if (known != known_.end()) known->second.device = std::move(device);
    }
  }
  return {};
}

const Json& Hosts::device(const std::string& aid) const {
  static const Json none;
  const auto known = known_.find(aid);
  return known == known_.end() ? none : known->second.device;
}

}  // namespace intelwall::falcon
