#include <fmt/format.h>

#include "store/ledger_state.hpp"

namespace intelwall::store {

namespace {

/// A decision as its row.
struct Row {
  std::string firewall, id, name, action, protocols, reason, source, actor, confidence, lifted_by;
  long long bits = 0, created_at = 0, expires_at = 0, lifted_at = 0;

  void set(const Decision& decision) {
    id = decision.id;
    name = decision.domain.name.text();
    bits = decision.domain.scope == Scope::exact ? exact_bit : 0;
    action = to_string(decision.action);
    protocols = to_string(decision.protocols);
    reason = decision.reason.text();
    source = decision.source.text();
    actor = decision.actor.text();
    confidence = decision.confidence.text();
    created_at = to_column(decision.created_at);
    expires_at = decision.expires_at ? to_column(*decision.expires_at) : 0;
  }

  Result<Enacted> enacted() const {
    IW_TRY(auto domain, DomainName::parse(name));
    IW_TRY(const auto parsed_action, parse_action(action));
    IW_TRY(auto parsed_protocols, parse_protocols(protocols));
    Enacted read{.firewall = firewall,
                 .decision = {.id = id,
                              .domain = {std::move(domain), bits == exact_bit ? Scope::exact : Scope::subdomains},
                              .action = parsed_action,
                              .protocols = std::move(parsed_protocols),
                              .reason = RuleText(reason),
                              .source = RuleText(source),
                              .actor = RuleText(actor),
                              .confidence = RuleText(confidence),
                              .created_at = time_column(created_at),
                              .expires_at = {}},
                 .lifted_at = time_column(lifted_at),
                 .lifted_by = lifted_by};
    if (expires_at != 0) read.decision.expires_at = time_column(expires_at);
    return read;
  }
};

std::string words_of(const Decision& decision) {
  return fmt::format("{} {}{}, id {}, {}{}{}", to_string(decision.action),
                     decision.domain.scope == Scope::exact ? "only " : "", decision.domain.name.text(), decision.id,
                     decision.expires_at ? "until " + format_time(*decision.expires_at) : "without expiry",
                     decision.reason.text().empty() ? "" : ": ", decision.reason.text());
}

}  // namespace

Result<void> Ledger::record_decisions(const std::string& firewall, const std::vector<Decision>& put,
                                      const std::vector<Decision>& lifted, Time now, const std::string& actor) {
  return guarded(state_->path, [&] {
    auto& sql = state_->sql;
    Row row;
    row.firewall = firewall;
    WriteTransaction transaction(sql);
    soci::statement write =
        (sql.prepare << "insert into decision (firewall, id, created_at, name, bits, action, protocols, reason, "
                        "source, actor, confidence, expires_at, lifted_at, lifted_by) values (:firewall, :id, "
                        ":created, :name, :bits, :action, :protocols, :reason, :source, :actor, :confidence, :expires, "
                        ":lifted, :by) on conflict (firewall, id, created_at) do update set protocols = "
                        "excluded.protocols, reason = excluded.reason, source = excluded.source, actor = "
                        "excluded.actor, confidence = excluded.confidence, expires_at = excluded.expires_at, "
                        "lifted_at = excluded.lifted_at, lifted_by = excluded.lifted_by",
         soci::use(row.firewall), soci::use(row.id), soci::use(row.created_at), soci::use(row.name),
         soci::use(row.bits), soci::use(row.action), soci::use(row.protocols), soci::use(row.reason),
         soci::use(row.source), soci::use(row.actor), soci::use(row.confidence), soci::use(row.expires_at),
         soci::use(row.lifted_at), soci::use(row.lifted_by));
    const auto enact = [&](const Decision& decision, const char* what) {
      row.set(decision);
      write.execute(true);
      write_audit(sql, {.at = now,
                        .actor = actor,
                        .what = what,
                        .subject = decision.domain.name.text(),
                        .detail = words_of(decision)});
    };
    row.lifted_at = to_column(now);
    row.lifted_by = actor;
    for (const auto& decision : lifted) enact(decision, "lift");
    row.lifted_at = 0;
    row.lifted_by.clear();
    for (const auto& decision : put) enact(decision, to_string(decision.action));
    transaction.commit();
  });
}

Result<std::vector<Enacted>> Ledger::decisions(const std::optional<DomainName>& name, std::size_t most) {
  std::vector<Row> rows;
  IW_CHECK(guarded(state_->path, [&] {
    Row row;
    const auto limit = static_cast<long long>(most);
    const std::string wanted = name ? name->text() : "";
    // The tail of one name, dot included, is the other.
    soci::statement all =
        (state_->sql.prepare
             << "select firewall, id, created_at, name, bits, action, protocols, reason, source, actor, confidence, "
                "expires_at, lifted_at, lifted_by from decision where :wanted = '' or name = :wanted or "
                "substr(name, -length(:wanted) - 1) = '.' || :wanted or substr(:wanted, -length(name) - 1) = '.' || "
                "name order by max(created_at, lifted_at) desc, name, id limit :most",
         soci::use(wanted, "wanted"), soci::use(limit, "most"), soci::into(row.firewall), soci::into(row.id),
         soci::into(row.created_at), soci::into(row.name), soci::into(row.bits), soci::into(row.action),
         soci::into(row.protocols), soci::into(row.reason), soci::into(row.source), soci::into(row.actor),
         soci::into(row.confidence), soci::into(row.expires_at), soci::into(row.lifted_at), soci::into(row.lifted_by));
    for (all.execute(); all.fetch();) rows.push_back(row);
  }));
  std::vector<Enacted> decisions;
  for (const auto& row : rows) {
    IW_TRY(auto enacted, row.enacted());
    decisions.push_back(std::move(enacted));
  }
  return decisions;
}

}  // namespace intelwall::store
