#include "app/feed.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "aws/json_text.hpp"
#include "falcon/url.hpp"
#include "os/descriptor.hpp"
#include "os/file.hpp"

namespace intelwall::app {
namespace {

std::unexpected<Error> unwritable(const std::filesystem::path& path) {
  return fail(ErrorCode::system, "cannot write it: " + std::generic_category().message(errno),
              printable(path.native()));
}

/// A file that goes away unless it takes its place.
class Beside {
 public:
  explicit Beside(const std::filesystem::path& destination) : destination_(destination) {
    path_ = destination.native() + ".XXXXXX";
    file_ = os::Descriptor(::mkostemp(path_.data(), O_CLOEXEC));
  }
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;
  ~Beside() {
    if (file_.is_open()) ::unlink(path_.c_str());
  }

  bool is_open() const { return file_.is_open(); }
  Result<void> append(std::string_view bytes) { return os::write_all(file_.get(), bytes, destination_); }
  Result<void> take_place() {
    if (::fchmod(file_.get(), 0644) != 0 || ::fsync(file_.get()) != 0 ||
        ::rename(path_.c_str(), destination_.c_str()) != 0)
      return unwritable(destination_);
    file_.reset();
    return {};
  }

 private:
  std::filesystem::path destination_;
  std::string path_;
  os::Descriptor file_;
};

Error refusal(const aws::HttpResponse& response, const std::string& place) {
  Error error{ErrorCode::protocol, fmt::format("the server answered {}", response.status), place, ""};
  if (const auto location = response.header("location"); response.status / 100 == 3 && !location.empty()) {
    error.hint = "redirects are not followed: if you trust it, name " + printable(location, 200);
  } else if (response.status == 401 || response.status == 403) {
    error.code = ErrorCode::denied;
    error.hint = "the feed wants a key, or not this machine: fetch it yourself and name the file";
  } else if (response.status == 404 || response.status == 410) {
    error.code = ErrorCode::not_found;
    error.hint = "check the address of the feed";
  } else if (response.status == 429 || response.status >= 500) {
    error.code = ErrorCode::unavailable;
    error.hint = "try again later";
  }
  return error;
}

}  // namespace

std::string FeedVersion::to_text() const {
  return aws::dump_json({{"etag", etag}, {"last_modified", last_modified}}) + "\n";
}

FeedVersion FeedVersion::parse(std::string_view text) {
  const auto json = aws::parse_json(text);
  if (!json) return {};
  return {aws::text_in(*json, "etag"), aws::text_in(*json, "last_modified")};
}

bool is_feed_url(std::string_view place) {
  return place.contains("://");
}

Result<std::optional<FeedVersion>> fetch_feed(aws::StreamingClient& http, const std::string& url,
                                              const FeedVersion& known, const std::filesystem::path& destination,
                                              std::uint64_t most) {
  auto parsed = falcon::parse_url(url);
  if (!parsed) {
    Error error = std::move(parsed).error();
    error.place = "the feed's address";
    return std::unexpected(std::move(error));
  }
  // An address may hold a key: only its server is told.
  const std::string place = "feed at " + parsed->origin.text();
  if (parsed->origin.scheme != "https" && !falcon::is_loopback(parsed->origin)) {
    return fail(ErrorCode::invalid_input, "a feed that decides what is blocked must come over https", place,
                "name its https address, or fetch it yourself and name the file");
  }
  aws::HttpRequest request{"GET", parsed->origin.scheme, parsed->origin.host, parsed->path, parsed->query, {}, {}};
  request.headers = {{"User-Agent", "intelwall"}, {"Accept", "*/*"}};
  if (!known.etag.empty()) request.headers.emplace_back("If-None-Match", known.etag);
  if (!known.last_modified.empty()) request.headers.emplace_back("If-Modified-Since", known.last_modified);

  Beside file(destination);
  if (!file.is_open()) return unwritable(destination);
  std::uint64_t size = 0;
  std::optional<Error> broken;
  auto response = http.stream(request, [&](const aws::HttpResponse&, std::string_view bytes) {
    size += bytes.size();
    if (size > most) {
      broken = Error{ErrorCode::quota, fmt::format("the feed is larger than {} MB", most >> 20), place, ""};
    } else if (auto written = file.append(bytes); !written) {
      broken = std::move(written).error();
    }
    return broken ? aws::StreamingClient::Flow::stop : aws::StreamingClient::Flow::on;
  });
  if (broken) return std::unexpected(*std::move(broken));
  if (!response) {
    Error error = std::move(response).error();
    error.place = place;
    if (error.hint.contains("AWS_ENDPOINT_URL")) error.hint = "check the feed's address, and the machine's DNS";
    return std::unexpected(std::move(error));
  }
  if (response->status == 304) return std::nullopt;
  if (response->status != 200) return std::unexpected(refusal(*response, place));
  IW_CHECK(file.take_place());
  return FeedVersion{response->header("etag"), response->header("last-modified")};
}

Result<FeedOutcome> convert_feed(Context& context, const FeedRequest& request) {
  FeedOutcome outcome;
  intel::FeedOptions options = request.options;
  options.now = context.clock();
  std::string place = request.place;
  std::optional<FeedVersion> version;
  const std::filesystem::path version_file = request.output.native() + ".version";
  const std::filesystem::path fetched = request.output.native() + ".fetched";
  if (is_feed_url(place)) {
    const auto text = os::read_file(version_file, 64u << 10);
    std::error_code none;
    const bool has_output = std::filesystem::exists(request.output, none);
    const auto http = aws::make_curl_streaming_client();
    IW_TRY(version, fetch_feed(*http, place, text && has_output ? FeedVersion::parse(*text) : FeedVersion{}, fetched));
    outcome.is_unchanged = !version;
    if (outcome.is_unchanged) return outcome;
    place = fetched.native();
  }
  const auto converted = [&]() -> Result<void> {
    IW_TRY(const auto file, intel::open_unpacked(place));
    Beside output(request.output);
    if (!output.is_open()) return unwritable(request.output);
    std::string lines;
    const auto flush = [&]() -> Result<void> {
      IW_CHECK(output.append(lines));
      lines.clear();
      return {};
    };
    const std::string name = version ? request.place.substr(0, request.place.find('?')) : file.name;
    IW_CHECK(
        intel::read_feed(*file.bytes, name, options, outcome.read, [&](intel::Indicator&& indicator) -> Result<void> {
          (lines += to_json(indicator)) += '\n';
          return lines.size() < (1u << 20) ? Result<void>{} : flush();
        }));
    IW_CHECK(flush());
    return output.take_place();
  }();
  std::error_code ignored;
  if (version) std::filesystem::remove(fetched, ignored);
  IW_CHECK(converted);
  // Last: a version must not be known of what was not taken.
  if (version) IW_CHECK(os::replace_file(version_file, version->to_text()));
  return outcome;
}

}  // namespace intelwall::app
