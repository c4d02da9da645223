#include "lab/falcon_cloud.hpp"

#include <fmt/format.h>

#include <atomic>

#include "lab/falcon_endpoint.hpp"
#include "lab/local_server.hpp"

namespace intelwall::lab {
namespace {

constexpr std::size_t threads = 96;
constexpr int most_streams = 64;               // each keeps a thread: calls must find one too
constexpr std::size_t path_byte_limit = 4096;  // the server matches paths with std::regex, which recurses per byte

void refuse_early(httplib::Response& http, int status, const std::string& reason) {
  http.status = status;
  const Json error{{"code", status}, {"message", reason}};
  http.set_content(dump_json({{"meta", Json::object()}, {"resources", nullptr}, {"errors", Json::array({error})}}),
                   "application/json");
}

/// What must be refused before the body is read.
httplib::Server::HandlerResponse gate(const httplib::Request& http, httplib::Response& answer) {
  const auto refused = httplib::Server::HandlerResponse::Handled;
  // The path is what is matched; a filter in the query may be long.
  if (http.target.size() > path_byte_limit || http.path.size() > path_byte_limit / 4) {
    refuse_early(answer, 414, fmt::format("the request target is longer than {} bytes", path_byte_limit));
    return refused;
  }
  if (http.has_header("Transfer-Encoding") || http.has_header("Content-Encoding")) {
    refuse_early(answer, 411, "a body needs a Content-Length and no encoding");
    return refused;
  }
  return httplib::Server::HandlerResponse::Unhandled;
}

class HttpFalcon final : public FalconCloud {
 public:
  HttpFalcon(FalconOptions options, std::unique_ptr<FalconIntel> intel)
      : server_({.what = "Falcon",
                 .flag = "--falcon-port",
                 .port = options.port,
                 .threads = threads,
                 .body_byte_limit = falcon_body_limit,
                 .body_limit = fmt::format("{} bytes", falcon_body_limit)},
                gate, refuse_early,
                [this](const httplib::Request& http, httplib::Response& answer) {
                  const CloudRequest request = to_request(http);
                  if (FalconEndpoint::is_data_feed(request)) return stream(request, answer);
                  fill(answer, endpoint_.handle(request, server_.base_url()));
                }),
        endpoint_(std::move(options), std::move(intel)) {}
  ~HttpFalcon() override { stop_now(); }

  Result<void> start() { return server_.start(); }
  int port() const override { return server_.port(); }
  void stop() override { stop_now(); }

 private:
  void stream(const CloudRequest& request, httplib::Response& answer) {
    if (++streams_ > most_streams) {
      --streams_;
      return refuse_early(answer, 503, fmt::format("more than {} streams are open", most_streams));
    }
    auto opened = endpoint_.open(request);
    if (!opened) {
      --streams_;
      return fill(answer, std::move(opened).error());
    }
    const std::shared_ptr<FalconHose::Connection> connection = *std::move(opened);
    // With a parameter the library does not pack it: packed bytes would stay with it until there are enough.
    answer.set_chunked_content_provider(
        "application/json; charset=utf-8",
        [connection](std::size_t, httplib::DataSink& sink) {
          using Kind = FalconHose::Piece::Kind;
          const auto piece = connection->next();
          if (piece.kind == Kind::bytes) return sink.write(piece.bytes.data(), piece.bytes.size());
          if (piece.kind == Kind::broken || !sink.is_writable()) return false;
          if (piece.kind == Kind::end) sink.done();
          return true;
        },
        [this](bool) { --streams_; });
  }

  void stop_now() {
    if (!server_.is_running()) return;
    endpoint_.stop();
    server_.stop();
  }

  std::atomic<int> streams_ = 0;
  LocalServer server_;  ///< stopped before the endpoint ends
  FalconEndpoint endpoint_;
};

}  // namespace

Result<std::unique_ptr<FalconCloud>> start_falcon(FalconOptions options) {
  if (options.client_id.empty() || options.client_secret.empty())
    return fail(ErrorCode::invalid_input, "the lab's Falcon endpoint needs a client id and a client secret");
  try {
    if (options.indicators > IndicatorSet::most)
      return fail(ErrorCode::invalid_input, fmt::format("the lab makes up {} indicators at most", IndicatorSet::most));
    IW_TRY(auto intel, FalconIntel::open(options));
    auto cloud = std::make_unique<HttpFalcon>(std::move(options), std::move(intel));
    IW_CHECK(cloud->start());
    return cloud;
  } catch (const std::exception& fault) {
    return fail(ErrorCode::system, printable(fault.what()), "lab's Falcon endpoint");
  }
}

}  // namespace intelwall::lab
