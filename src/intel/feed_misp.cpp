#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>

#include "intel/feed_reader.hpp"

namespace intelwall::intel {
namespace {

using Element = simdjson::dom::element;

/// What an event says of all its attributes.
struct Event {
  Confidence confidence;
  std::vector<std::string> actors, families, labels;
  std::string report;
};

std::string_view text_at(const Element& object, const char* key) {
  std::string_view text;
  return object[key].get_string().get(text) == simdjson::SUCCESS ? text : std::string_view();
}

bool truth_at(const Element& object, const char* key, bool otherwise) {
  bool truth = otherwise;
  return object[key].get_bool().get(truth) == simdjson::SUCCESS ? truth : otherwise;
}

/// Also as text, which MISP writes.
Time time_at(const Element& object, const char* key) {
  constexpr std::int64_t latest = 253'402'300'799;
  std::int64_t seconds = 0;
  if (object[key].get_int64().get(seconds) != simdjson::SUCCESS) {
    const auto text = text_at(object, key);
    if (std::from_chars(text.data(), text.data() + text.size(), seconds).ec != std::errc()) return {};
  }
  return seconds > 0 && seconds <= latest ? Time(std::chrono::seconds(seconds)) : Time{};
}

template <class Visit>
void each_in(const Element& object, const char* key, const Visit& visit) {
  simdjson::dom::array items;
  if (object[key].get_array().get(items) != simdjson::SUCCESS) return;
  for (const Element item : items) visit(item);
}

/// `misp-galaxy:threat-actor="APT 29"`
void take_tag(std::string_view tag, std::vector<std::string>& actors, std::vector<std::string>& families,
              std::vector<std::string>& labels) {
  labels.emplace_back(tag);
  constexpr std::string_view galaxy = "misp-galaxy:";
  const std::size_t quote = tag.find("=\"");
  if (!tag.starts_with(galaxy) || quote == std::string_view::npos || !tag.ends_with('"')) return;
  const std::string_view kind = tag.substr(galaxy.size(), quote - galaxy.size());
  const std::string name(tag.substr(quote + 2, tag.size() - quote - 3));
  if (name.empty()) return;
  for (const std::string_view actor : {"threat-actor", "mitre-intrusion-set", "360net-threat-actor"})
    if (kind == actor) actors.push_back(name);
  for (const std::string_view family : {"malpedia", "mitre-malware", "tool", "ransomware", "banker", "rat", "botnet"})
    if (kind == family) families.push_back(name);
}

void add_tags(const Element& object, std::vector<std::string>& actors, std::vector<std::string>& families,
              std::vector<std::string>& labels) {
  each_in(object, "Tag", [&](const Element& tag) {
    if (const auto name = text_at(tag, "name"); !name.empty()) take_tag(name, actors, families, labels);
  });
}

/// Falcon's word for MISP's; of composites ("domain|ip") for the part before the bar.
std::string_view type_of(std::string_view type) {
  constexpr std::pair<std::string_view, std::string_view> types[] = {{"domain", "domain"},
                                                                     {"hostname", "domain"},
                                                                     {"domain|ip", "domain"},
                                                                     {"hostname|port", "domain"},
                                                                     {"url", "url"},
                                                                     {"uri", "url"},
                                                                     {"ip-dst", "ip_address"},
                                                                     {"ip-src", "ip_address"},
                                                                     {"ip-dst|port", "ip_address"},
                                                                     {"md5", "hash_md5"},
                                                                     {"sha1", "hash_sha1"},
                                                                     {"sha256", "hash_sha256"},
                                                                     {"filename", "file_name"},
                                                                     {"email-src", "email_address"},
                                                                     {"mutex", "mutex_name"}};
  const auto* known = std::ranges::find(types, type, &std::pair<std::string_view, std::string_view>::first);
  return known == std::end(types) ? std::string_view() : known->second;
}

Result<void> take_attribute(const Element& attribute, const Event& event, FeedSink& sink) {
  const std::string_view written = text_at(attribute, "type"), value = text_at(attribute, "value");
  const std::string_view type = type_of(written);
  // What is not for detection systems is context: the name of a victim, a bank, a CDN.
  if (type.empty() || !truth_at(attribute, "to_ids", false)) {
    sink.pass_over();
    return {};
  }
  if (value.empty()) {
    sink.refuse(written, 0, "an attribute has no text in 'value'");
    return {};
  }
  Indicator indicator;
  indicator.type = type;
  indicator.value = written.contains('|') ? value.substr(0, value.find('|')) : value;
  indicator.deleted = truth_at(attribute, "deleted", false);
  indicator.confidence = event.confidence;
  indicator.published = indicator.last_updated = time_at(attribute, "timestamp");
  indicator.actors = event.actors;
  indicator.malware_families = event.families;
  indicator.labels = event.labels;
  if (!event.report.empty()) indicator.reports = {event.report};
  add_tags(attribute, indicator.actors, indicator.malware_families, indicator.labels);
  return sink.take(std::move(indicator));
}

Result<void> take_event(const Element& element, FeedSink& sink) {
  Event event{.confidence = sink.options().confidence, .report = std::string(text_at(element, "uuid"))};
  const std::string_view level = text_at(element, "threat_level_id");
  if (level == "1") event.confidence = Confidence::high;
  if (level == "2") event.confidence = Confidence::medium;
  if (level == "3") event.confidence = Confidence::low;
  add_tags(element, event.actors, event.families, event.labels);
  Result<void> outcome;
  const auto take = [&](const Element& attribute) {
    if (outcome) outcome = take_attribute(attribute, event, sink);
  };
  each_in(element, "Attribute", take);
  each_in(element, "Object", [&](const Element& object) { each_in(object, "Attribute", take); });
  return outcome;
}

}  // namespace

Result<void> read_misp(std::string& text, FeedSink& sink) {
  simdjson::dom::parser parser;
  Element root;
  if (const auto code = parser.parse(text).get(root)) {
    return fail(ErrorCode::invalid_input,
                fmt::format("this MISP export cannot be read: {}", simdjson::error_message(code)),
                printable(sink.name()));
  }
  std::vector<Element> events;
  const auto add = [&](const Element& item) {
    Element event;
    if (item["Event"].get(event) == simdjson::SUCCESS) events.push_back(event);
  };
  add(root);
  each_in(root, "response", add);
  if (simdjson::dom::array items; root.get_array().get(items) == simdjson::SUCCESS)
    for (const Element item : items) add(item);
  if (events.empty())
    return fail(ErrorCode::invalid_input, "this MISP export holds no \"Event\"", printable(sink.name()));
  for (const Element& event : events) IW_CHECK(take_event(event, sink));
  return {};
}

}  // namespace intelwall::intel
