#include "intel/indicator_line.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <optional>

namespace intelwall::intel {
namespace {

/// Two bits of confidence over thirty of age: who is surest and newest has the lowest rank.
std::uint32_t rank_of(std::optional<std::string_view> confidence, std::optional<std::uint64_t> last_updated) {
  if (!confidence && !last_updated) return 0;
  std::uint32_t doubt = 1;
  if (confidence == "high") doubt = 0;
  if (confidence == "low") doubt = 2;
  if (confidence == "unverified") doubt = 3;
  constexpr std::uint64_t newest = (1u << 30) - 1;  // of steps of four seconds since 1970: the year 2106
  return doubt << 30 | static_cast<std::uint32_t>(newest - std::min(last_updated.value_or(0) / 4, newest));
}

std::unexpected<Error> no_object(std::string_view why) {
  return fail(ErrorCode::invalid_input, fmt::format("is no JSON object on one line: {}", why));
}

}  // namespace

struct IndicatorParser::State {
  simdjson::ondemand::parser json;
};

IndicatorParser::IndicatorParser() : state_(std::make_unique<State>()) {}
IndicatorParser::~IndicatorParser() = default;

Result<IndicatorLine> IndicatorParser::parse(std::string_view line, std::size_t padding) {
  IW_ASSERT(padding >= simdjson::SIMDJSON_PADDING);
  const auto why = [](simdjson::error_code code) { return no_object(simdjson::error_message(code)); };
  simdjson::ondemand::document document;
  if (const auto code = state_->json.iterate(line.data(), line.size(), line.size() + padding).get(document))
    return why(code);
  simdjson::ondemand::object object;
  if (const auto code = document.get_object().get(object)) return why(code);

  std::optional<std::string_view> indicator, domain, type, confidence;
  std::optional<std::uint64_t> last_updated;
  bool deleted = false;
  for (auto each : object) {
    simdjson::ondemand::field field;
    if (const auto code = std::move(each).get(field)) return why(code);
    std::string_view key;
    if (const auto code = field.unescaped_key().get(key)) return why(code);
    auto value = field.value();
    const auto take_text = [&](std::optional<std::string_view>& into) {
      std::string_view text;
      const auto code = value.get_string().get(text);
      if (code == simdjson::SUCCESS) into = text;
      return code == simdjson::INCORRECT_TYPE ? simdjson::SUCCESS : code;
    };
    auto code = simdjson::SUCCESS;
    if (key == "indicator") {
      code = take_text(indicator);
    } else if (key == "domain") {
      code = take_text(domain);
    } else if (key == "type") {
      code = take_text(type);
    } else if (key == "malicious_confidence") {
      code = take_text(confidence);
    } else if (key == "deleted") {
      if (value.get_bool().get(deleted) != simdjson::SUCCESS) deleted = false;
    } else if (key == "last_updated") {
      std::uint64_t seconds = 0;
      if (value.get_uint64().get(seconds) == simdjson::SUCCESS) last_updated = seconds;
    }
    if (code != simdjson::SUCCESS) return why(code);
  }
  const char* behind = nullptr;
  if (document.current_location().get(behind) == simdjson::SUCCESS) return no_object("something follows it");

  IndicatorLine found{.name = indicator.value_or(domain.value_or("")), .rank = rank_of(confidence, last_updated)};
  if (deleted) {
    found.kind = IndicatorLine::Kind::deleted;
  } else if (type && *type != "domain") {
    found.kind = IndicatorLine::Kind::other_type;
  } else if (!indicator && !domain) {
    return fail(ErrorCode::invalid_input, "has no text in 'indicator' or 'domain'");
  }
  return found;
}

}  // namespace intelwall::intel
