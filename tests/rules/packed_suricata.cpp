// Compiled lists before the real Suricata: which flows of TLS, HTTP, DNS and QUIC they catch, in every form.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <random>

#include "os/file.hpp"
#include "rules/compile.hpp"
#include "rules/packed_names.hpp"
#include "rules/quic_initial.hpp"
#include "rules/suricata.hpp"

namespace intelwall::rules {
namespace {

using ::intelwall::testing::fits_dns;
using ::intelwall::testing::have_suricata;
using ::intelwall::testing::NaiveMatcher;
using ::intelwall::testing::names_near;
using ::intelwall::testing::Pcap;
using ::intelwall::testing::quic_initial;
using ::intelwall::testing::run_suricata;
using ::intelwall::testing::tangled;

struct Probe {
  std::uint16_t port;
  std::string way;
  std::string name;
};

class Traffic {
 public:
  void ask_all_ways(const std::string& name) {
    add(capture_.tls(name), "tls", name);
    add(capture_.http(name), "http", name);
    add(capture_.http(name + ":8080"), "http with a port", name);
    // A query on the wire has no text, so no root dot either.
    const auto query = name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
    add(capture_.dns_udp(query), "dns", query);
    add(capture_.udp(443, quic_initial(name)), "quic", name);
  }
  const Pcap& capture() const { return capture_; }
  const std::vector<Probe>& probes() const { return probes_; }

 private:
  void add(std::uint16_t port, std::string way, const std::string& name) {
    probes_.push_back({port, std::move(way), name});
  }
  Pcap capture_;
  std::vector<Probe> probes_;
};

/// The rules of all groups in one text; what they load stands in files of its own, named in full.
std::string rules_of(const CompileResult& result, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  std::string text;
  for (const auto& group : result.groups) text += group.file.content;
  for (const auto& file : result.data_files) {
    EXPECT_TRUE(os::replace_file(folder / file.name, file.content).has_value());
    const auto from = "load " + file.name;
    const auto to = "load " + (folder / file.name).native();
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
      text.replace(at, from.size(), to);
  }
  return text;
}

DomainTable odd_names() {
  const std::string label(63, 'q');
  const auto longest = label + "." + label + "." + label + "." + std::string(57, 'r') + ".com";
  DomainTable table;
  for (const auto& name : {std::string("evil.com"), std::string("devil.com"), std::string("xn--bcher-kva.example"),
                           std::string("_srv.under_score.net"), std::string("r3---sn-a5.example.info"), longest})
    table.add(*DomainName::parse(name), Scope::subdomains);
  for (const auto* const name : {"exact.example.net", "other.example.net", "www.exact.example.net", "evil.org"})
    table.add(*DomainName::parse(name), Scope::exact);
  return table;
}

void expect_exact_alerts(const std::string& test, const DomainTable& table, std::size_t step) {
  if (!have_suricata()) GTEST_SKIP() << "Suricata is not installed (scripts/setup does it)";
  Traffic traffic;
  std::set<std::string> names = {"good.example", "com", "localhost"};
  std::mt19937 random(2);
  for (std::size_t i = 0; i < table.size(); i += step) {
    const auto near = names_near(std::string(table.name(i)), random);
    names.insert(near.begin(), near.end());
  }
  for (const auto& name : names) traffic.ask_all_ways(name);
  const NaiveMatcher naive(table);
  for (const auto format : {CompileFormat::packed, CompileFormat::suricata, CompileFormat::dataset}) {
    for (const auto jit : {Jit::leave, Jit::off}) {
      if (jit == Jit::off && format != CompileFormat::packed) continue;
      CompileOptions options;
      options.format = format;
      options.jit = jit;
      options.protocols = {Protocol::tls, Protocol::http, Protocol::dns, Protocol::quic};
      const auto result = compile(table, options);
      ASSERT_TRUE(result.has_value()) << result.error().to_text();
      const auto form = fmt::format("{}-{}-{}", test, to_string(format), jit == Jit::off ? "nojit" : "jit");
      const auto data = std::filesystem::path(INTELWALL_BINARY_DIR) / "suricata-data" / form;
      const auto run = run_suricata(form, rules_of(*result, data), &traffic.capture());
      ASSERT_TRUE(run.has_value()) << run.error().to_text();
      EXPECT_EQ(run->loaded, result->rules) << run->log;
      EXPECT_EQ(run->failed, 0U) << run->log;
      std::size_t hits = 0;
      for (const auto& probe : traffic.probes()) {
        const bool expected = naive.matches(probe.name);
        hits += expected ? 1 : 0;
        EXPECT_EQ(run->hits.contains(probe.port), expected) << form << ": " << probe.way << " " << probe.name;
      }
      EXPECT_GT(hits, table.size() / step);
    }
  }
}

TEST(CompiledListInSuricata, OddNames) {
  expect_exact_alerts("list-odd", odd_names(), 1);
}

TEST(CompiledListInSuricata, TangledNames) {
  expect_exact_alerts("list-tangled", tangled(400, 1), 5);
}

TEST(CompiledListInSuricata, NamesOfManyLetters) {
  expect_exact_alerts("list-letters", tangled(1'500, 2, "abcdefghijklmnopqrstuvwxyz0123456789-."), 20);
}

TEST(CompiledListInSuricata, ADatasetIsLoadedHoweverLongItIs) {
  if (!have_suricata()) GTEST_SKIP() << "Suricata is not installed (scripts/setup does it)";
  DomainTable table;
  for (int i = 0; i < 300'000; ++i) table.add(*DomainName::parse(fmt::format("n{}.example", i)), Scope::subdomains);
  CompileOptions options;
  options.format = CompileFormat::dataset;
  const auto result = compile(table, options);
  ASSERT_TRUE(result.has_value());
  const auto data = std::filesystem::path(INTELWALL_BINARY_DIR) / "suricata-data" / "long-dataset";
  Traffic traffic;
  traffic.ask_all_ways("www.n299999.example");
  traffic.ask_all_ways("n300000.example");
  const auto run = run_suricata("long-dataset", rules_of(*result, data), &traffic.capture());
  ASSERT_TRUE(run.has_value()) << run.error().to_text();
  EXPECT_EQ(run->loaded, result->rules) << run->log;
  EXPECT_EQ(run->hits.size(), 3U) << "tls, and http with and without a port";
}

TEST(CompiledListInSuricata, DropRulesDropJustTheFlowsOfTheList) {
  if (!have_suricata()) GTEST_SKIP() << "Suricata is not installed (scripts/setup does it)";
  const auto table = odd_names();
  const NaiveMatcher naive(table);
  Traffic traffic;
  std::mt19937 random(2);
  for (const auto& name : names_near("evil.com", random)) traffic.ask_all_ways(name);
  CompileOptions options;
  options.action = Action::reject;
  options.protocols = {Protocol::tls, Protocol::http, Protocol::dns, Protocol::quic};
  const auto result = compile(table, options);
  ASSERT_TRUE(result.has_value());
  const auto run =
      run_suricata("list-reject", rules_of(*result, std::filesystem::path(INTELWALL_BINARY_DIR) / "suricata-data"),
                   &traffic.capture());
  ASSERT_TRUE(run.has_value()) << run.error().to_text();
  EXPECT_EQ(run->loaded, result->rules) << run->log;
  for (const auto& probe : traffic.probes())
    EXPECT_EQ(run->blocked.contains(probe.port), naive.matches(probe.name)) << probe.way << " " << probe.name;
}

}  // namespace
}  // namespace intelwall::rules
