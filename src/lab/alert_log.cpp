#include "lab/alert_log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>

#include "core/time.hpp"
#include "hunt/log_tail.hpp"
#include "lab/cloud.hpp"
#include "os/descriptor.hpp"
#include "os/file.hpp"

namespace intelwall::lab {
namespace {

using Json = nlohmann::json;

/// Flow bits of policy_compiler: by these prefixes.
bool is_internal_bit(std::string_view name) {
  return name.starts_with("iw.") || name.starts_with("aws.");
}

}  // namespace

std::optional<std::string> alert_record(std::string_view eve_line, const OriginOf& origin_of) {
  auto event = Json::parse(eve_line, nullptr, false);
  if (!event.is_object() || event.value("event_type", Json()) != "alert") return std::nullopt;
  const auto alert = event.find("alert");
  if (alert == event.end() || !alert->is_object()) return std::nullopt;
  if (const auto sid = alert->find("signature_id"); sid != alert->end() && sid->is_number_unsigned()) {
    if (const auto origin = origin_of(sid->get<std::uint32_t>())) {
      *sid = origin->sid;
      (*alert)["signature"] = origin->message;
    }
  }
  // Where the lab runs it and how it writes out strict order, which the firewall of a cloud does not tell.
  event.erase("in_iface");
  if (const auto metadata = event.find("metadata"); metadata != event.end() && metadata->is_object()) {
    if (const auto bits = metadata->find("flowbits"); bits != metadata->end() && bits->is_array()) {
      Json own = Json::array();
      for (const auto& bit : *bits) {
        if (!bit.is_string() || !is_internal_bit(bit.get_ref<const std::string&>())) own.push_back(bit);
      }
      if (own.empty()) {
        metadata->erase(bits);
      } else {
        *bits = std::move(own);
      }
    }
    if (metadata->empty()) event.erase(metadata);
  }
  std::string seconds = "0";
  if (const auto stamp = event.value("timestamp", Json()); stamp.is_string()) {
    if (const auto time = parse_time(stamp.get_ref<const std::string&>()))
      seconds = fmt::format("{}", time->time_since_epoch().count());
  }
  const Json record = {{"firewall_name", firewall_name},
                       {"availability_zone", std::string(region) + "a"},
                       {"event_timestamp", seconds},
                       {"event", std::move(event)}};
  return record.dump(-1, ' ', false, Json::error_handler_t::replace);
}

AlertLog::AlertLog(std::filesystem::path events, std::filesystem::path log, OriginOf origin_of, OnRecord on_record)
    : events_(std::move(events)),
      log_(std::move(log)),
      origin_of_(std::move(origin_of)),
      on_record_(std::move(on_record)),
      follower_([this](const std::stop_token& stop) { follow(stop); }) {}

void AlertLog::follow(const std::stop_token& stop) {
  const os::Descriptor log(::open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  hunt::LogTail events(events_, hunt::From::beginning);
  for (;;) {
    const bool last = stop.stop_requested();
    for (;;) {
      const auto lines = events.next();
      // What cannot be read now may be later.
      if (!lines || lines->empty()) break;
      std::string records;
      for (auto rest = *lines; !rest.empty();) {
        const auto end = rest.find('\n');
        if (const auto record = alert_record(rest.substr(0, end), origin_of_)) {
          records.append(*record).append("\n");
          if (on_record_) on_record_(*record);
        }
        rest.remove_prefix(end + 1);
      }
      // What a full disk does not take is lost, as a log is.
      if (!os::write_all(log.get(), records, log_)) continue;
    }
    if (last) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace intelwall::lab
