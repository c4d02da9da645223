#pragma once

#include <simdjson.h>

#include <cstddef>
#include <optional>
#include <string_view>

namespace intelwall::findings {

inline constexpr std::size_t max_depth = 64;

/// One JSON text of the input: its value, or why it is none.
struct Document {
  std::size_t line = 0;  ///< 1-based, where it begins
  simdjson::error_code error = simdjson::SUCCESS;
  simdjson::dom::element value;  ///< valid until the next call of Documents::next()
};

/// Cuts input into JSON documents: a document a line, documents over several lines, several on one line, in any
/// mixture. A broken one does not stop the others. Linear in the size of the input, whatever it holds.
class Documents {
 public:
  explicit Documents(std::string_view bytes);
  std::optional<Document> next();

 private:
  bool skip_blanks();
  void skip_broken_lines();
  std::size_t end_of_line();
  std::optional<std::size_t> end_of_document();
  Document parse(std::size_t end);
  void advance(std::size_t to);

  simdjson::padded_string text_;
  simdjson::dom::parser parser_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t line_start_ = 0;
  std::size_t line_end_ = 0;
  std::size_t line_end_of_ = 0;  ///< the line that line_end_ belongs to
  std::size_t look_ahead_ = 0;   ///< bytes that may still be looked at beyond a line before it is given up
  bool line_has_several_ = false;
};

}  // namespace intelwall::findings
