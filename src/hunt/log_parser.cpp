#include "hunt/log_parser.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "hunt/log_names.hpp"

namespace intelwall::hunt {
namespace {

namespace ondemand = simdjson::ondemand;
using simdjson::error_code;
using simdjson::SUCCESS;

/// What a line has told so far.
struct Gathered {
  Contact contact;
  std::string_view type;  ///< event_type; empty where there is none
  struct Name {
    Contact::Kind kind;
    std::string_view text;
  };
  std::vector<Name> names;
  bool uninteresting = false;
};

/// Sets what is a text; other values are passed over.
error_code take_text(ondemand::value value, std::string_view& into) {
  std::string_view text;
  const auto code = value.get_string().get(text);
  if (code == SUCCESS) into = text;
  return code == simdjson::INCORRECT_TYPE ? SUCCESS : code;
}

/// Ports are numbers in most logs and texts in TLS logs.
error_code take_port(ondemand::value value, std::uint16_t& into) {
  std::uint64_t number = 0;
  auto code = value.get_uint64().get(number);
  if (code == simdjson::INCORRECT_TYPE || code == simdjson::NUMBER_ERROR) {
    std::string_view text;
    code = value.get_string().get(text);
    if (code == SUCCESS) std::from_chars(text.data(), text.data() + text.size(), number);
    if (code == simdjson::INCORRECT_TYPE) code = SUCCESS;
  }
  if (number <= 65'535) into = static_cast<std::uint16_t>(number);
  return code;
}

/// Calls `each(key, value)` for the members of an object; of other values nothing. Stops at the first error.
template <class Each>
error_code for_members(ondemand::value value, Each&& each) {
  ondemand::json_type type{};
  if (const auto code = value.type().get(type)) return code;
  if (type != ondemand::json_type::object) return SUCCESS;
  ondemand::object object;
  if (const auto code = value.get_object().get(object)) return code;
  for (auto member : object) {
    ondemand::field field;
    if (const auto code = std::move(member).get(field)) return code;
    std::string_view key;
    if (const auto code = field.unescaped_key().get(key)) return code;
    if (const auto code = each(key, field.value())) return code;
  }
  return SUCCESS;
}

error_code read_named(ondemand::value value, std::string_view wanted, Contact::Kind kind, Gathered& into) {
  return for_members(value, [&](std::string_view key, ondemand::value member) {
    if (key != wanted) return SUCCESS;
    std::string_view name;
    const auto code = take_text(member, name);
    if (!name.empty()) into.names.push_back({kind, name});
    return code;
  });
}

/// `rrname` of the record itself (version 2), or of each in "query" or "queries" (alerts, version 3). Answers name what
/// was asked before.
error_code read_dns(ondemand::value value, Gathered& into) {
  std::string_view own, type;
  const auto code = for_members(value, [&](std::string_view key, ondemand::value member) -> error_code {
    if (key == "rrname") return take_text(member, own);
    if (key == "type") return take_text(member, type);
    if (key != "query" && key != "queries") return SUCCESS;
    ondemand::json_type list{};
    if (const auto bad = member.type().get(list)) return bad;
    if (list != ondemand::json_type::array) return SUCCESS;
    ondemand::array array;
    if (const auto bad = member.get_array().get(array)) return bad;
    for (auto item : array) {
      ondemand::value query;
      if (const auto bad = std::move(item).get(query)) return bad;
      if (const auto bad = read_named(query, "rrname", Contact::Kind::dns, into)) return bad;
    }
    return SUCCESS;
  });
  if (!own.empty() && type != "answer" && type != "response") into.names.push_back({Contact::Kind::dns, own});
  return code;
}

Contact::Outcome outcome_of(std::string_view word) {
  if (word == "blocked" || word == "drop" || word == "reject" || word == "BLOCK") return Contact::Outcome::blocked;
  if (word == "allowed" || word == "pass" || word == "alert" || word == "ALERT") return Contact::Outcome::allowed;
  return Contact::Outcome::untold;
}

error_code read_alert(ondemand::value value, Gathered& into) {
  return for_members(value, [&](std::string_view key, ondemand::value member) -> error_code {
    if (key == "action") {
      std::string_view action;
      const auto code = take_text(member, action);
      into.contact.outcome = outcome_of(action);
      return code;
    }
    if (key == "signature") return take_text(member, into.contact.signature);
    if (key == "signature_id") {
      const auto code = member.get_uint64().get(into.contact.sid);
      return code == simdjson::INCORRECT_TYPE || code == simdjson::NUMBER_ERROR ? SUCCESS : code;
    }
    return SUCCESS;
  });
}

bool has_names(std::string_view type) {
  static constexpr std::string_view types[] = {"alert", "tls", "http", "dns", "quic"};
  return std::ranges::find(types, type) != std::end(types);
}

/// A member of the line or, in Network Firewall's envelope, of its event.
error_code read_member(std::string_view key, ondemand::value value, Gathered& into) {
  auto& contact = into.contact;
  switch (key.empty() ? '\0' : key.front()) {
    case 'a':
      if (key == "alert") return read_alert(value, into);
      if (key == "availability_zone") return take_text(value, contact.zone);
      if (key == "account_id") return take_text(value, contact.account);
      break;
    case 'd':
      if (key == "dest_ip") return take_text(value, contact.destination);
      if (key == "dest_port") return take_port(value, contact.destination_port);
      if (key == "dns") return read_dns(value, into);
      break;
    case 'e':
      if (key == "event_type") {
        const auto code = take_text(value, into.type);
        into.uninteresting = !has_names(into.type);
        return code;
      }
      if (key == "event") {
        return for_members(value, [&](std::string_view inner, ondemand::value member) -> error_code {
          // An event in an event is nobody's log.
          if (into.uninteresting || inner == "event") return SUCCESS;
          return read_member(inner, member, into);
        });
      }
      break;
    case 'f':
      if (key == "firewall_name") return take_text(value, contact.firewall);
      if (key == "firewall_rule_action") {
        std::string_view action;
        const auto code = take_text(value, action);
        contact.outcome = outcome_of(action);
        return code;
      }
      break;
    case 'h':
      if (key == "http") return read_named(value, "hostname", Contact::Kind::http, into);
      break;
    case 'q':
      if (key == "quic") return read_named(value, "sni", Contact::Kind::quic, into);
      if (key == "query_timestamp") return take_text(value, contact.time);
      if (key == "query_name") {
        std::string_view name;
        const auto code = take_text(value, name);
        if (!name.empty()) into.names.push_back({Contact::Kind::dns, name});
        return code;
      }
      break;
    case 's':
      if (key == "src_ip" || key == "srcaddr") return take_text(value, contact.source);
      if (key == "src_port" || key == "srcport") return take_port(value, contact.source_port);
      if (key == "srcids") {
        return for_members(value, [&](std::string_view id, ondemand::value member) {
          return id == "instance" ? take_text(member, contact.instance) : SUCCESS;
        });
      }
      if (key == "sni") {
        std::string_view name;
        const auto code = take_text(value, name);
        if (!name.empty()) into.names.push_back({Contact::Kind::tls, name});
        return code;
      }
      break;
    case 't':
      if (key == "tls") return read_named(value, "sni", Contact::Kind::tls, into);
      if (key == "timestamp") return take_text(value, contact.time);
      break;
    case 'v':
      if (key == "vpc_id") return take_text(value, contact.vpc);
      break;
    default:
      break;
  }
  return SUCCESS;
}

}  // namespace

const char* to_string(Contact::Kind kind) {
  switch (kind) {
    case Contact::Kind::tls:
      return "tls";
    case Contact::Kind::http:
      return "http";
    case Contact::Kind::dns:
      return "dns";
    case Contact::Kind::quic:
      return "quic";
  }
  return "tls";
}

const char* to_string(Contact::Outcome outcome) {
  switch (outcome) {
    case Contact::Outcome::untold:
      return "untold";
    case Contact::Outcome::allowed:
      return "allowed";
    case Contact::Outcome::blocked:
      return "blocked";
  }
  return "untold";
}

struct LogParser::State {
  ondemand::parser json;
  Gathered gathered;
  NameRoom name;
};

LogParser::LogParser() : state_(std::make_unique<State>()) {}
LogParser::LogParser(LogParser&&) noexcept = default;
LogParser& LogParser::operator=(LogParser&&) noexcept = default;
LogParser::~LogParser() = default;

Result<void> LogParser::parse(std::string_view line, std::size_t padding, const TakeContact& take) {
  IW_ASSERT(padding >= simdjson::SIMDJSON_PADDING);
  const auto why = [](error_code code) {
    return fail(ErrorCode::invalid_input,
                fmt::format("is no JSON object on one line: {}", simdjson::error_message(code)));
  };
  auto& gathered = state_->gathered;
  gathered.contact = {};
  gathered.type = {};
  gathered.names.clear();
  gathered.uninteresting = false;

  ondemand::document document;
  if (const auto code = state_->json.iterate(line.data(), line.size(), line.size() + padding).get(document))
    return why(code);
  ondemand::object object;
  if (const auto code = document.get_object().get(object)) return why(code);
  for (auto member : object) {
    ondemand::field field;
    if (const auto code = std::move(member).get(field)) return why(code);
    std::string_view key;
    if (const auto code = field.unescaped_key().get(key)) return why(code);
    if (const auto code = read_member(key, field.value(), gathered)) return why(code);
    if (gathered.uninteresting) return {};
  }
  for (const auto& [kind, text] : gathered.names) {
    gathered.contact.kind = kind;
    gathered.contact.name = tidy(text, kind, state_->name);
    if (!gathered.contact.name.empty()) take(gathered.contact);
  }
  return {};
}

}  // namespace intelwall::hunt
