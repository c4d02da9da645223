// The rules that are written, before the engine that enforces them: what it loads, and which packets they catch.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <functional>

#include "os/process.hpp"
#include "rules/generate.hpp"
#include "rules/quic_initial.hpp"
#include "rules/rule_group.hpp"
#include "rules/suricata.hpp"

namespace intelwall::rules {
namespace {

using ::intelwall::testing::Generator;
using ::intelwall::testing::have_suricata;
using ::intelwall::testing::Pcap;
using ::intelwall::testing::run_suricata;

Decision decision_on(std::string_view name, Scope scope, Action action = Action::alert) {
  const DomainSpec domain{*DomainName::parse(name), scope};
  return {.id = decision_id(domain, action),
          .domain = domain,
          .action = action,
          .protocols = {Protocol::tls, Protocol::http, Protocol::dns, Protocol::quic},
          .reason = RuleText("a-z ._:/@+=() all of them"),
          .source = RuleText("test"),
          .actor = RuleText("jane@example.org"),
          .confidence = RuleText("high"),
          .created_at = *parse_time("2026-11-24T14:03:04Z"),
          .expires_at = {}};
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}
std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return text;
}
std::string mixed(std::string text) {
  for (std::size_t i = 0; i < text.size(); i += 2) text[i] = upper(text.substr(i, 1))[0];
  return text;
}

bool fits_dns(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > 253) return false;
  for (std::size_t at = 0; at <= name.size();) {
    const auto end = std::min(name.find('.', at), name.size());
    if (end == at || end - at > 63) return false;
    at = end + 1;
  }
  return true;
}

/// The judge that needs no engine: is `name` (in any case, no root dot) one that `domain` means?
bool means(const DomainSpec& domain, const std::string& name) {
  const auto& blocked = domain.name.text();
  return name == blocked || (domain.scope == Scope::subdomains && name.ends_with("." + blocked));
}

/// One flow: which protocol asks for which name, and the exact text on the wire.
struct Probe {
  Protocol protocol;
  std::string sent;
  std::string way;
  std::uint16_t port;

  bool has_port() const { return protocol == Protocol::http && sent.contains(':'); }
  std::string name_as_sent() const { return sent.substr(0, sent.find(':')); }
  std::string name() const {
    auto name = lower(name_as_sent());
    if (name.ends_with('.')) name.pop_back();
    return name;
  }
};

/// Names to ask for around one name: itself, below it, beside it, above it, in all spellings.
std::vector<std::string> names_around(const std::string& name) {
  std::vector<std::string> names = {name,
                                    "a." + name,
                                    "a.b.c.d." + name,
                                    "_x." + name,
                                    "not" + name,
                                    "x" + name,
                                    "x-" + name,
                                    "_" + name,
                                    name + "x",
                                    name + ".example.org",
                                    name + "." + name,
                                    "www." + name + ".evil.org",
                                    name.substr(name.find('.') + 1),
                                    name.substr(1)};
  auto dotless = name;
  dotless[dotless.rfind('.')] = '-';
  names.push_back(dotless + ".org");
  const auto count = names.size();
  for (std::size_t i = 0; i < count; ++i) names.insert(names.end(), {upper(names[i]), mixed(names[i]), names[i] + "."});
  std::erase_if(names, [](const std::string& text) { return !fits_dns(text); });
  return names;
}

class Traffic {
 public:
  void ask_all_ways(const std::string& name) {
    add(Protocol::tls, name, "tls", capture_.tls(name));
    add(Protocol::tls, name, "tls in pieces", capture_.tls(name, 50));
    add(Protocol::http, name, "http", capture_.http(name));
    add(Protocol::http, name + ":8080", "http with a port", capture_.http(name + ":8080"));
    add(Protocol::quic, name, "quic", capture_.udp(443, intelwall::testing::quic_initial(name)));
    // A query on the wire has no text, so no root dot either.
    const auto query = name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
    add(Protocol::dns, query, "dns over udp", capture_.dns_udp(query));
    add(Protocol::dns, query, "dns over tcp", capture_.dns_tcp(query));
  }
  const Pcap& capture() const { return capture_; }
  const std::vector<Probe>& probes() const { return probes_; }

 private:
  void add(Protocol protocol, const std::string& sent, std::string way, std::uint16_t port) {
    probes_.push_back({protocol, sent, std::move(way), port});
  }
  Pcap capture_;
  std::vector<Probe> probes_;
};

std::vector<Decision> odd_decisions() {
  const std::string label(63, 'q');
  const auto longest = label + "." + label + "." + label + "." + std::string(57, 'r') + ".com";
  EXPECT_EQ(longest.size(), 253U);
  return {decision_on("evil.com", Scope::subdomains),
          decision_on("www.evil.com", Scope::exact),
          decision_on("exact.example.net", Scope::exact),
          decision_on("_srv.under_score.net", Scope::subdomains),
          decision_on("xn--bcher-kva.example", Scope::subdomains),
          decision_on("r3---sn-a5.example.info", Scope::exact),
          decision_on("1.2.3.4.example.biz", Scope::subdomains),
          decision_on(longest, Scope::subdomains),
          decision_on(longest.substr(2), Scope::exact)};
}

std::vector<Decision> random_decisions(std::size_t count) {
  Generator generate(7);
  std::vector<Decision> decisions;
  std::set<std::string> seen;
  while (decisions.size() < count) {
    auto decision = generate.decision();
    decision.action = Action::alert;
    decision.id = decision_id(decision.domain, decision.action);
    if (seen.insert(decision.id).second) decisions.push_back(std::move(decision));
  }
  return decisions;
}

Traffic traffic_around(const std::vector<Decision>& decisions) {
  Traffic traffic;
  std::set<std::string> names = {"good.example", "com", "localhost"};
  for (const auto& decision : decisions) {
    const auto around = names_around(decision.domain.name.text());
    names.insert(around.begin(), around.end());
  }
  for (const auto& name : names) traffic.ask_all_ways(name);
  return traffic;
}

struct Rendered {
  std::string text;
  std::size_t rules = 0;
  std::map<std::uint32_t, const Decision*> by_sid;
};
Rendered render_all(const std::vector<Decision>& decisions) {
  Rendered rendered;
  std::set<std::uint32_t> taken;
  for (const auto& decision : decisions) {
    for (const auto& line : render(decision, taken)) {
      rendered.text += line.text + "\n";
      rendered.by_sid[*line.sid] = &decision;
      ++rendered.rules;
    }
  }
  return rendered;
}

#define NEEDS_SURICATA() \
  if (!have_suricata())  \
  GTEST_SKIP() << ::intelwall::testing::suricata_path << " is not installed (scripts/setup does it)"

/// Alert rules do not end each other, so each decision must show on exactly the flows it means.
void expect_exact_hits(const std::string& test, const std::vector<Decision>& decisions) {
  const auto rendered = render_all(decisions);
  const auto traffic = traffic_around(decisions);
  const auto run = run_suricata(test, rendered.text, &traffic.capture());
  ASSERT_TRUE(run.has_value()) << run.error().to_text();
  ASSERT_EQ(run->loaded, rendered.rules) << run->log;
  ASSERT_EQ(run->failed, 0U) << run->log;
  std::size_t hits = 0;
  for (const auto& probe : traffic.probes()) {
    std::set<std::string> expected;
    for (const auto& decision : decisions) {
      if (decision.protocols.contains(probe.protocol) && means(decision.domain, probe.name()))
        expected.insert(decision.id);
    }
    std::set<std::string> seen;
    const auto found = run->hits.find(probe.port);
    if (found != run->hits.end()) {
      for (const auto sid : found->second) seen.insert(rendered.by_sid.at(sid)->id);
    }
    EXPECT_EQ(seen, expected) << probe.way << " " << probe.sent;
    hits += seen.size();
  }
  EXPECT_GT(hits, decisions.size() * 4);
}

TEST(SuricataJudges, RulesCatchExactlyTheNamesTheyMean) {
  NEEDS_SURICATA();
  expect_exact_hits("odd-names", odd_decisions());
}

TEST(SuricataJudges, RulesOfRandomDecisionsCatchExactlyTheNamesTheyMean) {
  NEEDS_SURICATA();
  expect_exact_hits("random-names", random_decisions(60));
}

TEST(SuricataJudges, DropRulesBlockExactlyTheFlowsTheyMean) {
  NEEDS_SURICATA();
  auto decisions = odd_decisions();
  for (auto& decision : decisions) decision.action = Action::drop;
  const auto rendered = render_all(decisions);
  const auto traffic = traffic_around(decisions);
  const auto run = run_suricata("drop", rendered.text, &traffic.capture());
  ASSERT_TRUE(run.has_value()) << run.error().to_text();
  ASSERT_EQ(run->loaded, rendered.rules) << run->log;
  for (const auto& probe : traffic.probes()) {
    const bool expected =
        std::ranges::any_of(decisions, [&](const Decision& decision) { return means(decision.domain, probe.name()); });
    EXPECT_EQ(run->blocked.contains(probe.port), expected) << probe.way << " " << probe.sent;
    EXPECT_EQ(run->hits.contains(probe.port), expected) << probe.way << " " << probe.sent;
  }
}

/// A domain list as AWS documents its expansion (suricata-examples page of the Network Firewall guide).
std::string expanded_as_aws_documents(const DomainList& list, std::map<std::uint32_t, DomainSpec>& by_sid) {
  std::string text;
  std::uint32_t sid = 0;
  for (const auto& target : list.targets) {
    const auto prefix = target.starts_with('.') ? "dotprefix; " : "";
    const auto start = target.starts_with('.') ? "" : " startswith;";
    for (const auto protocol : list.protocols) {
      const bool tls = protocol == Protocol::tls;
      by_sid.emplace(++sid, *from_target(target));
      text += fmt::format(
          "alert {} $HOME_NET any -> $EXTERNAL_NET any ({}{}content:\"{}\";{}{} endswith; msg:\"matching {} FQDNs\"; "
          "priority:1; flow:to_server, established; sid:{}; rev:1;)\n",
          to_string(protocol), tls ? "ssl_state:client_hello; tls.sni; " : "http.host; ", prefix, target, start,
          tls ? " nocase;" : "", tls ? "TLS" : "HTTP", sid);
    }
  }
  return text;
}

TEST(SuricataJudges, DomainListsCatchTheSameNamesButTwoSpellings) {
  NEEDS_SURICATA();
  const auto decisions = odd_decisions();
  DomainList list{.targets = {}, .protocols = {Protocol::tls, Protocol::http}, .action = Action::alert};
  for (const auto& decision : decisions) list.targets.push_back(to_target(decision.domain));
  std::map<std::uint32_t, DomainSpec> by_sid;
  const auto text = expanded_as_aws_documents(list, by_sid);
  const auto traffic = traffic_around(decisions);
  const auto run = run_suricata("domain-list", text, &traffic.capture());
  ASSERT_TRUE(run.has_value()) << run.error().to_text();
  ASSERT_EQ(run->loaded, capacity_of(list) - list.protocols.size()) << run->log;
  for (const auto& probe : traffic.probes()) {
    // What AWS writes misses the root's dot, and upper case in a Host that has a port (docs/rules.md).
    const auto name = probe.has_port() ? probe.name_as_sent() : lower(probe.name_as_sent());
    std::set<DomainSpec> expected;
    for (const auto& decision : decisions) {
      const bool listed = probe.protocol == Protocol::tls || probe.protocol == Protocol::http;
      if (listed && means(decision.domain, name)) expected.insert(decision.domain);
    }
    std::set<DomainSpec> seen;
    const auto found = run->hits.find(probe.port);
    if (found != run->hits.end()) {
      for (const auto sid : found->second) seen.insert(by_sid.at(sid));
    }
    EXPECT_EQ(seen, expected) << probe.way << " " << probe.sent;
  }
}

/// 2,500 decisions with every text as long as it may be.
std::vector<Decision> full_group(const std::vector<std::string>& names, Action action) {
  std::vector<Decision> decisions;
  for (const auto& name : names) {
    auto decision = decision_on(name, Scope::subdomains, action);
    decision.protocols = {Protocol::tls, Protocol::http};
    decision.reason = decision.source = decision.actor = decision.confidence = RuleText(std::string(64, 'x'));
    decision.expires_at = decision.created_at + std::chrono::days{30};
    decisions.push_back(decision);
  }
  return decisions;
}

TEST(SuricataJudges, AFullGroupOfRealNamesFitsAndLoads) {
  const std::filesystem::path data = INTELWALL_SOURCE_DIR "/../shared/data/malicious-domains.tsv.zst";
  if (!std::filesystem::exists(data)) GTEST_SKIP() << data << " is not here";
  const auto text = os::run({"zstd", "-dcq", data}, {.input = {}, .extra_env = {}, .max_output = 256u << 20});
  ASSERT_TRUE(text.has_value()) << text.error().to_text();
  std::vector<std::string> all;
  for (std::size_t at = 0; at < text->out.size();) {
    const auto end = std::min(text->out.find('\n', at), text->out.size());
    const auto line = std::string_view(text->out).substr(at, end - at);
    at = end + 1;
    if (auto name = DomainName::parse(line.substr(0, line.find('\t')))) all.push_back(name->text());
  }
  ASSERT_GT(all.size(), 500'000U);
  std::vector<std::string> names;
  names.reserve(2'500);
  for (std::size_t i = 0; i < 2'500; ++i) names.push_back(all[i * (all.size() / 2'500)]);
  for (const auto action : {Action::drop, Action::reject}) {
    const auto rendered = render_all(full_group(names, action));
    EXPECT_EQ(rendered.rules, 5'000U);
    EXPECT_LE(rendered.text.size(), max_group_bytes);
    RecordProperty(fmt::format("bytes_{}", to_string(action)), std::to_string(rendered.text.size()));
    if (!have_suricata()) continue;
    const auto run = run_suricata("full-group", rendered.text, nullptr);
    ASSERT_TRUE(run.has_value()) << run.error().to_text();
    EXPECT_EQ(run->exit_code, 0) << run->log;
    EXPECT_EQ(run->loaded, 5'000U);
    EXPECT_EQ(run->failed, 0U);
  }
}

TEST(FullGroup, FitsWithNamesOfTwentyBytesAndFullTexts) {
  std::vector<std::string> names;
  names.reserve(2'500);
  for (int i = 0; i < 2'500; ++i) names.push_back(fmt::format("twenty-bytes{:04}.com", i));
  ASSERT_EQ(names[0].size(), 20U);
  for (const auto action : {Action::drop, Action::reject, Action::alert}) {
    EXPECT_LE(render_all(full_group(names, action)).text.size(), max_group_bytes) << to_string(action);
  }
}

TEST(SuricataJudges, EveryActionAndProtocolLoads) {
  NEEDS_SURICATA();
  Generator generate(11);
  std::set<std::string> seen;
  std::vector<Decision> decisions;
  for (int i = 0; i < 400; ++i) {
    auto decision = generate.decision();
    if (seen.insert(decision.id).second) decisions.push_back(std::move(decision));
  }
  const auto rendered = render_all(decisions);
  const auto run = run_suricata("all-actions", rendered.text, nullptr);
  ASSERT_TRUE(run.has_value()) << run.error().to_text();
  EXPECT_EQ(run->exit_code, 0) << run->log;
  EXPECT_EQ(run->loaded, rendered.rules);
  EXPECT_EQ(run->failed, 0U);
  EXPECT_EQ(parse_rules(rendered.text).rule_count(), rendered.rules);
}

}  // namespace
}  // namespace intelwall::rules
