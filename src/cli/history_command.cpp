#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/hunt.hpp"
#include "app/report.hpp"
#include "cli/command.hpp"

namespace intelwall::cli {

namespace {

using Json = nlohmann::json;

std::string fate_of(const store::Enacted& enacted, Time now) {
  if (enacted.lifted_at != Time{})
    return fmt::format("lifted {} by {}", format_time(enacted.lifted_at), printable(enacted.lifted_by, 60));
  const auto& expires = enacted.decision.expires_at;
  if (!expires) return "stands, without expiry";
  return fmt::format("{} {}", *expires <= now ? "over since" : "stands until", format_time(*expires));
}

Json to_json(const store::Enacted& enacted) {
  auto json = app::to_json(enacted.decision);
  json["firewall"] = enacted.firewall;
  json["lifted_at"] = enacted.lifted_at == Time{} ? Json(nullptr) : Json(format_time(enacted.lifted_at));
  json["lifted_by"] = enacted.lifted_at == Time{} ? Json(nullptr) : Json(enacted.lifted_by);
  return json;
}

int run_history(const Global& global, const std::string& text, std::size_t most) {
  app::Context context;
  if (auto ready = load_settings(global, context); !ready) return report(global, ready.error());
  std::optional<DomainName> name;
  if (!text.empty()) {
    auto domain = parse_domain(text);
    if (!domain) return report(global, domain.error());
    name = std::move(domain->name);
  }
  auto ledger = app::open_ledger(context);
  if (!ledger) return report(global, ledger.error());
  const auto decisions = ledger->decisions(name, most);
  if (!decisions) return report(global, decisions.error());
  if (global.output() == Output::json) {
    Json all = Json::array();
    for (const auto& enacted : *decisions) all.push_back(to_json(enacted));
    print_json({{"decisions", std::move(all)}, {"ledger", ledger->path().native()}});
    return done;
  }
  if (decisions->empty())
    std::fputs(fmt::format("this ledger ({}) knows of no decision{}{}\n", printable(ledger->path().native(), 200),
                           name ? " about " : "", name ? name->text() : "")
                   .c_str(),
               stdout);
  const auto now = context.clock();
  for (const auto& enacted : *decisions) {
    const auto& decision = enacted.decision;
    std::fputs(
        fmt::format("{}  {} {}{}, by {}{}{} (id {}): {}\n",
                    decision.created_at == Time{} ? "undated" : format_time(decision.created_at),
                    to_string(decision.action), decision.domain.name.text(),
                    decision.domain.scope == Scope::exact ? " only" : " and its subdomains",
                    decision.actor.empty() ? "nobody named" : decision.actor.text(),
                    decision.reason.empty() ? "" : ", ", decision.reason.text(), decision.id, fate_of(enacted, now))
            .c_str(),
        stdout);
  }
  return done;
}

}  // namespace

void add_history_command(CLI::App& root, Global& global, Action& action) {
  struct Flags {
    std::string domain;
    std::size_t most = 100;
  };
  auto flags = std::make_shared<Flags>();
  auto* command = add_command(
      root, "history", "What was blocked and lifted from here, by whom and why, also when it is over",
      "  intelwall history                       the last 100 decisions\n"
      "  intelwall history evil.example --json   those on a name, on what covers it and on what it covers\n"
      "\nTold from this machine's ledger (--state). What other machines and Lambdas did stands in the rules\n"
      "(`intelwall list`) and on the findings (`intelwall explain`).");
  command->add_option("DOMAIN", flags->domain, "a name");
  command->add_option("--limit", flags->most, "decisions at most (100)")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}, "POSITIVE"));
  add_setting(*command, global, "state");
  command->callback([&global, &action, flags] {
    action = [&global, flags] { return run_history(global, flags->domain, flags->most); };
  });
}

}  // namespace intelwall::cli
