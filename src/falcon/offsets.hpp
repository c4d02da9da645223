#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "core/result.hpp"

namespace intelwall::falcon {

/// The offset of the next event wanted, by feed ("api.us-2.crowdstrike.com/0").
using Offsets = std::map<std::string, std::uint64_t>;

/// Where offsets outlive the process.
class OffsetStore {
 public:
  virtual ~OffsetStore() = default;
  virtual Result<Offsets> load() = 0;
  virtual Result<void> save(const Offsets& offsets) = 0;
};

/// A JSON file {"offsets": {feed: number}}, replaced as a whole. A file that is missing holds none; one that cannot be
/// read is an error, for beginning anew in silence would lose or repeat detections.
class OffsetFile final : public OffsetStore {
 public:
  explicit OffsetFile(std::filesystem::path path) : path_(std::move(path)) {}
  Result<Offsets> load() override;
  Result<void> save(const Offsets& offsets) override;

 private:
  std::filesystem::path path_;
};

}  // namespace intelwall::falcon
