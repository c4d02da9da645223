#pragma once

#include <optional>
#include <string>
#include <vector>

#include "findings/finding.hpp"
#include "findings/json.hpp"
#include "findings/name_search.hpp"

namespace intelwall::findings {

/// Gathers the candidates of one finding: one per distinct (name, scope), where the strongest evidence stays, and one
/// per distinct refused text.
class Candidates {
 public:
  static constexpr std::size_t limit = 200;

  Candidates(const Node& finding, NameSearch& search) : finding_(&finding), search_(&search) {}

  /// A field that stands for one domain or URL; text that is none is kept as refused. Nothing to do when it is empty.
  void take(const std::optional<Node>& field, Grade grade);
  /// The same for each of a list's domains, separated by commas.
  void take_list(const Node& field, Grade grade);
  /// An indicator of another type than a domain.
  void refuse(const Node& field, std::string_view type);
  /// Running text that may mention domains.
  void search(const std::optional<Node>& field, BareNames bare);

  std::vector<Candidate> finish() { return std::move(kept_); }
  bool overflowed() const { return overflowed_; }

 private:
  void keep(const Node& field, std::string_view text, DomainSpec domain, Grade grade, std::string_view excerpt);
  void keep_refused(const Node& field, std::string_view text, Grade grade, std::string why_not);
  void take_text(const Node& field, std::string_view text, Grade grade);
  bool has_room();

  const Node* finding_;
  NameSearch* search_;
  std::vector<Candidate> kept_;
  bool overflowed_ = false;
};

}  // namespace intelwall::findings
