#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "app/context.hpp"
#include "core/domain_set.hpp"
#include "findings/falcon_asff.hpp"
#include "hunt/log_scanner.hpp"
#include "store/ledger.hpp"

// Logs against what hunts watch: who talked to which watched domain, and who is behind it. docs/sightings.md
namespace intelwall::app {

/// What all hunts in the ledger keep, for looking names up. Immutable.
Result<DomainSet> watched_domains(store::Ledger& ledger);

/// A workload that talked to a watched domain, over all lines of a scan.
struct Seen {
  std::string workload;  ///< its address, or its instance where the log says so
  std::string instance;  ///< the EC2 instance behind it, where it could be found out
  std::string domain;    ///< the watched name
  std::string name;      ///< the one it asked for last, which may be below
  std::string destination;
  std::uint16_t destination_port = 0;
  hunt::Contact::Kind kind = hunt::Contact::Kind::tls;
  Time first{}, last{};
  std::uint64_t count = 0, blocked = 0;
  std::vector<store::Kept> watched_by;  ///< the hunts that keep the domain, the surest first
  Time told{};                          ///< its finding's last update, where that is known
  std::string batches;                  ///< the pieces of logs that its finding counts, by hash, the newest first

  store::Confidence confidence() const;
};

/// Collects hits into one Seen for each workload and domain. A contact without a time of its own counts as `now`.
class SeenCollector {
 public:
  explicit SeenCollector(Time now) : now_(now) {}
  void add(const hunt::Contact& contact, const DomainSet::Match& match);
  /// What was collected, by workload and domain, with the hunts of each domain; empty afterwards.
  Result<std::vector<Seen>> take(store::Ledger& ledger);
  bool empty() const { return seen_.empty(); }

 private:
  Time now_;
  std::map<std::pair<std::string, std::string>, Seen> seen_;
};

/// Logs of the past: `-` is standard input; gz and zst are unpacked. Nothing is recorded.
struct ScanOutcome {
  std::vector<Seen> seen;
  hunt::ScanReport report;
};
using ScanProgress = std::function<void(std::uint64_t bytes, std::uint64_t size)>;
Result<ScanOutcome> scan_logs(Context& context, store::Ledger& ledger, const DomainSet& watched,
                              const std::vector<std::string>& logs, const ScanProgress& progress = {});

/// What became of one step along growing logs.
struct FollowOutcome {
  std::vector<Seen> seen;  ///< with counts over all time
  hunt::ScanReport report;
  std::size_t findings = 0;               ///< accepted by Security Hub
  std::optional<Error> not_raised;        ///< why findings could not be raised; they are recorded nevertheless
  std::optional<Error> no_instances;      ///< why workloads are told by address only
  std::vector<std::string> not_accepted;  ///< findings that Security Hub refused, each with its reason
};

/// Reads on where the last step ended (the ledger keeps the place of each log), records what was seen, and raises or
/// updates its findings. A place moves on only behind what is recorded: a step that is killed is done again.
class LogFollower {
 public:
  enum class Findings { raise, leave };
  LogFollower(Context& context, store::Ledger& ledger, std::vector<std::string> logs, Findings findings);
  ~LogFollower();
  LogFollower(const LogFollower&) = delete;
  LogFollower& operator=(const LogFollower&) = delete;

  /// All that is there now.
  Result<FollowOutcome> step();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The finding that tells of one: its id is the same for the same workload and domain, so that it is updated and not
/// repeated.
std::string sighting_finding_id(const std::string& workload, const std::string& domain);
nlohmann::json sighting_finding(const Seen& seen, const findings::AsffTarget& hub, Time now);
/// Ours begin so; they never lead to a block by themselves.
inline constexpr const char* sighting_finding_prefix = "intelwall/sighting/";

nlohmann::json to_json(const Seen& seen);
nlohmann::json to_json(const store::Sighting& sighting);
nlohmann::json to_json(const hunt::ScanReport& report);

}  // namespace intelwall::app
