#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "intel/byte_source.hpp"

namespace intelwall::intel {

/// Lines of a source, without their ends (LF or CRLF), in memory that does not grow with it. A byte order mark at the
/// very front is dropped.
class LineReader {
 public:
  /// No line of a list needs more.
  static constexpr std::size_t max_line = 1u << 20;
  /// Bytes after a line that may be read, though not understood (simdjson wants 64).
  static constexpr std::size_t padding = 64;

  explicit LineReader(ByteSource& source);

  struct Line {
    std::string_view text;  ///< valid until the next call
    std::size_t number = 0;
    bool too_long = false;  ///< then `text` is only its front
  };
  Result<std::optional<Line>> next();

 private:
  /// Makes room behind what is there and reads into it; false at the end of the source.
  Result<bool> fill();

  ByteSource& source_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t number_ = 0;
};

}  // namespace intelwall::intel
