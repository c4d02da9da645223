#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "app/explain.hpp"
#include "aws/json_text.hpp"
#include "intel/line_reader.hpp"

namespace intelwall::app {

namespace {

using aws::items_in;
using aws::Json;
using aws::member;
using aws::text_in;

constexpr std::size_t max_listed = 5;

/// The names that an event asked for, with the protocol.
std::vector<std::pair<std::string, const char*>> names_in(const Json& event) {
  std::vector<std::pair<std::string, const char*>> names;
  const auto add = [&](std::string name, const char* protocol) {
    if (!name.empty()) names.emplace_back(std::move(name), protocol);
  };
  add(text_in(member(event, "tls"), "sni"), "tls");
  add(text_in(member(event, "http"), "hostname"), "http");
  const Json& dns = member(event, "dns");
  add(text_in(dns, "rrname"), "dns");
  for (const char* list : {"query", "queries"})  // Suricata 7 and 8
    for (const Json& query : items_in(dns, list)) add(text_in(query, "rrname"), "dns");
  return names;
}

/// Seconds since 1970, a number or a string; else the event's own time.
Time time_of(const Json& record, const Json& event) {
  const Json& stamp = member(record, "event_timestamp");
  if (stamp.is_number()) return Time{std::chrono::seconds{static_cast<std::int64_t>(stamp.get<double>())}};
  std::int64_t seconds = 0;
  const auto text = text_in(record, "event_timestamp");
  if (const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), seconds);
      status == std::errc{} && !text.empty())
    return Time{std::chrono::seconds{seconds}};
  return parse_time(text_in(event, "timestamp")).value_or(Time{});
}

std::string end_point(const Json& event, const char* address, const char* port) {
  const Json& number = member(event, port);
  return printable(text_in(event, address), 64) +
         (number.is_number_unsigned() ? fmt::format(":{}", number.get<std::uint64_t>()) : std::string());
}

void take(const Json& record, const DomainName& wanted, AlertLogPart& part) {
  // A Suricata of one's own writes the event without the envelope.
  const Json& inner = member(record, "event");
  const Json& event = inner.is_object() ? inner : record;
  if (text_in(event, "event_type") != "alert") return;
  ++part.records;
  for (const auto& [text, protocol] : names_in(event)) {
    const auto name = DomainName::parse(text);
    if (!name || !name->is_within(wanted.text())) continue;
    const Json& alert = member(event, "alert");
    ++part.matching;
    if (text_in(alert, "action") == "blocked") ++part.blocked;
    LoggedAlert each{.at = time_of(record, event),
                     .name = printable(text, 260),
                     .protocol = protocol,
                     .from = end_point(event, "src_ip", "src_port"),
                     .to = end_point(event, "dest_ip", "dest_port"),
                     .action = printable(text_in(alert, "action"), 20),
                     .message = printable(text_in(alert, "signature"), 260)};
    const auto at = std::ranges::upper_bound(part.last, each.at, {}, &LoggedAlert::at);
    part.last.insert(at, std::move(each));
    if (part.last.size() > max_listed) part.last.erase(part.last.begin());
    return;  // one record is one alert, whichever of its names matched
  }
}

}  // namespace

Result<AlertLogPart> read_alert_log(const std::string& path, const DomainName& name) {
  IW_TRY(const auto file, intel::open_unpacked(path));
  intel::LineReader lines(*file.bytes);
  AlertLogPart part;
  while (true) {
    IW_TRY(const auto line, lines.next());
    if (!line) return part;
    if (line->text.empty()) continue;
    if (!line->too_long && line->text.find("alert") == std::string_view::npos) continue;
    const auto record =
        line->too_long ? Result<Json>(fail(ErrorCode::protocol, "too long")) : aws::parse_json(line->text);
    if (!record || !record->is_object())
      ++part.unreadable;
    else
      take(*record, name, part);
  }
}

}  // namespace intelwall::app
