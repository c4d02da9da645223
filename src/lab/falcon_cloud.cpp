#include "lab/falcon_cloud.hpp"

#include <fmt/format.h>
#include <httplib.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "aws/text.hpp"
#include "lab/falcon_endpoint.hpp"

namespace intelwall::lab {
namespace {

constexpr const char* address = "127.0.0.1";
constexpr std::size_t threads = 96;
constexpr int most_streams = 64;  // each keeps a thread: calls must find one too
constexpr std::time_t seconds_to_first_byte = 2;
constexpr std::size_t path_byte_limit = 4096;  // the server matches paths with std::regex, which recurses per byte

CloudRequest to_request(const httplib::Request& http) {
  CloudRequest request;
  request.method = http.method;
  const std::size_t question = std::min(http.target.find('?'), http.target.size());
  request.path = http.target.substr(0, question);
  if (question < http.target.size()) request.query = http.target.substr(question + 1);
  for (const auto& [name, value] : http.headers) request.headers.emplace(aws::lower_case(name), value);
  request.body = http.body;
  return request;
}

void fill(httplib::Response& http, const CloudResponse& response) {
  http.status = response.status;
  for (const auto& [name, value] : response.headers) http.set_header(name, value);
  http.set_content(response.body, response.content_type);
}

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
      : wanted_port_(options.port), endpoint_(std::move(options), std::move(intel)) {
    server_.new_task_queue = [] { return new httplib::ThreadPool(threads); };
    // The library's own choice, SO_REUSEPORT, would let two labs share a port and each get half of the calls.
    server_.set_socket_options([](socket_t socket) {
      const int yes = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    });
    server_.set_tcp_nodelay(true);
    server_.set_keep_alive_timeout(seconds_to_first_byte);
    server_.set_keep_alive_max_count(1);  // idle clients would each keep a thread of the pool
    server_.set_payload_max_length(falcon_body_limit);
    server_.set_pre_routing_handler(gate);
    server_.set_error_handler(
        httplib::Server::HandlerWithResponse([](const httplib::Request&, httplib::Response& http) {
          if (http.body.empty()) refuse_early(http, http.status, "the request is not one that the lab understands");
          return httplib::Server::HandlerResponse::Handled;
        }));
    server_.set_exception_handler([](const httplib::Request&, httplib::Response& http, const std::exception_ptr&) {
      refuse_early(http, 500, "the lab has a bug: its handler threw");
    });
    const httplib::Server::Handler handler = [this](const httplib::Request& http, httplib::Response& answer) {
      const CloudRequest request = to_request(http);
      if (FalconEndpoint::is_data_feed(request)) return stream(request, answer);
      fill(answer, endpoint_.handle(request, base_url()));
    };
    server_.Get(".*", handler);
    server_.Post(".*", handler);
    server_.Put(".*", handler);
    server_.Patch(".*", handler);
    server_.Delete(".*", handler);
  }
  ~HttpFalcon() override { stop_now(); }

  Result<void> start() {
    port_ = wanted_port_ == 0 ? server_.bind_to_any_port(address)
                              : (server_.bind_to_port(address, wanted_port_) ? wanted_port_ : -1);
    if (port_ <= 0)
      return fail(ErrorCode::system, fmt::format("the lab's Falcon endpoint cannot listen on port {}", wanted_port_),
                  address, "another program has it: choose one with --falcon-port");
    listener_ = std::jthread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
    return {};
  }

  int port() const override { return port_; }
  void stop() override { stop_now(); }

 private:
  std::string base_url() const { return fmt::format("http://{}:{}", address, port_); }

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
    if (!listener_.joinable()) return;
    endpoint_.stop();
    server_.stop();
    listener_.join();
  }

  int wanted_port_, port_ = 0;
  FalconEndpoint endpoint_;
  std::atomic<int> streams_ = 0;
  httplib::Server server_;
  std::jthread listener_;
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
