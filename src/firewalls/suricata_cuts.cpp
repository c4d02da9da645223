#include "firewalls/suricata_cuts.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "firewalls/suricata_engine.hpp"
#include "os/file.hpp"

namespace intelwall::firewalls {
namespace {

/// Below the sids of decisions and of lists, and far from those that public rule sets use.
constexpr std::uint32_t first_cut_sid = 990'000'000;
constexpr std::string_view until_mark = "metadata:until ";
/// Rules on addresses alone are asked once, when a flow begins; with a condition on its state they are asked for every
/// packet.
constexpr std::string_view every_packet = "flow:established; ";

/// The address in its one canonical form, so that no other text than an address reaches a rule.
std::optional<std::string> address_of(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  std::array<char, INET6_ADDRSTRLEN> canonical{};
  const int family = text.contains(':') ? AF_INET6 : AF_INET;
  if (::inet_pton(family, text.c_str(), bytes.data()) != 1) return std::nullopt;
  if (::inet_ntop(family, bytes.data(), canonical.data(), canonical.size()) == nullptr) return std::nullopt;
  return std::string(canonical.data());
}

/// The rule's header behind its action and protocol; nothing where an end is not wholly known.
std::optional<std::string> ends_of(const Connection& connection) {
  if (connection.source_port == 0 || connection.destination_port == 0) return std::nullopt;
  const auto source = address_of(connection.source);
  const auto destination = address_of(connection.destination);
  if (!source || !destination) return std::nullopt;
  return fmt::format("{} {} <> {} {}", *source, connection.source_port, *destination, connection.destination_port);
}

}  // namespace

/// Ends of a connection → until when it is rejected.
struct SuricataCuts::Rules {
  std::optional<std::string> text;  ///< of the file; nothing: there is none
  std::map<std::string, Time> until;

  std::string render() const {
    std::string rules;
    auto sid = first_cut_sid;
    for (const auto& [ends, time] : until)
      for (const std::string_view action : {"rejectboth tcp", "drop udp"})
        rules += fmt::format("{} {} (msg:\"intelwall: open connection of a blocked domain\"; {}{}{}; sid:{}; rev:1;)\n",
                             action, ends, every_packet, until_mark, format_compact(time), sid++);
    return rules;
  }
};

SuricataCuts::SuricataCuts(SuricataOptions options) : options_(std::move(options)) {
  options_.rules_file.replace_filename(options_.rules_file.stem().string() + "-cuts.rules");
}

Result<SuricataCuts::Rules> SuricataCuts::read() const {
  Rules rules;
  auto text = os::read_file(options_.rules_file);
  if (!text && text.error().code == ErrorCode::not_found) return rules;
  IW_TRY(rules.text, std::move(text));
  static constexpr std::string_view tcp = "rejectboth tcp ";
  std::string_view rest = *rules.text;
  while (!rest.empty()) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const auto options = line.find(" (");
    const auto mark = line.find(until_mark);
    if (!line.starts_with(tcp) || options == std::string_view::npos || mark == std::string_view::npos) continue;
    const auto begin = mark + until_mark.size();
    // A time that cannot be read is over: a cut must never outlive what somebody did to its file.
    const auto until = parse_time(line.substr(begin, line.find(';', begin) - begin));
    rules.until[std::string(line.substr(tcp.size(), options - tcp.size()))] = until.value_or(Time{});
  }
  return rules;
}

Result<void> SuricataCuts::enforce(const Rules& before, const Rules& after) const {
  const auto text = after.render();
  IW_TRY(const auto loaded, ask_sensors(options_));
  if (!text.empty()) IW_CHECK(test_rules(options_, {{options_.rules_file.filename().string(), text}}));
  IW_CHECK(put_in_force(options_, options_.rules_file, before.text, text, loaded));
  return {};
}

Result<Cut> SuricataCuts::cut(const std::vector<Connection>& connections, Time now) const {
  IW_TRY(const Rules before, read());
  Rules after = before;
  std::erase_if(after.until, [&](const auto& entry) { return entry.second <= now; });
  Cut cut;
  for (const auto& connection : connections) {
    const auto ends = ends_of(connection);
    if (!ends) continue;
    after.until[*ends] = now + cut_lifetime;
    cut.ended.push_back(connection);
  }
  if (cut.ended.empty()) return cut;
  IW_CHECK(enforce(before, after));
  cut.result = Cut::Result::cut;
  return cut;
}

Result<void> SuricataCuts::lift_over(Time now) const {
  IW_TRY(const Rules before, read());
  Rules after = before;
  if (std::erase_if(after.until, [&](const auto& entry) { return entry.second <= now; }) == 0) return {};
  return enforce(before, after);
}

}  // namespace intelwall::firewalls
