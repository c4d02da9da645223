#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include "aws/security_hub.hpp"
#include "core/time.hpp"
#include "lab/cloud.hpp"
#include "lab/demo_steps.hpp"
#include "os/file.hpp"
#include "os/process.hpp"

namespace intelwall::lab {
namespace {

using Steady = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;
using std::chrono::milliseconds;

constexpr const char* workload_address = "10.94.0.10";
constexpr const char* sensor = "5e4501234567890abcdef5e4501234567";
constexpr const char* instance = "i-0a1b2c3d4e5f60718";

/// What the sensor tells of the workload's connection to the bad name.
Json detection(const std::string& id, std::optional<int> local_port) {
  Json event = {
      {"CompositeId", id},
      {"Name", "IntelDomainHigh"},
      {"Description", "A process contacted a domain that CrowdStrike Intelligence attributes to an adversary."},
      {"Severity", 70},
      {"SeverityName", "High"},
      {"AgentId", sensor},
      {"Hostname", "workload"},
      {"FileName", "curl"},
      {"FilePath", "/usr/bin/curl"},
      {"CommandLine", "curl -sS -N https://badcdn.example/large"},
      {"Tactic", "Command and Control"},
      {"Technique", "Application Layer Protocol"},
      {"IOCType", "domain"},
      {"IOCValue", bad_name},
      {"DnsRequests", Json::array({{{"DomainName", bad_name}}})}};
  if (local_port)
    event["NetworkAccesses"] = Json::array({{{"Protocol", "TCP"},
                                             {"ConnectionDirection", 0},
                                             {"LocalAddress", workload_address},
                                             {"LocalPort", *local_port},
                                             {"RemoteAddress", internet_address},
                                             {"RemotePort", 443}}});
  return {{"eventType", "EppDetectionSummaryEvent"}, {"event", std::move(event)}};
}

/// A long download on the workload, from here to its end.
class Download {
 public:
  explicit Download(const Demo& demo) : file_(state_directory() / "demo-download") {
    const auto pid = os::spawn({demo.options.self.string(), "lab", "exec", "--", "curl", "-sS", "-N", "-o",
                                file_.string(), fmt::format("https://{}/large", bad_name)});
    if (pid) pid_ = *pid;
  }
  Download(const Download&) = delete;
  Download& operator=(const Download&) = delete;
  ~Download() {
    if (pid_ > 0) os::stop(pid_);
  }
  std::uintmax_t size() const {
    std::error_code none;
    const auto size = std::filesystem::file_size(file_, none);
    return none ? 0 : size;
  }
  bool grows(milliseconds within) const {
    const auto before = size();
    for (const auto until = Steady::now() + within; Steady::now() < until;) {
      if (size() > before) return true;
      std::this_thread::sleep_for(milliseconds(10));
    }
    return false;
  }
  /// Its port on the workload.
  static std::optional<int> port() {
    const auto open = exec_captured({"ss", "-Htn", "state", "established", "dst", internet_address});
    const std::string prefix = std::string(workload_address) + ":";
    const auto at = open ? open->out.find(prefix) : std::string::npos;
    if (at == std::string::npos) return std::nullopt;
    return std::atoi(open->out.c_str() + at + prefix.size());
  }

 private:
  std::filesystem::path file_;
  pid_t pid_ = 0;
};

struct Timing {
  std::string finding;  ///< as Security Hub has it, JSON text
  std::string answer;   ///< of the custom action
  double event_to_finding = 0;
  std::optional<double> event_to_refused, press_to_refused;
};

Result<Json> wait_for_finding(const Demo& demo, const std::string& id) {
  const aws::SecurityHubClient hub(demo.session);
  for (const auto until = Steady::now() + std::chrono::seconds(20); Steady::now() < until;) {
    IW_TRY(const auto found, hub.get_findings({id}));
    if (!found.empty()) return found.front();
    std::this_thread::sleep_for(milliseconds(5));
  }
  const auto log = os::read_file(state_directory() / "logs/forward.log");
  return fail(ErrorCode::unavailable,
              "the detection does not come to Security Hub: " + printable(log ? *log : "forward left no log", 600));
}

/// The sensor's event, the finding that comes of it, the action pressed at once, while the workload goes on connecting:
/// the first connection that gets no answer ends the clock.
Result<Timing> time_block(const Demo& demo, const Json& event) {
  Timing timing;
  const std::string id = "crowdstrike:crowdstrike-falcon:" + event["event"]["CompositeId"].get<std::string>();
  std::atomic<bool> stop = false;
  const auto sent_at = Steady::now();
  IW_CHECK(falcon_call("events", Json{{"events", Json::array({event})}}.dump()));
  IW_TRY(const auto finding, wait_for_finding(demo, id));
  timing.finding = finding.dump();
  timing.event_to_finding = Seconds(Steady::now() - sent_at).count();
  const auto pressed_at = Steady::now();
  auto first_refused = std::async(std::launch::async, [&]() -> std::optional<Steady::time_point> {
    while (!stop) {
      const auto begun = Steady::now();
      if (!run_probe({Way::https, bad_name}, 1).reached) return begun;
    }
    return std::nullopt;
  });
  auto answer = press("intelwallblock", {id});
  // Verified means live: the next connection must already fail.
  if (answer) first_refused.wait_for(milliseconds(1'500));
  stop = true;
  const auto refused_at = first_refused.get();
  if (!answer) return std::unexpected(std::move(answer).error());
  timing.answer = *std::move(answer);
  if (refused_at) {
    timing.press_to_refused = Seconds(*refused_at - pressed_at).count();
    timing.event_to_refused = Seconds(*refused_at - sent_at).count();
  }
  return timing;
}

std::string text_at(const Json& json, const char* pointer) {
  return json.value(Json::json_pointer(pointer), std::string{});
}

Result<Json> stored_finding(const Demo& demo) {
  IW_TRY(const auto stored, aws::SecurityHubClient(demo.session).get_findings({demo.finding_id}));
  return stored.empty() ? Json::object() : stored.front();
}

void add_cut(Demo& demo, const Download& download, const std::string& note) {
  std::this_thread::sleep_for(milliseconds(300));
  const auto size = download.size();
  const bool still = !download.grows(milliseconds(1'000));
  demo.add("the download that was open is cut", still && size > 0 && note.contains("connections cut: 1"),
           fmt::format("{} bytes came before, {} in the second after", size, still ? "not one" : "and more came"));
}

}  // namespace

Result<Forwarding> Forwarding::start(const Demo& demo) {
  const auto directory = state_directory();
  const Json host = {{"device_id", sensor},
                     {"hostname", "workload"},
                     {"service_provider", "AWS_EC2_V2"},
                     {"service_provider_account_id", account_id},
                     {"instance_id", instance}};
  IW_CHECK(falcon_call("hosts", Json{{"hosts", Json::array({host})}}.dump()));
  IW_TRY(const auto pid,
         os::spawn({demo.options.self.string(), "forward", "--state-dir", (directory / "forward").string()},
                   {.output = directory / "logs/forward.log", .extra_env = demo.environment}));
  return Forwarding(pid);
}

Forwarding::~Forwarding() {
  if (pid_ > 0) os::stop(pid_);
}

Result<void> step_before(Demo& demo) {
  const auto [ok, words] = run_probes(all_ways({bad_name, good_name}), Expect::reached);
  demo.add("before: the workload reaches the bad name and a good one over https, http and dns", ok, words);
  return {};
}

Result<void> step_respond(Demo& demo) {
  const Download download(demo);
  const bool runs = download.grows(std::chrono::seconds(5));
  const auto port = Download::port();
  demo.add("a long download from the bad name is open", runs && port.has_value(),
           port ? fmt::format("curl from {}:{} to {}:443, {} bytes so far", workload_address, *port, internet_address,
                              download.size())
                : "no connection of it is established");

  const auto event = detection("c1d0:ind:" + std::string(sensor) + ":77", port);
  demo.finding_id = "crowdstrike:crowdstrike-falcon:" + event["event"]["CompositeId"].get<std::string>();
  const auto before = tokens(demo);
  IW_TRY(const auto timing, time_block(demo, event));
  const auto finding = Json::parse(timing.finding);
  demo.add(
      "the sensor's event is a finding in Security Hub",
      text_at(finding, "/Network/DestinationDomain") == bad_name && text_at(finding, "/Resources/0/Id") == instance,
      fmt::format("{:.2f} s after the event\n{}\n{}, IOCType {}, IOCValue {}, {} -> {}", timing.event_to_finding,
                  demo.finding_id, text_at(finding, "/Title"),
                  text_at(finding, "/ProductFields/crowdstrike~1crowdstrike-falcon~1IOCType"),
                  text_at(finding, "/ProductFields/crowdstrike~1crowdstrike-falcon~1IOCValue"),
                  text_at(finding, "/Network/SourceIpV4"), text_at(finding, "/Network/DestinationIpV4")));

  demo.seconds_to_block = timing.press_to_refused.value_or(0);
  demo.seconds_from_event = timing.event_to_refused.value_or(0);
  demo.add("the custom action is pressed", timing.press_to_refused.has_value(),
           timing.press_to_refused
               ? fmt::format("first refused connection {:.2f} s after the action, {:.2f} s after the event",
                             demo.seconds_to_block, demo.seconds_from_event)
               : "no connection was refused:\n" + timing.answer);

  const auto text = rules_text(demo);
  const auto at = text.find("iw_id ");
  if (at != std::string::npos) demo.decision_id = text.substr(at + 6, text.find_first_of(",;", at) - at - 6);
  demo.add("the rule group before and after", text.contains(bad_name) && !demo.decision_id.empty(),
           fmt::format("before: {}\nafter: {}\n{}", before, tokens(demo), text));

  IW_TRY(const auto stored, stored_finding(demo));
  const auto note = text_at(stored, "/Note/Text"), status = text_at(stored, "/Workflow/Status");
  demo.add("the finding carries the answer", note.contains(demo.decision_id) && status == "NOTIFIED",
           fmt::format("workflow {}; note: {}", status, note));
  add_cut(demo, download, note);
  return {};
}

Result<void> step_dropped(Demo& demo) {
  const auto upper = [](std::string name) {
    for (char& c : name)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return name;
  };
  const auto shouted = upper(bad_name);
  const auto [ok, words] = run_probes(all_ways({bad_name, bad_subdomain, shouted.c_str()}), Expect::refused);
  demo.add("the bad name, its subdomain and its upper-case spelling get no packet through", ok, words);
  const auto [pass, passed] = run_probes(all_ways({lookalike_prefix, lookalike_suffix, good_name}), Expect::reached);
  demo.add("lookalikes and the good name pass", pass, passed);
  return {};
}

Result<void> step_log(Demo& demo) {
  std::string proof;
  // The log is written beside the packets, so it may come a moment later.
  for (int i = 0; i < 50 && proof.empty(); ++i) {
    const auto log = os::read_file(alert_log());
    std::size_t begin = 0;
    while (log && begin < log->size()) {
      const auto end = std::min(log->find('\n', begin), log->size());
      const auto line = std::string_view(*log).substr(begin, end - begin);
      if (line.find(demo.decision_id) != std::string_view::npos && line.find("\"blocked\"") != std::string_view::npos)
        proof = line;
      begin = end + 1;
    }
    if (proof.empty()) std::this_thread::sleep_for(std::chrono::milliseconds{100});
  }
  demo.add("the firewall's log holds the drop with the decision id", !proof.empty() && !demo.decision_id.empty(),
           proof.empty() ? "no such record" : proof);
  return {};
}

Result<void> step_explain(Demo& demo) {
  IW_TRY(const auto done, intelwall(demo, {"explain", bad_name, "--log", alert_log().string()}));
  if (!done.out.is_object()) {
    demo.add("explain tells the chain back", false, done.err);
    return {};
  }
  const auto rule = done.out.value(Json::json_pointer("/rules/0/decision/id"),
                                   done.out.value(Json::json_pointer("/rules/0/id"), std::string{}));
  const auto finding = text_at(done.out, "/findings/0/id");
  const auto blocked = done.out.value(Json::json_pointer("/log/blocked"), 0);
  demo.add(
      "explain tells the chain back, from the last drop to the detection",
      done.exit_code == 0 && finding == demo.finding_id && done.out.dump().contains(demo.decision_id) && blocked > 0,
      fmt::format("{} is {}\nfinding {}, noted: {}\nrule of decision {}{}\n{} drops in the log, the last at {}",
                  bad_name, text_at(done.out, "/state"), finding, text_at(done.out, "/findings/0/note/text"),
                  demo.decision_id, rule == demo.decision_id ? ", live" : "", blocked,
                  text_at(done.out, "/log/last/0/at")));
  return {};
}

Result<void> step_repeat(Demo& demo, int times) {
  std::vector<double> from_event, from_press;
  for (int run = 0; run < times; ++run) {
    IW_TRY(const auto timing,
           time_block(demo, detection(fmt::format("c1d0:ind:{}:run-{}", sensor, run), std::nullopt)));
    if (!timing.event_to_refused) break;
    from_event.push_back(*timing.event_to_refused);
    from_press.push_back(*timing.press_to_refused);
    IW_TRY(const auto undone, intelwall(demo, {"unblock", bad_name}));
    if (undone.exit_code != 0 || !run_probe({Way::https, bad_name}).reached) break;
  }
  std::ranges::sort(from_event);
  std::ranges::sort(from_press);
  const auto share = [](const std::vector<double>& sorted, double part) {
    if (sorted.empty()) return 0.0;
    return sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(part * static_cast<double>(sorted.size())))];
  };
  demo.add("event to dropped packet, the action pressed at once, again and again",
           std::cmp_equal(from_event.size(), times),
           fmt::format(
               "{} of {} runs\nfrom the event:  median {:.2f} s, p95 {:.2f} s\nfrom the action: median {:.2f} s, p95 "
               "{:.2f} s",
               from_event.size(), times, share(from_event, 0.5), share(from_event, 0.95), share(from_press, 0.5),
               share(from_press, 0.95)));
  return {};
}

}  // namespace intelwall::lab
