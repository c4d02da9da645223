#include "lab/template_document.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <charconv>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "aws/json_text.hpp"

namespace intelwall::lab {
namespace {

std::string line_of(const YAML::Mark& mark) {
  return fmt::format("line {}", mark.line + 1);
}

/// What a scalar without quotes means. "000000000000" and "1.10" stay texts: they are names and versions.
Json plain_value(const std::string& text) {
  if (text == "true" || text == "false") return text == "true";
  const bool padded = text.size() > 1 && (text.starts_with('0') || text.starts_with("-0"));
  std::int64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (!padded && fault == std::errc() && end == text.data() + text.size()) return number;
  return text;
}

/// Builds the document from the parser's events. After the first error it takes in nothing more.
class Builder final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { refuse(mark, "a null is no value in a template"); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse(mark, "aliases are not for templates"); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& text) override {
    if (fault_) return;
    if (!is_utf8(text)) return refuse(mark, "a text is not UTF-8");
    if (wants_key()) {
      if (tag != "?" && tag != "!" && !tag.empty()) return refuse(mark, "a key has a tag");
      if (open_.back().value.contains(text)) return refuse(mark, fmt::format("{} stands there twice", printable(text)));
      if (text == "<<") return refuse(mark, "merges are not for templates");
      open_.back().key = text;
      return;
    }
    add(mark, tag, tag == "?" ? plain_value(text) : Json(text));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    begin(mark, tag, Json::array());
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, YAML::EmitterStyle::value) override {
    begin(mark, tag, Json::object());
  }
  void OnMapEnd() override { end(); }

  Result<Json> take() {
    if (fault_) return std::unexpected(*std::move(fault_));
    if (!document_.is_object()) return fail(ErrorCode::invalid_input, "a template is one mapping", "line 1");
    return std::move(document_);
  }

 private:
  struct Open {
    YAML::Mark mark;
    std::string tag;
    Json value;
    std::optional<std::string> key;
  };

  bool wants_key() const { return !open_.empty() && open_.back().value.is_object() && !open_.back().key; }

  void refuse(const YAML::Mark& mark, std::string why) {
    if (!fault_) fault_ = Error{ErrorCode::invalid_input, std::move(why), line_of(mark), {}};
  }

  void begin(const YAML::Mark& mark, const std::string& tag, Json value) {
    if (fault_) return;
    if (wants_key()) return refuse(mark, "a key is no text");
    // A short form makes two levels of one.
    if (open_.size() * 2 >= max_document_depth) return refuse(mark, "the template nests too deeply");
    open_.push_back({mark, tag, std::move(value), {}});
  }

  void end() {
    if (fault_ || open_.empty()) return;
    Open done = std::move(open_.back());
    open_.pop_back();
    add(done.mark, done.tag, std::move(done.value));
  }

  void add(const YAML::Mark& mark, const std::string& tag, Json value) {
    if (tag.starts_with("!") && tag.size() > 1) {
      value = written_out(tag.substr(1), std::move(value));
    } else if (tag != "?" && tag != "!" && !tag.empty()) {
      return refuse(mark, fmt::format("the tag {} is not for templates", printable(tag, 64)));
    }
    if (open_.empty()) {
      document_ = std::move(value);
    } else if (open_.back().value.is_array()) {
      open_.back().value.push_back(std::move(value));
    } else {
      open_.back().value[*std::exchange(open_.back().key, std::nullopt)] = std::move(value);
    }
  }

  static Json written_out(const std::string& function, Json value) {
    if (function == "Ref" || function == "Condition") return Json{{function, std::move(value)}};
    if (function == "GetAtt" && value.is_string()) {
      const auto& text = value.get_ref<const std::string&>();
      const auto dot = std::min(text.find('.'), text.size());
      value = Json::array({text.substr(0, dot), text.substr(std::min(dot + 1, text.size()))});
    }
    return Json{{"Fn::" + function, std::move(value)}};
  }

  std::vector<Open> open_;
  Json document_;
  std::optional<Error> fault_;
};

/// What the YAML reader refuses as it reads.
Result<void> check(const Json& value, int depth) {
  if (value.is_null()) return fail(ErrorCode::invalid_input, "a null is no value in a template");
  if (depth > max_document_depth) return fail(ErrorCode::invalid_input, "the template nests too deeply");
  if (!value.is_structured()) return {};
  for (const auto& each : value) {
    IW_CHECK(check(each, depth + 1));
  }
  return {};
}

}  // namespace

Result<Json> read_template(std::string_view text) {
  if (text.size() > template_byte_limit)
    return fail(ErrorCode::quota, fmt::format("the template is larger than {} bytes", template_byte_limit));
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '{') {
    if (auto json = aws::parse_json(text)) {
      IW_CHECK(check(*json, 0));
      return *std::move(json);
    }
  }
  Builder builder;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return fail(ErrorCode::invalid_input, "the template is empty");
  } catch (const YAML::Exception& fault) {
    return fail(ErrorCode::invalid_input, printable(fault.msg), line_of(fault.mark));
  }
  return builder.take();
}

}  // namespace intelwall::lab
