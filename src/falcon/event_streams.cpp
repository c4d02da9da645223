#include "falcon/event_streams.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

namespace intelwall::falcon {
namespace {

constexpr std::string_view feed_path = "/sensors/entities/datafeed/";
constexpr std::size_t most_feeds = 256;
constexpr std::int64_t longest_interval = 24 * 3600;

bool is_word(std::string_view text, std::size_t longest) {
  return !text.empty() && text.size() <= longest && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

bool is_token(std::string_view text) {
  constexpr std::size_t longest = 16u << 10;
  return !text.empty() && text.size() <= longest &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

Result<Url> url_in(const Json& stream, const char* key, const Origin& home, const PublicSuffixes& suffixes) {
  const auto refuse = [&](Error error) {
    error.code = ErrorCode::protocol;
    error.place = std::string("Falcon event streams, ") + key;
    return std::unexpected(std::move(error));
  };
  auto url = parse_url(aws::text_in(stream, key));
  if (!url) return refuse(url.error());
  if (auto at_home = check_home(*url, home, suffixes); !at_home) return refuse(at_home.error());
  return url;
}

Result<Feed> read_feed(const Json& stream, const Origin& home, const PublicSuffixes& suffixes) {
  constexpr const char* place = "Falcon event streams";
  Feed feed;
  IW_TRY(feed.data, url_in(stream, "dataFeedURL", home, suffixes));
  IW_TRY(feed.refresh, url_in(stream, "refreshActiveSessionURL", home, suffixes));
  feed.id = feed.data.path.substr(feed.data.path.rfind('/') + 1);
  if (!feed.data.path.starts_with(feed_path) || !is_word(feed.id, 64))
    return fail(ErrorCode::protocol, "a data feed's URL names no partition", place);
  feed.token = aws::text_in(aws::member(stream, "sessionToken"), "token");
  if (!is_token(feed.token))
    return fail(ErrorCode::protocol, fmt::format("feed {} has no token that could be used", feed.id), place);
  const Json& interval = aws::member(stream, "refreshActiveSessionInterval");
  if (interval.is_number_integer())
    feed.refresh_interval =
        std::chrono::seconds(std::clamp<std::int64_t>(interval.get<std::int64_t>(), 1, longest_interval));
  return feed;
}

}  // namespace

Result<void> check_home(const Url& url, const Origin& home, const PublicSuffixes& suffixes) {
  constexpr const char* hint = "tokens are sent only to Falcon's own servers: check FALCON_BASE_URL and the proxy";
  if (home.scheme == "https" && url.origin.scheme != "https")
    return fail(ErrorCode::refused, "the URL leaves https", "", hint);
  const std::string_view host = url.origin.name();
  if (host == home.name()) return {};
  const auto there = DomainName::parse(host), here = DomainName::parse(home.name());
  if (url.origin.scheme == "https" && there && here) {
    const auto domain = suffixes.registrable(*here);
    if (domain && there->is_within(domain->text())) return {};
  }
  return fail(
      ErrorCode::refused,
      fmt::format("the URL's host {} is not of the domain of {}", printable(host, 80), printable(home.name(), 80)), "",
      hint);
}

Result<std::vector<Feed>> EventStreams::discover(const std::string& app_id) const {
  constexpr std::size_t longest_app_id = 32;
  if (!is_word(app_id, longest_app_id)) {
    return fail(ErrorCode::usage, fmt::format("\"{}\" is no appId", printable(app_id, 40)), "appId",
                "give 1 to 32 letters, digits, - or _");
  }
  IW_TRY(const auto answer, client_->call({.path = "/sensors/entities/datafeed/v2",
                                           .query = {{"appId", app_id}, {"format", "json"}},
                                           .scope = streams_scope}));
  if (answer.resources.empty()) {
    return fail(ErrorCode::conflict, fmt::format("Falcon gives no event stream for the appId \"{}\"", app_id),
                "Falcon event streams",
                "another consumer reads under this appId (end it, or take another appId), or the customer has no event "
                "streams: Falcon support turns them on");
  }
  if (answer.resources.size() > most_feeds)
    return fail(ErrorCode::protocol, fmt::format("more than {} event streams", most_feeds), "Falcon event streams");
  std::vector<Feed> feeds;
  const Origin home = client_->origin();
  for (const auto& stream : answer.resources) {
    IW_TRY(auto feed, read_feed(stream, home, suffixes_));
    if (std::ranges::find(feeds, feed.id, &Feed::id) != feeds.end())
      return fail(ErrorCode::protocol, fmt::format("two event streams are the partition {}", feed.id),
                  "Falcon event streams");
    feeds.push_back(std::move(feed));
  }
  return feeds;
}

Result<void> EventStreams::refresh(const Feed& feed) const {
  // Without a content type and a body Falcon answers 4xx.
  IW_CHECK(client_->call({.method = "POST",
                          .path = feed.refresh.path,
                          .query = feed.refresh.query,
                          .body = "{}",
                          .scope = streams_scope,
                          .origin = feed.refresh.origin}));
  return {};
}

aws::HttpRequest open_request(const Feed& feed, const Position& position, const std::string& event_types, Time now) {
  aws::HttpRequest request;
  request.method = "GET";
  request.scheme = feed.data.origin.scheme;
  request.host = feed.data.origin.host;
  request.path = feed.data.path;
  for (const auto& [name, value] : feed.data.query)
    if (name != "offset" && name != "whence" && name != "eventType") request.query.emplace_back(name, value);
  if (position.from == Position::From::newest) {
    request.query.emplace_back("whence", "2");
  } else {
    request.query.emplace_back("offset", std::to_string(position.offset));
  }
  if (!event_types.empty()) request.query.emplace_back("eventType", event_types);
  request.headers = {
      {"Authorization", "Token " + feed.token},
      {"Accept", "application/json"},
      {"Connection", "Keep-Alive"},
      {"Date", fmt::format("{:%a, %d %b %Y %H:%M:%S GMT}", fmt::gmtime(std::chrono::system_clock::to_time_t(now)))},
      {"User-Agent", "intelwall"}};
  return request;
}

}  // namespace intelwall::falcon
