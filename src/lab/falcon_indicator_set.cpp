#include "lab/falcon_indicator_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <string_view>
#include <vector>

#include "aws/text.hpp"
#include "lab/lab.hpp"

namespace intelwall::lab {
namespace {

using std::string_view;
using Words = std::span<const string_view>;

constexpr string_view syllables[] = {"ba", "cor", "del", "fi",  "gra", "ho",  "jen", "kal", "lu",  "mar", "nov",
                                     "or", "pri", "qua", "res", "so",  "tri", "ul",  "ver", "wes", "xan", "zo"};
constexpr string_view suffixes[] = {"com",  "com",  "com", "com", "com", "com",  "net",  "net",
                                    "org",  "info", "top", "xyz", "ru",  "cn",   "club", "online",
                                    "site", "shop", "io",  "biz", "pw",  "co.uk"};
constexpr string_view dynamic_parents[] = {"duckdns.org", "ddns.net", "hopto.org", "mooo.com", "dyndns.org"};
constexpr string_view hosts[] = {"cdn", "mail", "update", "login", "static", "api"};
constexpr string_view paths[] = {"gate.php", "wp-content/plugins/a.js", "update/check", "i/index.html",
                                 "files/invoice.zip"};

struct Actor {
  string_view name;
  std::array<string_view, 3> families;
};
constexpr Actor actors[] = {{"SALTYSPIDER", {"Mofksys", "Sality", "Salgorea"}},
                            {"WIZARDSPIDER", {"TrickBot", "BazarLoader", "Conti"}},
                            {"MUMMYSPIDER", {"Emotet", "Emotet", "Geodo"}},
                            {"SCATTEREDSPIDER", {"Spectre", "RattyRAT", "BlackCat"}},
                            {"FANCYBEAR", {"X-Agent", "Zebrocy", "CompuTrace"}},
                            {"COZYBEAR", {"SUNBURST", "WellMess", "GraphicalNeutrino"}},
                            {"VOODOOBEAR", {"BlackEnergy", "Cyclops", "Exaramel"}},
                            {"PRIMITIVEBEAR", {"Pterodo", "Giddome", "Pterodo"}},
                            {"LABYRINTHCHOLLIMA", {"HOPLIGHT", "FallChill", "Manuscrypt"}},
                            {"VELVETCHOLLIMA", {"BabyShark", "AppleSeed", "AppleSeed"}},
                            {"WICKEDPANDA", {"Winnti", "ShadowPad", "Crosswalk"}},
                            {"MUSTANGPANDA", {"PlugX", "PoisonIvy", "TONESHELL"}},
                            {"CHARMINGKITTEN", {"CharmPower", "NokNok", "CharmPower"}},
                            {"OCEANBUFFALO", {"CobaltStrike", "Ratsnif", "KerrDown"}}};
constexpr string_view kill_chains[] = {
    "Reconnaissance", "Weaponization", "Delivery", "Exploitation", "Installation", "C2", "ActionOnObjectives"};
constexpr string_view threat_types[] = {
    "Commodity", "CredentialHarvesting", "Criminal", "Targeted", "Ransomware", "RAT", "Phishing", "Proxy", "Banking",
    "Suspicious"};
constexpr string_view targets[] = {"Technology", "Financial", "Government", "Healthcare",
                                   "Energy",     "Retail",    "Academic",   "Telecommunications"};
/// Of a hundred domains; no word: none.
constexpr std::pair<int, string_view> domain_types[] = {{36, "ActorControlled"},
                                                        {16, "PhishingDomain"},
                                                        {10, "DGA"},
                                                        {8, "LegitimateCompromised"},
                                                        {3, "StrategicWebCompromise"},
                                                        {3, "Sinkholed"},
                                                        {2, "Unregistered"},
                                                        {2, "Parking"},
                                                        {1, "KnownGood"}};
constexpr std::pair<int, string_view> types[] = {{42, "domain"},      {18, "url"},     {12, "ip_address"},
                                                 {16, "hash_sha256"}, {7, "hash_md5"}, {3, "email_address"},
                                                 {2, "mutex_name"}};

/// An indicator of the lab's own internet, which the demo meets.
struct Own {
  const char* name;
  string_view actor, family, domain_type, threat_type;
};
constexpr Own own_names[] = {{bad_name, "SALTYSPIDER", "Mofksys", "ActorControlled", "Commodity"},
                             {bad_subdomain, "SALTYSPIDER", "Mofksys", "ActorControlled", "RAT"},
                             {homograph_name, "LABYRINTHCHOLLIMA", "", "PhishingDomain", "CredentialHarvesting"},
                             {good_name, "", "", "KnownGood", ""}};

/// splitmix64: a number that looks like chance, for each number and purpose.
constexpr std::uint64_t chance(std::uint64_t number, std::uint64_t purpose) {
  std::uint64_t z = number * 0x9e3779b97f4a7c15 + purpose * 0xd1b54a32d192ed03 + 0x632be59bd9b4e019;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}
enum Purpose : std::uint64_t {
  of_type = 1,
  of_name,
  of_actor,
  of_chain,
  of_threat,
  of_target,
  of_domain,
  of_report,
  of_rest,
  of_relation
};

template <std::size_t N>
string_view pick(const string_view (&words)[N], std::uint64_t random) {
  return words[random % N];
}
template <std::size_t N>
string_view pick_weighted(const std::pair<int, string_view> (&words)[N], std::uint64_t random) {
  int left = static_cast<int>(random % 100);
  for (const auto& [weight, word] : words) {
    left -= weight;
    if (left < 0) return word;
  }
  return {};
}

/// Five characters, different for each number up to 36^5: no two names are the same.
std::string code(std::uint32_t number) {
  constexpr std::uint64_t codes = 36ULL * 36 * 36 * 36 * 36;
  static_assert(IndicatorSet::most < codes);
  std::uint64_t scrambled = (number * 40'503'979ULL + 12'345) % codes;  // the factor has no divisor in common with 36
  std::string text(5, '0');
  for (char& c : text) {
    c = "0123456789abcdefghijklmnopqrstuvwxyz"[scrambled % 36];
    scrambled /= 36;
  }
  return text;
}

bool is_dynamic(std::uint32_t number) {
  return chance(number, of_name) >> 32 & 15 ? false : true;
}

std::string domain(std::uint32_t number) {
  const std::uint64_t random = chance(number, of_name);
  const auto first = pick(syllables, random), second = pick(syllables, random >> 8);
  if (is_dynamic(number)) return fmt::format("{}{}.{}", first, code(number), pick(dynamic_parents, random >> 40));
  const auto suffix = pick(suffixes, random >> 16);
  const bool has_host = (random >> 24) % 6 == 0;
  return fmt::format("{}{}{}{}{}.{}", has_host ? pick(hosts, random >> 28) : "", has_host ? "." : "", first, second,
                     code(number), suffix);
}

std::string hex(std::uint32_t number, int digits) {
  std::string text;
  for (std::uint64_t part = 0; static_cast<int>(text.size()) < digits; ++part)
    fmt::format_to(std::back_inserter(text), "{:016x}", chance(number, 100 + part));
  return text;
}

/// Documentation and benchmark ranges: nobody's address.
std::string address(std::uint32_t number) {
  constexpr std::uint32_t benchmark_addresses = 1u << 17;
  if (number < benchmark_addresses)
    return fmt::format("198.{}.{}.{}", 18 + (number >> 16), number >> 8 & 255, number & 255);
  return fmt::format("2001:db8:{:x}:{:x}::1", number >> 16, number & 0xffff);
}

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  /// Plain words only.
  void list(string_view name, Words words) {
    fmt::format_to(std::back_inserter(out_), R"(,"{}":[)", name);
    for (const auto word : words) {
      if (out_.back() != '[') out_ += ',';
      ((out_ += '"') += word) += '"';
    }
    out_ += ']';
  }
  void label(string_view kind, string_view name, std::uint32_t created, std::uint32_t valid) {
    if (out_.back() != '[') out_ += ',';
    fmt::format_to(std::back_inserter(out_), R"({{"name":"{}/{}","created_on":{},"last_valid_on":{}}})", kind, name,
                   created, valid);
  }

 private:
  std::string& out_;
};

struct Traits {
  std::vector<string_view> actors, families, chains, domain_types, address_types, threats, targets, vulnerabilities;
  std::vector<std::string> reports;
};

Traits traits_of(std::uint32_t number, string_view type) {
  Traits traits;
  const std::uint64_t who = chance(number, of_actor);
  const Actor& actor = actors[who % std::size(actors)];
  const bool is_known = who >> 8 & 1 ? (who >> 9) % 5 < 3 : false;  // three in ten
  if (is_known) traits.actors.push_back(actor.name);
  if (is_known || (who >> 20) % 3 == 0) traits.families.push_back(actor.families[(who >> 24) % 3]);
  const std::uint64_t chain = chance(number, of_chain);
  for (std::uint64_t i = chain % 3; i < 3; ++i) traits.chains.push_back(kill_chains[(chain >> 8) % 5 + i]);
  const std::uint64_t threat = chance(number, of_threat);
  traits.threats.push_back(pick(threat_types, threat));
  if (threat >> 20 & 1 && pick(threat_types, threat >> 8) != traits.threats[0])
    traits.threats.push_back(pick(threat_types, threat >> 8));
  const std::uint64_t target = chance(number, of_target);
  if (target % 5 != 0) traits.targets.push_back(pick(targets, target >> 8));
  if (target % 5 == 1 && pick(targets, target >> 16) != traits.targets[0])
    traits.targets.push_back(pick(targets, target >> 16));
  const std::uint64_t rest = chance(number, of_rest);
  if (type == "domain" || type == "url") {
    const auto word =
        is_dynamic(number) ? string_view("DynamicDNS") : pick_weighted(domain_types, chance(number, of_domain));
    if (!word.empty()) traits.domain_types.push_back(word);
  } else if (type == "ip_address" && rest % 8 == 0) {
    traits.address_types.push_back(rest >> 8 & 1 ? "TorProxy" : "SharedWebHost");
  }
  if (rest >> 16 & 1) traits.reports.push_back(fmt::format("CSA-{}{:04}", 24 + (rest >> 20) % 3, (rest >> 24) % 2000));
  if ((rest >> 40) % 32 == 0) traits.vulnerabilities.push_back(rest >> 48 & 1 ? "CVE-2025-21333" : "CVE-2024-3400");
  return traits;
}

Traits traits_of(const Own& own) {
  Traits traits;
  const auto add = [](std::vector<string_view>& list, string_view word) {
    if (!word.empty()) list.push_back(word);
  };
  add(traits.actors, own.actor);
  add(traits.families, own.family);
  add(traits.domain_types, own.domain_type);
  add(traits.threats, own.threat_type);
  if (own.actor.empty()) return traits;
  traits.chains = {"Installation", "C2"};
  traits.targets = {"Technology", "Financial"};
  traits.reports = {"CSA-250042"};
  return traits;
}

std::string capital(string_view word) {
  std::string text(word);
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

}  // namespace

intel::Confidence decayed(std::chrono::seconds age) {
  using std::chrono::days;
  if (age <= days{60}) return intel::Confidence::high;
  return age <= days{120} ? intel::Confidence::medium : intel::Confidence::low;
}

std::uint32_t IndicatorSet::size() const {
  return count_ + static_cast<std::uint32_t>(std::size(own_names));
}

std::string IndicatorSet::type(std::uint32_t number) const {
  return std::string(number < count_ ? pick_weighted(types, chance(number, of_type)) : "domain");
}

std::string IndicatorSet::value(std::uint32_t number) const {
  if (number >= count_) return own_names[number - count_].name;
  const string_view type = pick_weighted(types, chance(number, of_type));
  if (type == "domain") return domain(number);
  if (type == "url") return fmt::format("http://{}/{}", domain(number), pick(paths, chance(number, of_rest)));
  if (type == "ip_address") return address(number);
  if (type == "hash_sha256") return hex(number, 64);
  if (type == "hash_md5") return hex(number, 32);
  if (type == "email_address") return fmt::format("billing-{}@{}", code(number), domain(number));
  return fmt::format("Global\\{}-{}", pick(syllables, chance(number, of_name)), code(number));
}

std::uint32_t IndicatorSet::seen(std::uint32_t number) const {
  const std::int64_t newest = newest_.time_since_epoch().count();
  if (number >= count_) return static_cast<std::uint32_t>(newest);
  // Whole seconds of a square, so that the recent ones, which filters ask for, are many.
  constexpr double span = 730.0 * 24 * 3600;
  const double back = static_cast<double>(count_ - number) / count_;
  return static_cast<std::uint32_t>(newest - static_cast<std::int64_t>(span * back * back));
}

bool IndicatorSet::is_verified(std::uint32_t number) const {
  if (number >= count_) return !own_names[number - count_].actor.empty();
  return chance(number, of_report) % 20 != 0;
}

bool IndicatorSet::is_deleted(std::uint32_t number) const {
  return number < count_ && (chance(number, of_report) >> 8) % 100 == 0;
}

void IndicatorSet::write(std::uint32_t number, const IndicatorState& state, std::string& out) const {
  const std::string type = this->type(number), value = this->value(number);
  const Traits traits = number < count_ ? traits_of(number, type) : traits_of(own_names[number - count_]);
  const std::uint32_t seen = this->seen(number);
  const auto published = seen - static_cast<std::uint32_t>(chance(number, of_report) % (90 * 86'400));
  const std::string text =
      value.find('\\') == std::string::npos ? value : fmt::format("{}", fmt::join(aws::split(value, '\\'), "\\\\"));
  const string_view confidence = to_string(state.confidence);
  fmt::format_to(
      std::back_inserter(out),
      R"({{"id":"{0}_{1}","indicator":"{1}","type":"{0}","deleted":{2},"published_date":{3},"last_updated":{4})", type,
      text, state.deleted, published, state.last_updated);
  Writer writer(out);
  const std::vector<string_view> reports(traits.reports.begin(), traits.reports.end());
  writer.list("reports", reports);
  writer.list("actors", traits.actors);
  writer.list("malware_families", traits.families);
  writer.list("kill_chains", traits.chains);
  writer.list("ip_address_types", traits.address_types);
  writer.list("domain_types", traits.domain_types);
  fmt::format_to(std::back_inserter(out), R"(,"malicious_confidence":"{}","_marker":"{}","labels":[)", confidence,
                 state.marker);
  writer.label("MaliciousConfidence", capital(confidence), published, state.last_updated);
  for (const auto& [kind, words] :
       {std::pair{"Actor", &traits.actors}, std::pair{"Malware", &traits.families},
        std::pair{"KillChain", &traits.chains}, std::pair{"DomainType", &traits.domain_types},
        std::pair{"ThreatType", &traits.threats}, std::pair{"Target", &traits.targets}}) {
    for (const auto word : *words) writer.label(kind, word, published, seen);
  }
  out += ']';
  writer.list("targets", traits.targets);
  writer.list("threat_types", traits.threats);
  writer.list("vulnerabilities", traits.vulnerabilities);
}

void IndicatorSet::write_relations(std::uint32_t number, std::string& out) const {
  out += R"(,"relations":[)";
  const std::uint64_t random = chance(number, of_relation);
  const std::uint64_t count = number < count_ && count_ > 1 ? random % 4 : 0;
  const std::uint32_t seen = this->seen(number);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto other = static_cast<std::uint32_t>((random >> (8 + 12 * i)) % count_);
    // One with a backslash would have to be escaped.
    if (type(other) == "mutex_name") continue;
    if (out.back() != '[') out += ',';
    fmt::format_to(std::back_inserter(out),
                   R"({{"id":"{0}_{1}","indicator":"{1}","type":"{0}","created_date":{2},"last_valid_date":{3}}})",
                   type(other), value(other), seen - 86'400, seen);
  }
  out += ']';
}

}  // namespace intelwall::lab
