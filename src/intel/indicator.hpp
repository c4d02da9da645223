#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/domain_name.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

namespace intelwall::intel {

/// Falcon's malicious_confidence. It decays: high for what was seen within 60 days, medium within 120, low after.
enum class Confidence { high, medium, low, unverified };
const char* to_string(Confidence confidence);
/// Without (ASCII) case; unknown words are `unverified`.
Confidence confidence_named(std::string_view word);
/// STIX's 0 to 100, by its own scale (2.1, appendix A): from 70 high, from 30 medium, from 1 low.
Confidence confidence_of_percent(std::int64_t percent);

/// What is known of a domain, an address, a hash, …: from Falcon Intel or from a feed beside it.
struct Indicator {
  std::string id;      ///< "domain_evil.example" at Falcon
  std::string value;   ///< as the source wrote it
  std::string type;    ///< Falcon's words: "domain", "url", "ip_address", …
  std::string source;  ///< "falcon", or the feed's name
  std::string marker;  ///< Falcon's place in the order of changes; empty elsewhere
  bool deleted = false;
  Confidence confidence = Confidence::unverified;
  Time published{};                 ///< 1970 when it is not told
  Time last_updated{};              ///< the same
  std::optional<Time> valid_until;  ///< feeds that say so
  std::vector<std::string> actors, malware_families, kill_chains, domain_types, threat_types, targets, reports, labels;
  Scope scope = Scope::subdomains;  ///< of a domain: lists may name one without what is below it

  bool operator==(const Indicator&) const = default;
};

inline constexpr const char* falcon_source = "falcon";

/// One object as Falcon gives it. Only `id`, `indicator` and `type` must be there; lists may be null, unknown members
/// are passed over. The error is a reason, without a place.
Result<Indicator> parse_indicator(std::string_view json);

/// The same object again, as far as an Indicator holds it: what an FQL filter can be asked about.
std::string to_json(const Indicator& indicator);

/// An answer of GET /intel/combined/indicators/v1.
struct IndicatorPage {
  std::vector<Indicator> indicators;
  /// Each indicator as it came: views into the answer, on one line unless the server sent line breaks. Empty with
  /// Members::decisive.
  std::vector<std::string_view> lines;
  std::optional<std::uint64_t> total;  ///< of the whole query, where it was told
  std::size_t unreadable = 0;          ///< objects that are no indicators
  std::string unreadable_reason;       ///< of the first of them
  bool has_errors = false;             ///< "errors" is not empty
};

/// What is read of an object: all of an Indicator, or what decides about enforcing it, which is all but its reports,
/// labels, targets and day of publication.
enum class Members { all, decisive };

/// Reads many: keeps its memory from page to page. One a thread.
class IndicatorReader {
 public:
  explicit IndicatorReader(Members members = Members::all);
  IndicatorReader(IndicatorReader&&) noexcept;
  IndicatorReader& operator=(IndicatorReader&&) noexcept;
  ~IndicatorReader();

  Result<Indicator> read(std::string_view json);
  /// Room behind its end is added to `answer`. Errors: no JSON, or not this envelope.
  Result<void> read_page(std::string& answer, IndicatorPage& page);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace intelwall::intel
