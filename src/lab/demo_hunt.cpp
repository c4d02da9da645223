#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

#include "aws/network_firewall.hpp"
#include "aws/security_hub.hpp"
#include "lab/demo_steps.hpp"
#include "os/file.hpp"
#include "os/process.hpp"

namespace intelwall::lab {
namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* hunt_name = "industry";
constexpr const char* actor = "SALTYSPIDER";
constexpr const char* workload_address = "10.94.0.10";

Json at(const Json& json, const char* pointer) {
  return json.value(Json::json_pointer(pointer), Json());
}

Json show(const Demo& demo, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {"hunt", "show", hunt_name};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const auto done = intelwall(demo, arguments);
  return done && done->out.is_object() ? done->out : Json::object();
}

/// The time of the last run that went well, as the ledger has it.
std::string last_run(const Demo& demo) {
  const auto time = at(show(demo), "/state/last_run");
  return time.is_string() ? time.get<std::string>() : std::string();
}

/// What the watching hunt has told so far: a run that changed something is told when the firewall runs the change.
std::size_t told() {
  std::error_code none;
  const auto size = std::filesystem::file_size(state_directory() / "logs/hunt.log", none);
  return none ? 0 : static_cast<std::size_t>(size);
}

/// Waits for ticks of the timer that go well.
bool wait_for_ticks(const Demo& demo, int ticks) {
  for (int i = 0; i < ticks; ++i) {
    const auto before = last_run(demo);
    if (!wait_for(seconds(20), [&] { return last_run(demo) > before; })) return false;
  }
  return true;
}

/// Records of the firewall's alert log that name the bad name, and one of them.
std::pair<std::size_t, std::string> alerts() {
  std::pair<std::size_t, std::string> found;
  const auto log = os::read_file(alert_log());
  if (!log) return found;
  for (std::size_t begin = 0; begin < log->size();) {
    const auto end = std::min(log->find('\n', begin), log->size());
    const auto line = std::string_view(*log).substr(begin, end - begin);
    if (line.contains(bad_name) && line.contains("\"allowed\"")) {
      ++found.first;
      found.second = line;
    }
    begin = end + 1;
  }
  return found;
}

Result<void> add_indicator(const Json& more) {
  Json indicator = {{"id", std::string("domain_") + bad_name}, {"indicator", bad_name}, {"type", "domain"}};
  indicator.update(more);
  IW_CHECK(falcon_call("indicators", Json{{"indicators", Json::array({indicator})}}.dump()));
  return {};
}

Result<void> step_started(Demo& demo) {
  const bool ran = wait_for(seconds(30), [] { return told() > 0; });
  const auto shown = show(demo);
  const auto log = os::read_file(state_directory() / "logs/hunt.log");
  demo.add(
      "the hunt runs on its timer, and its domains are alert rules in the firewall",
      ran && at(shown, "/kept").is_number() && at(shown, "/kept") > 0 && tokens(demo).contains("intelwall-hunts-1"),
      fmt::format("hunt {}: {} domains kept, run at {}\n{}\n{}", hunt_name, at(shown, "/kept").dump(), last_run(demo),
                  tokens(demo), log ? printable(*log, 300) : std::string()));
  return {};
}

Result<void> step_sighting(Demo& demo) {
  IW_TRY(const auto done, intelwall(demo, {"sightings", "follow", alert_log().string(), "--once"}));
  demo.finding_id = sighting_id();
  return prove_sighting(demo, done.err);
}

Result<void> step_quiet(Demo& demo) {
  // The tick behind the lifted block puts the domain back among those that are watched.
  if (!wait_for_ticks(demo, 2)) demo.add("the timer goes on", false, "no tick came");
  const auto before = tokens(demo);
  const auto first = last_run(demo);
  const bool ticked = wait_for_ticks(demo, 2);
  const auto after = tokens(demo);
  demo.add("two ticks in which nothing changed write nothing", ticked && before == after,
           fmt::format("ticks after {}: the last at {}\n{}", first, last_run(demo), after));
  return {};
}

Result<void> step_revoked(Demo& demo) {
  const auto said = told();
  IW_CHECK(add_indicator({{"deleted", true}}));
  const bool ticked = wait_for(seconds(30), [&] { return told() > said; });
  const auto gone = show(demo, {"--history"});
  const auto before = alerts().first;
  const auto [reached, words] = run_probes({{Way::https, bad_name}, {Way::http, bad_name}}, Expect::reached);
  std::this_thread::sleep_for(milliseconds(1'000));
  const auto more = alerts().first - before;
  demo.add("an indicator that Falcon revokes leaves the firewall at the next tick",
           ticked && reached && more == 0 && gone.dump().contains(bad_name) && gone.dump().contains("revoked"),
           fmt::format("{}\nalerts on it: {}\nhistory: {}", words, more, printable(gone.dump(), 300)));
  return {};
}

Result<void> step_outage(Demo& demo) {
  IW_CHECK(falcon_call("faults", Json{{"fault", "api"}, {"path", "/intel"}, {"status", 500}, {"times", 1'000}}.dump()));
  const auto before = tokens(demo);
  const bool failed = wait_for(seconds(60), [&] {
    const auto failures = at(show(demo), "/state/failures");
    return failures.is_number() && failures > 0;
  });
  const auto shown = show(demo);
  demo.add("a feed that is out changes nothing, and says so",
           failed && before == tokens(demo) && at(shown, "/kept").is_number() && at(shown, "/kept") > 0,
           fmt::format("{}\n{} domains stay\n{}", at(shown, "/state/last_error").dump(), at(shown, "/kept").dump(),
                       tokens(demo)));
  return {};
}

/// `intelwall hunt run --all --watch` beside the demo, from here to its end.
class Watch {
 public:
  explicit Watch(const Demo& demo) {
    const auto pid = os::spawn({demo.options.self.string(), "hunt", "run", "--all", "--watch"},
                               {.output = state_directory() / "logs/hunt.log", .extra_env = demo.environment});
    if (pid) pid_ = *pid;
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() {
    if (pid_ > 0) os::stop(pid_);
  }

 private:
  pid_t pid_ = 0;
};

}  // namespace

bool wait_for(seconds patience, const std::function<bool()>& holds) {
  for (const auto until = Steady::now() + patience; Steady::now() < until;) {
    if (holds()) return true;
    std::this_thread::sleep_for(milliseconds(100));
  }
  return holds();
}

Result<void> step_preview(Demo& demo) {
  IW_CHECK(add_indicator({{"malicious_confidence", "high"},
                          {"targets", {"Technology"}},
                          {"actors", {actor}},
                          {"malware_families", {"Mofksys"}},
                          {"threat_types", {"Commodity"}},
                          {"kill_chains", {"C2"}},
                          {"domain_types", {"ActorControlled"}}}));
  IW_TRY(const auto done, intelwall(demo, {"intel", "search", hunt_query}));
  std::string words = fmt::format("{}\n{} indicators", hunt_query, at(done.out, "/count").dump());
  const auto facets = at(done.out, "/facets");
  for (const auto& [name, values] : facets.items()) {
    words += "\n" + name + ":";
    for (std::size_t i = 0; i < std::min<std::size_t>(values.size(), 4); ++i)
      words += fmt::format(" {} ({})", at(values[i], "/value").dump(), at(values[i], "/count").dump());
  }
  const bool ok =
      done.exit_code == 0 && at(done.out, "/count").is_number() && at(done.out, "/count") > 0 && facets.size() >= 5;
  demo.add("the query is previewed with its facets", ok, done.exit_code == 0 ? words : done.err);
  return {};
}

Result<void> step_contact(Demo& demo) {
  const auto before = alerts().first;
  const auto [reached, words] = run_probes({{Way::https, bad_subdomain}, {Way::http, bad_name}}, Expect::reached);
  wait_for(seconds(5), [&] { return alerts().first >= before + 2; });
  const auto [count, record] = alerts();
  demo.add("the workload contacts a domain of it: it passes, and is alerted on", reached && count >= before + 2,
           fmt::format("{}\n{} alerts\n{}", words, count - before, record));
  return {};
}

std::string sighting_id() {
  return fmt::format("intelwall/sighting/{}/{}", workload_address, bad_name);
}

Result<void> prove_sighting(Demo& demo, const std::string& otherwise) {
  IW_TRY(const auto found, aws::SecurityHubClient(demo.session).get_findings({demo.finding_id}));
  const auto finding = found.empty() ? Json::object() : found.front();
  const auto who = at(finding, "/ProductFields/intelwall~1actors");
  demo.add("the sighting is a finding that names the actor", who == actor,
           finding.empty() ? "no finding: " + otherwise
                           : fmt::format("{}\n{}\n{}, {}, severity {}", demo.finding_id, at(finding, "/Title").dump(),
                                         who.dump(), at(finding, "/ProductFields/intelwall~1malware_families").dump(),
                                         at(finding, "/Severity/Label").dump()));
  return {};
}

Result<void> step_block(Demo& demo) {
  IW_CHECK(press("intelwallblock", {demo.finding_id}));
  const auto [ok, words] = run_probes(all_ways({bad_name, bad_subdomain}), Expect::refused);
  demo.add("the action on that finding blocks it: the two scenarios meet", ok, words);
  IW_TRY(const auto undone, intelwall(demo, {"unblock", bad_name}));
  if (undone.exit_code != 0) demo.add("the block is lifted again", false, undone.err);
  return {};
}

Result<void> scenario_hunt(Demo& demo) {
  IW_CHECK(step_preview(demo));
  IW_TRY(const auto added, intelwall(demo, {"hunt", "add", hunt_name, "--fql", hunt_query, "--every", "2s"}));
  if (added.exit_code != 0) {
    demo.add("a hunt is added", false, added.err);
    return {};
  }
  const Watch watch(demo);
  for (const auto step : {step_started, step_contact, step_sighting, step_block, step_quiet, step_revoked, step_outage})
    IW_CHECK(step(demo));
  return {};
}

}  // namespace intelwall::lab
