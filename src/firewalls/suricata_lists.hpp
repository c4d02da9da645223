#pragma once

#include <string>
#include <vector>

#include "firewalls/suricata.hpp"
#include "rules/compile.hpp"

namespace intelwall::firewalls {

/// What a list is on a Suricata: rules that ask datasets, and the datasets' files. A file "NAME.lst" is the dataset
/// NAME: base64 of one name a line.
struct SuricataList {
  std::string rules;
  std::vector<rules::CompiledFile> sets;
};

/// Compiled lists on a Suricata of one's own, beside the blocks: "<rules_file's stem>-hunts.rules" and its sets in the
/// same folder. The rules change seldom; names are added to and removed from the running sets over the command socket,
/// which acts at once. Each sensor is asked afterwards whether it has what it was told; when one has not, or the rules
/// change too, all is tested, reloaded and compared as for blocks, and put back if need be. Thread-safe.
class SuricataLists {
 public:
  explicit SuricataLists(SuricataOptions options);

  std::filesystem::path rules_file() const { return file_; }
  struct Done {
    enum class How { nothing, names, reload };
    How how = How::nothing;
    std::size_t added = 0, removed = 0;  ///< names
  };
  /// What apply() would do.
  Result<Done> plan(const SuricataList& wanted) const;
  Result<Done> apply(const SuricataList& wanted) const;

 private:
  struct Difference;
  Result<SuricataList> read() const;
  Difference compare(const SuricataList& live, const SuricataList& wanted) const;
  Result<void> write(const SuricataList& list) const;
  Result<void> tell(const Difference& difference) const;

  SuricataOptions options_;
  std::filesystem::path file_;
};

}  // namespace intelwall::firewalls
