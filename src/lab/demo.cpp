#include "lab/demo.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <future>
#include <nlohmann/json.hpp>
#include <thread>

#include "aws/network_firewall.hpp"
#include "aws/security_hub.hpp"
#include "core/time.hpp"
#include "lab/cloud.hpp"
#include "lab/lab.hpp"
#include "os/file.hpp"
#include "os/process.hpp"

namespace intelwall::lab {

namespace {

using Json = nlohmann::json;
using Seconds = std::chrono::duration<double>;

constexpr const char* falcon_product =
    "arn:aws:securityhub:us-east-1:517716713836:product/crowdstrike/crowdstrike-falcon";
constexpr const char* first_group = "intelwall-blocks-1";
constexpr const char* homograph_unicode = "g\u043e\u043edbank.example";

struct Step {
  std::string name;
  bool ok = false;
  std::string proof;
};

/// All that the steps share; each step reads what earlier ones left.
struct Demo {
  const DemoOptions& options;
  std::vector<Step> steps;
  std::map<std::string, std::string> environment;
  aws::Session session;
  std::string finding_id;
  std::string decision_id;
  double seconds_to_block = 0;

  void add(std::string name, bool ok, std::string proof) {
    std::fputs(fmt::format("{} {}\n", ok ? "  ok  " : " FAIL ", name).c_str(), stdout);
    std::size_t begin = 0;
    while (begin < proof.size()) {
      const auto end = std::min(proof.find('\n', begin), proof.size());
      std::fputs(fmt::format("       {}\n", printable(std::string_view(proof).substr(begin, end - begin), 600)).c_str(),
                 stdout);
      begin = end + 1;
    }
    std::fflush(stdout);
    steps.push_back({std::move(name), ok, std::move(proof)});
  }
};

// ---- probes from the workload
// ------------------------------------------------------------------------------------------

enum class Way { https, http, dns };
const char* to_string(Way way) {
  return way == Way::https ? "https" : way == Way::http ? "http" : "dns";
}

struct Probe {
  Way way;
  std::string name;
};
struct Answer {
  bool reached = false;
  std::string words;
};

/// The name goes to the server's address without a look-up, so that https and http prove their own layer even where dns
/// is dropped too.
Answer run_probe(const Probe& probe, int seconds = 2) {
  const auto limit = std::to_string(seconds);
  const std::string address = internet_address;
  std::vector<std::string> argv;
  if (probe.way == Way::dns) {
    argv = {"dig", "+short", "+tries=1", "+time=" + limit, "@" + address, probe.name, "A"};
  } else {
    const auto port = probe.way == Way::https ? "443" : "80";
    argv = {"curl",
            "-sS",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "--max-time",
            limit,
            "--noproxy",
            "*",
            "--resolve",
            fmt::format("{}:{}:{}", probe.name, port, address),
            fmt::format("{}://{}/", to_string(probe.way), probe.name)};
  }
  const auto done = exec_captured(argv);
  if (!done) return {false, done.error().to_text()};
  if (probe.way == Way::dns) {
    const bool reached = done->exit_code == 0 && done->out.starts_with(address);
    return {reached, reached ? "answer " + done->out.substr(0, done->out.find('\n'))
                             : fmt::format("no answer (dig exit {})", done->exit_code)};
  }
  const bool reached = done->exit_code == 0 && done->out == "200";
  return {reached, reached ? "200" : fmt::format("no answer (curl exit {})", done->exit_code)};
}

enum class Expect { reached, refused };

/// Probes in parallel (a dropped one waits for its time-out); true when all are as expected.
std::pair<bool, std::string> run_probes(const std::vector<Probe>& probes, Expect expect) {
  std::vector<std::future<Answer>> answers;
  answers.reserve(probes.size());
  for (const auto& probe : probes)
    answers.push_back(std::async(std::launch::async, [probe] { return run_probe(probe); }));
  bool all = true;
  std::string words;
  for (std::size_t i = 0; i < probes.size(); ++i) {
    const auto answer = answers[i].get();
    all = all && answer.reached == (expect == Expect::reached);
    words +=
        fmt::format("{}{} {}: {}", words.empty() ? "" : "\n", to_string(probes[i].way), probes[i].name, answer.words);
  }
  return {all, words};
}

std::vector<Probe> all_ways(std::initializer_list<const char*> names) {
  std::vector<Probe> probes;
  for (const auto* name : names)
    for (const auto way : {Way::https, Way::http, Way::dns}) probes.push_back({way, name});
  return probes;
}

// ---- the product, driven as a user would
// -------------------------------------------------------------------------------

struct Command {
  int exit_code = -1;
  Json out;
  std::string err;
};

Result<Command> intelwall(const Demo& demo, std::vector<std::string> arguments, const std::string& input = {}) {
  arguments.insert(arguments.begin(), demo.options.self.string());
  arguments.push_back("--json");
  IW_TRY(auto done, os::run(arguments, {.input = input, .extra_env = demo.environment}));
  return Command{done.exit_code, Json::parse(done.out, nullptr, false), std::move(done.err)};
}

// Findings made of parts: the Falcon gateway's shape (facts: falcon-integration-gateway, fig/backends/aws).
Json falcon_finding(const std::string& id, const std::string& title, const std::string& ioc_type,
                    const std::string& ioc_value) {
  const auto now = format_time(system_now());
  const std::string prefix = "crowdstrike/crowdstrike-falcon/";
  return {{"SchemaVersion", "2018-10-08"},
          {"Id", "crowdstrike:crowdstrike-falcon:" + id},
          {"ProductArn", falcon_product},
          {"GeneratorId", "Falcon Host"},
          {"AwsAccountId", account_id},
          {"CreatedAt", now},
          {"UpdatedAt", now},
          {"Severity", {{"Label", "HIGH"}, {"Original", "High"}}},
          {"Types", {"Namespace: TTPs", "Category: Command and Control", "Classifier: Application Layer Protocol"}},
          {"Title", title},
          {"Description", "A process contacted a domain that CrowdStrike Intelligence attributes to an adversary."},
          {"Resources", Json::array({{{"Type", "AwsEc2Instance"}, {"Id", "i-0a1b2c3d4e5f60718"}, {"Region", region}}})},
          {"RecordState", "ACTIVE"},
          {"ProductFields", {{prefix + "IOCType", ioc_type}, {prefix + "IOCValue", ioc_value}}}};
}

std::string tokens(const Demo& demo) {
  const aws::NetworkFirewallClient client(demo.session);
  const auto firewall = client.describe_firewall(firewall_name);
  if (!firewall) return firewall.error().to_text();
  const auto policy = client.describe_policy(firewall->policy_arn);
  if (!policy) return policy.error().to_text();
  std::string words = fmt::format("policy {} token {}", policy->name, policy->update_token);
  for (const auto& reference : policy->references()) {
    const auto group = client.describe_rule_group(reference.arn);
    words += group ? fmt::format("\ngroup {} priority {} token {}, {} of {} units", group->name,
                                 reference.priority.value_or(0), group->update_token, group->consumed, group->capacity)
                   : "\n" + group.error().to_text();
  }
  return words;
}

std::string rules_text(const Demo& demo) {
  const auto group = aws::NetworkFirewallClient(demo.session).describe_rule_group(first_group);
  if (!group) return {};
  return group->body.value(Json::json_pointer("/RulesSource/RulesString"), std::string{});
}

// ---- the steps
// ---------------------------------------------------------------------------------------------------------

Result<void> step_before(Demo& demo) {
  const auto [ok, words] = run_probes(all_ways({bad_name, good_name}), Expect::reached);
  demo.add("before: the workload reaches the bad name and a good one over https, http and dns", ok, words);
  return {};
}

Result<void> step_import(Demo& demo) {
  const auto finding = falcon_finding("4a9f:ind:77", "Falcon Alert. Instance: i-0a1b2c3d4e5f60718", "domain", bad_name);
  demo.finding_id = finding["Id"];
  IW_TRY(const auto imported, aws::SecurityHubClient(demo.session).batch_import_findings({finding}));
  IW_TRY(const auto stored, aws::SecurityHubClient(demo.session).get_findings({demo.finding_id}));
  demo.add("a finding in the Falcon gateway's shape is imported into Security Hub",
           imported.accepted == 1 && stored.size() == 1,
           fmt::format("{} with IOCType domain, IOCValue {}", demo.finding_id, bad_name));
  return {};
}

/// Presses the action while the workload goes on connecting: the first connection that gets no answer ends the clock.
Result<void> step_press(Demo& demo) {
  const auto before = tokens(demo);
  using Steady = std::chrono::steady_clock;
  std::atomic<bool> stop = false;
  const auto pressed_at = Steady::now();
  auto first_refused = std::async(std::launch::async, [&]() -> std::optional<double> {
    while (!stop) {
      const auto begun = Steady::now();
      if (!run_probe({Way::https, bad_name}, 1).reached) return Seconds(begun - pressed_at).count();
    }
    return std::nullopt;
  });
  const auto answer = press("intelwallblock", {demo.finding_id});
  if (answer) {
    // Verified means live; the next connection must already fail.
    std::this_thread::sleep_for(std::chrono::milliseconds{1'500});
  }
  stop = true;
  const auto seconds = first_refused.get();
  demo.seconds_to_block = seconds.value_or(0);
  if (!answer) return std::unexpected(answer.error());
  demo.add("the custom action is pressed", seconds.has_value(),
           seconds ? fmt::format("first refused connection {:.2f} s after the action", *seconds)
                   : "no connection was refused:\n" + *answer);

  const auto text = rules_text(demo);
  const auto at = text.find("iw_id ");
  if (at != std::string::npos) demo.decision_id = text.substr(at + 6, text.find_first_of(",;", at) - at - 6);
  demo.add("the rule group before and after", text.find(bad_name) != std::string::npos && !demo.decision_id.empty(),
           fmt::format("before: {}\nafter: {}\n{}", before, tokens(demo), text));

  IW_TRY(const auto stored, aws::SecurityHubClient(demo.session).get_findings({demo.finding_id}));
  const auto note =
      stored.empty() ? std::string{} : stored.front().value(Json::json_pointer("/Note/Text"), std::string{});
  const auto status =
      stored.empty() ? std::string{} : stored.front().value(Json::json_pointer("/Workflow/Status"), std::string{});
  demo.add("the finding carries the answer", note.find(demo.decision_id) != std::string::npos && status == "NOTIFIED",
           fmt::format("workflow {}; note: {}", status, note));
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

Result<void> step_hostile(Demo& demo) {
  const auto allowed = intelwall(demo, {"allow", "www.partner.example", "--reason", "our supplier"});
  if (!allowed) return std::unexpected(allowed.error());
  const std::string long_title = std::string("x\"; sid:1; (msg:\"y\"\n") + std::string(300, 'A');
  const std::vector<std::pair<std::string, std::string>> values = {{"domain", "co.uk"},
                                                                   {"domain", "github.io"},
                                                                   {"domain", "amazonaws.com"},
                                                                   {"domain", "partner.example"},
                                                                   {"sha256", std::string(64, 'a')},
                                                                   {"domain", std::string(32, 'b')},
                                                                   {"domain", "203.0.113.7"},
                                                                   {"domain", "evil.com\"; sid:1; ("},
                                                                   {"domain", "*.com"},
                                                                   {"domain", "evil.*.com"}};
  Json findings = Json::array();
  for (std::size_t i = 0; i < values.size(); ++i)
    findings.push_back(falcon_finding(fmt::format("hostile:{}", i), "hostile", values[i].first, values[i].second));
  // A harmless domain under a hostile title: it is blocked already, and the title must not reach the rule.
  findings.push_back(falcon_finding("hostile:title", long_title.substr(0, 256), "domain", bad_name));
  const auto before = tokens(demo);
  const auto rules_before = rules_text(demo);
  IW_TRY(const auto done, intelwall(demo, {"ingest", "-"}, findings.dump()));
  std::string words = fmt::format("exit {}", done.exit_code);
  std::size_t refused = 0;
  if (done.out.is_object())
    for (const auto& finding : done.out.value("findings", Json::array()))
      for (const auto& candidate : finding.value("candidates", Json::array())) {
        if (candidate.value("verdict", "") != "refuse") continue;
        ++refused;
        words += fmt::format("\nrefused {}: {}", printable(candidate.value("text", ""), 60),
                             candidate["reasons"][0].value("text", ""));
      }
  const bool unchanged = before == tokens(demo) && rules_before == rules_text(demo);
  demo.add("hostile findings change nothing, and each refusal has its reason",
           done.exit_code == 0 && unchanged && refused == values.size(),
           fmt::format("{}\n{} of {} refused; tokens and rules {}", words, refused, values.size(),
                       unchanged ? "unchanged" : "CHANGED"));
  return {};
}

Result<void> step_homograph(Demo& demo) {
  IW_TRY(const auto done, intelwall(demo, {"block", homograph_unicode, "--protocols", "tls,http,dns", "--reason",
                                           "looks like \"goodbank\"; sid:1; (\nnewline"}));
  const auto [refused, refused_words] = run_probes(all_ways({homograph_name}), Expect::refused);
  const auto [reached, reached_words] = run_probes(all_ways({good_name}), Expect::reached);
  demo.add("a homograph is blocked as its A-label only", done.exit_code == 0 && refused && reached,
           fmt::format("{} is {}\n{}\n{}{}", homograph_unicode, homograph_name, refused_words, reached_words,
                       done.exit_code == 0 ? "" : "\n" + done.err));
  return {};
}

Result<void> step_unblock(Demo& demo) {
  IW_TRY(const auto done, intelwall(demo, {"unblock", bad_name}));
  const auto [ok, words] = run_probes(all_ways({bad_name, bad_subdomain}), Expect::reached);
  demo.add("unblock: reachable again", done.exit_code == 0 && ok, words + (done.exit_code == 0 ? "" : "\n" + done.err));
  return {};
}

Result<void> step_down(Demo& demo) {
  const auto directory = state_directory();
  IW_CHECK(down());
  IW_TRY(const auto namespaces, os::run({"ip", "netns", "list"}));
  // Every process of the lab carries the state directory in its command line.
  IW_TRY(const auto processes, os::run({"pgrep", "-af", directory.string()}));
  const bool no_namespace = namespaces.out.find("iw-") == std::string::npos;
  const bool no_process = processes.exit_code == 1;
  const bool no_file = !std::filesystem::exists(directory);
  demo.add("lab down: no namespace, process or file is left", no_namespace && no_process && no_file,
           fmt::format("namespaces: {}\nprocesses: {}\n{}: {}", no_namespace ? "none" : namespaces.out,
                       no_process ? "none" : processes.out, directory.string(), no_file ? "gone" : "STILL THERE"));
  return {};
}

Result<void> connect(Demo& demo) {
  IW_TRY(demo.environment, environment());
  demo.environment["INTELWALL_ALLOW_LIST"] = (state_directory() / "demo-allow.txt").string();
  const auto variables = demo.environment;
  demo.session.env = [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  demo.session.http = aws::make_curl_client();
  demo.session.credentials = aws::default_credentials(demo.session.env);
  demo.session.region = region;
  return {};
}

Result<bool> finish(const Demo& demo) {
  bool ok = !demo.steps.empty();
  Json steps = Json::array();
  for (const auto& step : demo.steps) {
    ok = ok && step.ok;
    steps.push_back({{"scenario", 1}, {"name", step.name}, {"ok", step.ok}, {"proof", printable(step.proof, 16'384)}});
  }
  std::fputs(fmt::format("\n{}: {} steps, {:.2f} s from the action to the first refused connection\n",
                         ok ? "every proof holds" : "NOT every proof holds", demo.steps.size(), demo.seconds_to_block)
                 .c_str(),
             stdout);
  if (demo.options.json) {
    const Json report = {{"ok", ok}, {"seconds_to_block", demo.seconds_to_block}, {"steps", std::move(steps)}};
    IW_CHECK(os::replace_file(*demo.options.json, report.dump(2) + "\n"));
  }
  return ok;
}

}  // namespace

Result<bool> demo(const DemoOptions& options) {
  std::fputs("Scenario 1: a finding's domain ends in dropped packets\n\n", stdout);
  std::fflush(stdout);
  IW_CHECK(up({.self = options.self}));
  Demo demo{.options = options, .steps = {}, .environment = {}, .session = {}, .finding_id = {}, .decision_id = {}};
  Result<void> result = connect(demo);
  for (const auto step :
       {step_before, step_import, step_press, step_dropped, step_log, step_hostile, step_homograph, step_unblock}) {
    if (!result) break;
    result = step(demo);
  }
  if (!result) demo.add("the demo could go on", false, result.error().to_text());
  if (options.after == DemoOptions::After::down) {
    if (auto end = step_down(demo); !end) demo.add("lab down", false, end.error().to_text());
  } else {
    std::fputs("the lab stays up: `intelwall lab down` ends it\n", stdout);
  }
  return finish(demo);
}

}  // namespace intelwall::lab
