#include "intel/indicator.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <bitset>
#include <nlohmann/json.hpp>

#include "intel/fql_schema.hpp"

namespace intelwall::intel {
namespace {

namespace ondemand = simdjson::ondemand;
using simdjson::error_code;
using simdjson::SUCCESS;

/// Damaged JSON ends the reading; a value of another kind than expected counts as missing.
bool is_damage(error_code code) {
  return code != SUCCESS && code != simdjson::INCORRECT_TYPE && code != simdjson::NUMBER_ERROR &&
         code != simdjson::NUMBER_OUT_OF_RANGE;
}

error_code take_text(ondemand::value& value, std::string& into) {
  std::string_view text;
  const auto code = value.get_string().get(text);
  if (code == SUCCESS) into = text;
  return code;
}

error_code take_time(ondemand::value& value, Time& into) {
  constexpr std::uint64_t latest = 253'402'300'799;  // the end of 9999
  std::uint64_t seconds = 0;
  const auto code = value.get_uint64().get(seconds);
  if (code == SUCCESS && seconds <= latest) into = Time(std::chrono::seconds(seconds));
  return code;
}

/// The texts of a list; of objects in it their "name". The texts that are there are filled anew, so that a page costs
/// no memory of its own.
error_code take_list(ondemand::value& value, std::vector<std::string>& into) {
  std::size_t count = 0;
  const auto add = [&](std::string_view text) {
    if (count == into.size()) into.emplace_back();
    into[count++] = text;
  };
  const auto read = [&]() -> error_code {
    ondemand::array items;
    if (const auto code = value.get_array().get(items)) return code;
    for (auto each : items) {
      ondemand::value item;
      if (const auto code = std::move(each).get(item)) return code;
      ondemand::json_type type{};
      if (const auto code = item.type().get(type)) return code;
      std::string_view text;
      if (type == ondemand::json_type::string) {
        if (const auto code = item.get_string().get(text)) return code;
        add(text);
      } else if (type == ondemand::json_type::object) {
        const auto code = item["name"].get_string().get(text);
        if (code == SUCCESS) add(text);
        if (is_damage(code) && code != simdjson::NO_SUCH_FIELD) return code;
      }
    }
    return SUCCESS;
  };
  const auto code = read();
  into.resize(count);
  return code;
}

/// The lists of an Indicator, by the names that Falcon has for them; those that decide about it first.
constexpr std::pair<std::string_view, std::vector<std::string> Indicator::*> lists[] = {
    {"actors", &Indicator::actors},
    {"malware_families", &Indicator::malware_families},
    {"kill_chains", &Indicator::kill_chains},
    {"domain_types", &Indicator::domain_types},
    {"threat_types", &Indicator::threat_types},
    {"reports", &Indicator::reports},
    {"labels", &Indicator::labels},
    {"targets", &Indicator::targets}};
constexpr std::size_t decisive_lists = 5;
/// Which of them an object has had: what stands in the others is of the object before.
using Lists = std::bitset<std::size(lists)>;

constexpr std::pair<std::string_view, std::string Indicator::*> texts[] = {{"id", &Indicator::id},
                                                                           {"indicator", &Indicator::value},
                                                                           {"type", &Indicator::type},
                                                                           {"_marker", &Indicator::marker}};

/// What a member is to an Indicator.
struct Place {
  enum class Kind : std::uint8_t { other, text, list, confidence, deleted, last_updated, published };
  Kind kind = Kind::other;
  std::size_t index = 0;  ///< of `texts` or `lists`
};

Place place_of(std::string_view key, Members members) {
  using Kind = Place::Kind;
  for (std::size_t i = 0; i < std::size(texts); ++i)
    if (key == texts[i].first) return {Kind::text, i};
  const std::size_t wanted = members == Members::all ? std::size(lists) : decisive_lists;
  for (std::size_t i = 0; i < wanted; ++i)
    if (key == lists[i].first) return {Kind::list, i};
  if (key == "malicious_confidence") return {Kind::confidence};
  if (key == "deleted") return {Kind::deleted};
  if (key == "last_updated") return {Kind::last_updated};
  if (key == "published_date" && members == Members::all) return {Kind::published};
  return {};
}

/// Which member stands at which place. The objects of an answer have theirs in the same order, nearly all, so what the
/// last one had there is tried first.
class Layout {
 public:
  explicit Layout(Members members) : members_(members) {}

  /// Of the field that is the object's `at`-th.
  error_code find(ondemand::field& field, std::size_t at, Place& place) {
    if (at < known_.size() && field.key().unsafe_is_equal(known_[at].key)) {
      place = known_[at].place;
      return SUCCESS;
    }
    std::string_view key;
    if (const auto code = field.unescaped_key().get(key)) return code;
    place = place_of(key, members_);
    // One that is written with an escape is not what it would be compared with.
    if (at < most && key.size() <= simdjson::SIMDJSON_PADDING && key.find_first_of("\"\\") == std::string_view::npos) {
      if (at >= known_.size()) known_.resize(at + 1);
      known_[at] = {std::string(key), place};
    }
    return SUCCESS;
  }

 private:
  static constexpr std::size_t most = 64;
  struct Known {
    std::string key;
    Place place;
  };
  Members members_;
  std::vector<Known> known_;
};

error_code take_member(Place place, ondemand::value& value, Indicator& into, Lists& filled) {
  switch (place.kind) {
    case Place::Kind::text:
      return take_text(value, into.*texts[place.index].second);
    case Place::Kind::list:
      filled.set(place.index);
      return take_list(value, into.*lists[place.index].second);
    case Place::Kind::confidence: {
      std::string_view word;
      const auto code = value.get_string().get(word);
      if (code == SUCCESS) into.confidence = confidence_named(word);
      return code;
    }
    case Place::Kind::deleted:
      return value.get_bool().get(into.deleted);
    case Place::Kind::last_updated:
      return take_time(value, into.last_updated);
    case Place::Kind::published:
      return take_time(value, into.published);
    case Place::Kind::other:
      break;
  }
  return SUCCESS;
}

/// Empty when all is well; what is missing otherwise.
std::string_view missing_member(const Indicator& indicator) {
  if (indicator.id.empty()) return "id";
  if (indicator.value.empty()) return "indicator";
  if (indicator.type.empty()) return "type";
  return {};
}

/// Into an indicator that may hold another one's texts.
error_code take_object(ondemand::object object, Layout& layout, Indicator& into) {
  for (auto* text : {&into.id, &into.value, &into.type, &into.marker}) text->clear();
  into.source = falcon_source;
  into.deleted = false;
  into.confidence = Confidence::unverified;
  into.published = into.last_updated = {};
  Lists filled;
  std::size_t at = 0;
  for (auto each : object) {
    ondemand::field field;
    if (const auto code = std::move(each).get(field)) return code;
    Place place;
    if (const auto code = layout.find(field, at++, place)) return code;
    const auto code = take_member(place, field.value(), into, filled);
    if (is_damage(code)) return code;
  }
  for (std::size_t i = 0; i < std::size(lists); ++i)
    if (!filled[i]) (into.*lists[i].second).clear();
  return SUCCESS;
}

std::unexpected<Error> no_answer(std::string_view why) {
  return fail(ErrorCode::protocol, fmt::format("the answer cannot be read: {}", why), {},
              "check FALCON_BASE_URL and the proxy: this is not an answer of the Falcon API");
}

error_code take_total(ondemand::value& meta, IndicatorPage& page) {
  ondemand::object object;
  if (const auto code = meta.get_object().get(object)) return code;
  std::uint64_t total = 0;
  const auto code = object["pagination"]["total"].get_uint64().get(total);
  if (code == SUCCESS) page.total = total;
  return code == simdjson::NO_SUCH_FIELD ? SUCCESS : code;
}

std::string_view without_blanks_behind(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || (text.back() >= '\t' && text.back() <= '\r'))) text.remove_suffix(1);
  return text;
}

}  // namespace

const char* to_string(Confidence confidence) {
  switch (confidence) {
    case Confidence::high:
      return "high";
    case Confidence::medium:
      return "medium";
    case Confidence::low:
      return "low";
    case Confidence::unverified:
      break;
  }
  return "unverified";
}

Confidence confidence_named(std::string_view word) {
  for (const auto confidence : {Confidence::high, Confidence::medium, Confidence::low})
    if (fql::equal_ignoring_case(word, to_string(confidence))) return confidence;
  return Confidence::unverified;
}

Confidence confidence_of_percent(std::int64_t percent) {
  if (percent >= 70) return Confidence::high;
  if (percent >= 30) return Confidence::medium;
  return percent >= 1 ? Confidence::low : Confidence::unverified;
}

struct IndicatorReader::State {
  explicit State(Members wanted) : members(wanted), layout(wanted) {}

  Members members;
  Layout layout;
  ondemand::parser parser;
  std::string copy;  ///< of a text without room behind it

  error_code take_resources(ondemand::document& document, ondemand::value& resources, IndicatorPage& page) {
    ondemand::array items;
    if (const auto code = resources.get_array().get(items)) return code;
    std::size_t count = 0;
    for (auto each : items) {
      ondemand::value item;
      if (const auto code = std::move(each).get(item)) return code;
      const char* const begin = item.raw_json_token().data();
      ondemand::object object;
      if (item.get_object().get(object) != SUCCESS) {
        note_unreadable(page, "it is no object");
        continue;
      }
      // The places of the last page are filled anew: their memory is kept.
      if (count == page.indicators.size()) page.indicators.emplace_back();
      Indicator& indicator = page.indicators[count];
      if (const auto code = take_object(object, layout, indicator)) return code;
      if (const auto missing = missing_member(indicator); !missing.empty()) {
        note_unreadable(page, fmt::format("it has no text in '{}'", missing));
        continue;
      }
      ++count;
      if (members != Members::all) continue;
      const char* behind = nullptr;
      if (const auto code = document.current_location().get(behind)) return code;
      page.lines.push_back(without_blanks_behind({begin, static_cast<std::size_t>(behind - begin)}));
    }
    page.indicators.resize(count);
    return SUCCESS;
  }

  static void note_unreadable(IndicatorPage& page, std::string reason) {
    if (page.unreadable++ == 0) page.unreadable_reason = std::move(reason);
  }
};

IndicatorReader::IndicatorReader(Members members) : state_(std::make_unique<State>(members)) {}
IndicatorReader::IndicatorReader(IndicatorReader&&) noexcept = default;
IndicatorReader& IndicatorReader::operator=(IndicatorReader&&) noexcept = default;
IndicatorReader::~IndicatorReader() = default;

Result<Indicator> IndicatorReader::read(std::string_view json) {
  const auto why = [](error_code code) {
    return fail(ErrorCode::invalid_input, fmt::format("is no JSON object: {}", simdjson::error_message(code)));
  };
  state_->copy.reserve(json.size() + simdjson::SIMDJSON_PADDING);
  state_->copy = json;
  ondemand::document document;
  if (const auto code = state_->parser.iterate(state_->copy).get(document)) return why(code);
  ondemand::object object;
  if (const auto code = document.get_object().get(object)) return why(code);
  Indicator indicator;
  if (const auto code = take_object(object, state_->layout, indicator)) return why(code);
  const char* behind = nullptr;
  if (document.current_location().get(behind) == SUCCESS)
    return fail(ErrorCode::invalid_input, "is no JSON object: something follows it");
  if (const auto missing = missing_member(indicator); !missing.empty())
    return fail(ErrorCode::invalid_input, fmt::format("has no text in '{}'", missing));
  return indicator;
}

Result<void> IndicatorReader::read_page(std::string& answer, IndicatorPage& page) {
  const auto why = [](error_code code) { return no_answer(simdjson::error_message(code)); };
  page.lines.clear();
  page.total.reset();
  page.unreadable = 0;
  page.unreadable_reason.clear();
  page.has_errors = false;
  answer.reserve(answer.size() + simdjson::SIMDJSON_PADDING);
  ondemand::document document;
  if (const auto code = state_->parser.iterate(answer).get(document)) return why(code);
  ondemand::object envelope;
  if (const auto code = document.get_object().get(envelope)) return why(code);
  bool is_envelope = false;
  bool has_resources = false;
  for (auto each : envelope) {
    ondemand::field field;
    if (const auto code = std::move(each).get(field)) return why(code);
    std::string_view key;
    if (const auto code = field.unescaped_key().get(key)) return why(code);
    auto code = SUCCESS;
    if (key == "resources" && !has_resources) {
      is_envelope = true;
      code = state_->take_resources(document, field.value(), page);
      has_resources = code == SUCCESS;
      if (code == simdjson::INCORRECT_TYPE && !field.value().is_null()) return no_answer("'resources' is no list");
    } else if (key == "meta") {
      is_envelope = true;
      code = take_total(field.value(), page);
    } else if (key == "errors") {
      ondemand::array errors;
      code = field.value().get_array().get(errors);
      bool is_empty = true;
      if (code == SUCCESS) code = errors.is_empty().get(is_empty);
      page.has_errors = !is_empty;
    }
    if (is_damage(code)) return why(code);
  }
  if (!is_envelope) return no_answer("it has neither 'meta' nor 'resources'");
  if (!has_resources) page.indicators.clear();
  return {};
}

Result<Indicator> parse_indicator(std::string_view json) {
  return IndicatorReader().read(json);
}

std::string to_json(const Indicator& indicator) {
  nlohmann::json json{{"id", indicator.id},           {"indicator", indicator.value},
                      {"type", indicator.type},       {"source", indicator.source},
                      {"deleted", indicator.deleted}, {"malicious_confidence", to_string(indicator.confidence)}};
  if (!indicator.marker.empty()) json["_marker"] = indicator.marker;
  const auto add_time = [&](const char* name, Time time) {
    if (time != Time{}) json[name] = time.time_since_epoch().count();
  };
  add_time("published_date", indicator.published);
  add_time("last_updated", indicator.last_updated);
  add_time("valid_until", indicator.valid_until.value_or(Time{}));
  for (const auto& [name, list] : lists) json[std::string(name)] = indicator.*list;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace intelwall::intel
