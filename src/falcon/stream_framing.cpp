#include "falcon/stream_framing.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>

#include "core/result.hpp"

namespace intelwall::falcon {
namespace {

constexpr std::string_view first_key = "\"metadata\"";
constexpr std::size_t look_ahead = 64;  // blanks between the brace and the first key
constexpr std::size_t excerpt_size = 40;
constexpr std::size_t type_limit = 128;
/// Beyond this, "the next offset" would wrap somewhere between Falcon, JSON and us.
constexpr std::uint64_t highest_offset = (std::uint64_t{1} << 62) - 1;

bool is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

bool is_scalar(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '+' || c == '.';
}

/// A whole number that is not negative, also as a string.
std::optional<std::uint64_t> whole_number(simdjson::dom::element value) {
  std::uint64_t number = 0;
  if (value.get(number) == simdjson::SUCCESS) return number;
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS || text.empty()) return std::nullopt;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  return fault == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::optional<std::uint64_t> whole_number(simdjson::dom::object object, const char* key) {
  simdjson::dom::element value;
  return object.at_key(key).get(value) == simdjson::SUCCESS ? whole_number(value) : std::nullopt;
}

}  // namespace

JsonScanner::State JsonScanner::open(bool is_object) {
  if (depth_ == max_depth) return State::bad;
  objects_ = (objects_ << 1) | (is_object ? 1U : 0U);
  ++depth_;
  expect_ = is_object ? Expect::key_or_end : Expect::value_or_end;
  return State::more;
}

JsonScanner::State JsonScanner::close(bool is_object) {
  if (((objects_ & 1U) != 0) != is_object) return State::bad;
  objects_ >>= 1;
  expect_ = Expect::comma_or_end;
  return --depth_ == 0 ? State::done : State::more;
}

JsonScanner::State JsonScanner::take_structure(char c) {
  const bool key_may_come = expect_ == Expect::key || expect_ == Expect::key_or_end;
  const bool value_may_come = expect_ == Expect::value || expect_ == Expect::value_or_end;
  switch (c) {
    case '{':
      return expect_ == Expect::object || value_may_come ? open(true) : State::bad;
    case '[':
      return value_may_come ? open(false) : State::bad;
    case '}':
      return expect_ == Expect::key_or_end || (expect_ == Expect::comma_or_end) ? close(true) : State::bad;
    case ']':
      return expect_ == Expect::value_or_end || expect_ == Expect::comma_or_end ? close(false) : State::bad;
    case ':':
      if (expect_ != Expect::colon) return State::bad;
      expect_ = Expect::value;
      return State::more;
    case ',':
      if (expect_ != Expect::comma_or_end) return State::bad;
      expect_ = (objects_ & 1U) != 0 ? Expect::key : Expect::value;
      return State::more;
    case '"':
      if (!key_may_come && !value_may_come) return State::bad;
      in_string_ = true;
      expect_ = key_may_come ? Expect::colon : Expect::comma_or_end;
      return State::more;
    default:
      if (!value_may_come || !is_scalar(c)) return State::bad;
      in_scalar_ = true;
      expect_ = Expect::comma_or_end;
      return State::more;
  }
}

JsonScanner::State JsonScanner::take(char c) {
  if (in_string_) {
    if (static_cast<unsigned char>(c) < 0x20) return State::bad;
    if (escaped_) {
      escaped_ = false;
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == '"') {
      in_string_ = false;
    }
    return State::more;
  }
  if (in_scalar_) {
    if (is_scalar(c)) return State::more;
    in_scalar_ = false;
  }
  return is_blank(c) ? State::more : take_structure(c);
}

struct EventFramer::Parser {
  simdjson::dom::parser parser;
};

EventFramer::EventFramer() : parser_(std::make_unique<Parser>()) {
  constexpr std::size_t first_capacity = 4096;
  // The depth that is set here stays when the parser grows.
  IW_ASSERT(parser_->parser.allocate(first_capacity, JsonScanner::max_depth + 1) == simdjson::SUCCESS);
}

EventFramer::~EventFramer() = default;

void EventFramer::push(std::string_view bytes) {
  buffer_.append(bytes);
}

void EventFramer::drop(std::size_t count) {
  if (count == 0) return;
  before_ = buffer_[start_ + count - 1];
  start_ += count;
  scan_ = std::max(scan_, start_);
  constexpr std::size_t worth_moving = 64u << 10;
  if (start_ == buffer_.size() || (start_ >= worth_moving && start_ >= buffer_.size() / 2)) {
    buffer_.erase(0, start_);
    base_ += start_;
    scan_ -= start_;
    start_ = 0;
  }
}

void EventFramer::begin_damage(std::string reason) {
  const std::string_view rest = std::string_view(buffer_).substr(start_, excerpt_size);
  damage_ = {position(start_), 0, std::move(reason), printable(rest, excerpt_size)};
  mode_ = Mode::skipping;
  scan_ = start_ + 1;
}

Damage EventFramer::end_damage(std::size_t at) {
  damage_.size = position(at) - damage_.at;
  return std::move(damage_);
}

/// Whether something begins after the blanks.
bool EventFramer::between() {
  std::size_t at = start_;
  while (at < buffer_.size() && is_blank(buffer_[at])) ++at;
  drop(at - start_);
  if (start_ == buffer_.size()) return false;
  if (buffer_[start_] == '{') {
    mode_ = Mode::inside;
    scanner_ = {};
    scan_ = start_;
  } else {
    begin_damage("not a JSON object");
  }
  return true;
}

std::optional<Frame> EventFramer::inside() {
  for (; scan_ < buffer_.size(); ++scan_) {
    if (scan_ - start_ >= max_event) {
      begin_damage(fmt::format("longer than {} bytes", max_event));
      return std::nullopt;
    }
    const auto state = scanner_.take(buffer_[scan_]);
    if (state == JsonScanner::State::more) continue;
    if (state == JsonScanner::State::bad) {
      begin_damage(fmt::format("not JSON from byte {} on", position(scan_)));
      return std::nullopt;
    }
    ++scan_;
    auto frame = frame_of(std::string_view(buffer_).substr(start_, scan_ - start_));
    drop(scan_ - start_);
    mode_ = Mode::between;
    return frame;
  }
  if (finished_) begin_damage("cut off by the end of the connection");
  return std::nullopt;
}

std::optional<bool> EventFramer::may_begin(std::size_t brace) const {
  const char previous = brace == start_ ? before_ : buffer_[brace - 1];
  if (previous == '\n' || previous == '\r') return true;
  std::size_t at = brace + 1;
  const std::size_t furthest = std::min(buffer_.size(), at + look_ahead);
  while (at < furthest && is_blank(buffer_[at])) ++at;
  if (at == brace + 1 + look_ahead) return false;
  const std::string_view there = std::string_view(buffer_).substr(at, first_key.size());
  if (!first_key.starts_with(there)) return false;
  if (there.size() < first_key.size() && !finished_) return std::nullopt;
  return there.size() == first_key.size();
}

std::optional<Frame> EventFramer::skipping() {
  for (;;) {
    const std::size_t brace = buffer_.find('{', scan_);
    if (brace == std::string::npos) {
      drop(buffer_.size() - start_);
      scan_ = buffer_.size();
      if (!finished_) return std::nullopt;
      mode_ = Mode::between;
      return end_damage(start_);
    }
    const auto begins = may_begin(brace);
    if (!begins) {
      drop(brace - start_);
      scan_ = start_;
      return std::nullopt;
    }
    if (*begins) {
      drop(brace - start_);
      mode_ = Mode::inside;
      scanner_ = {};
      scan_ = start_;
      return end_damage(start_);
    }
    scan_ = brace + 1;
  }
}

std::optional<Frame> EventFramer::next() {
  for (;;) {
    if (mode_ == Mode::between && !between()) return std::nullopt;
    if (mode_ == Mode::inside) {
      if (auto frame = inside()) return frame;
      if (mode_ == Mode::inside) return std::nullopt;
    }
    if (mode_ == Mode::skipping) return skipping();
  }
}

std::optional<Frame> EventFramer::frame_of(std::string_view json) {
  const auto damaged = [&](std::string reason) {
    return Damage{position(start_), json.size(), std::move(reason),
                  printable(json.substr(0, excerpt_size), excerpt_size)};
  };
  simdjson::dom::object root, metadata;
  if (const auto fault = parser_->parser.parse(json.data(), json.size()).get(root))
    return damaged(fmt::format("not JSON: {}", simdjson::error_message(fault)));
  if (root.at_key("metadata").get(metadata) != simdjson::SUCCESS) return damaged("an object without metadata");
  const auto offset = whole_number(metadata, "offset");
  if (!offset || *offset > highest_offset) return damaged("an event without an offset that could be one");
  StreamEvent event;
  event.offset = *offset;
  event.created_ms = static_cast<std::int64_t>(
      std::min<std::uint64_t>(whole_number(metadata, "eventCreationTime").value_or(0), highest_offset));
  std::string_view type;
  if (metadata.at_key("eventType").get(type) == simdjson::SUCCESS) event.type = type.substr(0, type_limit);
  event.json = json;
  return event;
}

}  // namespace intelwall::falcon
