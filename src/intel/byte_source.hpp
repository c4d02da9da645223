#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/result.hpp"

namespace intelwall::intel {

/// Bytes from somewhere, in order.
class ByteSource {
 public:
  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;

  /// Fills the front of `room` and says how much; 0 is the end. `room` is not empty.
  virtual Result<std::size_t> read(std::span<char> room) = 0;
  /// Bytes taken from the file so far, packed as they are there.
  virtual std::uint64_t consumed() const = 0;
};

struct OpenedFile {
  std::unique_ptr<ByteSource> bytes;
  std::string name;        ///< for messages
  std::uint64_t size = 0;  ///< of the file as it is; 0 if unknown
};

/// A file, or standard input for "-", unpacked: gzip and zstd are known by their first bytes, not by the name. Several
/// packed parts in a row are one. A file that ends early or is damaged is an error, also behind good bytes.
Result<OpenedFile> open_unpacked(const std::string& path);
/// The same for bytes that are there already; they must outlive what is returned.
Result<std::unique_ptr<ByteSource>> unpacked(std::span<const char> bytes, const std::string& name);

}  // namespace intelwall::intel
