#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <unordered_map>

#include "intel/feed_reader.hpp"
#include "intel/stix_pattern.hpp"

namespace intelwall::intel {
namespace {

namespace ondemand = simdjson::ondemand;
using simdjson::error_code;
using simdjson::SUCCESS;

/// A STIX object, as far as it matters here.
struct Object {
  std::string type, id, name, pattern, pattern_type, valid_until, created, modified;
  std::string relationship_type, source_ref, target_ref;
  std::vector<std::string> labels, indicator_types, phases;
  std::optional<std::int64_t> confidence;
  bool is_revoked = false;
};

/// A value of another kind than expected counts as missing; damaged JSON ends the reading.
bool is_damage(error_code code) {
  return code != SUCCESS && code != simdjson::INCORRECT_TYPE && code != simdjson::NUMBER_ERROR &&
         code != simdjson::NUMBER_OUT_OF_RANGE && code != simdjson::NO_SUCH_FIELD;
}

/// Texts, or of objects in the list the texts at `member`.
error_code take_texts(ondemand::value& value, const char* member, std::vector<std::string>& into) {
  into.clear();
  ondemand::array items;
  if (const auto code = value.get_array().get(items)) return code;
  for (auto each : items) {
    ondemand::value item;
    if (const auto code = std::move(each).get(item)) return code;
    std::string_view text;
    const auto code = member == nullptr ? item.get_string().get(text) : item[member].get_string().get(text);
    if (code == SUCCESS) into.emplace_back(text);
    if (is_damage(code)) return code;
  }
  return SUCCESS;
}

error_code take_member(std::string_view key, ondemand::value& value, Object& into) {
  static constexpr std::pair<std::string_view, std::string Object::*> texts[] = {
      {"type", &Object::type},
      {"id", &Object::id},
      {"name", &Object::name},
      {"pattern", &Object::pattern},
      {"pattern_type", &Object::pattern_type},
      {"valid_until", &Object::valid_until},
      {"created", &Object::created},
      {"modified", &Object::modified},
      {"relationship_type", &Object::relationship_type},
      {"source_ref", &Object::source_ref},
      {"target_ref", &Object::target_ref}};
  for (const auto& [name, field] : texts) {
    if (key != name) continue;
    std::string_view text;
    const auto code = value.get_string().get(text);
    if (code == SUCCESS) into.*field = text;
    return code;
  }
  if (key == "labels") return take_texts(value, nullptr, into.labels);
  if (key == "indicator_types") return take_texts(value, nullptr, into.indicator_types);
  if (key == "kill_chain_phases") return take_texts(value, "phase_name", into.phases);
  if (key == "revoked") return value.get_bool().get(into.is_revoked);
  if (key == "confidence") {
    std::int64_t percent = 0;
    const auto code = value.get_int64().get(percent);
    if (code == SUCCESS) into.confidence = percent;
    return code;
  }
  return SUCCESS;
}

error_code take_object(ondemand::object object, Object& into) {
  for (auto each : object) {
    ondemand::field field;
    if (const auto code = std::move(each).get(field)) return code;
    std::string_view key;
    if (const auto code = field.unescaped_key().get(key)) return code;
    if (const auto code = take_member(key, field.value(), into); is_damage(code)) return code;
  }
  return SUCCESS;
}

/// Whose an indicator is, by the type of the object that it indicates.
enum class Owner { none, actor, family };
Owner owner_kind(std::string_view id) {
  for (const std::string_view type : {"threat-actor--", "intrusion-set--", "campaign--"})
    if (id.starts_with(type)) return Owner::actor;
  for (const std::string_view type : {"malware--", "tool--"})
    if (id.starts_with(type)) return Owner::family;
  return Owner::none;
}

/// Everything that must be known before the first indicator can be told.
class Bundle {
 public:
  void add(Object&& object, FeedSink& sink) {
    if (object.type == "indicator") {
      const auto [known, is_new] = places_.try_emplace(object.id, indicators_.size());
      if (is_new || object.id.empty()) {
        indicators_.push_back(std::move(object));
      } else if (Object& old = indicators_[known->second]; old.modified <= object.modified) {
        old = std::move(object);  // a bundle may hold several versions: the last one counts
      }
    } else if (object.type == "relationship") {
      if (object.relationship_type == "indicates" && !object.is_revoked && owner_kind(object.target_ref) != Owner::none)
        relations_.emplace(std::move(object.source_ref), std::move(object.target_ref));
    } else if (owner_kind(object.id) != Owner::none && !object.name.empty()) {
      names_[std::move(object.id)] = std::move(object.name);
    } else {
      sink.pass_over();
    }
  }

  Result<void> tell(FeedSink& sink) const {
    for (const Object& object : indicators_) IW_CHECK(tell(object, sink));
    return {};
  }

 private:
  Result<void> tell(const Object& object, FeedSink& sink) const {
    const auto until = parse_time(object.valid_until);
    if (until && *until <= sink.options().now && !object.is_revoked) {
      sink.pass_over();
      return {};
    }
    if (!object.pattern_type.empty() && object.pattern_type != "stix") {
      sink.pass_over();  // a Sigma, Snort or YARA rule
      return {};
    }
    const auto observables = read_stix_pattern(object.pattern);
    if (!observables) {
      sink.refuse(object.pattern, 0, fmt::format("{} ({})", observables.error().message, printable(object.id)));
      return {};
    }
    Indicator indicator;
    indicator.deleted = object.is_revoked;
    indicator.confidence = object.confidence ? confidence_of_percent(*object.confidence) : sink.options().confidence;
    indicator.published = parse_time(object.created).value_or(Time{});
    indicator.last_updated = parse_time(object.modified).value_or(indicator.published);
    if (until) indicator.valid_until = *until;
    indicator.kill_chains = object.phases;
    indicator.threat_types = object.indicator_types;
    indicator.labels = object.labels;
    if (!object.id.empty()) indicator.reports = {object.id};
    set_domain_types(object, indicator);
    set_owners(object, indicator);
    for (const auto& [type, value] : *observables) {
      if (type.empty()) {
        sink.pass_over();
        continue;
      }
      Indicator each = indicator;
      each.type = type;
      each.value = value;
      IW_CHECK(sink.take(std::move(each)));
    }
    return {};
  }

  /// Falcon's words for what must not be blocked without a thought.
  static void set_domain_types(const Object& object, Indicator& indicator) {
    for (const auto* words : {&object.indicator_types, &object.labels}) {
      for (const auto& word : *words) {
        if (word == "benign") indicator.domain_types = {"KnownGood"};
        if (word == "compromised" && indicator.domain_types.empty()) indicator.domain_types = {"LegitimateCompromised"};
      }
    }
  }

  void set_owners(const Object& object, Indicator& indicator) const {
    const auto [begin, end] = relations_.equal_range(object.id);
    for (auto relation = begin; relation != end; ++relation) {
      const auto name = names_.find(relation->second);
      if (name == names_.end()) continue;
      auto& list = owner_kind(relation->second) == Owner::actor ? indicator.actors : indicator.malware_families;
      list.push_back(name->second);
    }
    for (auto* list : {&indicator.actors, &indicator.malware_families}) {
      std::ranges::sort(*list);
      const auto twice = std::ranges::unique(*list);
      list->erase(twice.begin(), twice.end());
    }
  }

  std::vector<Object> indicators_;
  std::unordered_map<std::string, std::size_t> places_;          ///< in indicators_, by id
  std::unordered_multimap<std::string, std::string> relations_;  ///< indicator → what it indicates
  std::unordered_map<std::string, std::string> names_;           ///< of actors and families, by id
};

error_code read_objects(ondemand::value& value, Bundle& bundle, FeedSink& sink) {
  ondemand::array items;
  if (const auto code = value.get_array().get(items)) return code;
  for (auto each : items) {
    ondemand::value item;
    if (const auto code = std::move(each).get(item)) return code;
    ondemand::object members;
    if (item.get_object().get(members) != SUCCESS) {
      sink.refuse("", 0, "an object of the bundle is no JSON object");
      continue;
    }
    Object object;
    if (const auto code = take_object(members, object)) return code;
    bundle.add(std::move(object), sink);
  }
  return SUCCESS;
}

std::unexpected<Error> no_bundle(const FeedSink& sink, std::string_view why) {
  return fail(ErrorCode::invalid_input, fmt::format("this STIX bundle cannot be read: {}", why),
              printable(sink.name()));
}

}  // namespace

Result<void> read_stix(std::string& text, FeedSink& sink) {
  ondemand::parser parser;
  ondemand::document document;
  const auto why = [&](error_code code) { return no_bundle(sink, simdjson::error_message(code)); };
  if (const auto code = parser.iterate(text).get(document)) return why(code);
  ondemand::object members;
  if (const auto code = document.get_object().get(members)) return why(code);
  Bundle bundle;
  bool has_objects = false;
  for (auto each : members) {
    ondemand::field field;
    if (const auto code = std::move(each).get(field)) return why(code);
    std::string_view key;
    if (const auto code = field.unescaped_key().get(key)) return why(code);
    if (key != "objects") continue;
    if (const auto code = read_objects(field.value(), bundle, sink)) return why(code);
    has_objects = true;
  }
  if (!has_objects) return no_bundle(sink, "it has no \"objects\"");
  return bundle.tell(sink);
}

}  // namespace intelwall::intel
