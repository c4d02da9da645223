#include "lab/cloud.hpp"

#include <fmt/format.h>

#include "lab/cloud_endpoint.hpp"
#include "lab/local_server.hpp"

namespace intelwall::lab {
namespace {

constexpr std::size_t path_byte_limit = 1024;  // the server matches paths with std::regex, which recurses per byte

void refuse_early(httplib::Response& http, int status, const std::string& reason) {
  http.status = status;
  const auto* const type = status < 500 ? "InvalidRequestException" : "InternalServerError";
  http.set_content(dump_json({{"__type", type}, {"message", reason}}), "application/json");
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
      : server_({.what = "AWS",
                 .flag = "--aws-port",
                 .port = options.port,
                 .requests_a_connection = options.requests_a_connection,
                 .body_byte_limit = object_byte_limit,  // the endpoint knows the other services' limit
                 .body_limit = fmt::format("{} bytes, or {} for an object of S3", body_byte_limit, object_byte_limit)},
                gate, refuse_early,
                [this](const httplib::Request& http, httplib::Response& answer) {
                  fill(answer, endpoint_.handle(to_request(http)));
                }),
        endpoint_(std::move(options)) {}
  ~HttpCloud() override { stop_now(); }

  Result<void> start() { return server_.start(); }
  int port() const override { return server_.port(); }
  CloudServices services() override { return endpoint_.services(); }
  void stop() override { stop_now(); }

 private:
  void stop_now() {
    if (!server_.is_running()) return;
    endpoint_.queues().stop();  // the server's end waits for its calls, of which some wait for messages
    server_.stop();
    endpoint_.stop();
  }

  LocalServer server_;  ///< stopped before the endpoint ends
  Endpoint endpoint_;
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
