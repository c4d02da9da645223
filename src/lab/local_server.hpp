#pragma once

#include <httplib.h>

#include <string>
#include <thread>

#include "core/result.hpp"
#include "lab/cloud_wire.hpp"

namespace intelwall::lab {

/// One of the lab's HTTP endpoints on 127.0.0.1, with a single handler for every method and path.
class LocalServer {
 public:
  struct Options {
    std::string what;  ///< "AWS", as errors call it
    std::string flag;  ///< that chooses another port
    int port = 0;      ///< 0: any free one
    std::size_t threads = 16;
    std::size_t requests_a_connection = 1;  ///< a client that keeps its connection holds a thread
    std::size_t body_byte_limit = 0;
    std::string body_limit;  ///< "8388608 bytes", as errors call it
  };
  using Handler = httplib::Server::Handler;
  /// How a request is refused that the endpoint itself does not see: status and reason.
  using Refuse = void (*)(httplib::Response& http, int status, const std::string& reason);
  /// Looks at a request before its body is read.
  using Gate = httplib::Server::HandlerResponse (*)(const httplib::Request& http, httplib::Response& answer);

  LocalServer(Options options, Gate gate, Refuse refuse, Handler handler);
  LocalServer(const LocalServer&) = delete;
  LocalServer& operator=(const LocalServer&) = delete;
  ~LocalServer() { stop(); }

  /// Listens when it returns.
  Result<void> start();
  /// Waits for the calls under way.
  void stop();
  bool is_running() const { return listener_.joinable(); }
  int port() const { return port_; }
  std::string base_url() const;

 private:
  Options options_;
  int port_ = 0;
  httplib::Server server_;
  std::jthread listener_;
};

/// The request as the endpoints below HTTP take it: header names in lower case.
CloudRequest to_request(const httplib::Request& http);
void fill(httplib::Response& http, const CloudResponse& response);

}  // namespace intelwall::lab
