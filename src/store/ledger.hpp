#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/decision.hpp"
#include "store/roster.hpp"

// What intelwall remembers where the firewall cannot: hunts, the indicators they keep, where a feed was left, what was
// seen, and who did what. One SQLite file that the command line and the daemon share.
namespace intelwall::store {

/// A query that keeps the firewall watching.
struct Hunt {
  std::int64_t id = 0;  ///< given by the ledger
  std::string name;     ///< is_hunt_name()
  std::string source;   ///< "falcon", a file or a URL
  std::string filter;   ///< FQL as it was written; empty: all
  std::chrono::seconds every{3'600};
  std::chrono::seconds full_every{86'400};  ///< between runs that see the whole feed
  Action action = Action::alert;
  std::set<Protocol> protocols = {Protocol::tls, Protocol::http};
  std::size_t limit = 0;  ///< 0: all
  Confidence min_confidence = Confidence::low;
  std::vector<std::string> excluded_types;  ///< domain types that are left out
  std::string expiry = "auto";              ///< "auto" (by confidence), a lifetime, or "never"
  Time created_at{};
  std::string created_by;
  bool operator==(const Hunt&) const = default;
};
/// 1 to 40 of [a-z0-9-], with a letter or digit in front.
bool is_hunt_name(std::string_view name);

/// Where a hunt stands: moves on with every run.
struct Progress {
  std::string cursor;     ///< of the feed; saved with what it covers
  std::string validator;  ///< ETag or date of a list
  Time last_full{};       ///< of the last run that saw the whole feed; 1970: none
  Time last_run{};        ///< that ended well
  Time last_try{};
  int failures = 0;        ///< in a row
  std::string last_error;  ///< of the last try, empty when it went well
  std::string summary;     ///< of the last run, JSON for faces
  std::string guard;       ///< which guardrails judged what is kept
  Time next_expiry{};      ///< of all that is kept; 1970: nothing expires
  bool operator==(const Progress&) const = default;
};

/// An indicator that left.
struct Departure {
  std::string domain;
  Scope scope = Scope::subdomains;
  Confidence confidence = Confidence::unverified;
  Time since{}, until{};
  Leaving why{};
  std::string context;
};

/// A workload that talked to a watched domain.
struct Sighting {
  std::string workload;
  std::string domain;
  Time first{}, last{};
  std::uint64_t count = 0;
  std::string finding;  ///< id of the finding that tells of it
  bool operator==(const Sighting&) const = default;
};

struct AuditEntry {
  Time at{};
  std::string actor, what, subject, detail;
  bool operator==(const AuditEntry&) const = default;
};

/// A decision that a firewall was given, and what became of it.
struct Enacted {
  std::string firewall;  ///< ARN, or suricata:FILE
  Decision decision;
  Time lifted_at{};  ///< 1970: it stands
  std::string lifted_by;
  bool operator==(const Enacted&) const = default;
};

/// An indicator that some hunt keeps, with who is behind it.
struct Kept {
  std::string hunt;
  std::string domain;
  Scope scope = Scope::subdomains;
  Time since{};
  Facts facts;
  std::string context;
};

/// All calls are one transaction each, and safe beside those of other processes: a writer waits for another one as long
/// as its patience lasts. Not thread-safe: one Ledger a thread.
///
/// Errors: `unavailable` another process holds the ledger, `system` the file cannot be opened, read or written,
/// `protocol` it is damaged or was written by a newer intelwall. What was committed before stays.
class Ledger {
 public:
  static constexpr int schema_version = 2;
  static constexpr const char* file_name = "ledger.db";

  /// Makes the directory and the ledger, and brings an older one up to date.
  static Result<Ledger> open(const std::filesystem::path& directory,
                             std::chrono::seconds patience = std::chrono::seconds{10});
  Ledger(Ledger&&) noexcept;
  Ledger& operator=(Ledger&&) noexcept;
  ~Ledger();

  Result<Hunt> add_hunt(const Hunt& hunt);  ///< `conflict` if the name is taken
  Result<std::vector<Hunt>> hunts();        ///< by name
  Result<Hunt> hunt(const std::string& name);
  /// What it kept goes to the history.
  Result<void> remove_hunt(const std::string& name, Time now);
  Result<Progress> progress(std::int64_t hunt);
  Result<void> save_progress(std::int64_t hunt, const Progress& progress);

  /// The numbers of texts in the dictionary; 0: the empty text, or one that it does not hold.
  Result<std::vector<std::uint32_t>> find_contexts(const std::vector<std::string>& texts);
  /// The same, of texts that the dictionary is given where it does not hold them.
  Result<std::vector<std::uint32_t>> contexts(const std::vector<std::string>& texts);
  Result<Roster> roster(std::int64_t hunt);
  Result<std::uint64_t> kept_count(std::int64_t hunt);
  /// A roster's changes and the progress that goes with them, at once: both or neither.
  Result<void> commit(const Roster& roster, const Progress& progress, Time now);
  /// By hunt and name; for the names themselves, not for what they cover.
  Result<std::vector<Kept>> find(std::string_view domain);
  Result<std::vector<Kept>> kept(std::int64_t hunt, std::size_t most);
  /// Newest first; also of a hunt that is removed.
  Result<std::vector<Departure>> history(const std::string& hunt, std::size_t most);

  /// Adds counts and moves `last` on; the first finding stays.
  Result<void> record(const std::vector<Sighting>& sightings);
  Result<std::vector<Sighting>> sightings(std::size_t most);         ///< newest first
  Result<std::vector<Sighting>> untold_sightings(std::size_t most);  ///< those without a finding yet
  Result<std::optional<Sighting>> sighting(const std::string& workload, const std::string& domain);
  Result<std::set<std::string>> sighted_domains();

  /// What a responder's change did: decisions that were put, and those that were lifted, which the ledger need not have
  /// known. Each becomes an entry of the audit, too.
  Result<void> record_decisions(const std::string& firewall, const std::vector<Decision>& put,
                                const std::vector<Decision>& lifted, Time now, const std::string& actor);
  /// Newest first. With a name: those on it, on what covers it and on what it covers.
  Result<std::vector<Enacted>> decisions(const std::optional<DomainName>& name, std::size_t most);

  Result<void> audit(const AuditEntry& entry);
  Result<std::vector<AuditEntry>> audit_entries(std::size_t most);  ///< newest first

  /// Moves on whenever what hunts keep changes.
  Result<std::uint64_t> generation();

  /// Small texts by name; empty when there is none.
  Result<std::string> note(const std::string& key);
  Result<void> save_note(const std::string& key, const std::string& value);

  const std::filesystem::path& path() const;

 private:
  struct State;
  explicit Ledger(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace intelwall::store
