#include "app/actions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

namespace intelwall::app {

namespace {

constexpr std::array actions = {KnownAction{PressKind::block, "intelwallblock", "intelwall block",
                                            "Block the domains of the finding in Network Firewall"},
                                KnownAction{PressKind::block_exact, "intelwallexact", "intelwall exact",
                                            "Block the domains of the finding, but not their subdomains"},
                                KnownAction{PressKind::alert_only, "intelwallalert", "intelwall alert",
                                            "Log connections to the domains of the finding, block nothing"},
                                KnownAction{PressKind::unblock, "intelwallunblock", "intelwall unblock",
                                            "Lift what intelwall blocks of the domains of the finding"},
                                KnownAction{PressKind::force, "intelwallforce", "intelwall force",
                                            "Block the domains of the finding, also those that intelwall asks about"}};

/// Letters and digits only, in lower case: "CRWD-Domain-To-FW" as people have spelt it in ids and names.
std::string bare(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c >= 'A' && c <= 'Z')
      out += static_cast<char>(c - 'A' + 'a');
    else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
      out += c;
  return out;
}

}  // namespace

std::span<const KnownAction> known_actions() {
  return actions;
}

const KnownAction& known_action(PressKind kind) {
  const auto found = std::ranges::find(actions, kind, &KnownAction::kind);
  IW_ASSERT(found != actions.end());
  return *found;
}

Result<PressKind> press_kind(const findings::CustomAction& action) {
  constexpr std::string_view mark = ":action/custom/";
  const auto at = action.arn.rfind(mark);
  const auto id = at == std::string::npos ? std::string() : action.arn.substr(at + mark.size());
  for (const auto& known : actions)
    if (id == known.id) return known.kind;
  constexpr const char* first_integration = "crwddomaintofw";
  if (bare(id) == first_integration || bare(action.name) == first_integration) return PressKind::block;
  std::string ids;
  for (const auto& known : actions) ids += fmt::format("{}{}", ids.empty() ? "" : ", ", known.id);
  return fail(
      ErrorCode::not_found,
      fmt::format("\"{}\" is no custom action of intelwall, so it is taken as block", printable(action.name, 60)),
      printable(action.arn, 160), fmt::format("let the EventBridge rule match only the ARNs of {}", ids));
}

}  // namespace intelwall::app
