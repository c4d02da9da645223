#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/result.hpp"

namespace intelwall::aws {

/// A request whose path and query are not yet encoded: encoding is one thing, done once, for signing and for sending.
struct HttpRequest {
  std::string method = "POST";
  std::string scheme = "https";
  std::string host;                                        ///< with ":port" where it is not the scheme's own
  std::string path = "/";                                  ///< decoded, UTF-8 bytes
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

struct HttpResponse {
  int status = 0;
  std::multimap<std::string, std::string> headers;  ///< names in lower case
  std::string body;

  /// First value of a header (lower-case name) or empty.
  std::string header(const std::string& name) const;
};

/// Percent-encodes as RFC 3986 unreserved, upper-case hex. A path keeps its slashes.
std::string encode_path(std::string_view path);
std::string encode_query_part(std::string_view part);
/// "a=b&c=d", also the body of a form.
std::string encode_query(const std::vector<std::pair<std::string, std::string>>& parts);
/// "path?query" as it goes over the wire.
std::string request_target(const HttpRequest& request);

struct TimeOuts {
  std::chrono::milliseconds connect{5'000};
  std::chrono::milliseconds total{60'000};
};

/// Sends one request, no retries. Errors are transport faults only (`unavailable`, or `denied` for TLS verification);
/// any HTTP status is a response. Thread-safe.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  virtual Result<HttpResponse> send(const HttpRequest& request) = 0;
};

/// For answers that do not end: their body goes to a sink as it comes.
class StreamingClient {
 public:
  virtual ~StreamingClient() = default;
  enum class Flow { on, stop };
  /// Gets the bytes of a 200 answer, and no bytes about once a second while nothing comes. `head` is the answer without
  /// its body; its status is 0 until it has come. May block: the sender then waits.
  using Sink = std::function<Flow(const HttpResponse& head, std::string_view bytes)>;

  /// Ends with the answer's end, when the sink says stop (the head so far), or with an error as HttpClient::send;
  /// `unavailable` also when nothing came for the time-out of silence. The body of an answer other than 200 is in the
  /// response, up to 64 KiB. Thread-safe.
  virtual Result<HttpResponse> stream(const HttpRequest& request, const Sink& sink) = 0;
};

/// Whether a transport fault happened before any byte of the request went out, so that repeating it is always safe. The
/// place of such an Error begins with "connecting to ".
bool never_sent(const Error& transport_fault);

/// libcurl: keeps connections, verifies TLS always, takes a CA file from AWS_CA_BUNDLE, speaks only http and https,
/// follows no redirects. Proxies come from HTTPS_PROXY, ALL_PROXY and NO_PROXY in either case; for plain http only from
/// lower-case http_proxy, since CGI servers set HTTP_PROXY from a request's header. Responses over `max_response_bytes`
/// are an error
/// (`protocol`), broken requests too (`invalid_input`); neither is worth a repeat.
std::unique_ptr<HttpClient> make_curl_client(TimeOuts time_outs = {}, std::size_t max_response_bytes = 64u << 20);
/// The same for streams: `silence` is how long nothing at all may come.
std::unique_ptr<StreamingClient> make_curl_streaming_client(
    std::chrono::milliseconds silence = std::chrono::milliseconds(120'000), TimeOuts time_outs = {});

}  // namespace intelwall::aws
