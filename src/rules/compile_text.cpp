#include "rules/compile_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace intelwall::rules {

const char* to_string(Carrier carrier) {
  switch (carrier) {
    case Carrier::tls:
      return "tls";
    case Carrier::http:
      return "http";
    case Carrier::dns:
      return "dns";
    case Carrier::quic:
      return "quic";
  }
  std::unreachable();
}

std::string_view buffer_of(Carrier carrier) {
  switch (carrier) {
    case Carrier::tls:
      return "tls.sni; ";
    case Carrier::http:
      return "http.host; ";
    case Carrier::dns:
      return "dns.query; ";
    case Carrier::quic:
      return "quic.sni; ";
  }
  std::unreachable();
}

std::vector<Carrier> carriers_of(const CompileOptions& options) {
  std::vector<Carrier> carriers;
  if (options.protocols.contains(Protocol::tls)) carriers.push_back(Carrier::tls);
  if (options.protocols.contains(Protocol::http)) carriers.push_back(Carrier::http);
  if (options.protocols.contains(Protocol::dns)) carriers.push_back(Carrier::dns);
  if (options.protocols.contains(Protocol::quic)) carriers.push_back(Carrier::quic);
  return carriers;
}

std::string_view verb_of(Action action, Carrier carrier) {
  if (action == Action::reject && (carrier == Carrier::dns || carrier == Carrier::quic)) return "drop";
  return to_string(action);
}

std::string_view content_end_of(Carrier carrier) {
  return carrier == Carrier::dns ? "endswith; " : "isdataat:!2,relative; ";
}
std::string_view name_end_of(Carrier carrier) {
  return carrier == Carrier::dns ? "endswith; " : R"(pcre:"/^\.?\z/R"; )";
}
std::string_view regex_end_of(Carrier carrier) {
  return carrier == Carrier::dns ? R"(\z/i"; )" : R"(\.?\z/i"; )";
}

std::string rule_head(const CompileOptions& options, Carrier carrier, std::string_view about) {
  return fmt::format("{} {} {} any -> any any (msg:\"intelwall {}{}{}\"; flow:to_server; {}",
                     verb_of(options.action, carrier), to_string(carrier), options.source, options.label.text(),
                     about.empty() ? "" : " ", about, buffer_of(carrier));
}

std::uint32_t wanted_list_sid(std::string_view what, std::string_view more, Carrier carrier, Scope scope) {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&hash](unsigned char byte) {
    hash ^= byte;
    hash *= 0x100000001b3;
  };
  for (const char c : what) add(static_cast<unsigned char>(c));
  add(0xff);
  for (const char c : more) add(static_cast<unsigned char>(c));
  add(static_cast<unsigned char>(2 * std::to_underlying(carrier) + (scope == Scope::exact ? 1 : 0)));
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccd;
  hash ^= hash >> 33;
  return first_list_sid + static_cast<std::uint32_t>(hash % list_sids);
}

std::vector<std::uint32_t> give_sids(const std::vector<std::uint32_t>& wanted) {
  std::vector<std::uint32_t> order(wanted.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, {}, [&](std::uint32_t i) { return wanted[i]; });
  std::vector<std::uint32_t> sids(wanted.size());
  std::uint32_t next = first_list_sid;
  for (const auto i : order) {
    sids[i] = std::max(wanted[i], next);
    next = sids[i] + 1;
  }
  IW_ASSERT(next <= first_sid);
  return sids;
}

void append_sid(std::string& rule, std::uint32_t sid) {
  rule.append("sid:").append(fmt::format_int(sid).str()).append("; rev:1;)");
}

std::size_t variable_bytes(const CompileOptions& options) {
  std::size_t bytes = 0;
  for (const auto& [name, value] : options.variables) {
    if (options.source.contains("$" + name)) bytes += value.size();
  }
  return bytes;
}

}  // namespace intelwall::rules
