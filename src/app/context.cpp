#include "app/context.hpp"

#include "app/lists.hpp"
#include "aws/credential_chain.hpp"

namespace intelwall::app {

Result<void> connect(Context& context) {
  if (!context.http) context.http = aws::make_curl_client();
  aws::Session session;
  session.http = context.http;
  if (context.settings.region) {
    session.region = *context.settings.region;
  } else {
    IW_TRY(session.region, aws::resolve_region(context.env, context.settings.profile));
  }
  const aws::ChainOptions chain{.http = context.http,
                                .metadata = {},
                                .clock = context.clock,
                                .sleep = context.sleep,
                                .region = session.region,
                                .profile = context.settings.profile};
  session.credentials = aws::credential_chain(context.env, chain);
  if (!context.settings.role_arn.empty())
    session.credentials = aws::assume_role(
        session.credentials, {context.settings.role_arn, context.settings.external_id, {}}, context.env, chain);
  session.env = context.env;
  session.clock = context.clock;
  session.sleep = context.sleep;
  context.session = std::move(session);
  return {};
}

namespace {

/// Nothing where neither kind is named.
Result<std::unique_ptr<firewalls::Firewall>> make_firewall(Context& context) {
  if (auto suricata = context.settings.suricata; !suricata.rules_file.empty()) {
    suricata.max_removals = context.settings.firewall.max_removals;
    suricata.clock = context.clock;
    return firewalls::make_suricata(std::move(suricata));
  }
  if (context.settings.firewall.firewall.empty()) return nullptr;
  if (!context.session) IW_CHECK(connect(context));
  return firewalls::make_network_firewall(std::make_shared<aws::NetworkFirewallClient>(*context.session),
                                          context.settings.firewall, context.sleep);
}

}  // namespace

Result<void> open_firewall(Context& context) {
  IW_TRY(auto firewall, make_firewall(context));
  const auto& dns = context.settings.dns;
  if (!firewall && dns.rule_group.empty())
    return fail(
        ErrorCode::usage, "no firewall is named", {},
        "give --firewall NAME, set INTELWALL_FIREWALL, or write `firewall: NAME` into intelwall.yaml; to try it on "
        "this machine: `intelwall lab up` and `eval \"$(intelwall lab env)\"`");
  if (!dns.rule_group.empty()) {
    if (!context.session) IW_CHECK(connect(context));
    auto resolver =
        firewalls::make_route53(std::make_shared<aws::Route53ResolverClient>(*context.session), dns, context.sleep);
    firewall = firewall ? firewalls::make_with_dns(std::move(firewall), std::move(resolver)) : std::move(resolver);
  }
  context.firewall = std::move(firewall);
  return {};
}

Result<void> load_guardrails(Context& context) {
  policy::Lists lists;
  IW_TRY(lists.protected_zones, policy::parse_list(policy::shipped_protected_zones(), "protected zones (shipped)"));
  IW_TRY(lists.warned, policy::parse_list(policy::shipped_popular_names(), "popular names (shipped)"));
  const auto extend = [&](const std::optional<ListPlace>& place, std::vector<policy::ListEntry>& into,
                          Missing missing) -> Result<void> {
    if (!place) return {};
    IW_TRY(const std::string text, read_list(context, *place, missing));
    IW_TRY(auto more, policy::parse_list(text, place->to_text()));
    into.insert(into.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    return {};
  };
  const auto& settings = context.settings;
  IW_CHECK(extend(settings.protected_zones, lists.protected_zones, Missing::is_error));
  IW_CHECK(extend(settings.warn_list, lists.warned, Missing::is_error));
  // `allow` makes this list, so before its first use there is none.
  IW_CHECK(extend(settings.allow_list, lists.allowed, Missing::is_empty));
  IW_TRY(context.guardrails, policy::Guardrails::make(std::move(lists)));
  return {};
}

}  // namespace intelwall::app
