#include "intel/fql_schema.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace intelwall::fql {

namespace {

using namespace std::string_view_literals;

constexpr std::string_view types[] = {
    "binary_string", "bitcoin_address",  "campaign_id",    "coin_address", "compile_time", "device_name",
    "domain",        "email_address",    "email_subject",  "event_name",   "file_mapping", "file_name",
    "file_path",     "hash_imphash",     "hash_ion",       "hash_md5",     "hash_sha1",    "hash_sha256",
    "ip_address",    "ip_address_block", "mutex_name",     "password",     "persona_name", "phone_number",
    "port",          "registry",         "semaphore_name", "service_name", "url",          "user_agent",
    "username",      "x509_serial",      "x509_subject"};
constexpr std::string_view confidences[] = {"high", "medium", "low", "unverified"};
constexpr std::string_view domain_types[] = {"ActorControlled",
                                             "DGA",
                                             "DynamicDNS",
                                             "DynamicDNS/Afraid",
                                             "DynamicDNS/DYN",
                                             "DynamicDNS/Hostinger",
                                             "DynamicDNS/noIP",
                                             "DynamicDNS/Oray",
                                             "KnownGood",
                                             "LegitimateCompromised",
                                             "PhishingDomain",
                                             "Sinkholed",
                                             "StrategicWebCompromise",
                                             "Unregistered",
                                             "Parking",
                                             "PopularSite",
                                             "SharedWebHost"};
constexpr std::string_view address_types[] = {"HtranDestinationNode",
                                              "HtranProxy",
                                              "LegitimateCompromised",
                                              "Parking",
                                              "PopularSite",
                                              "SharedWebHost",
                                              "Sinkhole",
                                              "TorProxy"};
constexpr std::string_view kill_chains[] = {
    "reconnaissance", "weaponization", "delivery", "exploitation", "installation", "c2", "actionOnObjectives"};

constexpr Property properties[] = {
    {"_marker", Comparison::text},
    {"actors", Comparison::vocabulary},
    {"created_date", Comparison::date},
    {"deleted", Comparison::boolean},
    {"domain_types", Comparison::vocabulary, domain_types},
    {"id", Comparison::text},
    {"indicator", Comparison::text},
    {"ip_address_types", Comparison::vocabulary, address_types},
    {"kill_chains", Comparison::vocabulary, kill_chains},
    {"labels", Comparison::vocabulary},
    {"labels.created_on", Comparison::date},
    {"labels.last_valid_on", Comparison::date},
    {"labels.name", Comparison::vocabulary},
    {"last_updated", Comparison::date},
    {"malicious_confidence", Comparison::vocabulary, confidences},
    {"malware_families", Comparison::vocabulary},
    {"published_date", Comparison::date},
    {"relations.created_date", Comparison::date},
    {"relations.id", Comparison::text},
    {"relations.indicator", Comparison::text},
    {"relations.last_valid_date", Comparison::date},
    {"relations.type", Comparison::vocabulary, types},
    {"reports", Comparison::vocabulary},
    {"reports.slug", Comparison::vocabulary},
    {"scope", Comparison::vocabulary},
    {"source", Comparison::text},
    {"targets", Comparison::vocabulary},
    {"threat_types", Comparison::vocabulary},
    {"type", Comparison::vocabulary, types},
    {"vulnerabilities", Comparison::vocabulary},
};

const Property* find(std::string_view name) {
  const auto* found = std::ranges::lower_bound(properties, name, {}, &Property::name);
  return found != std::end(properties) && found->name == name ? found : nullptr;
}

/// Levenshtein's distance of two short texts, case apart.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (to_lower(a[i]) == to_lower(b[j]) ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

constexpr std::size_t longest_guess = 32;

}  // namespace

Property property_named(std::string_view name) {
  const auto* known = find(name);
  return known != nullptr ? *known : Property{.name = name};
}

bool is_known_property(std::string_view name) {
  return find(name) != nullptr;
}

std::string_view nearest_property(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Property& each : properties) names.push_back(each.name);
  return nearest_word(names, name);
}

std::string_view nearest_word(std::span<const std::string_view> words, std::string_view text) {
  if (text.size() > longest_guess) return {};
  std::string_view best;
  std::size_t least = std::min<std::size_t>(3, text.size());  // half a short word is no misspelling of it
  for (const std::string_view word : words) {
    const std::size_t d = distance(word, text);
    if (d < least) {
      least = d;
      best = word;
    }
  }
  return best;
}

std::string to_lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) { return to_lower(c); });
  return lower;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::ranges::equal(a, b, [](char left, char right) { return to_lower(left) == to_lower(right); });
}

}  // namespace intelwall::fql
