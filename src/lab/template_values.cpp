#include "lab/template_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "aws/text.hpp"

namespace intelwall::lab {
namespace {

/// No resource takes a longer text, and functions in functions could otherwise double it again and again.
constexpr std::size_t text_byte_limit = 1u << 20;
constexpr std::size_t nested_conditions = 20;

std::unexpected<Error> invalid(std::string why, const std::string& place, std::string hint = {}) {
  return fail(ErrorCode::invalid_input, std::move(why), place, std::move(hint));
}

/// The only member of a mapping of one, if its name is a function's.
struct Call {
  const std::string& name;
  const Json& input;
};
std::optional<Call> call_in(const Json& written) {
  if (!written.is_object() || written.size() != 1) return {};
  const auto only = written.begin();
  if (only.key() != "Ref" && !only.key().starts_with("Fn::")) return {};
  return Call{only.key(), only.value()};
}

/// The pieces of a Sub text: literals, and names of "${name}".
struct Piece {
  enum class Kind { literal, name };
  Kind kind;
  std::string_view text;
};
std::vector<Piece> pieces_of(std::string_view text) {
  std::vector<Piece> pieces;
  while (!text.empty()) {
    const auto begin = text.find("${");
    const auto end = begin == std::string_view::npos ? begin : text.find('}', begin);
    if (end == std::string_view::npos) break;
    pieces.push_back({Piece::Kind::literal, text.substr(0, begin)});
    const auto name = text.substr(begin + 2, end - begin - 2);
    if (name.starts_with('!')) {  // ${!name} stands for ${name} itself
      pieces.push_back({Piece::Kind::literal, "${"});
      pieces.push_back({Piece::Kind::literal, text.substr(begin + 3, end - begin - 2)});
    } else {
      pieces.push_back({Piece::Kind::name, name});
    }
    text.remove_prefix(end + 1);
  }
  pieces.push_back({Piece::Kind::literal, text});
  return pieces;
}

/// The text and the names of its own of a Sub in either form; nullptr where it is neither.
std::pair<const std::string*, const Json*> parts_of_sub(const Json& input) {
  static const Json none = Json::object();
  if (input.is_string()) return {&input.get_ref<const std::string&>(), &none};
  if (!input.is_array() || input.size() != 2 || !input[0].is_string() || !input[1].is_object()) return {};
  return {&input[0].get_ref<const std::string&>(), &input[1]};
}

}  // namespace

std::optional<std::string> scalar_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (value.is_number()) return value.dump();
  return {};
}

TemplateValues::TemplateValues(const Json& document, std::map<std::string, Json> names, Resolve resolve)
    : document_(document), names_(std::move(names)), resolve_(std::move(resolve)) {}

Result<Json> TemplateValues::value(const Json& written, const std::string& place) {
  if (const auto call = call_in(written)) return function(call->name, call->input, place);
  if (written.is_array()) {
    Json out = Json::array();
    for (std::size_t i = 0; i < written.size(); ++i) {
      IW_TRY(Json each, value(written[i], fmt::format("{}[{}]", place, i)));
      if (!each.is_discarded()) out.push_back(std::move(each));
    }
    return out;
  }
  if (!written.is_object()) return written;
  Json out = Json::object();
  for (const auto& [name, member] : written.items()) {
    IW_TRY(Json each, value(member, place + "." + printable(name, 64)));
    if (!each.is_discarded()) out[name] = std::move(each);
  }
  return out;
}

Result<Json> TemplateValues::function(const std::string& name, const Json& input, const std::string& place) {
  if (name == "Ref" && input.is_string()) return look_up(input.get_ref<const std::string&>(), place);
  if (name == "Fn::GetAtt") return attribute(input, place);
  if (name == "Fn::Sub") return substitute(input, place);
  if (name == "Fn::Join") return join(input, place);
  if (name == "Fn::Select") return select(input, place);
  if (name == "Fn::Split") return split(input, place);
  if (name == "Fn::FindInMap") return find_in_map(input, place);
  if (name == "Fn::If") {
    IW_TRY(const Json* const taken, branch(input, place));
    return value(*taken, place);
  }
  return invalid(fmt::format("the lab has no function {} here", printable(name, 64)), place,
                 "the lab has Ref, GetAtt, Sub, If, Join, Select, Split and FindInMap");
}

Result<Json> TemplateValues::look_up(const std::string& name, const std::string& place) {
  if (name == "AWS::NoValue") return Json(Json::value_t::discarded);
  if (const auto found = names_.find(name); found != names_.end()) return found->second;
  auto resolved = resolve_(name, {});
  if (!resolved) resolved.error().place = place;
  return resolved;
}

Result<Json> TemplateValues::attribute(const Json& input, const std::string& place) {
  const bool joined = input.is_string();  // "resource.attribute" is YAML's long form
  if (!joined && (!input.is_array() || input.size() != 2 || !input[0].is_string()))
    return invalid("GetAtt takes a resource and an attribute", place);
  const std::string whole = joined ? input.get<std::string>() : input[0].get<std::string>();
  const auto dot = joined ? std::min(whole.find('.'), whole.size()) : whole.size();
  std::string which = whole.substr(std::min(dot + 1, whole.size()));
  if (!joined) {
    IW_TRY(which, text(input[1], place));
  }
  if (which.empty()) return invalid("GetAtt takes a resource and an attribute", place);
  auto resolved = resolve_(whole.substr(0, dot), which);
  if (!resolved) resolved.error().place = place;
  return resolved;
}

Result<Json> TemplateValues::substitute(const Json& input, const std::string& place) {
  const auto [written, own] = parts_of_sub(input);
  if (written == nullptr) return invalid("Sub takes a text, or a text and a mapping", place);
  std::map<std::string, std::string, std::less<>> known;
  for (const auto& [name, each] : own->items()) {
    IW_TRY(known[name], text(each, place));
  }
  std::string out;
  for (const auto& piece : pieces_of(*written)) {
    if (piece.kind == Piece::Kind::literal) {
      out += piece.text;
    } else if (const auto found = known.find(piece.text); found != known.end()) {
      out += found->second;
    } else {
      const std::string name(piece.text);
      const bool of_resource = name.contains('.') && !names_.contains(name);
      IW_TRY(const Json each, of_resource ? attribute(Json(name), place) : look_up(name, place));
      const auto words = scalar_text(each);
      if (!words) return invalid(fmt::format("${{{}}} is no text", printable(name, 64)), place);
      out += *words;
    }
    if (out.size() > text_byte_limit) return invalid("the text gets too long", place);
  }
  return out;
}

Result<std::string> TemplateValues::text(const Json& written, const std::string& place) {
  IW_TRY(const Json found, value(written, place));
  auto words = scalar_text(found);
  if (!words) return invalid("a text is wanted", place);
  return *std::move(words);
}

Result<Json> TemplateValues::list(const Json& written, const std::string& place) {
  IW_TRY(Json found, value(written, place));
  if (!found.is_array()) return invalid("a list is wanted", place);
  return found;
}

Result<Json> TemplateValues::join(const Json& input, const std::string& place) {
  if (!input.is_array() || input.size() != 2) return invalid("Join takes a delimiter and a list", place);
  IW_TRY(const std::string delimiter, text(input[0], place));
  IW_TRY(const Json words, list(input[1], place));
  std::string out;
  for (const auto& word : words) {
    const auto each = scalar_text(word);
    if (!each) return invalid("Join takes texts", place);
    if (&word != &words.front()) out += delimiter;
    out += *each;
    if (out.size() > text_byte_limit) return invalid("the text gets too long", place);
  }
  return out;
}

Result<Json> TemplateValues::select(const Json& input, const std::string& place) {
  if (!input.is_array() || input.size() != 2) return invalid("Select takes an index and a list", place);
  IW_TRY(const std::string index, text(input[0], place));
  IW_TRY(Json from, list(input[1], place));
  std::size_t at = 0;
  const auto [end, fault] = std::from_chars(index.data(), index.data() + index.size(), at);
  if (fault != std::errc() || end != index.data() + index.size() || at >= from.size())
    return invalid("Select asks for what the list does not have", place);
  return std::move(from[at]);
}

Result<Json> TemplateValues::split(const Json& input, const std::string& place) {
  if (!input.is_array() || input.size() != 2) return invalid("Split takes a delimiter and a text", place);
  IW_TRY(const std::string delimiter, text(input[0], place));
  IW_TRY(const std::string whole, text(input[1], place));
  if (delimiter.empty()) return invalid("Split takes a delimiter", place);
  Json out = Json::array();
  for (std::string_view rest = whole;;) {
    const auto at = rest.find(delimiter);
    out.push_back(rest.substr(0, at));
    if (at == std::string_view::npos) return out;
    rest.remove_prefix(at + delimiter.size());
  }
}

Result<Json> TemplateValues::find_in_map(const Json& input, const std::string& place) {
  if (!input.is_array() || input.size() != 3) return invalid("FindInMap takes a map and two keys", place);
  const Json none;
  const Json* at = document_.contains("Mappings") ? &document_.at("Mappings") : &none;
  for (const auto& each : input) {
    IW_TRY(const std::string key, text(each, place));
    if (!at->is_object() || !at->contains(key))
      return invalid(fmt::format("the template's Mappings have no {}", printable(key, 64)), place);
    at = &at->at(key);
  }
  return *at;
}

Result<const Json*> TemplateValues::branch(const Json& input, const std::string& place) {
  if (!input.is_array() || input.size() != 3 || !input[0].is_string())
    return invalid("If takes a condition's name and two values", place);
  IW_TRY(const bool holds, condition(input[0].get<std::string>(), place));
  return &input[holds ? 1 : 2];
}

Result<bool> TemplateValues::condition(const std::string& name, const std::string& place) {
  const auto conditions = document_.find("Conditions");
  if (conditions == document_.end() || !conditions->is_object() || !conditions->contains(name))
    return invalid(fmt::format("the template has no condition {}", printable(name, 64)), place);
  const auto [known, first] = conditions_.emplace(name, std::nullopt);
  if (!first && known->second) return *known->second;
  if (!first) return invalid(fmt::format("the condition {} depends on itself", printable(name, 64)), place);
  const auto open = std::ranges::count_if(conditions_, [](const auto& each) { return !each.second; });
  if (static_cast<std::size_t>(open) > nested_conditions) return invalid("conditions nest too deeply", place);
  IW_TRY(const bool holds, truth(conditions->at(name), "Conditions." + printable(name, 64)));
  conditions_[name] = holds;
  return holds;
}

Result<bool> TemplateValues::truth(const Json& written, const std::string& place) {
  if (!written.is_object() || written.size() != 1) return invalid("a condition function is wanted", place);
  const std::string& name = written.begin().key();
  const Json& input = written.begin().value();
  if (name == "Condition" && input.is_string()) return condition(input.get<std::string>(), place);
  if (name == "Fn::Not" || name == "Fn::And" || name == "Fn::Or") {
    const std::size_t least = name == "Fn::Not" ? 1 : 2;
    const std::size_t most = name == "Fn::Not" ? 1 : 10;
    if (!input.is_array() || input.size() < least || input.size() > most)
      return invalid(fmt::format("{} takes {} to {} conditions", name, least, most), place);
    std::size_t held = 0;
    for (const auto& each : input) {
      IW_TRY(const bool holds, truth(each, place));
      held += holds ? 1 : 0;
    }
    if (name == "Fn::Not") return held == 0;
    return name == "Fn::And" ? held == input.size() : held > 0;
  }
  return compare(name, input, place);
}

Result<bool> TemplateValues::compare(const std::string& name, const Json& input, const std::string& place) {
  if (name != "Fn::Equals" && name != "Fn::Contains" && name != "Fn::EachMemberEquals" && name != "Fn::EachMemberIn")
    return invalid(fmt::format("the lab has no condition function {}", printable(name, 64)), place,
                   "the lab has Equals, And, Or, Not, Contains, EachMemberEquals, EachMemberIn and Condition");
  if (!input.is_array() || input.size() != 2) return invalid(fmt::format("{} takes two values", name), place);
  if (name == "Fn::Equals") {
    IW_TRY(const Json left, value(input[0], place));
    IW_TRY(const Json right, value(input[1], place));
    const auto words = scalar_text(left);
    return words ? words == scalar_text(right) : left == right;
  }
  IW_TRY(const Json members, list(input[0], place));
  IW_TRY(const Json other, value(input[1], place));
  const auto is = [](const Json& one) {
    return [words = scalar_text(one)](const Json& each) { return words && scalar_text(each) == words; };
  };
  if (name == "Fn::Contains") return std::ranges::any_of(members, is(other));
  if (name == "Fn::EachMemberEquals") return std::ranges::all_of(members, is(other));
  if (!other.is_array()) return invalid("EachMemberIn takes two lists", place);
  return std::ranges::all_of(members, [&](const Json& each) { return std::ranges::any_of(other, is(each)); });
}

Result<void> TemplateValues::collect(const Json& written, const std::string& place, std::set<std::string>& into) {
  const auto call = call_in(written);
  if (call && call->name == "Fn::If") {
    IW_TRY(const Json* const taken, branch(call->input, place));
    return collect(*taken, place, into);
  }
  if (call && call->name == "Ref" && call->input.is_string()) into.insert(call->input.get<std::string>());
  if (call && call->name == "Fn::GetAtt") {
    const Json& first = call->input.is_array() && !call->input.empty() ? call->input[0] : call->input;
    if (first.is_string())
      into.insert(first.get<std::string>().substr(0, first.get_ref<const std::string&>().find('.')));
  }
  if (call && call->name == "Fn::Sub") {
    const auto [words, own] = parts_of_sub(call->input);
    for (const auto& piece : words == nullptr ? std::vector<Piece>() : pieces_of(*words)) {
      if (piece.kind == Piece::Kind::name && !own->contains(piece.text))
        into.insert(std::string(piece.text.substr(0, piece.text.find('.'))));
    }
  }
  if (!written.is_structured()) return {};
  for (const auto& [name, each] : written.items()) {
    IW_CHECK(collect(each, place, into));
  }
  return {};
}

}  // namespace intelwall::lab
