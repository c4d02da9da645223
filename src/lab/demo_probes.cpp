#include <fmt/format.h>

#include <cstdio>
#include <future>

#include "aws/network_firewall.hpp"
#include "lab/cloud.hpp"
#include "lab/demo_steps.hpp"
#include "os/process.hpp"

namespace intelwall::lab {
namespace {

constexpr const char* first_group = "intelwall-blocks-1";

}  // namespace

void Demo::add(std::string name, bool ok, std::string proof) {
  std::fputs(fmt::format("{} {}\n", ok ? "  ok  " : " FAIL ", name).c_str(), stdout);
  std::size_t begin = 0;
  while (begin < proof.size()) {
    const auto end = std::min(proof.find('\n', begin), proof.size());
    std::fputs(fmt::format("       {}\n", printable(std::string_view(proof).substr(begin, end - begin), 600)).c_str(),
               stdout);
    begin = end + 1;
  }
  std::fflush(stdout);
  steps.push_back({scenario, std::move(name), ok, std::move(proof)});
}

const char* to_string(Way way) {
  return way == Way::https ? "https" : way == Way::http ? "http" : "dns";
}

Answer run_probe(const Probe& probe, int seconds) {
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

Result<Command> intelwall(const Demo& demo, std::vector<std::string> arguments, const std::string& input) {
  arguments.insert(arguments.begin(), demo.options.self.string());
  arguments.push_back("--json");
  IW_TRY(auto done, os::run(arguments, {.input = input, .extra_env = demo.environment}));
  return Command{done.exit_code, Json::parse(done.out, nullptr, false), std::move(done.err)};
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

}  // namespace intelwall::lab
