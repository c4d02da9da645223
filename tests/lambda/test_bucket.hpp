#pragma once

#include <fmt/format.h>
#include <httplib.h>

#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

namespace intelwall::test {

/// A bucket that writes under conditions as S3 does, by path, and Secrets Manager with one secret. Signatures are the
/// business of tests/aws.
class TestBucket {
 public:
  struct Object {
    std::string body, etag;
  };

  TestBucket() {
    server_.Get("/.+", [this](const httplib::Request& request, httplib::Response& response) {
      const std::lock_guard lock(mutex_);
      const auto found = objects_.find(request.path);
      if (found == objects_.end()) return refuse(response, 404, "NoSuchKey");
      response.set_header("ETag", found->second.etag);
      response.set_content(found->second.body, "application/octet-stream");
    });
    server_.Put("/.+", [this](const httplib::Request& request, httplib::Response& response) {
      std::function<void()> before;
      {
        const std::lock_guard lock(mutex_);
        before = std::exchange(before_put_, {});
      }
      if (before) before();
      const std::lock_guard lock(mutex_);
      ++puts_;
      const auto found = objects_.find(request.path);
      if (request.has_header("If-None-Match") && found != objects_.end())
        return refuse(response, 412, "PreconditionFailed");
      if (request.has_header("If-Match")) {
        if (found == objects_.end()) return refuse(response, 404, "NoSuchKey");
        if (request.get_header_value("If-Match") != found->second.etag)
          return refuse(response, 412, "PreconditionFailed");
      }
      const auto etag = fmt::format("\"{:032x}\"", ++version_);
      objects_[request.path] = {request.body, etag};
      response.set_header("ETag", etag);
    });
    server_.Post("/", [this](const httplib::Request&, httplib::Response& response) {
      const std::lock_guard lock(mutex_);
      response.set_content(nlohmann::json{{"ARN", "a"}, {"Name", "falcon"}, {"SecretString", secret_}}.dump(),
                           "application/x-amz-json-1.1");
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~TestBucket() {
    server_.stop();
    thread_.join();
  }
  TestBucket(const TestBucket&) = delete;
  TestBucket& operator=(const TestBucket&) = delete;

  std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }
  int puts() const {
    const std::lock_guard lock(mutex_);
    return puts_;
  }
  std::map<std::string, Object> objects() const {
    const std::lock_guard lock(mutex_);
    return objects_;
  }
  void keep(std::map<std::string, Object> objects) {
    const std::lock_guard lock(mutex_);
    objects_ = std::move(objects);
  }
  void put(const std::string& path, const std::string& body) {
    const std::lock_guard lock(mutex_);
    objects_[path] = {body, fmt::format("\"{:032x}\"", ++version_)};
  }
  void set_secret(std::string text) {
    const std::lock_guard lock(mutex_);
    secret_ = std::move(text);
  }
  /// Done once, before the next write is looked at.
  void before_put(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    before_put_ = std::move(work);
  }

 private:
  static void refuse(httplib::Response& response, int status, const char* code) {
    response.status = status;
    response.set_content(
        fmt::format("<?xml version=\"1.0\"?><Error><Code>{}</Code><Message>no</Message></Error>", code),
        "application/xml");
  }

  mutable std::mutex mutex_;
  std::map<std::string, Object> objects_;
  std::string secret_;
  std::function<void()> before_put_;
  int puts_ = 0;
  std::uint64_t version_ = 0;
  int port_ = 0;
  httplib::Server server_;
  std::thread thread_;
};

}  // namespace intelwall::test
