#include "lab/local_server.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <ctime>

#include "aws/text.hpp"

namespace intelwall::lab {
namespace {

constexpr const char* address = "127.0.0.1";
constexpr std::time_t seconds_to_first_byte = 2;  // a silent client keeps a thread, and the end waiting, this long

}  // namespace

LocalServer::LocalServer(Options options, Gate gate, Refuse refuse, Handler handler) : options_(std::move(options)) {
  server_.new_task_queue = [threads = options_.threads] { return new httplib::ThreadPool(threads); };
  // The library's own choice, SO_REUSEPORT, would let two labs share a port and each get half of the calls.
  server_.set_socket_options([](socket_t socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  });
  server_.set_tcp_nodelay(true);
  server_.set_keep_alive_timeout(seconds_to_first_byte);
  server_.set_keep_alive_max_count(options_.requests_a_connection);
  server_.set_payload_max_length(options_.body_byte_limit);
  server_.set_pre_routing_handler(gate);
  const auto too_large = "the body is larger than " + options_.body_limit;
  server_.set_error_handler(
      httplib::Server::HandlerWithResponse([refuse, too_large](const httplib::Request&, httplib::Response& http) {
        if (http.body.empty())
          refuse(http, http.status, http.status == 413 ? too_large : "the request is not one that the lab understands");
        return httplib::Server::HandlerResponse::Handled;
      }));
  server_.set_exception_handler([refuse](const httplib::Request&, httplib::Response& http, const std::exception_ptr&) {
    refuse(http, 500, "the lab has a bug: its handler threw");
  });
  server_.Get(".*", handler);
  server_.Post(".*", handler);
  server_.Put(".*", handler);
  server_.Patch(".*", handler);
  server_.Delete(".*", std::move(handler));
}

Result<void> LocalServer::start() {
  port_ = options_.port == 0 ? server_.bind_to_any_port(address)
                             : (server_.bind_to_port(address, options_.port) ? options_.port : -1);
  if (port_ <= 0)
    return fail(ErrorCode::system,
                fmt::format("the lab's {} endpoint cannot listen on port {}", options_.what, options_.port), address,
                "another program has it: choose one with " + options_.flag);
  listener_ = std::jthread([this] { server_.listen_after_bind(); });
  while (!server_.is_running()) std::this_thread::yield();
  return {};
}

void LocalServer::stop() {
  if (!listener_.joinable()) return;
  server_.stop();
  listener_.join();
}

std::string LocalServer::base_url() const {
  return fmt::format("http://{}:{}", address, port_);
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
      request.headers.emplace(aws::lower_case(name), value);
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

}  // namespace intelwall::lab
