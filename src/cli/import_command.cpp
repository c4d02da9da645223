#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/expire.hpp"
#include "app/import.hpp"
#include "app/report.hpp"
#include "cli/command.hpp"

namespace intelwall::cli {

namespace {

using Fate = app::ImportItem::Fate;
using Json = nlohmann::json;

constexpr Fate fates[] = {Fate::adopt, Fate::covered, Fate::ask, Fate::refuse};
/// So many lines of each kind are for people; --json has all.
constexpr std::size_t most_shown = 50;

struct ImportFlags {
  app::ImportRequest request;
  bool apply = false, force = false;
};

std::string line_of(const app::ImportItem& item) {
  std::string line = fmt::format("{:<8} {:<6} {} over {}", to_string(item.fate), to_string(item.decision.action),
                                 reach(item.decision.domain), to_string(item.decision.protocols));
  if (item.covered_by) line += fmt::format(": {} is enough", reach(*item.covered_by));
  for (const auto& reason : item.reasons)
    if (reason.code != "requested") line += fmt::format(": {} [{}]", reason.text, reason.code);
  return fmt::format("{} ({}{})", line, printable(item.places.front()),
                     item.places.size() > 1 ? fmt::format(" and {} more", item.places.size() - 1) : "");
}

void print_items(const app::ImportOutcome& outcome) {
  for (const auto fate : fates) {
    std::size_t shown = 0;
    for (const auto& item : outcome.items)
      if (item.fate == fate && shown++ < most_shown) std::fputs((line_of(item) + "\n").c_str(), stdout);
    if (shown > most_shown)
      std::fputs(fmt::format("{:<8} … and {} more (--json has all)\n", to_string(fate), shown - most_shown).c_str(),
                 stdout);
  }
}

/// A file's line is a place that editors jump to.
std::string place_of(const intel::Refused& refused, app::ImportSource::Kind kind) {
  return kind == app::ImportSource::Kind::file ? fmt::format("{}:{}", printable(refused.file), refused.line)
                                               : fmt::format("{}, number {}", printable(refused.file), refused.line);
}

void print_unread(const app::ImportSource& source) {
  for (std::size_t i = 0; i < std::min(source.refused.size(), most_shown); ++i) {
    const auto& each = source.refused[i];
    std::fputs(fmt::format("intelwall: {}: \"{}\": {}\n", place_of(each, source.kind), each.text, each.reason).c_str(),
               stderr);
  }
  if (source.refused_count > most_shown)
    std::fputs(fmt::format("intelwall: … and {} more that name no domain\n", source.refused_count - most_shown).c_str(),
               stderr);
}

/// What becomes of the list that was there before.
std::string farewell(const app::ImportSource& source) {
  if (source.kind == app::ImportSource::Kind::file)
    return "The list is as it was. When the firewall serves all who used the proxy's, take its ACL out of squid.conf.";
  return fmt::format(
      "The group is as it was, and blocks beside ours. To let it go: take its reference out of the firewall policy "
      "(`aws network-firewall\nupdate-firewall-policy`, or the console), then `aws network-firewall delete-rule-group "
      "--rule-group-arn {}`.",
      printable(source.arn, 300));
}

Json to_json(const app::ImportOutcome& outcome) {
  Json items = Json::array();
  for (const auto& item : outcome.items) {
    auto json = app::to_json(item.decision);
    json["fate"] = to_string(item.fate);
    json["places"] = item.places;
    Json reasons = Json::array();
    for (const auto& reason : item.reasons) reasons.push_back({{"code", reason.code}, {"text", reason.text}});
    json["reasons"] = std::move(reasons);
    json["covered_by"] = nullptr;
    if (const auto& by = item.covered_by)
      json["covered_by"] = {{"domain", by->name.text()}, {"scope", to_string(by->scope)}};
    items.push_back(std::move(json));
  }
  Json unread = Json::array();
  for (const auto& each : outcome.source.refused)
    unread.push_back({{"text", each.text}, {"file", each.file}, {"line", each.line}, {"reason", each.reason}});
  const bool is_file = outcome.source.kind == app::ImportSource::Kind::file;
  Json counts{{"unread", outcome.source.refused_count}};
  for (const auto fate : fates) counts[to_string(fate)] = outcome.count(fate);
  return {{"source",
           {{"kind", is_file ? "file" : "rule-group"}, {"name", outcome.source.name}, {"arn", outcome.source.arn}}},
          {"counts", std::move(counts)},
          {"items", std::move(items)},
          {"unread", std::move(unread)},
          {"enforcement", app::to_json(outcome.enforcement)}};
}

int run_import(const Global& global, ImportFlags flags) {
  app::Context context;
  if (auto ready = prepare(global, context, {app::load_guardrails, app::open_firewall}); !ready)
    return report(global, ready.error());
  if (flags.force) flags.request.insistence = policy::Insistence::forced;
  if (global.overrides.contains("action")) flags.request.action = context.settings.action;
  const auto mode = flags.apply ? app::Mode::write : app::Mode::plan;
  const auto outcome = app::import_list(context, flags.request, mode);
  if (!outcome) return report(global, outcome.error());

  print_unread(outcome->source);
  const auto adopted = outcome->count(Fate::adopt);
  const auto left = outcome->count(Fate::ask) + outcome->count(Fate::refuse) + outcome->source.refused_count;
  if (global.output() == Output::json) {
    print_json(to_json(*outcome));
  } else {
    print_items(*outcome);
    std::fputs(fmt::format("{} to adopt, {} covered already, {} to ask about (--force adopts them), {} refused, {} "
                           "that name no domain\n",
                           adopted, outcome->count(Fate::covered), outcome->count(Fate::ask),
                           outcome->count(Fate::refuse), outcome->source.refused_count)
                   .c_str(),
               stdout);
  }
  if (adopted > 0)
    for (const auto& [code, text] : app::expiry_warnings(context.settings))
      std::fputs(fmt::format("intelwall: {} [{}]\n", text, code).c_str(), stderr);
  const int code = finish(outcome->enforcement, mode, Output::json);
  if (global.output() == Output::text && code != failed) {
    if (mode == app::Mode::plan && code == changes) {
      for (const auto& step : outcome->enforcement.plan.steps)
        std::fputs(fmt::format("would {} {}: {} added, {} removed\n", to_string(step.kind), step.target,
                               step.added.size(), step.removed.size())
                       .c_str(),
                   stdout);
      const auto first = std::ranges::find(outcome->items, Fate::adopt, &app::ImportItem::fate);
      std::fputs(fmt::format("Nothing was changed. --apply adopts them {} (--expires says otherwise).\n",
                             expiry(first->decision))
                     .c_str(),
                 stdout);
    } else if (code == done) {
      std::fputs((farewell(outcome->source) + "\n").c_str(), stdout);
    }
  }
  if (code != done || left == 0) return code;
  return outcome->items.empty() ? failed : in_part;
}

}  // namespace

void add_import_command(CLI::App& root, Global& global, Action& action) {
  auto flags = std::make_shared<ImportFlags>();
  auto* command = add_command(
      root, "import", "Take over what an existing list blocks: a rule group, or a Squid list (shows; --apply does it)",
      "  intelwall import domain-deny-list                     a rule group: a domain list, or Suricata rules on "
      "names\n"
      "  intelwall import arn:aws:network-firewall:us-east-1:111122223333:stateful-rulegroup/old --apply\n"
      "  intelwall import /etc/squid/bad.txt --expires never   dstdomain or ssl::server_name: .evil.com with "
      "subdomains\n"
      "  intelwall import /etc/squid/squid.conf --acl bad      one ACL, and the files that it names\n"
      "\nThe list that is imported is never changed.");
  command->add_option("SOURCE", flags->request.source, "a file (- is standard input), or a rule group's name or ARN")
      ->required();
  command->add_option("--acl", flags->request.acl, "which ACL of a squid.conf");
  command->add_flag("--apply", flags->apply, "adopt them; without it nothing is written (exit 4)");
  command->add_flag("--force", flags->force, "adopt also what intelwall would ask about (never what it refuses)");
  add_setting(*command, global, "expires");
  add_setting(*command, global, "action");
  add_setting(*command, global, "protocols");
  command->callback([&global, &action, flags] { action = [&global, flags] { return run_import(global, *flags); }; });
}

}  // namespace intelwall::cli
