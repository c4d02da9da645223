#pragma once

#include <filesystem>

#include "app/context.hpp"
#include "intel/feed.hpp"

namespace intelwall::app {

/// What a server said about the last version of a feed, so that it need not send it again.
struct FeedVersion {
  std::string etag, last_modified;  ///< both empty: unknown

  std::string to_text() const;
  /// Of what to_text() gave; unknown for any other text.
  static FeedVersion parse(std::string_view text);
  bool operator==(const FeedVersion&) const = default;
};

inline constexpr std::uint64_t most_feed_bytes = 1u << 30;

/// Whether a feed's place is to be fetched: https, or http to this machine. Anything else is a file.
bool is_feed_url(std::string_view place);

/// GET with If-None-Match and If-Modified-Since, into a file beside `destination` that takes its place when it is
/// whole. Nothing when the feed is still the version that is known. TLS is verified, redirects are not followed.
/// Errors: no https, any status but 200 and 304, more than `most` bytes, an answer that breaks off; `destination` stays
/// as it was.
Result<std::optional<FeedVersion>> fetch_feed(aws::StreamingClient& http, const std::string& url,
                                              const FeedVersion& known, const std::filesystem::path& destination,
                                              std::uint64_t most = most_feed_bytes);

struct FeedRequest {
  std::string place;             ///< a file, "-", or a URL
  std::filesystem::path output;  ///< JSON lines as Falcon gives them; OUTPUT.version beside it for a URL
  intel::FeedOptions options;    ///< but `now`
};
struct FeedOutcome {
  bool is_unchanged = false;
  intel::ListReport read;
};
/// A feed → indicators in a file, which is replaced as a whole.
Result<FeedOutcome> convert_feed(Context& context, const FeedRequest& request);

}  // namespace intelwall::app
