#pragma once

#include "core/time.hpp"
#include "firewalls/cut.hpp"
#include "firewalls/suricata.hpp"

namespace intelwall::firewalls {

/// Ends open connections on a Suricata of one's own, which has no command for it: rules on the connection's both ends
/// in "<rules_file's stem>-cuts.rules" reject what comes next of it (TCP by a reset to both sides, UDP by dropping).
/// They stay for cut_lifetime, so that retransmissions and a retry over the same ports meet them, and no longer, since
/// the ports may then be another connection's. Callers hold the rule file's lock.
class SuricataCuts {
 public:
  static constexpr std::chrono::minutes cut_lifetime{5};

  explicit SuricataCuts(SuricataOptions options);

  std::filesystem::path rules_file() const { return options_.rules_file; }
  /// Only connections whose both addresses and both ports are known: any less would end others' too. With none of
  /// these the result is `no_address`, and nothing is written. Tested, reloaded and compared as blocks are; what fails
  /// is put back.
  Result<Cut> cut(const std::vector<Connection>& connections, Time now) const;
  /// Takes out what is over; without any, nothing is written.
  Result<void> lift_over(Time now) const;

 private:
  struct Rules;
  Result<Rules> read() const;
  Result<void> enforce(const Rules& before, const Rules& after) const;

  SuricataOptions options_;  ///< its rules_file is the one of the cuts
};

}  // namespace intelwall::firewalls
