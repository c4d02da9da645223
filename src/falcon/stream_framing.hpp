#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace intelwall::falcon {

/// One event of a feed.
struct StreamEvent {
  std::string feed;             ///< its partition, "0"
  std::uint64_t offset = 0;     ///< metadata.offset; rises within a feed
  std::string type;             ///< metadata.eventType as given (untrusted), at most 128 bytes
  std::int64_t created_ms = 0;  ///< metadata.eventCreationTime, since the epoch; 0 when it is not told
  std::string json;             ///< the whole event as it came
};

/// Bytes that are no event and were passed over.
struct Damage {
  std::uint64_t at = 0;    ///< position in the connection's bytes
  std::uint64_t size = 0;  ///< in bytes
  std::string reason;
  std::string excerpt;  ///< how they begin, made printable
};

using Frame = std::variant<StreamEvent, Damage>;

/// Watches the grammar of one JSON object byte by byte, so that a cut one is noticed where the next begins and not when
/// it never ends. Numbers, literals, escapes and UTF-8 are left to the parser.
class JsonScanner {
 public:
  static constexpr std::size_t max_depth = 64;
  enum class State { more, done, bad };
  State take(char c);

 private:
  enum class Expect { object, value, value_or_end, key, key_or_end, colon, comma_or_end };
  State open(bool is_object);
  State close(bool is_object);
  State take_structure(char c);

  Expect expect_ = Expect::object;
  std::uint64_t objects_ = 0;  ///< one bit a level: object or array
  std::size_t depth_ = 0;
  bool in_string_ = false, escaped_ = false, in_scalar_ = false;
};

/// Cuts the bytes of an event stream into events: one a line or concatenated, pretty-printed or not, with blank lines
/// between to keep the connection alive. What is damaged, cut or no event becomes a Damage, and reading goes on with
/// the next object at the beginning of a line or with "metadata" first. The frames do not depend on how the bytes were
/// cut into pushes. Holds at most one event and one push in memory.
class EventFramer {
 public:
  static constexpr std::size_t max_event = 4u << 20;

  EventFramer();
  ~EventFramer();

  void push(std::string_view bytes);
  /// Nothing: more bytes are needed, or after finish() none are left.
  std::optional<Frame> next();
  /// The connection ended: what is unfinished is cut.
  void finish() { finished_ = true; }

 private:
  enum class Mode { between, inside, skipping };
  std::optional<Frame> frame_of(std::string_view json);
  bool between();
  std::optional<Frame> inside();
  std::optional<Frame> skipping();
  void begin_damage(std::string reason);
  Damage end_damage(std::size_t at);
  /// Whether an event may begin at this brace; nothing when more bytes are needed to say.
  std::optional<bool> may_begin(std::size_t brace) const;
  void drop(std::size_t count);
  std::uint64_t position(std::size_t index) const { return base_ + index; }

  std::string buffer_;
  std::size_t start_ = 0;   ///< bytes before are done with
  std::size_t scan_ = 0;    ///< bytes before have been looked at
  std::uint64_t base_ = 0;  ///< the connection's position of buffer_[0]
  char before_ = '\n';      ///< the byte before start_
  bool finished_ = false;
  Mode mode_ = Mode::between;
  JsonScanner scanner_;
  Damage damage_;
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace intelwall::falcon
