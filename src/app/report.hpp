#pragma once

#include <nlohmann/json.hpp>

#include "app/block.hpp"
#include "app/respond.hpp"

namespace intelwall::app {

/// The JSON that every face shows (DESIGN contract). Keys are stable; times are RFC 3339, "never" expiries are null.
nlohmann::json to_json(const Decision& decision);
nlohmann::json to_json(const firewalls::Enforced& enforced, const std::string& firewall);
nlohmann::json to_json(const firewalls::Plan& plan);
nlohmann::json to_json(const Error& error);
nlohmann::json to_json(const policy::Judgement& judgement);
nlohmann::json to_json(const Enforcement& enforcement);
nlohmann::json to_json(const RespondOutcome& outcome);

/// A plan as a diff for people: "+ " and "- " lines under each target.
std::string to_text(const firewalls::Plan& plan);

}  // namespace intelwall::app
