#include "lab/cloud.hpp"

#include <fmt/format.h>
#include <httplib.h>
#include <sys/socket.h>

#include <ctime>
#include <thread>

#include "lab/cloud_endpoint.hpp"

namespace intelwall::lab {
namespace {

constexpr const char* address = "127.0.0.1";
constexpr std::size_t threads = 16;
constexpr std::time_t seconds_to_first_byte = 2;  // a silent client keeps a thread, and the end waiting, this long
constexpr std::size_t path_byte_limit = 1024;     // the server matches paths with std::regex, which recurses per byte

std::string lower_case(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

CloudRequest to_request(const httplib::Request& http) {
  CloudRequest request;
  request.method = http.method;
  const std::size_t question = std::min(http.target.find('?'), http.target.size());
  request.path = http.target.substr(0, question);
  if (question < http.target.size()) request.query = http.target.substr(question + 1);
  for (const auto& [name, value] : http.headers) {
    // The server adds these itself.
    if (name != "REMOTE_ADDR" && name != "REMOTE_PORT" && name != "LOCAL_ADDR" && name != "LOCAL_PORT")
      request.headers.emplace(lower_case(name), value);
  }
  request.body = http.body;
  return request;
}

void fill(httplib::Response& http, const CloudResponse& response) {
  http.status = response.status;
  for (const auto& [name, value] : response.headers) http.set_header(name, value);
  if (!response.dropped) {
    http.set_content(response.body, response.content_type);
    return;
  }
  // The connection ends before the first chunk: the client can not know whether its call was done.
  http.set_chunked_content_provider(response.content_type, [](std::size_t, httplib::DataSink&) { return false; });
}

void refuse_early(httplib::Response& http, int status, const std::string& reason) {
  http.status = status;
  http.set_content(dump_json({{"__type", "InvalidRequestException"}, {"message", reason}}), "application/json");
}

/// What must be refused before the body is read, for the server would read it without a limit.
httplib::Server::HandlerResponse gate(const httplib::Request& http, httplib::Response& answer) {
  const auto refused = httplib::Server::HandlerResponse::Handled;
  if (http.target.size() > path_byte_limit) {
    refuse_early(answer, 414, fmt::format("the request target is longer than {} bytes", path_byte_limit));
    return refused;
  }
  if (http.has_header("Transfer-Encoding") ||
      (http.method != "GET" && http.method != "HEAD" && http.method != "DELETE" && http.method != "OPTIONS" &&
       !http.has_header("Content-Length"))) {
    refuse_early(answer, 411, "a body needs a Content-Length and no Transfer-Encoding");
    return refused;
  }
  if (http.has_header("Content-Encoding")) {
    refuse_early(answer, 415, "a body with a Content-Encoding is not read");
    return refused;
  }
  return httplib::Server::HandlerResponse::Unhandled;
}

class HttpCloud final : public Cloud {
 public:
  explicit HttpCloud(CloudOptions options)
      : wanted_port_(options.port),
        requests_a_connection_(options.requests_a_connection),
        endpoint_(std::move(options)) {
    server_.new_task_queue = [] { return new httplib::ThreadPool(threads); };
    // The library's own choice, SO_REUSEPORT, would let two clouds share a port and each get half of the calls.
    server_.set_socket_options([](socket_t socket) {
      const int yes = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    });
    server_.set_tcp_nodelay(true);
    server_.set_keep_alive_timeout(seconds_to_first_byte);
    server_.set_keep_alive_max_count(requests_a_connection_);
    server_.set_payload_max_length(object_byte_limit);  // the endpoint knows the other services' limit
    server_.set_pre_routing_handler(gate);
    server_.set_error_handler(
        httplib::Server::HandlerWithResponse([](const httplib::Request&, httplib::Response& http) {
          if (http.body.empty() && http.status == 413)
            refuse_early(http, 413,
                         fmt::format("the body is larger than {} bytes, or {} for an object of S3", body_byte_limit,
                                     object_byte_limit));
          else if (http.body.empty())
            refuse_early(http, http.status, "the request is not one that the lab understands");
          return httplib::Server::HandlerResponse::Handled;
        }));
    server_.set_exception_handler([](const httplib::Request&, httplib::Response& http, const std::exception_ptr&) {
      http.status = 500;
      http.set_content(R"({"__type":"InternalServerError","message":"the lab has a bug: its handler threw"})",
                       "application/json");
    });
    const httplib::Server::Handler handler = [this](const httplib::Request& http, httplib::Response& answer) {
      fill(answer, endpoint_.handle(to_request(http)));
    };
    server_.Get(".*", handler);
    server_.Post(".*", handler);
    server_.Put(".*", handler);
    server_.Patch(".*", handler);
    server_.Delete(".*", handler);
  }
  ~HttpCloud() override { stop_now(); }

  Result<void> start() {
    port_ = wanted_port_ == 0 ? server_.bind_to_any_port(address)
                              : (server_.bind_to_port(address, wanted_port_) ? wanted_port_ : -1);
    if (port_ <= 0)
      return fail(ErrorCode::system, fmt::format("the lab's AWS endpoint cannot listen on port {}", wanted_port_),
                  address, "another program has it: choose one with --aws-port");
    listener_ = std::jthread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
    return {};
  }

  int port() const override { return port_; }
  CloudServices services() override { return endpoint_.services(); }
  void stop() override { stop_now(); }

 private:
  void stop_now() {
    if (!listener_.joinable()) return;
    endpoint_.queues().stop();  // the server's end waits for its calls, of which some wait for messages
    server_.stop();
    listener_.join();
    endpoint_.stop();
  }

  int wanted_port_, port_ = 0;
  std::size_t requests_a_connection_;
  Endpoint endpoint_;
  httplib::Server server_;
  std::jthread listener_;
};

}  // namespace

Result<std::unique_ptr<Cloud>> start_cloud(CloudOptions options) {
  if (options.secret_access_key.empty())
    return fail(ErrorCode::invalid_input, "the lab's AWS endpoint needs a secret access key to check signatures with");
  try {
    auto cloud = std::make_unique<HttpCloud>(std::move(options));
    IW_CHECK(cloud->start());
    return cloud;
  } catch (const std::exception& fault) {
    return fail(ErrorCode::system, printable(fault.what()), "lab's AWS endpoint");
  }
}

}  // namespace intelwall::lab
