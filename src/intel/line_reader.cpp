#include "intel/line_reader.hpp"

#include <algorithm>
#include <cstring>

namespace intelwall::intel {

LineReader::LineReader(ByteSource& source) : source_(source), buffer_((256u << 10) + padding) {}

Result<bool> LineReader::fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ + padding >= buffer_.size()) buffer_.resize(2 * buffer_.size());
  IW_TRY(const std::size_t got, source_.read(std::span(buffer_).subspan(end_, buffer_.size() - padding - end_)));
  end_ += got;
  return got > 0;
}

Result<std::optional<LineReader::Line>> LineReader::next() {
  std::size_t searched = 0;
  bool too_long = false;
  for (;;) {
    const std::string_view there(buffer_.data() + begin_, end_ - begin_);
    const std::size_t newline = there.find('\n', searched);
    bool at_end = false;
    if (newline == std::string_view::npos) {
      searched = there.size();
      if (searched > max_line) {  // the rest of the line goes, only its front stays
        too_long = true;
        searched = max_line;
        end_ = begin_ + max_line;
      }
      IW_TRY(const bool more, fill());
      if (more) continue;
      if (end_ == begin_) return std::nullopt;
      at_end = true;
    }
    std::string_view text(buffer_.data() + begin_, at_end ? end_ - begin_ : newline);
    begin_ = at_end ? end_ : begin_ + newline + 1;
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (number_ == 0 && text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    if (text.ends_with('\r')) text.remove_suffix(1);
    too_long = too_long || text.size() > max_line;
    return Line{text, ++number_, too_long};
  }
}

}  // namespace intelwall::intel
