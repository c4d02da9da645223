#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace intelwall {

/// What kind of fault an Error is; faces turn it into exit codes and HTTP statuses.
enum class ErrorCode {
  invalid_input,  ///< what was given cannot be understood or is not allowed
  usage,          ///< the command line is wrong (exit code 2)
  not_found,      ///< the thing named does not exist
  conflict,       ///< somebody else changed it meanwhile
  denied,         ///< credentials are missing, wrong or not sufficient
  refused,        ///< a guardrail says no
  quota,          ///< a limit of the firewall or the service is reached
  unavailable,    ///< network, time-out, throttling, 5xx: trying again later may help
  protocol,       ///< the other side answered what its contract does not allow
  system,         ///< the operating system refused (files, processes)
};

/// The snake_case word for a code, as JSON output carries it.
const char* to_string(ErrorCode code);

/// A fault of the world (network, API, feed, config, user), as a value.
///
/// `message` is one sentence without a trailing full stop; `place` says where (file and line, JSON path, option; may be
/// empty); `hint` says what to do next (may be empty). None of the three ever holds a secret. Text that came from
/// outside must have passed through `printable()`.
struct Error {
  ErrorCode code = ErrorCode::invalid_input;
  std::string message;
  std::string place;
  std::string hint;

  /// "place: message (hint)", for people.
  std::string to_text() const;
  bool operator==(const Error&) const = default;
};

template <class T>
using Result = std::expected<T, Error>;

/// Shorthand for `return fail(ErrorCode::not_found, "…")`.
[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string message, std::string place = {},
                                                 std::string hint = {}) {
  return std::unexpected(Error{code, std::move(message), std::move(place), std::move(hint)});
}

/// `text` as one line of printable ASCII and valid UTF-8, control characters and invalid bytes as \xNN, at most
/// `limit` bytes ("…" marks a cut). For every piece of untrusted text in messages, logs and terminals.
std::string printable(std::string_view text, std::size_t limit = 120);

}  // namespace intelwall

#define IW_CONCAT_INNER(a, b) a##b
#define IW_CONCAT(a, b) IW_CONCAT_INNER(a, b)

// NOLINTBEGIN(bugprone-macro-parentheses): a declaration in parentheses is none
/// `IW_TRY(auto x, f());` declares x from a Result or returns its error.
#define IW_TRY(declaration, expression)                                                                             \
  auto IW_CONCAT(iw_result_, __LINE__) = (expression);                                                              \
  if (!IW_CONCAT(iw_result_, __LINE__)) return std::unexpected(std::move(IW_CONCAT(iw_result_, __LINE__)).error()); \
  declaration = *std::move(IW_CONCAT(iw_result_, __LINE__))
// NOLINTEND(bugprone-macro-parentheses)

/// `IW_CHECK(f());` returns the error of a Result<void> (or of any Result whose value is not wanted).
#define IW_CHECK(expression)                                      \
  do {                                                            \
    if (auto iw_check_result = (expression); !iw_check_result)    \
      return std::unexpected(std::move(iw_check_result).error()); \
  } while (false)

namespace intelwall::detail {
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);
}

/// A bug if false; stays on in release.
#define IW_ASSERT(expression) \
  ((expression) ? static_cast<void>(0) : ::intelwall::detail::assertion_failed(#expression, __FILE__, __LINE__))
