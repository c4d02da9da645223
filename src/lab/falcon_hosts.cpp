#include "lab/falcon_hosts.hpp"

#include <fmt/format.h>

#include "aws/json_text.hpp"

namespace intelwall::lab {
namespace {

constexpr std::size_t most_ids = 5'000;
constexpr std::size_t most_devices = 100'000;

}  // namespace

FalconAnswer FalconHosts::entities(const Json& body) const {
  const Json& ids = aws::member(body, "ids");
  if (!ids.is_array() || ids.empty() || ids.size() > most_ids)
    return refuse_falcon(400, fmt::format("ids must be a list of 1 to {} ids", most_ids));
  FalconAnswer answer;
  const std::lock_guard lock(mutex_);
  for (const auto& id : ids) {
    const auto found = id.is_string() ? devices_.find(id.get_ref<const std::string&>()) : devices_.end();
    if (found == devices_.end()) {
      answer.errors.push_back({"", "device not found: " + printable(dump_json(id), 200), 404});
    } else {
      answer.resources.push_back(found->second);
    }
  }
  return answer;
}

FalconAnswer FalconHosts::add(const Json& body) {
  const auto& hosts = aws::items_in(body, "hosts");
  if (hosts.empty()) return refuse_falcon(400, "hosts must be a list of devices");
  for (const auto& host : hosts)
    if (aws::text_in(host, "device_id").empty()) return refuse_falcon(400, "a device must have a device_id");
  FalconAnswer answer;
  const std::lock_guard lock(mutex_);
  if (devices_.size() + hosts.size() > most_devices)
    return refuse_falcon(400, fmt::format("the lab keeps at most {} devices", most_devices));
  for (const auto& host : hosts) {
    answer.resources.push_back(host["device_id"]);
    devices_[host["device_id"].get<std::string>()] = host;
  }
  return answer;
}

}  // namespace intelwall::lab
