#include "intel/traffic_log.hpp"

#include <simdjson.h>

#include <array>
#include <charconv>
#include <string>

namespace intelwall::intel {
namespace {

namespace ondemand = simdjson::ondemand;
using simdjson::error_code;
using simdjson::SUCCESS;
using Line = TrafficLogReader::Line;

constexpr std::size_t most_names = 16;  ///< of one record: DNS over TCP may ask several questions

/// A value of another kind than expected counts as missing; damaged JSON ends the reading.
bool is_damage(error_code code) {
  return code != SUCCESS && code != simdjson::INCORRECT_TYPE && code != simdjson::NUMBER_ERROR &&
         code != simdjson::NUMBER_OUT_OF_RANGE && code != simdjson::NO_SUCH_FIELD;
}

/// What stands in a record, wherever it stands.
struct Record {
  Contact contact;
  std::string_view event_type, timestamp;
  std::int64_t seconds = 0;  ///< of the envelope
  struct Name {
    std::string_view text;
    Contact::Protocol protocol;
  };
  std::array<Name, most_names> names;
  std::size_t count = 0;
  bool is_answer = false;

  void add(std::string_view name, Contact::Protocol protocol) {
    if (!name.empty() && count < most_names) names[count++] = {name, protocol};
  }
};

error_code text_of(ondemand::value& value, std::string_view& into) {
  return value.get_string().get(into);
}

/// Calls `take(key, value)` for each member, until it says stop (false) or the JSON is damaged.
template <class Take>
error_code each_member(ondemand::object object, const Take& take) {
  for (auto each : object) {
    ondemand::field field;
    if (const auto code = std::move(each).get(field)) return code;
    std::string_view key;
    if (const auto code = field.unescaped_key().get(key)) return code;
    if (const auto code = take(key, field.value()); is_damage(code)) return code;
  }
  return SUCCESS;
}

template <class Take>
error_code in_object(ondemand::value& value, const Take& take) {
  ondemand::object object;
  if (const auto code = value.get_object().get(object)) return code;
  return each_member(object, take);
}

error_code take_name(ondemand::value& value, std::string_view member, Contact::Protocol protocol, Record& record) {
  return in_object(value, [&](std::string_view key, ondemand::value& inner) {
    std::string_view name;
    if (key != member) return SUCCESS;
    const auto code = text_of(inner, name);
    if (code == SUCCESS) record.add(name, protocol);
    return code;
  });
}

/// Suricata 7 has `rrname`, and `query` in alerts; Suricata 8 has `queries`.
error_code take_dns(ondemand::value& value, Record& record) {
  return in_object(value, [&](std::string_view key, ondemand::value& inner) {
    std::string_view text;
    if (key == "rrname") {
      const auto code = text_of(inner, text);
      if (code == SUCCESS) record.add(text, Contact::Protocol::dns);
      return code;
    }
    if (key == "type") {
      const auto code = text_of(inner, text);
      record.is_answer = code == SUCCESS && (text == "answer" || text == "response");
      return code;
    }
    if (key != "query" && key != "queries") return SUCCESS;
    ondemand::array items;
    if (const auto code = inner.get_array().get(items)) return code;
    for (auto each : items) {
      ondemand::value item;
      if (const auto code = std::move(each).get(item)) return code;
      if (const auto code = take_name(item, "rrname", Contact::Protocol::dns, record); is_damage(code)) return code;
    }
    return SUCCESS;
  });
}

error_code take_alert(ondemand::value& value, Contact& contact) {
  return in_object(value, [&](std::string_view key, ondemand::value& inner) {
    if (key == "signature") return text_of(inner, contact.signature);
    if (key == "signature_id") {
      std::uint64_t number = 0;
      const auto code = inner.get_uint64().get(number);
      if (code == SUCCESS) contact.signature_id = static_cast<std::uint32_t>(number);
      return code;
    }
    if (key != "action") return SUCCESS;
    std::string_view word;
    const auto code = text_of(inner, word);
    if (code == SUCCESS) contact.action = word == "blocked" ? Contact::Action::blocked : Contact::Action::allowed;
    return code;
  });
}

error_code take_event_member(std::string_view key, ondemand::value& value, Record& record) {
  if (key == "event_type") return text_of(value, record.event_type);
  if (key == "timestamp") return text_of(value, record.timestamp);
  if (key == "src_ip") return text_of(value, record.contact.workload);
  if (key == "dest_ip") return text_of(value, record.contact.destination);
  if (key == "alert") return take_alert(value, record.contact);
  if (key == "tls") return take_name(value, "sni", Contact::Protocol::tls, record);
  if (key == "quic") return take_name(value, "sni", Contact::Protocol::quic, record);
  if (key == "http") return take_name(value, "hostname", Contact::Protocol::http, record);
  if (key == "dns") return take_dns(value, record);
  if (key == "sni") {  // Network Firewall's TLS records
    std::string_view name;
    const auto code = text_of(value, name);
    if (code == SUCCESS) record.add(name, Contact::Protocol::tls);
    return code;
  }
  return SUCCESS;
}

/// Seconds since 1970, as a number or a text.
error_code take_seconds(ondemand::value& value, std::int64_t& into) {
  const auto code = value.get_int64().get(into);
  std::string_view text;
  if (code != simdjson::INCORRECT_TYPE || text_of(value, text) != SUCCESS) return code;
  std::from_chars(text.data(), text.data() + text.size(), into);
  return SUCCESS;
}

Time time_of(const Record& record) {
  constexpr std::int64_t latest = 253'402'300'799;
  std::string text(record.timestamp);
  // Suricata writes "+0000"; RFC 3339 has "+00:00".
  if (text.size() > 5 && (text[text.size() - 5] == '+' || text[text.size() - 5] == '-'))
    text.insert(text.size() - 2, ":");
  if (const auto own = parse_time(text)) return *own;
  return record.seconds > 0 && record.seconds <= latest ? Time(std::chrono::seconds(record.seconds)) : Time{};
}

/// Events that tell of a name; a record of Network Firewall's TLS log has no type.
bool tells_of_names(const Record& record) {
  const auto& type = record.event_type;
  return type == "alert" || type == "tls" || type == "http" || type == "quic" || type.empty() ||
         (type == "dns" && !record.is_answer);
}

Line tell(Record& record, const TrafficLogReader::TakeContact& take) {
  if (record.count == 0 || !tells_of_names(record)) return Line::nothing;
  Contact& contact = record.contact;
  contact.at = time_of(record);
  contact.event = record.event_type == "alert" ? Contact::Event::alert : Contact::Event::traffic;
  for (std::size_t i = 0; i < record.count; ++i) {
    contact.name = record.names[i].text;
    contact.protocol = record.names[i].protocol;
    take(contact);
  }
  return Line::contacts;
}

}  // namespace

const char* to_string(Contact::Protocol protocol) {
  switch (protocol) {
    case Contact::Protocol::tls:
      return "tls";
    case Contact::Protocol::http:
      return "http";
    case Contact::Protocol::dns:
      return "dns";
    case Contact::Protocol::quic:
      break;
  }
  return "quic";
}

struct TrafficLogReader::State {
  ondemand::parser parser;
  std::unique_ptr<State> inner;  ///< of records inside a subscription message
  std::string message;

  Line read(std::string_view line, std::size_t padding, const TakeContact& take, bool may_hold_messages) {
    ondemand::document document;
    ondemand::object members;
    if (parser.iterate(line.data(), line.size(), line.size() + padding).get(document) != SUCCESS)
      return Line::unreadable;
    if (document.get_object().get(members) != SUCCESS) return Line::unreadable;
    Record record;
    Line messages = Line::nothing;
    const auto code = each_member(members, [&](std::string_view key, ondemand::value& value) {
      if (key == "event") {
        return in_object(value, [&](std::string_view name, ondemand::value& inside) {
          return take_event_member(name, inside, record);
        });
      }
      if (key == "event_timestamp") return take_seconds(value, record.seconds);
      if (key == "firewall_name") return text_of(value, record.contact.firewall);
      if (key == "logEvents" && may_hold_messages) return read_messages(value, take, messages);
      return take_event_member(key, value, record);
    });
    const char* behind = nullptr;
    if (code != SUCCESS || document.current_location().get(behind) == SUCCESS) return Line::unreadable;
    const Line told = tell(record, take);
    return told == Line::nothing ? messages : told;
  }

  error_code read_messages(ondemand::value& value, const TakeContact& take, Line& outcome) {
    ondemand::array events;
    if (const auto code = value.get_array().get(events)) return code;
    if (!inner) inner = std::make_unique<State>();
    for (auto each : events) {
      ondemand::value event;
      if (const auto code = std::move(each).get(event)) return code;
      const auto code = in_object(event, [&](std::string_view key, ondemand::value& text) {
        std::string_view record;
        if (key != "message") return SUCCESS;
        if (const auto wrong = text_of(text, record)) return wrong;
        inner->message.assign(record);
        inner->message.append(simdjson::SIMDJSON_PADDING, '\0');
        const Line told = inner->read({inner->message.data(), record.size()}, simdjson::SIMDJSON_PADDING, take, false);
        if (told == Line::contacts || outcome == Line::nothing) outcome = told;
        return SUCCESS;
      });
      if (is_damage(code)) return code;
    }
    return SUCCESS;
  }
};

TrafficLogReader::TrafficLogReader() : state_(std::make_unique<State>()) {}
TrafficLogReader::TrafficLogReader(TrafficLogReader&&) noexcept = default;
TrafficLogReader& TrafficLogReader::operator=(TrafficLogReader&&) noexcept = default;
TrafficLogReader::~TrafficLogReader() = default;

TrafficLogReader::Line TrafficLogReader::read(std::string_view line, std::size_t padding, const TakeContact& take) {
  IW_ASSERT(padding >= simdjson::SIMDJSON_PADDING);
  return state_->read(line, padding, take, true);
}

}  // namespace intelwall::intel
