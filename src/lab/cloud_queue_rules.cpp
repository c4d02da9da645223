#include "lab/cloud_queue_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "core/result.hpp"
#include "lab/cloud_shape.hpp"

namespace intelwall::lab {
namespace {

constexpr std::size_t attributes_per_message = 10;

struct Known {
  std::string_view name;
  const char* otherwise;
  std::int64_t least = 0, most = -1;  ///< most < least: any text
};
constexpr std::array known_attributes{Known{"VisibilityTimeout", "30", 0, 43'200},
                                      Known{"DelaySeconds", "0", 0, 900},
                                      Known{"MaximumMessageSize", "1048576", 1'024, 1'048'576},
                                      Known{"MessageRetentionPeriod", "345600", 60, 1'209'600},
                                      Known{"ReceiveMessageWaitTimeSeconds", "0", 0, 20},
                                      Known{"KmsDataKeyReusePeriodSeconds", "300", 60, 86'400},
                                      Known{"SqsManagedSseEnabled", "true"},
                                      Known{"KmsMasterKeyId", ""},
                                      Known{"Policy", ""},
                                      Known{"RedrivePolicy", ""},
                                      Known{"RedriveAllowPolicy", ""}};

bool is_word(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
  });
}

bool is_within(const std::string& text, const Known& known) {
  std::int64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  return fault == std::errc() && end == text.data() + text.size() && value >= known.least && value <= known.most;
}

/// A length of four bytes, then the bytes.
void put_counted(std::string& out, std::string_view bytes) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(bytes.size() >> shift & 0xff);
  out += bytes;
}

bool is_binary(const Json& attribute) {
  return text_or(attribute, "DataType").starts_with("Binary");
}

}  // namespace

ApiResult<void> check_queue_name(const std::string& name) {
  if (name.ends_with(".fifo"))
    return refuse("UnsupportedOperation", "The lab has standard queues only, no FIFO queues.");
  if (name.empty() || name.size() > 80 || !is_word(name))
    return refuse("InvalidParameterValueException",
                  "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
  return {};
}

ApiResult<std::map<std::string, std::string>> check_queue_attributes(const Json& input) {
  std::map<std::string, std::string> checked;
  for (const auto& [name, value] : input.items()) {
    const auto known = std::ranges::find(known_attributes, name, &Known::name);
    if (known == known_attributes.end())
      return refuse("InvalidAttributeName", fmt::format("Unknown Attribute {}.", printable(name, 64)));
    std::string text = value.is_string() ? value.get<std::string>() : dump_json(value);
    if (known->most >= known->least && !is_within(text, *known))
      return refuse("InvalidAttributeValue", fmt::format("Invalid value for the parameter {}.", name));
    if (name == "SqsManagedSseEnabled" && text != "true" && text != "false")
      return refuse("InvalidAttributeValue", fmt::format("Invalid value for the parameter {}.", name));
    checked[name] = std::move(text);
  }
  return checked;
}

bool is_queue_attribute(std::string_view name) {
  return std::ranges::find(known_attributes, name, &Known::name) != known_attributes.end();
}

std::string queue_default(std::string_view attribute) {
  const auto known = std::ranges::find(known_attributes, attribute, &Known::name);
  return known == known_attributes.end() ? "" : known->otherwise;
}

ApiResult<void> check_message(const std::string& body, const Json& attributes, std::int64_t most) {
  if (body.empty())
    return refuse("MissingRequiredParameterException", "The request must contain the parameter MessageBody.");
  // https://www.w3.org/TR/REC-xml/#charsets
  const bool has_control = std::ranges::any_of(
      body, [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r'; });
  if (!is_utf8(body) || has_control || body.contains("\xef\xbf\xbe") || body.contains("\xef\xbf\xbf"))
    return refuse("InvalidMessageContents",
                  "Invalid characters found. Valid unicode characters are "
                  "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD");
  std::size_t bytes = body.size();
  if (attributes.size() > attributes_per_message)
    return refuse(
        "InvalidParameterValueException",
        fmt::format("Number of message attributes exceeds the allowed maximum [{}].", attributes_per_message));
  for (const auto& [name, attribute] : attributes.items()) {
    const std::string type = text_or(attribute, "DataType");
    const std::string base = type.substr(0, type.find('.'));
    const std::string value = text_or(attribute, is_binary(attribute) ? "BinaryValue" : "StringValue");
    if (name.empty() || name.size() > 256 || (base != "String" && base != "Number" && base != "Binary") ||
        value.empty() || (is_binary(attribute) && !from_base64(value)))
      return refuse(
          "InvalidParameterValueException",
          fmt::format("The message attribute '{}' is invalid: its name, type or value is.", printable(name, 64)));
    bytes += name.size() + type.size() + value.size();
  }
  if (bytes > static_cast<std::size_t>(most))
    return refuse(
        "InvalidParameterValueException",
        fmt::format("One or more parameters are invalid. Reason: Message must be shorter than {} bytes.", most));
  return {};
}

bool is_receipt(std::string_view text) {
  const std::size_t mark = text.find('#');
  return mark == 36 && text.size() > mark + 1 && text.size() < 60 && is_word(text.substr(0, mark)) &&
         std::ranges::all_of(text.substr(mark + 1), [](char c) { return c >= '0' && c <= '9'; });
}

std::string md5_of_attributes(const Json& attributes) {
  std::string bytes;
  for (const auto& [name, attribute] : attributes.items()) {  // in the order of their names
    put_counted(bytes, name);
    put_counted(bytes, text_or(attribute, "DataType"));
    bytes += is_binary(attribute) ? '\x02' : '\x01';
    put_counted(bytes, is_binary(attribute) ? from_base64(text_or(attribute, "BinaryValue")).value_or("")
                                            : text_or(attribute, "StringValue"));
  }
  return hex_md5(bytes);
}

}  // namespace intelwall::lab
