#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/block.hpp"
#include "app/expire.hpp"
#include "app/report.hpp"
#include "cli/command.hpp"

namespace intelwall::cli {

namespace {

using Json = nlohmann::json;

app::Mode mode_of(bool plan) {
  return plan ? app::Mode::plan : app::Mode::write;
}

struct BlockFlags {
  app::BlockRequest request;
  bool exact = false, force = false, plan = false;
};

int run_block(const Global& global, BlockFlags flags) {
  app::Context context;
  if (auto ready = prepare(global, context, {app::load_guardrails, app::open_firewall}); !ready)
    return report(global, ready.error());
  if (flags.exact) flags.request.scope = Scope::exact;
  if (flags.force) flags.request.insistence = policy::Insistence::forced;
  const auto mode = mode_of(flags.plan);
  const auto outcome = app::block(context, flags.request, mode);
  if (!outcome) return report(global, outcome.error());

  Json items = Json::array();
  for (const auto& item : outcome->items) {
    const auto& [text, domain, judgement] = item;
    auto json = app::to_json(judgement);
    json["domain"] = domain.name.text();
    json["scope"] = to_string(domain.scope);
    items.push_back(std::move(json));
    if (judgement.verdict == policy::Verdict::block) continue;
    for (const auto& reason : judgement.reasons) {
      if (reason.code == "requested") continue;  // who asks knows
      std::fputs(fmt::format("intelwall: {} {}: {} [{}]\n",
                             judgement.verdict == policy::Verdict::ask ? "not without asking," : "refused,",
                             domain.name.text(), reason.text, reason.code)
                     .c_str(),
                 stderr);
    }
  }
  const bool refused = outcome->decisions.empty();
  if (refused) {
    const bool only_asks = std::ranges::none_of(
        outcome->items, [](const auto& item) { return item.judgement.verdict == policy::Verdict::refuse; });
    std::fputs(
        only_asks ? "intelwall: nothing was changed (--force blocks anyway)\n" : "intelwall: nothing was changed\n",
        stderr);
  }
  Json warnings = Json::array();
  if (!refused)
    for (const auto& [code, text] : app::expiry_warnings(context.settings)) {
      std::fputs(fmt::format("intelwall: {} [{}]\n", text, code).c_str(), stderr);
      warnings.push_back({{"code", code}, {"text", text}});
    }
  if (global.output() == Output::json) {
    Json decisions = Json::array();
    for (const auto& decision : outcome->decisions) decisions.push_back(app::to_json(decision));
    print_json({{"items", items},
                {"decisions", decisions},
                {"warnings", warnings},
                {"enforcement", app::to_json(outcome->enforcement)}});
  }
  if (refused) return failed;
  const int code = finish(outcome->enforcement, mode, global.output());
  if (global.output() == Output::text && mode == app::Mode::write && code == done)
    for (const auto& decision : outcome->decisions)
      std::fputs(fmt::format("{} {} {} (id {}), live in every zone\n", to_string(decision.action),
                             reach(decision.domain), expiry(decision), decision.id)
                     .c_str(),
                 stdout);
  return code;
}

int run_unblock(const Global& global, const std::vector<std::string>& domains, bool plan) {
  app::Context context;
  if (auto ready = prepare(global, context, {app::open_firewall}); !ready) return report(global, ready.error());
  const auto mode = mode_of(plan);
  const auto outcome = app::unblock(context, domains, mode);
  if (!outcome) return report(global, outcome.error());
  if (global.output() == Output::json) {
    Json lifted = Json::array();
    Json unknown = Json::array();
    for (const auto& decision : outcome->lifted) lifted.push_back(app::to_json(decision));
    for (const auto& domain : outcome->unknown) unknown.push_back(domain.name.text());
    print_json({{"lifted", lifted}, {"unknown", unknown}, {"enforcement", app::to_json(outcome->enforcement)}});
  }
  const int code = finish(outcome->enforcement, mode, global.output());
  if (code == failed || code == in_part) return code;
  if (global.output() == Output::text && mode == app::Mode::write)
    for (const auto& decision : outcome->lifted)
      std::fputs(fmt::format("lifted {} {} (id {})\n", to_string(decision.action), reach(decision.domain), decision.id)
                     .c_str(),
                 stdout);
  for (const auto& domain : outcome->unknown) {
    std::string hint = "`intelwall list` shows what is blocked";
    for (const auto& [asked, wider] : outcome->covered_by)
      if (asked == domain) hint = fmt::format("it is covered by the block of {}", reach(wider));
    std::fputs(fmt::format("intelwall: {} has no block of its own ({})\n", domain.name.text(), hint).c_str(), stderr);
  }
  if (outcome->unknown.empty()) return code;
  return outcome->lifted.empty() ? failed : in_part;
}

int run_allow(const Global& global, const std::vector<std::string>& domains, bool exact, const std::string& reason,
              bool plan) {
  app::Context context;
  if (auto ready = prepare(global, context, {app::open_firewall}); !ready) return report(global, ready.error());
  const auto mode = mode_of(plan);
  const auto outcome = app::allow(context, domains, exact ? std::optional(Scope::exact) : std::nullopt, reason, mode);
  if (!outcome) return report(global, outcome.error());
  if (global.output() == Output::json) {
    Json lifted = Json::array();
    Json added = Json::array();
    for (const auto& decision : outcome->lifted) lifted.push_back(app::to_json(decision));
    for (const auto& domain : outcome->added)
      added.push_back({{"domain", domain.name.text()}, {"scope", to_string(domain.scope)}});
    print_json({{"allowed", added}, {"lifted", lifted}, {"enforcement", app::to_json(outcome->enforcement)}});
  } else if (mode == app::Mode::write) {
    for (const auto& domain : outcome->added) std::fputs(fmt::format("allowed {}\n", reach(domain)).c_str(), stdout);
    if (outcome->added.empty()) std::fputs("these names are in the allow list already\n", stdout);
    for (const auto& decision : outcome->lifted)
      std::fputs(fmt::format("lifted {} {} (id {})\n", to_string(decision.action), reach(decision.domain), decision.id)
                     .c_str(),
                 stdout);
  }
  return finish(outcome->enforcement, mode, global.output());
}

void print_table(const firewalls::Observation& seen) {
  const std::string header[] = {"DOMAIN", "SCOPE", "ACTION", "EXPIRES", "SOURCE", "REASON", "ID"};
  std::vector<std::vector<std::string>> rows{{std::begin(header), std::end(header)}};
  for (const auto& [decision, group] : seen.enforced)
    rows.push_back({decision.domain.name.text(), to_string(decision.domain.scope), to_string(decision.action),
                    decision.expires_at ? format_time(*decision.expires_at) : "never", decision.source.text(),
                    decision.reason.text(), decision.id});
  std::vector<std::size_t> widths(std::size(header), 0);
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += i + 1 < row.size() ? fmt::format("{:<{}}  ", row[i], widths[i]) : row[i];
    std::fputs((line + "\n").c_str(), stdout);
  }
}

int run_list(const Global& global) {
  app::Context context;
  if (auto ready = prepare(global, context, {app::open_firewall}); !ready) return report(global, ready.error());
  auto seen = context.firewall->observe();
  if (!seen) return report(global, seen.error());
  std::ranges::sort(seen->enforced, {}, [](const firewalls::Enforced& each) { return each.decision.domain; });
  for (const auto& problem : seen->problems)
    std::fputs(fmt::format("intelwall: {}\n", problem.to_text()).c_str(), stderr);
  if (global.output() == Output::json) {
    Json decisions = Json::array();
    for (const auto& enforced : seen->enforced) decisions.push_back(app::to_json(enforced, seen->firewall));
    Json groups = Json::array();
    for (const auto& group : seen->groups)
      groups.push_back({{"name", group.name},
                        {"rules", group.rules},
                        {"capacity", group.capacity},
                        {"bytes", group.bytes},
                        {"foreign_rules", group.foreign_rules}});
    print_json({{"decisions", decisions}, {"groups", groups}});
  } else if (seen->enforced.empty()) {
    std::fputs("nothing is blocked by intelwall on this firewall\n", stdout);
  } else {
    print_table(*seen);
  }
  return done;
}

int run_reconcile(const Global& global, app::Mode mode) {
  app::Context context;
  if (auto ready = prepare(global, context, {app::load_guardrails, app::open_firewall}); !ready)
    return report(global, ready.error());
  const auto outcome = app::reconcile(context, mode);
  if (!outcome) return report(global, outcome.error());
  for (const auto& problem : outcome->problems)
    std::fputs(fmt::format("intelwall: {}\n", problem.to_text()).c_str(), stderr);
  if (global.output() == Output::json) {
    Json removals = Json::array();
    for (const auto& removal : outcome->removals) {
      auto json = app::to_json(removal.decision);
      json["why"] = removal.why;
      removals.push_back(std::move(json));
    }
    print_json({{"removals", removals}, {"enforcement", app::to_json(outcome->enforcement)}});
  } else {
    for (const auto& removal : outcome->removals)
      std::fputs(fmt::format("{} {}: {}\n", mode == app::Mode::plan ? "would lift" : "lift",
                             reach(removal.decision.domain), removal.why)
                     .c_str(),
                 stdout);
  }
  return finish(outcome->enforcement, mode, global.output());
}

int run_expire(const Global& global, bool plan, bool all) {
  app::Context context;
  if (auto ready = prepare(global, context, {app::open_firewall}); !ready) return report(global, ready.error());
  const auto mode = mode_of(plan);
  const auto outcome = app::expire(context, mode, all ? app::Share::all : app::Share::bounded);
  if (!outcome) return report(global, outcome.error());
  for (const auto& error : outcome->notes_not_written)
    std::fputs(fmt::format("intelwall: no note on the finding: {}\n", error.to_text()).c_str(), stderr);
  if (outcome->without_dates > 0)
    std::fputs(
        fmt::format("intelwall: {} blocks stand in a domain-list, which cannot carry an expiry: they end only by "
                    "`intelwall unblock` [no-expiry]\n",
                    outcome->without_dates)
            .c_str(),
        stderr);
  if (!outcome->left.empty())
    std::fputs(
        fmt::format("intelwall: {} more are over and wait for the next run (max_removals bounds one; --all lifts "
                    "all now)\n",
                    outcome->left.size())
            .c_str(),
        stderr);
  if (global.output() == Output::json) {
    Json lifted = Json::array();
    Json left = Json::array();
    Json notes = Json::array();
    for (const auto& decision : outcome->lifted) lifted.push_back(app::to_json(decision));
    for (const auto& decision : outcome->left) left.push_back(app::to_json(decision));
    for (const auto& error : outcome->notes_not_written) notes.push_back(app::to_json(error));
    print_json({{"lifted", lifted},
                {"left", left},
                {"without_dates", outcome->without_dates},
                {"notes_not_written", notes},
                {"enforcement", app::to_json(outcome->enforcement)}});
  }
  const int code = finish(outcome->enforcement, mode, global.output());
  if (code == failed || code == in_part) return code;
  if (global.output() == Output::text && mode == app::Mode::write) {
    for (const auto& decision : outcome->lifted)
      std::fputs(fmt::format("lifted {} {}, which was over {} (id {})\n", to_string(decision.action),
                             reach(decision.domain), format_time(*decision.expires_at), decision.id)
                     .c_str(),
                 stdout);
    if (outcome->lifted.empty()) std::fputs("nothing is over\n", stdout);
  }
  return code == done && !outcome->left.empty() ? int{in_part} : code;
}

int run_apply(const Global& global, bool yes) {
  if (yes) return run_reconcile(global, app::Mode::write);
  if (global.output() == Output::json)
    return report(global, {ErrorCode::usage, "apply with --json needs --yes", {}, "it cannot ask"});
  const int planned = run_reconcile(global, app::Mode::plan);
  if (planned != changes) return planned;
  std::fputs("Apply these changes? Only \"yes\" does: ", stdout);
  std::fflush(stdout);
  char answer[16] = {};
  if (std::fgets(answer, sizeof answer, stdin) == nullptr || std::string_view(answer) != "yes\n") {
    std::fputs("nothing was changed\n", stdout);
    return failed;
  }
  return run_reconcile(global, app::Mode::write);
}

}  // namespace

void add_block_commands(CLI::App& root, Global& global, Action& action) {
  {
    auto flags = std::make_shared<BlockFlags>();
    auto* command =
        add_command(root, "block", "Block domains: the name and its subdomains, drop, tls and http, 30 days",
                    "  intelwall block evil.com --reason INC-4711\n"
                    "  intelwall block 'hxxp://evil[.]com/login' --expires 7d\n"
                    "  intelwall block host.example.net --exact --protocols tls,http,dns\n"
                    "  intelwall block evil.com --plan                 show the rules, write nothing (exit 4)\n");
    command->add_option("DOMAIN", flags->request.domains, "names as people and feeds write them, URLs, defanged, IDN")
        ->required();
    command->add_flag("--exact", flags->exact, "only the name itself, not its subdomains");
    command->add_option("--reason", flags->request.reason, "why, for whoever reads the rule");
    add_setting(*command, global, "expires");
    add_setting(*command, global, "action");
    add_setting(*command, global, "protocols");
    command->add_flag("--force", flags->force, "block also what intelwall would ask about (never what it refuses)");
    command->add_flag("--plan", flags->plan, "show what would be written, write nothing");
    command->callback([&global, &action, flags] { action = [&global, flags] { return run_block(global, *flags); }; });
  }
  {
    auto domains = std::make_shared<std::vector<std::string>>();
    auto plan = std::make_shared<bool>(false);
    auto* command = add_command(root, "unblock", "Lift the blocks of domains",
                                "  intelwall unblock evil.com\n  intelwall unblock evil.com --plan\n");
    command->add_option("DOMAIN", *domains, "names that are blocked")->required();
    command->add_flag("--plan", *plan, "show what would be written, write nothing");
    command->callback([&global, &action, domains, plan] {
      action = [&global, domains, plan] { return run_unblock(global, *domains, *plan); };
    });
  }
  {
    struct Flags {
      std::vector<std::string> domains;
      std::string reason;
      bool exact = false, plan = false;
    };
    auto flags = std::make_shared<Flags>();
    auto* command = add_command(root, "allow", "Never block these domains, and lift the blocks that this forbids",
                                "  intelwall allow partner.example --reason 'our supplier' --allow-list allow.txt\n"
                                "  intelwall allow www.partner.example --exact\n");
    command->add_option("DOMAIN", flags->domains, "names to protect")->required();
    command->add_flag("--exact", flags->exact, "only the name itself, not its subdomains");
    command->add_option("--reason", flags->reason, "why, kept in the list");
    command->add_flag("--plan", flags->plan, "show what would be lifted, write nothing");
    command->callback([&global, &action, flags] {
      action = [&global, flags] { return run_allow(global, flags->domains, flags->exact, flags->reason, flags->plan); };
    });
  }
  auto* list = add_command(root, "list", "What is blocked, by whom, why and until when",
                           "  intelwall list\n  intelwall list --json\n");
  list->callback([&global, &action] { action = [&global] { return run_list(global); }; });
  {
    auto plan = std::make_shared<bool>(false);
    auto all = std::make_shared<bool>(false);
    auto* command = add_command(root, "expire", "Lift the blocks that are over, and only those (for a timer)",
                                "  intelwall expire\n  intelwall expire --plan\n"
                                "\nOne run lifts at most max_removals of all blocks (always 10), what ended first "
                                "first; the rest waits for the\n"
                                "next (exit 3). deploy/systemd has a timer.");
    command->add_flag("--plan", *plan, "show what would be lifted, write nothing (exit 4)");
    command->add_flag("--all", *all, "lift all that is over at once, however much it is");
    command->callback(
        [&global, &action, plan, all] { action = [&global, plan, all] { return run_expire(global, *plan, *all); }; });
  }
  auto* plan =
      add_command(root, "plan", "What apply would change: what is over, or no longer allowed to be blocked (exit 4)",
                  "  intelwall plan\n  intelwall plan --json\n");
  plan->callback([&global, &action] { action = [&global] { return run_reconcile(global, app::Mode::plan); }; });
  auto yes = std::make_shared<bool>(false);
  auto* apply =
      add_command(root, "apply", "Make the firewall what plan shows", "  intelwall apply\n  intelwall apply --yes\n");
  apply->add_flag("--yes", *yes, "do not ask");
  apply->callback([&global, &action, yes] { action = [&global, yes] { return run_apply(global, *yes); }; });
}

}  // namespace intelwall::cli
