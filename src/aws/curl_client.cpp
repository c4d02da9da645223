#include <curl/curl.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "aws/http.hpp"
#include "aws/text.hpp"

namespace intelwall::aws {

namespace {

struct FreeHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, FreeHandle>;

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

/// What arrives during one transfer.
struct Receiver {
  HttpResponse response;
  std::size_t header_bytes = 0;
  std::size_t limit = 0;
  bool too_large = false;

  /// Of the body, with room for parsers that read past it; 0 when it is not told, or not believed.
  std::size_t told_size() const {
    constexpr std::size_t padding = 64;
    const auto text = response.header("content-length");
    std::size_t size = 0;
    std::from_chars(text.data(), text.data() + text.size(), size);
    return size > 0 && size <= limit ? size + padding : 0;
  }
};

/// The same for an answer whose body goes to a sink.
struct StreamReceiver {
  using Steady = std::chrono::steady_clock;

  Receiver whole;
  CURL* handle = nullptr;
  const StreamingClient::Sink* sink = nullptr;
  std::chrono::milliseconds silence{0};
  Steady::time_point heard = Steady::now();
  bool silent = false, stopped = false;

  bool give(std::string_view bytes) {
    stopped = (*sink)(whole.response, bytes) == StreamingClient::Flow::stop;
    return !stopped;
  }
};

/// How the place of an Error tells that nothing was sent yet: see never_sent().
const std::string connecting_place = "connecting to ";
constexpr std::size_t header_limit = 256u << 10;

std::size_t on_body(char* bytes, std::size_t, std::size_t count, void* user) {
  auto& receiver = *static_cast<Receiver*>(user);
  if (receiver.response.body.empty()) receiver.response.body.reserve(receiver.told_size());
  if (count > receiver.limit - receiver.response.body.size()) {
    receiver.too_large = true;
    return 0;
  }
  receiver.response.body.append(bytes, count);
  return count;
}

std::size_t on_header(char* bytes, std::size_t, std::size_t count, void* user) {
  auto& receiver = *static_cast<Receiver*>(user);
  receiver.header_bytes += count;
  if (receiver.header_bytes > header_limit) {
    receiver.too_large = true;
    return 0;
  }
  const std::string_view line = trim(std::string_view(bytes, count));
  if (line.starts_with("HTTP/")) {
    receiver.response.headers.clear();  // a new answer after 100 Continue or a proxy's CONNECT
  } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
    receiver.response.headers.emplace(lower_case(line.substr(0, colon)), trim(line.substr(colon + 1)));
  }
  return count;
}

std::size_t on_stream_header(char* bytes, std::size_t size, std::size_t count, void* user) {
  auto& receiver = *static_cast<StreamReceiver*>(user);
  receiver.heard = StreamReceiver::Steady::now();
  long status = 0;
  curl_easy_getinfo(receiver.handle, CURLINFO_RESPONSE_CODE, &status);
  receiver.whole.response.status = static_cast<int>(status);
  return on_header(bytes, size, count, &receiver.whole);
}

std::size_t on_stream_body(char* bytes, std::size_t size, std::size_t count, void* user) {
  auto& receiver = *static_cast<StreamReceiver*>(user);
  if (receiver.whole.response.status != 200) return on_body(bytes, size, count, &receiver.whole);
  if (!receiver.give({bytes, count})) return 0;
  receiver.heard = StreamReceiver::Steady::now();  // the time that the sink took is not the sender's silence
  return count;
}

int on_stream_tick(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& receiver = *static_cast<StreamReceiver*>(user);
  receiver.silent = StreamReceiver::Steady::now() - receiver.heard > receiver.silence;
  return receiver.silent || !receiver.give({}) ? 1 : 0;
}

bool has_control(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
  return false;
}

/// curl takes headers and URLs as text: a line break or an "@" in a part would become another request.
Result<void> check_parts(const HttpRequest& request) {
  const std::string place = "request to " + printable(request.host, 80);
  if (request.scheme != "https" && request.scheme != "http")
    return fail(ErrorCode::invalid_input, "\"" + printable(request.scheme, 20) + "\" is neither http nor https", place);
  static constexpr char host_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";
  if (request.host.empty() || request.host.find_first_not_of(host_characters) != std::string::npos)
    return fail(ErrorCode::invalid_input, "the host name holds a character that no host name has", place);
  if (request.method.empty() || request.method.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string::npos)
    return fail(ErrorCode::invalid_input, "the method is not a word in capitals", place);
  for (const auto& [name, value] : request.headers) {
    if (name.empty() || has_control(name) || name.find_first_of(": ;") != std::string::npos || has_control(value))
      return fail(ErrorCode::invalid_input, "header \"" + printable(name, 40) + "\" holds a control character", place,
                  "check that keys and tokens were copied without line breaks");
  }
  return {};
}

HeaderList header_list(const HttpRequest& request) {
  HeaderList list;
  const auto append = [&list](const std::string& line) {
    curl_slist* longer = curl_slist_append(list.release(), line.c_str());
    IW_ASSERT(longer != nullptr);
    list.reset(longer);
  };
  append("Host: " + request.host);  // exactly what was signed
  append("Expect:");                // bodies of 1.4 MB go out without waiting for 100 Continue
  append("Accept:");
  bool typed = false;
  for (const auto& [name, value] : request.headers) {
    std::string line = name;
    append(value.empty() ? line += ';' : line.append(": ").append(value));
    typed = typed || lower_case(name) == "content-type";
  }
  if (!typed) append("Content-Type:");  // curl would call every body a form
  return list;
}

class CurlClient final : public HttpClient, public StreamingClient {
 public:
  CurlClient(TimeOuts time_outs, std::size_t max_response_bytes, std::chrono::milliseconds silence = {})
      : time_outs_(time_outs), max_response_bytes_(max_response_bytes), silence_(silence) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (const char* bundle = std::getenv("AWS_CA_BUNDLE")) ca_bundle_ = bundle;
  }

  Result<HttpResponse> send(const HttpRequest& request) override {
    IW_CHECK(check_parts(request));
    Handle handle = take();
    if (handle == nullptr) return fail(ErrorCode::system, "libcurl could not be started", "request to " + request.host);
    const HeaderList headers = header_list(request);
    Receiver receiver;
    receiver.limit = max_response_bytes_;
    char reason[CURL_ERROR_SIZE] = {};
    set_options(handle.get(), request, headers.get(), receiver, reason);
    const CURLcode code = curl_easy_perform(handle.get());
    if (code != CURLE_OK) return std::unexpected(explain(handle.get(), code, request, receiver, reason));
    long status = 0;
    curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
    receiver.response.status = static_cast<int>(status);
    give_back(std::move(handle));
    return std::move(receiver.response);
  }

  Result<HttpResponse> stream(const HttpRequest& request, const Sink& sink) override {
    IW_CHECK(check_parts(request));
    Handle handle = take();
    if (handle == nullptr) return fail(ErrorCode::system, "libcurl could not be started", "request to " + request.host);
    const HeaderList headers = header_list(request);
    StreamReceiver receiver{.handle = handle.get(), .sink = &sink, .silence = silence_};
    receiver.whole.limit = max_response_bytes_;
    char reason[CURL_ERROR_SIZE] = {};
    set_options(handle.get(), request, headers.get(), receiver.whole, reason);
    curl_easy_setopt(handle.get(), CURLOPT_TIMEOUT_MS, 0L);
    curl_easy_setopt(handle.get(), CURLOPT_WRITEFUNCTION, on_stream_body);
    curl_easy_setopt(handle.get(), CURLOPT_WRITEDATA, &receiver);
    curl_easy_setopt(handle.get(), CURLOPT_HEADERFUNCTION, on_stream_header);
    curl_easy_setopt(handle.get(), CURLOPT_HEADERDATA, &receiver);
    curl_easy_setopt(handle.get(), CURLOPT_XFERINFOFUNCTION, on_stream_tick);
    curl_easy_setopt(handle.get(), CURLOPT_XFERINFODATA, &receiver);
    curl_easy_setopt(handle.get(), CURLOPT_NOPROGRESS, 0L);
    const CURLcode code = curl_easy_perform(handle.get());
    if (code != CURLE_OK && !receiver.stopped) {
      Error error = explain(handle.get(), code, request, receiver.whole, reason);
      if (receiver.silent) error.message = "nothing came for " + std::to_string(silence_.count() / 1000) + " s";
      return std::unexpected(std::move(error));
    }
    if (!receiver.stopped) give_back(std::move(handle));  // else its connection is in the middle of an answer
    return std::move(receiver.whole.response);
  }

 private:
  /// A handle holds its connections, so the one used last is the one most likely still connected.
  Handle take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return Handle(curl_easy_init());
    Handle handle = std::move(idle_.back());
    idle_.pop_back();
    return handle;
  }

  void give_back(Handle handle) {
    curl_easy_reset(handle.get());  // options only: connections, DNS and TLS sessions stay
    const std::lock_guard lock(mutex_);
    if (idle_.size() < max_idle) idle_.push_back(std::move(handle));
  }

  void set_options(CURL* handle, const HttpRequest& request, curl_slist* headers, Receiver& receiver,
                   char* reason) const {
    const std::string url = request.scheme + "://" + request.host + request_target(request);
    curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_TCP_NODELAY, 1L);
    // Below the idle limit of AWS's load balancers: a connection that they closed meanwhile is not tried again.
    curl_easy_setopt(handle, CURLOPT_MAXAGE_CONN, 20L);
    curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, 512L << 10);
    curl_easy_setopt(handle, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(time_outs_.connect.count()));
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(time_outs_.total.count()));
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!ca_bundle_.empty()) curl_easy_setopt(handle, CURLOPT_CAINFO, ca_bundle_.c_str());
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    if (request.method == "HEAD") {
      curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
    } else if (request.method != "GET" || !request.body.empty()) {
      curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());  // not copied
      curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &receiver);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, &receiver);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, reason);
  }

  Error explain(CURL* handle, CURLcode code, const HttpRequest& request, const Receiver& receiver,
                const char* reason) const {
    curl_off_t until_sending = 0;
    curl_easy_getinfo(handle, CURLINFO_PRETRANSFER_TIME_T, &until_sending);
    const std::string detail = printable(*reason != '\0' ? reason : curl_easy_strerror(code), 200);
    Error error{ErrorCode::unavailable, {}, (until_sending == 0 ? connecting_place : "talking to ") + request.host, {}};
    if (receiver.too_large) {
      error.code = ErrorCode::protocol;
      error.message = "the answer is larger than " + std::to_string(max_response_bytes_) + " bytes";
      return error;
    }
    switch (code) {
      case CURLE_COULDNT_RESOLVE_HOST:
        error.message = "the name does not resolve (" + detail + ")";
        error.hint = "check the region or AWS_ENDPOINT_URL, and the machine's DNS";
        break;
      case CURLE_COULDNT_RESOLVE_PROXY:
      case CURLE_PROXY:
        error.message = "the proxy does not work (" + detail + ")";
        error.hint = "check HTTPS_PROXY (https) or http_proxy (http), and NO_PROXY";
        break;
      case CURLE_COULDNT_CONNECT:
        error.message = "no connection (" + connect_reason(handle, detail) + ")";
        error.hint = "check that the endpoint is up and reachable from here, and HTTPS_PROXY if there is a proxy";
        break;
      case CURLE_OPERATION_TIMEDOUT:
        if (until_sending == 0) {
          error.message = "no connection within " + std::to_string(time_outs_.connect.count()) + " ms";
          error.hint = "check the route, the security groups and HTTPS_PROXY";
        } else {
          error.message = "no complete answer within " + std::to_string(time_outs_.total.count()) + " ms";
        }
        break;
      case CURLE_PEER_FAILED_VERIFICATION:
        error.code = ErrorCode::denied;
        error.message = "the server's certificate is not trusted (" + detail + ")";
        error.hint = "if a proxy or endpoint of your own has its own authority, name its PEM file in AWS_CA_BUNDLE";
        break;
      case CURLE_SSL_CACERT_BADFILE:
        error.code = ErrorCode::denied;
        error.message = "the CA file cannot be read (" + detail + ")";
        error.hint = "check the path in AWS_CA_BUNDLE";
        break;
      case CURLE_SSL_CONNECT_ERROR:
        error.message = "no TLS connection (" + detail + ")";
        error.hint = "check that the endpoint speaks https on this port";
        break;
      default:
        error.message = "the exchange broke off (" + detail + ")";
    }
    return error;
  }

  static std::string connect_reason(CURL* handle, const std::string& detail) {
    long number = 0;
    curl_easy_getinfo(handle, CURLINFO_OS_ERRNO, &number);
    return number == 0 ? detail : std::string(std::strerror(static_cast<int>(number)));
  }

  static constexpr std::size_t max_idle = 16;

  TimeOuts time_outs_;
  std::size_t max_response_bytes_;
  std::chrono::milliseconds silence_;
  std::string ca_bundle_;
  std::mutex mutex_;
  std::vector<Handle> idle_;
};

}  // namespace

bool never_sent(const Error& error) {
  return error.place.starts_with(connecting_place);
}

std::unique_ptr<HttpClient> make_curl_client(TimeOuts time_outs, std::size_t max_response_bytes) {
  return std::make_unique<CurlClient>(time_outs, max_response_bytes);
}

std::unique_ptr<StreamingClient> make_curl_streaming_client(std::chrono::milliseconds silence, TimeOuts time_outs) {
  constexpr std::size_t refusal_limit = 64u << 10;
  return std::make_unique<CurlClient>(time_outs, refusal_limit, silence);
}

}  // namespace intelwall::aws
