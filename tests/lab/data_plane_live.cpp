// The real Suricata between two namespaces, with real servers behind it: what passes, what is dropped, and that no
// fault of a reload leaves the firewall open without its health saying so. Needs root; network namespaces are those of
// a mount namespace of the test's own, so a lab that is up on this machine stays as it is.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "firewalls/suricata_socket.hpp"
#include "lab/alert_log.hpp"
#include "lab/data_plane_suricata.hpp"
#include "lab/engine.hpp"
#include "lab/lab.hpp"
#include "lab/lab_internet.hpp"
#include "lab/network.hpp"

namespace intelwall::lab {
namespace {

using namespace std::chrono_literals;
using intelwall::testing::TemporaryDirectory;
using ::testing::HasSubstr;
using Json = nlohmann::json;
using State = DataPlaneHealth::State;

/// One network for all tests of the file: what it costs is paid once.
class DataPlaneLive : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (const auto can = can_create_network(); !can) {
      why_not = can.error().to_text();
      return;
    }
    if (!intelwall::testing::has_suricata()) {
      why_not = "suricata is not installed: run scripts/setup";
      return;
    }
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("", "/", "none", MS_SLAVE | MS_REC, nullptr) != 0 ||
        ::mount("tmpfs", "/run", "tmpfs", 0, nullptr) != 0) {
      why_not = "no mount namespace can be made here";
      return;
    }
    files = new TemporaryDirectory;
    for (const auto* name : {"logs", "www", "tls", "rules", "run"})
      std::filesystem::create_directory(files->path / name);
    // Small, so that it can be filled.
    ASSERT_EQ(::mount("tmpfs", (files->path / "rules").c_str(), "tmpfs", 0, "size=256k"), 0);
    const auto network = create_network();
    ASSERT_TRUE(network) << network.error().to_text();
    const auto internet = start_internet(files->path);
    ASSERT_TRUE(internet) << internet.error().to_text();
  }
  static void TearDownTestSuite() {
    if (files == nullptr) return;
    EXPECT_TRUE(remove_network());
    EXPECT_TRUE(existing_namespaces().empty());
    ::umount2((files->path / "rules").c_str(), MNT_DETACH);
    delete files;
  }

  void SetUp() override {
    if (!why_not.empty()) GTEST_SKIP() << why_not;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(files->path / "rules")) {
      std::filesystem::remove(entry.path(), ignored);
    }
    auto started = start_suricata({.rules_directory = files->path / "rules",
                                   .log_directory = files->path / "logs",
                                   .socket = files->path / "run/suricata.socket",
                                   .network_namespace = firewall_namespace,
                                   .inside = inside_interface,
                                   .outside = outside_interface,
                                   .hosts_namespace = workload_namespace,
                                   .before_reload = [this] {
                                     if (fault) fault();
                                   }});
    ASSERT_TRUE(started) << started.error().to_text();
    plane = *std::move(started);
  }

  static CompiledPolicy blocking(const std::vector<std::string>& names, bool strict = true) {
    PolicySnapshot policy;
    policy.strict_order = strict;
    std::string rules;
    int sid = 0;
    for (const auto& name : names) {
      rules += fmt::format(
          "drop tls $HOME_NET any -> $EXTERNAL_NET any (tls.sni; dotprefix; content:\".{0}\"; nocase; endswith; "
          "msg:\"tls {0}\"; metadata:iw_id d{1}; sid:{1};)\n"
          "drop http $HOME_NET any -> $EXTERNAL_NET any (http.host; dotprefix; content:\".{0}\"; endswith; msg:\"http "
          "{0}\"; sid:{2};)\n"
          "drop dns $HOME_NET any -> any any (dns.query; dotprefix; content:\".{0}\"; nocase; endswith; msg:\"dns "
          "{0}\"; sid:{3};)\n",
          name, sid + 1, sid + 2, sid + 3);
      sid += 3;
    }
    policy.groups.push_back(
        {"arn:x/mine", strict ? std::optional(1) : std::nullopt, {{"RulesSource", {{"RulesString", rules}}}}});
    auto compiled = compile_policy(policy);
    EXPECT_TRUE(compiled) << compiled.error().to_text();
    return *compiled;
  }

  /// What is dropped is waited for a second; what passes may take longer on a busy machine.
  static constexpr const char* patience = "15";
  static bool reaches(const std::string& url, const std::string& seconds = "1") {
    os::ProcessResult result;
    const auto ran = in_namespace(workload_namespace, resolver_file(files->path), [&]() -> Result<void> {
      IW_TRY(result, os::run({"curl", "-sS", "-m", seconds, "--cacert", ca_file(files->path), "--resolve",
                              "*:443:" + address, "--resolve", "*:80:" + address, url}));
      return {};
    });
    EXPECT_TRUE(ran) << ran.error().to_text();
    return result.exit_code == 0;
  }
  static bool resolves(const std::string& name, const std::string& seconds = "1") {
    os::ProcessResult result;
    const auto ran = in_namespace(workload_namespace, resolver_file(files->path), [&]() -> Result<void> {
      IW_TRY(result, os::run({"dig", "+short", "+time=" + seconds, "+tries=1", name}));
      return {};
    });
    EXPECT_TRUE(ran) << ran.error().to_text();
    return result.out == address + "\n";
  }
  /// Waits until the health is `state` and its detail holds `words`.
  bool becomes(State state, const std::string& words, std::chrono::seconds limit = 15s) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < deadline) {
      const auto health = plane->health();
      if (health.state == state && health.detail.contains(words)) return true;
      std::this_thread::sleep_for(5ms);
    }
    const auto health = plane->health();
    ADD_FAILURE() << to_string(health.state) << ": " << health.detail;
    return false;
  }
  /// As of now; what earlier tests left is gone.
  std::vector<TcpFlow> open_flows() {
    const auto flows = plane->flows();
    EXPECT_TRUE(flows) << flows.error().to_text();
    return flows.value_or(std::vector<TcpFlow>{});
  }
  /// Ends connections of processes that are gone, which the kernel would try to end properly for minutes.
  static void kill_connections() {
    const auto killed = in_namespace(workload_namespace, []() -> Result<void> {
      IW_TRY(const auto done, os::run({"ss", "-K", "dst", internet_address}));
      return done.exit_code == 0 ? Result<void>{} : fail(ErrorCode::system, done.err);
    });
    EXPECT_TRUE(killed) << killed.error().to_text();
  }
  std::filesystem::path rules_file() const { return files->path / "rules/policy.rules"; }

  static inline TemporaryDirectory* files = nullptr;
  static inline std::string why_not;
  static inline const std::string address = internet_address;
  std::function<void()> fault;
  std::unique_ptr<SuricataPlane> plane;
};

TEST_F(DataPlaneLive, DropsWhatItMustAndNothingElse) {
  EXPECT_TRUE(reaches("https://badcdn.example/", patience));
  EXPECT_TRUE(reaches("http://badcdn.example/", patience));
  EXPECT_TRUE(resolves("badcdn.example", patience));
  EXPECT_EQ(plane->health().state, State::running);

  const auto policy = blocking({"badcdn.example"});
  ASSERT_TRUE(plane->test(policy));
  const auto loaded = plane->load(policy);
  ASSERT_TRUE(loaded) << loaded.error().to_text();
  EXPECT_EQ(plane->health().rules_loaded, policy.rule_count);
  const auto log = files->path / "logs/alert.json";
  {
    const AlertLog follower(plane->events(), log, [this](std::uint32_t sid) { return plane->origin_of(sid); });
    for (const std::string name : {"badcdn.example", "c2.badcdn.example", "BADCDN.example"}) {
      EXPECT_FALSE(reaches("https://" + name + "/")) << name;
      EXPECT_FALSE(reaches("http://" + name + "/")) << name;
      EXPECT_FALSE(resolves(name)) << name;
    }
    for (const std::string name : {"goodbank.example", "notbadcdn.example", "badcdn.example.org"}) {
      EXPECT_TRUE(reaches("https://" + name + "/")) << name;
      EXPECT_TRUE(reaches("http://" + name + "/")) << name;
      EXPECT_TRUE(resolves(name)) << name;
    }
  }
  const auto records = os::read_file(log);
  ASSERT_TRUE(records);
  bool found = false;
  for (std::string_view rest = *records; !rest.empty();) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + 1);
    const auto record = Json::parse(line);
    EXPECT_EQ(record["firewall_name"], "lab");
    EXPECT_EQ(record["availability_zone"], "us-east-1a");
    EXPECT_TRUE(record["event_timestamp"].is_string());
    const auto& event = record["event"];
    EXPECT_EQ(event["alert"]["action"], "blocked");
    EXPECT_LE(event["alert"]["signature_id"], 3);
    EXPECT_FALSE(line.contains("iw.")) << "the lab's own flow bits: " << line;
    if (event["app_proto"] == "tls" && event["tls"]["sni"] == "c2.badcdn.example") {
      found = true;
      EXPECT_EQ(event["alert"]["signature_id"], 1);
      EXPECT_EQ(event["alert"]["metadata"]["iw_id"][0], "d1");
      EXPECT_EQ(event["src_ip"], workload_address);
    }
    if (event["app_proto"] == "http") {
      EXPECT_THAT(event["http"]["hostname"].get<std::string>(), HasSubstr("badcdn"));
    }
    if (event["app_proto"] == "dns") {
      EXPECT_TRUE(event.contains("dns"));
    }
  }
  EXPECT_TRUE(found) << *records;
}

TEST_F(DataPlaneLive, TheEnginesWordsComeBackFromATest) {
  auto policy = blocking({"badcdn.example"});
  policy.rules += "drop tls any any -> any any (no.such.keyword; sid:999;)\n";
  ++policy.rule_count;
  const auto tested = plane->test(policy);
  ASSERT_FALSE(tested);
  EXPECT_THAT(tested.error().message, HasSubstr("no.such.keyword"));
  EXPECT_EQ(tested.error().code, ErrorCode::invalid_input);
}

TEST_F(DataPlaneLive, OrdersLive) {
  const std::map<std::string, std::string> rule = {
      {"pass", "pass tls any any -> any any (tls.sni; content:\"badcdn.example\"; sid:1;)\n"},
      {"drop", "drop tls any any -> any any (tls.sni; content:\"badcdn.example\"; sid:2;)\n"},
      {"alert", "alert tls any any -> any any (tls.sni; content:\"badcdn.example\"; sid:3;)\n"},
      {"reject", "reject tls any any -> any any (tls.sni; content:\"badcdn.example\"; sid:4;)\n"}};
  struct Case {
    std::vector<std::string> order;
    bool strict, passes;
  };
  for (const auto& [order, strict, passes] :
       {Case{{"alert", "pass", "drop"}, true, true}, Case{{"alert", "drop", "pass"}, true, false},
        Case{{"reject", "pass", "alert"}, true, false}, Case{{"pass", "reject", "drop"}, true, true},
        Case{{"drop", "pass"}, false, true}, Case{{"alert", "reject"}, false, false}}) {
    PolicySnapshot policy;
    policy.strict_order = strict;
    for (const auto& action : order) {
      policy.groups.push_back({"arn:x/" + action, std::nullopt, {{"RulesSource", {{"RulesString", rule.at(action)}}}}});
      if (strict) policy.groups.back().priority = static_cast<int>(policy.groups.size());
    }
    const auto compiled = compile_policy(policy);
    ASSERT_TRUE(compiled);
    const auto loaded = plane->load(*compiled);  // also over the change from one rule order to the other
    ASSERT_TRUE(loaded) << loaded.error().to_text();
    EXPECT_EQ(reaches("https://badcdn.example/"), passes) << fmt::format("{} strict {}", fmt::join(order, " "), strict);
    EXPECT_TRUE(reaches("https://goodbank.example/", patience));
  }
}

TEST_F(DataPlaneLive, ABadRuleIsPutBack) {
  ASSERT_TRUE(plane->load(blocking({"badcdn.example"})));
  auto worse = blocking({"goodbank.example"});
  worse.rules += "drop tls any any -> any any (no.such.keyword; sid:999;)\n";
  ++worse.rule_count;
  const auto loaded = plane->load(worse);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, HasSubstr("the rules before are in force"));
  const auto health = plane->health();
  EXPECT_EQ(health.state, State::running);
  EXPECT_THAT(health.detail, HasSubstr("put back"));
  EXPECT_FALSE(reaches("https://badcdn.example/"));
  EXPECT_TRUE(reaches("https://goodbank.example/", patience));
}

TEST_F(DataPlaneLive, ATruncatedFileIsPutBack) {
  ASSERT_TRUE(plane->load(blocking({"badcdn.example"})));
  fault = [this] {
    fault = nullptr;
    std::filesystem::resize_file(rules_file(), std::filesystem::file_size(rules_file()) / 2);
  };
  const auto loaded = plane->load(blocking({"badcdn.example", "goodbank.example"}));
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, HasSubstr("the rules before are in force"));
  EXPECT_FALSE(reaches("https://badcdn.example/"));
  EXPECT_TRUE(reaches("https://goodbank.example/", patience));

  fault = [this] {
    fault = nullptr;
    std::filesystem::remove(rules_file());
  };
  ASSERT_FALSE(plane->load(blocking({"goodbank.example"})));
  EXPECT_FALSE(reaches("https://badcdn.example/"));
  EXPECT_TRUE(plane->load(blocking({"goodbank.example"})));
  EXPECT_EQ(plane->health().detail, "");
  EXPECT_FALSE(reaches("https://goodbank.example/"));
}

TEST_F(DataPlaneLive, AReloadBehindItsBackIsToldAndUndone) {
  ASSERT_TRUE(plane->load(blocking({"badcdn.example"})));
  std::filesystem::resize_file(rules_file(), 0);  // in place: also its second name
  ASSERT_TRUE(firewalls::engine_command(files->path / "run/suricata.socket", "reload-rules", 30s));
  const auto health = plane->health();
  // Open, or closed again already: never open and "running" without a word.
  EXPECT_TRUE(health.state == State::degraded || health.detail.contains("put back")) << health.detail;
  EXPECT_TRUE(becomes(State::running, "put back"));
  EXPECT_FALSE(reaches("https://badcdn.example/"));
}

TEST_F(DataPlaneLive, AFullDiskChangesNothing) {
  ASSERT_TRUE(plane->load(blocking({"badcdn.example"})));
  {
    std::ofstream filler(files->path / "rules/filler");
    while (filler.write(std::string(4096, 'x').data(), 4096).flush()) {
    }
  }
  std::vector<std::string> many;
  for (int i = 0; i < 400; ++i) many.push_back(fmt::format("n{}.example", i));
  const auto big = blocking(many);
  const auto tested = plane->test(big);
  ASSERT_FALSE(tested);
  const auto loaded = plane->load(big);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, HasSubstr("the rules before are in force"));
  EXPECT_EQ(plane->health().state, State::running);
  EXPECT_FALSE(reaches("https://badcdn.example/"));
  EXPECT_TRUE(reaches("https://goodbank.example/", patience));
  std::filesystem::remove(files->path / "rules/filler");
  EXPECT_TRUE(plane->load(blocking({"goodbank.example"})));
  EXPECT_FALSE(reaches("https://goodbank.example/"));
}

TEST_F(DataPlaneLive, AKilledEngineIsClosedAndComesBackWithItsRules) {
  ASSERT_TRUE(plane->load(blocking({"badcdn.example"})));
  const auto pid = plane->process();
  ASSERT_GT(pid, 0);
  ::kill(pid, SIGSTOP);  // a hung one does not answer
  ::kill(pid, SIGKILL);
  const auto deadline = std::chrono::steady_clock::now() + 1s;
  while (os::is_running(pid) && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
  const auto health = plane->health();
  EXPECT_TRUE(health.state == State::down || health.detail.contains("restarted")) << health.detail;
  EXPECT_TRUE(becomes(State::running, "restarted"));
  EXPECT_NE(plane->process(), pid);
  EXPECT_FALSE(reaches("https://badcdn.example/"));
  EXPECT_TRUE(reaches("https://goodbank.example/", patience));
  EXPECT_TRUE(plane->load(blocking({"goodbank.example"})));
  EXPECT_FALSE(reaches("https://goodbank.example/"));
}

TEST_F(DataPlaneLive, AnEngineKilledDuringALoadComesBackWithTheOldRules) {
  ASSERT_TRUE(plane->load(blocking({"badcdn.example"})));
  fault = [this] {
    fault = nullptr;
    ::kill(plane->process(), SIGKILL);
  };
  const auto loaded = plane->load(blocking({"goodbank.example"}));
  ASSERT_FALSE(loaded);
  EXPECT_TRUE(becomes(State::running, "restarted"));
  EXPECT_FALSE(reaches("https://badcdn.example/"));
  EXPECT_TRUE(reaches("https://goodbank.example/", patience));
}

TEST_F(DataPlaneLive, NothingPassesWhileItIsDown) {
  ASSERT_TRUE(reaches("https://goodbank.example/", patience));
  plane.reset();
  EXPECT_FALSE(reaches("https://goodbank.example/"));
  EXPECT_FALSE(resolves("goodbank.example"));
}

/// A download over TLS that would take minutes.
class Download {
 public:
  Download(const std::filesystem::path& files, const std::string& name) : file_(files / ("download-" + name)) {
    std::filesystem::remove(file_);
    const auto started = in_namespace(workload_namespace, resolver_file(files), [&]() -> Result<void> {
      IW_TRY(pid_, os::spawn({"curl", "-sS", "-o", file_.string(), "-N", "--cacert", ca_file(files), "--resolve",
                              "*:443:" + std::string(internet_address), "https://" + name + "/large"},
                             {.output = files / "logs/curl.log"}));
      return {};
    });
    EXPECT_TRUE(started) << started.error().to_text();
  }
  Download(const Download&) = delete;
  Download& operator=(const Download&) = delete;
  ~Download() { os::stop(pid_, 0ms); }

  std::uintmax_t bytes() const {
    std::error_code none_yet;
    const auto size = std::filesystem::file_size(file_, none_yet);
    return none_yet ? 0 : size;
  }
  bool runs() const {
    const auto before = bytes();
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (std::chrono::steady_clock::now() < deadline) {
      if (bytes() > before + 100'000) return true;
      std::this_thread::sleep_for(20ms);
    }
    return false;
  }
  /// Nothing more comes within a second, though the server gives a megabyte.
  bool stands() const {
    std::this_thread::sleep_for(300ms);  // what curl has received already
    const auto before = bytes();
    std::this_thread::sleep_for(1s);
    return bytes() == before;
  }

 private:
  std::filesystem::path file_;
  int pid_ = 0;
};

TEST_F(DataPlaneLive, ForgottenFlowsAreMidstreamAndAreDropped) {
  for (const bool strict : {true, false}) {
    kill_connections();
    ASSERT_TRUE(plane->load(blocking({}, strict)));
    Download bad(files->path, "badcdn.example");
    ASSERT_TRUE(bad.runs());
    const auto of_bad = open_flows();
    ASSERT_EQ(of_bad.size(), 1U);
    EXPECT_EQ(of_bad.front().source, workload_address);
    EXPECT_EQ(of_bad.front().destination_port, 443);
    Download good(files->path, "goodbank.example");
    ASSERT_TRUE(good.runs());

    ASSERT_TRUE(plane->load(blocking({"badcdn.example"}, strict)));
    EXPECT_TRUE(bad.runs()) << "a rule on names does not touch what is open already";
    ASSERT_TRUE(plane->forget(of_bad));
    EXPECT_TRUE(bad.stands());
    EXPECT_TRUE(good.runs());
    EXPECT_EQ(plane->health().state, State::running);
    ASSERT_TRUE(plane->load(blocking({"badcdn.example", "other.example"}, strict)));
    EXPECT_TRUE(bad.stands()) << "also under rules that came later";
    EXPECT_TRUE(good.runs());
    EXPECT_FALSE(reaches("https://badcdn.example/"));
    EXPECT_TRUE(reaches("https://goodbank.example/", patience));
  }
}

TEST_F(DataPlaneLive, RulesForForgottenFlowsGoWithThem) {
  ASSERT_TRUE(plane->load(blocking({})));
  Download bad(files->path, "badcdn.example");
  ASSERT_TRUE(bad.runs());
  const auto flows = plane->flows();
  ASSERT_TRUE(flows && !flows->empty());
  ASSERT_TRUE(plane->forget(*flows));
  const auto rules = [] { return os::read_file(files->path / "rules/policy.rules").value_or("?"); };
  EXPECT_THAT(rules(), HasSubstr(std::to_string(flows->front().source_port)));
  kill_connections();
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!rules().empty() && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(50ms);
  EXPECT_EQ(rules(), "");
  EXPECT_EQ(plane->health().state, State::running);
}

TEST_F(DataPlaneLive, TheStreamExceptionSaysWhatBecomesOfMidstreamTraffic) {
  auto policy = blocking({});
  const auto restarted_under = [&](StreamException exception) {
    policy.stream_exception = exception;
    ASSERT_TRUE(plane->load(policy));
    Download open(files->path, "goodbank.example");
    ASSERT_TRUE(open.runs());
    const auto before = plane->process();
    ::kill(before, SIGKILL);  // after this all that is open is midstream
    ASSERT_TRUE(becomes(State::running, "restarted"));
    EXPECT_EQ(open.runs(), exception == StreamException::go_on) << static_cast<int>(exception);
    EXPECT_TRUE(reaches("https://goodbank.example/", patience)) << "what is new is seen from its beginning";
  };
  restarted_under(StreamException::drop);
  restarted_under(StreamException::go_on);
  restarted_under(StreamException::reject);
  policy.stream_exception = StreamException::go_on;
  ASSERT_TRUE(plane->load(policy));
  Download open(files->path, "goodbank.example");
  ASSERT_TRUE(open.runs());
  const auto flows = plane->flows();
  ASSERT_TRUE(flows && !flows->empty());
  ASSERT_TRUE(plane->forget(*flows));
  EXPECT_TRUE(open.runs()) << "the policy lets it go on";
}

TEST(TcpFlows, AreReadFromTheKernelsTable) {
  EXPECT_EQ(
      parse_tcp_table(
          "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
          "   0: 0A005E0A:C350 506433C6:01BB 01 00000000:00000000 02:0000 00000000     0        0 1 2 0 20 4 30 10 -1\n"
          "   1: 0A005E0A:0016 506433C6:9C40 01 00000000:00000000 02:0000 00000000     0        0 1 2 0 20 4 30 10 -1\n"
          "   2: 00000000:0016 00000000:0000 0A 00000000:00000000 02:0000 00000000     0        0 1 2 0 20 4 30 10 -1\n"
          "   3: 0A005E0A:C351 506433C6:01BB 06 00000000:00000000 02:0000 00000000     0        0 1 2 0 20 4 30 10 "
          "-1\n"),
      (std::vector<TcpFlow>{{"10.94.0.10", 50'000, "198.51.100.80", 443},
                            {"198.51.100.80", 40'000, "10.94.0.10", 22}}));
  for (const char* odd : {"", "\n", "x", "0: :\n", "0: 1:2 3:4\n", "0: G:1 3:4 01\n", "0: 1:FFFFF 3:4 01\n"})
    EXPECT_TRUE(parse_tcp_table(odd).empty() || std::string_view(odd).contains("3:4 ")) << odd;
}

TEST_F(DataPlaneLive, ALostSocketIsToldAndMended) {
  ASSERT_TRUE(plane->load(blocking({"badcdn.example"})));
  std::filesystem::remove(files->path / "run/suricata.socket");
  const auto health = plane->health();
  EXPECT_TRUE(health.state == State::degraded || health.detail.contains("restarted")) << health.detail;
  EXPECT_TRUE(becomes(State::running, "restarted"));
  EXPECT_FALSE(reaches("https://badcdn.example/"));
  EXPECT_TRUE(plane->load(blocking({"goodbank.example"})));
}

TEST_F(DataPlaneLive, ASidKeepsItsMeaningOverReloads) {
  ASSERT_TRUE(plane->load(blocking({"badcdn.example"})));
  const auto first = os::read_file(rules_file());
  ASSERT_TRUE(plane->load(blocking({"other.example", "badcdn.example"})));
  const auto second = os::read_file(rules_file());
  ASSERT_TRUE(first && second);
  const auto sid_in = [](const std::string& text) {
    return static_cast<std::uint32_t>(std::stoul(text.substr(text.find("sid:") + 4)));
  };
  ASSERT_NE(sid_in(*first), sid_in(*second));
  EXPECT_EQ(plane->origin_of(sid_in(*first))->message, "tls badcdn.example");
  EXPECT_EQ(plane->origin_of(sid_in(*second))->message, "tls other.example");
  EXPECT_FALSE(plane->origin_of(7));
}

}  // namespace
}  // namespace intelwall::lab
