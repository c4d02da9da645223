#include "lab/template_parameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>

#include "aws/text.hpp"
#include "lab/template_values.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace intelwall::lab {
namespace {

/// Whether the whole text matches. A pattern that cannot be compiled or needs too long is an error.
Result<bool> matches_whole(const std::string& pattern, const std::string& text) {
  int fault = 0;
  PCRE2_SIZE at = 0;
  const std::unique_ptr<pcre2_code, decltype(&pcre2_code_free)> code(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                    PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_UTF, &fault, &at, nullptr),
      &pcre2_code_free);
  if (!code) return fail(ErrorCode::invalid_input, "AllowedPattern is no regular expression");
  const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> match(
      pcre2_match_data_create_from_pattern(code.get(), nullptr), &pcre2_match_data_free);
  const int found =
      pcre2_match(code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, 0, match.get(), nullptr);
  if (found < PCRE2_ERROR_NOMATCH) return fail(ErrorCode::invalid_input, "AllowedPattern cannot be tried on the value");
  return found >= 0;
}

std::optional<double> number_in(const std::string& text) {
  double number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || fault != std::errc() || end != text.data() + text.size()) return {};
  return number;
}

enum class Kind { text, number };

/// One text of a parameter against the constraints of its declaration; an error has no place yet.
Result<void> check(const Json& declared, const std::string& text, Kind kind) {
  const auto violated = [&](std::string why) {
    const std::string description = scalar_text(declared.value("ConstraintDescription", Json())).value_or("");
    return fail(ErrorCode::invalid_input, std::move(why), {},
                description.empty() ? std::string() : "give " + printable(description, 300));
  };
  const auto limit = [&](const char* name) {
    return number_in(scalar_text(declared.value(name, Json())).value_or(""));
  };
  if (const auto allowed = declared.value("AllowedValues", Json()); allowed.is_array()) {
    std::string all;
    for (const auto& value : allowed) all += (all.empty() ? "" : ", ") + scalar_text(value).value_or("");
    if (std::ranges::none_of(allowed, [&](const Json& value) { return scalar_text(value) == text; }))
      return violated("the value is none of " + printable(all, 300));
  }
  if (const auto pattern = scalar_text(declared.value("AllowedPattern", Json()))) {
    IW_TRY(const bool matches, matches_whole(*pattern, text));
    if (!matches) return violated("the value does not match " + printable(*pattern, 200));
  }
  const auto length = static_cast<double>(text.size());
  if (const auto least = limit("MinLength"); least && length < *least) return violated("the value is too short");
  if (const auto most = limit("MaxLength"); most && length > *most) return violated("the value is too long");
  if (kind == Kind::text) return {};
  const auto value = number_in(text);
  if (!value) return violated("the value is no number");
  if (const auto least = limit("MinValue"); least && *value < *least) return violated("the value is too small");
  if (const auto most = limit("MaxValue"); most && *value > *most) return violated("the value is too large");
  return {};
}

Result<Json> value_of(const std::string& type, const Json& declared, const std::string& text) {
  const auto kind = type == "Number" || type == "List<Number>" ? Kind::number : Kind::text;
  if (type == "String" || type == "Number") {
    IW_CHECK(check(declared, text, kind));
    return text;
  }
  if (type != "CommaDelimitedList" && type != "List<Number>")
    return fail(ErrorCode::invalid_input, "the lab has no parameters of type " + printable(type, 100), {},
                "the lab has String, Number, CommaDelimitedList and List<Number>");
  Json list = Json::array();
  for (auto each : aws::split(text, ',')) {
    while (each.starts_with(' ')) each.remove_prefix(1);
    while (each.ends_with(' ')) each.remove_suffix(1);
    IW_CHECK(check(declared, std::string(each), kind));
    list.push_back(each);
  }
  return list;
}

}  // namespace

Result<std::map<std::string, Json>> parameter_values(const Json& document,
                                                     const std::map<std::string, std::string>& given) {
  std::map<std::string, Json> values;
  const Json declared = document.value("Parameters", Json::object());
  if (!declared.is_object()) return fail(ErrorCode::invalid_input, "Parameters is no mapping", "Parameters");
  for (const auto& [name, text] : given) {
    if (!declared.contains(name))
      return fail(ErrorCode::invalid_input, "the template has no such parameter", "Parameters." + printable(name, 64));
    if (!is_utf8(text))
      return fail(ErrorCode::invalid_input, "the value is not UTF-8", "Parameters." + printable(name));
  }
  for (const auto& [name, how] : declared.items()) {
    const std::string place = "Parameters." + printable(name, 64);
    const auto type = how.is_object() ? scalar_text(how.value("Type", Json())) : std::nullopt;
    if (!type) return fail(ErrorCode::invalid_input, "the parameter has no Type", place);
    const auto found = given.find(name);
    const auto text = found != given.end() ? std::optional(found->second) : scalar_text(how.value("Default", Json()));
    if (!text)
      return fail(ErrorCode::invalid_input, "the parameter has no value", place,
                  fmt::format("give --parameter {}=VALUE", printable(name, 64)));
    auto value = value_of(*type, how, *text);
    if (!value) {
      value.error().place = place;
      return std::unexpected(std::move(value).error());
    }
    values.emplace(name, *std::move(value));
  }
  return values;
}

}  // namespace intelwall::lab
