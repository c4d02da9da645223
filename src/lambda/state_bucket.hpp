#pragma once

#include <optional>
#include <string>

#include "aws/s3.hpp"
#include "store/ledger.hpp"

// What hunts keep from run to run in the state bucket, since a function has no disk of its own.
namespace intelwall::lambda {

/// Where a hunt stands, and which manifest that belongs to.
struct HuntCursor {
  std::string manifest;      ///< its ETag
  std::string settings;      ///< of the hunt, as one text: a cursor of another filter says nothing
  store::Progress progress;  ///< cursor, last full run, guardrails and next expiry of it
  std::string applied;       ///< app::save_applied()
  bool operator==(const HuntCursor&) const = default;
};

/// The objects of one hunt, `hunts/NAME/manifest.jsonl.gz` (what is watched, an indicator a line) and
/// `hunts/NAME/cursor.json`. The manifest is written first: a cursor that names another one is not believed.
class HuntBucket {
 public:
  HuntBucket(const aws::Session& session, const std::string& bucket, const std::string& hunt);

  template <class T>
  struct Version {
    T content;
    std::string etag;
  };
  /// Nothing where there is none yet.
  Result<std::optional<Version<HuntCursor>>> cursor() const;
  /// Lines, unpacked.
  Result<std::optional<Version<std::string>>> manifest() const;

  /// In place of the version with this ETag, or where there is none yet (empty); `conflict` where another run was
  /// faster. The new ETag.
  Result<std::string> put_cursor(const HuntCursor& cursor, const std::string& etag) const;
  Result<std::string> put_manifest(const std::string& lines, const std::string& etag) const;

 private:
  aws::S3Client s3_;
  std::string path_;
};

/// {"domain","scope","confidence","updated","expires","actors","families","threat_types","kill_chains"}: a line each.
Result<std::string> manifest_of(store::Ledger& ledger, const store::Hunt& hunt);
/// Makes a new ledger's hunt keep what a manifest says. Errors: `protocol` a line that is none of ours.
Result<void> restore(store::Ledger& ledger, const store::Hunt& hunt, const std::string& manifest,
                     const store::Progress& progress, Time now);

}  // namespace intelwall::lambda
