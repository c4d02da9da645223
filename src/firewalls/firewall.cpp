#include "firewalls/firewall.hpp"

namespace intelwall::firewalls {

const char* to_string(Step::Kind kind) {
  switch (kind) {
    case Step::Kind::create_group:
      return "create-group";
    case Step::Kind::update_group:
      return "update-group";
    case Step::Kind::update_policy:
      return "update-policy";
    case Step::Kind::delete_group:
      return "delete-group";
  }
  return "unknown";
}

}  // namespace intelwall::firewalls
