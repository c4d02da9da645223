#include "aws/http.hpp"

#include <gmock/gmock.h>
#include <httplib.h>

#include <atomic>
#include <cstdlib>
#include <future>
#include <set>
#include <thread>

#include "os/process.hpp"
#include "support.hpp"

namespace intelwall::aws {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::SizeIs;

/// Sets a variable of this process and puts back what was there. The tests of one program run one after another.
class ScopedVariable {
 public:
  ScopedVariable(std::string name, const std::string& value) : name_(std::move(name)) {
    if (const char* old = std::getenv(name_.c_str())) old_ = old;
    setenv(name_.c_str(), value.c_str(), 1);
  }
  ~ScopedVariable() {
    if (old_)
      setenv(name_.c_str(), old_->c_str(), 1);
    else
      unsetenv(name_.c_str());
  }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  std::string name_;
  std::optional<std::string> old_;
};

/// A server on a port of its own, as long as it lives.
class LocalServer {
 public:
  explicit LocalServer(std::unique_ptr<httplib::Server> server = std::make_unique<httplib::Server>())
      : server_(std::move(server)) {
    server_->set_keep_alive_max_count(1'000);
    server_->set_tcp_nodelay(true);  // else 40 ms a call: head and body are written apart
    port_ = server_->bind_to_any_port("127.0.0.1");
  }
  ~LocalServer() {
    server_->stop();
    thread_.join();
  }
  LocalServer(const LocalServer&) = delete;
  LocalServer& operator=(const LocalServer&) = delete;

  /// Handles every request, whatever its method and path.
  void start(std::function<void(const httplib::Request&, httplib::Response&)> handler) {
    const auto handle = httplib::Server::Handler(std::move(handler));
    server_->Get(".*", handle);
    server_->Post(".*", handle);
    server_->Put(".*", handle);
    server_->Patch(".*", handle);
    server_->Delete(".*", handle);
    thread_ = std::thread([this] { server_->listen_after_bind(); });
    while (!server_->is_running()) std::this_thread::yield();
  }
  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  int port() const { return port_; }

 private:
  std::unique_ptr<httplib::Server> server_;
  int port_ = 0;
  std::thread thread_;
};

HttpRequest request_to(const std::string& host, std::string method = "POST") {
  HttpRequest request;
  request.scheme = "http";
  request.method = std::move(method);
  request.host = host;
  return request;
}

class HttpTest : public testing::Test {
 protected:
  const ScopedVariable no_proxy_{"NO_PROXY", "127.0.0.1,localhost"};
  const ScopedVariable no_proxy_too_{"no_proxy", "127.0.0.1,localhost"};
};

TEST_F(HttpTest, SendsExactlyWhatWasSigned) {
  LocalServer server;
  httplib::Request seen;
  server.start([&](const httplib::Request& request, httplib::Response& response) {
    seen = request;
    response.status = 418;
    response.set_header("X-Answer", "one");
    response.set_content("tea", "text/plain");
  });
  HttpRequest request = request_to(server.host(), "PATCH");
  request.path = "/tags/arn:aws:x/a b/../ü";
  request.query = {{"k", "a+b&c"}, {"k", ""}};
  request.headers = {{"X-Text", "  text "}, {"X-Empty", ""}};
  request.body = std::string("binary\0\xff", 8);
  const auto answer = make_curl_client()->send(request);
  ASSERT_TRUE(answer) << answer.error().to_text();
  EXPECT_EQ(answer->status, 418) << "any status is an answer";
  EXPECT_EQ(answer->body, "tea");
  EXPECT_EQ(answer->header("x-answer"), "one");
  EXPECT_EQ(answer->header("absent"), "");
  EXPECT_EQ(seen.method, "PATCH");
  EXPECT_EQ(seen.target, request_target(request));
  EXPECT_EQ(seen.get_header_value("Host"), server.host());
  EXPECT_EQ(seen.get_header_value("X-Text"), "text");
  EXPECT_FALSE(seen.has_header("Accept"));
  EXPECT_FALSE(seen.has_header("Content-Type")) << "nothing that was not asked for";
  EXPECT_EQ(seen.body, request.body);
}

TEST_F(HttpTest, EveryMethodGoesThrough) {
  LocalServer server;
  server.start([](const httplib::Request& request, httplib::Response& response) {
    response.set_content(request.method + request.body, "text/plain");
  });
  const auto client = make_curl_client();
  for (const std::string method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
    HttpRequest request = request_to(server.host(), method);
    EXPECT_EQ(client->send(request).value().body, method) << "a handle keeps nothing of the call before";
    request.body = "x";
    if (method == "GET") continue;
    EXPECT_EQ(client->send(request).value().body, method + "x");
  }
}

TEST_F(HttpTest, BigBodiesGoOutAtOnceOnOneConnection) {
  LocalServer server;
  std::set<int> ports;
  bool expected_100 = false;
  server.start([&](const httplib::Request& request, httplib::Response& response) {
    ports.insert(request.remote_port);
    expected_100 = expected_100 || request.has_header("Expect");
    response.set_content(request.body, "text/plain");
  });
  const auto client = make_curl_client();
  HttpRequest request = request_to(server.host());
  request.body = std::string(1'400'000, 'r');
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(client->send(request).value().body == request.body);
  EXPECT_THAT(ports, SizeIs(1));
  EXPECT_FALSE(expected_100);
}

TEST_F(HttpTest, ManyThreadsShareAClient) {
  LocalServer server;
  server.start([](const httplib::Request& request, httplib::Response& response) {
    response.set_content(request.body, "text/plain");
  });
  const auto client = make_curl_client();
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 30; ++i) {
        HttpRequest request = request_to(server.host());
        request.body = std::to_string(t) + ':' + std::to_string(i);
        const auto answer = client->send(request);
        good += answer && answer->body == request.body ? 1 : 0;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 180);
}

TEST_F(HttpTest, ASlowServerIsATimeOut) {
  std::promise<void> over;
  const auto until_over = over.get_future().share();
  LocalServer server;  // last: its handlers use the others
  server.start([&](const httplib::Request&, httplib::Response&) { until_over.wait(); });
  const auto answer = make_curl_client({milliseconds(5'000), milliseconds(150)})->send(request_to(server.host()));
  over.set_value();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
  EXPECT_THAT(answer.error().message, HasSubstr("within 150 ms"));
  EXPECT_FALSE(never_sent(answer.error())) << "the service may have acted";
}

TEST_F(HttpTest, AnAnswerOverTheLimitIsRefused) {
  LocalServer server;
  server.start([](const httplib::Request& request, httplib::Response& response) {
    response.set_content(std::string(std::stoul(request.body), 'x'), "text/plain");
  });
  const auto client = make_curl_client({}, 100'000);
  HttpRequest request = request_to(server.host());
  request.body = "100000";
  EXPECT_EQ(client->send(request).value().body.size(), 100'000U);
  request.body = "100001";
  const auto answer = client->send(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::protocol);
  EXPECT_THAT(answer.error().message, HasSubstr("larger than 100000 bytes"));
}

TEST_F(HttpTest, AnAnswerThatBreaksOffIsAFault) {
  LocalServer server;
  server.start([](const httplib::Request&, httplib::Response& response) {
    response.set_content_provider(1'000, "text/plain", [](std::size_t, std::size_t, httplib::DataSink& sink) {
      sink.write("part", 4);
      return false;
    });
  });
  const auto answer = make_curl_client()->send(request_to(server.host()));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
  EXPECT_FALSE(never_sent(answer.error()));
}

TEST_F(HttpTest, RedirectsAreNotFollowed) {
  LocalServer server;
  std::atomic<int> calls = 0;
  server.start([&](const httplib::Request&, httplib::Response& response) {
    ++calls;
    response.set_redirect("/elsewhere");
  });
  EXPECT_EQ(make_curl_client()->send(request_to(server.host())).value().status, 302);
  EXPECT_EQ(calls, 1);
}

TEST_F(HttpTest, NobodyThereIsToldInWords) {
  const auto refused = make_curl_client()->send(request_to("127.0.0.1:1"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("refused"));
  EXPECT_TRUE(never_sent(refused.error()));

  const auto unknown = make_curl_client()->send(request_to("no-such-host.invalid"));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::unavailable);
  EXPECT_TRUE(never_sent(unknown.error()));
  EXPECT_THAT(unknown.error().message, HasSubstr("does not resolve"));
  EXPECT_THAT(unknown.error().hint, HasSubstr("AWS_ENDPOINT_URL"));
}

TEST_F(HttpTest, AProxyIsUsedWhereItIsNamed) {
  LocalServer proxy;
  std::string target;
  proxy.start([&](const httplib::Request& request, httplib::Response& response) {
    target = request.target;
    response.set_content("by proxy", "text/plain");
  });
  const ScopedVariable upper("HTTP_PROXY", "http://127.0.0.1:1");  // never heard for http
  const ScopedVariable lower("http_proxy", "http://" + proxy.host());
  EXPECT_EQ(make_curl_client()->send(request_to("aws.example")).value().body, "by proxy");
  EXPECT_EQ(target, "http://aws.example/");
  const ScopedVariable broken("http_proxy", "http://no-such-proxy.invalid:3128");
  const auto answer = make_curl_client()->send(request_to("aws.example"));
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message, HasSubstr("proxy"));
  EXPECT_THAT(answer.error().hint, HasSubstr("NO_PROXY"));
}

TEST_F(HttpTest, PartsThatWouldBecomeAnotherRequestAreRefused) {
  const auto client = make_curl_client();
  const auto refused = [&](auto change) {
    HttpRequest request = request_to("127.0.0.1:1");
    change(request);
    const auto answer = client->send(request);
    return !answer && answer.error().code == ErrorCode::invalid_input;
  };
  EXPECT_TRUE(refused([](HttpRequest& r) { r.headers = {{"X", "a\r\nY: b"}}; }));
  EXPECT_TRUE(refused([](HttpRequest& r) { r.headers = {{"X\n", "a"}}; }));
  EXPECT_TRUE(refused([](HttpRequest& r) { r.headers = {{"", "a"}}; }));
  EXPECT_TRUE(refused([](HttpRequest& r) { r.host = "good@evil.example"; }));
  EXPECT_TRUE(refused([](HttpRequest& r) { r.host = "a/b"; }));
  EXPECT_TRUE(refused([](HttpRequest& r) { r.host = ""; }));
  EXPECT_TRUE(refused([](HttpRequest& r) { r.scheme = "file"; }));
  EXPECT_TRUE(refused([](HttpRequest& r) { r.method = "GET /x HTTP/1.1\r\n"; }));
  EXPECT_FALSE(refused([](HttpRequest&) {}));
}

/// A certificate that signs itself, for 127.0.0.1 only.
class HttpsTest : public HttpTest {
 protected:
  void SetUp() override {
    const auto made = os::run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                               "-nodes", "-days", "2", "-subj", "/CN=judge", "-addext", "subjectAltName=IP:127.0.0.1",
                               "-keyout", key_, "-out", certificate_});
    ASSERT_TRUE(made) << made.error().to_text();
    ASSERT_EQ(made->exit_code, 0) << made->err;
    server_ = std::make_unique<LocalServer>(std::make_unique<httplib::SSLServer>(certificate_.c_str(), key_.c_str()));
    server_->start(
        [](const httplib::Request&, httplib::Response& response) { response.set_content("safe", "text/plain"); });
  }

  Result<HttpResponse> get(const std::string& host) {
    HttpRequest request = request_to(host, "GET");
    request.scheme = "https";
    return make_curl_client()->send(request);
  }

  TempDir dir_;
  std::string key_ = (dir_.path() / "key.pem").string();
  std::string certificate_ = (dir_.path() / "certificate.pem").string();
  std::unique_ptr<LocalServer> server_;
};

TEST_F(HttpsTest, ACertificateThatNobodyVouchesForIsRefused) {
  const auto answer = get(server_->host());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::denied);
  EXPECT_THAT(answer.error().message, HasSubstr("not trusted"));
  EXPECT_THAT(answer.error().hint, HasSubstr("AWS_CA_BUNDLE"));
  EXPECT_TRUE(never_sent(answer.error()));
}

TEST_F(HttpsTest, TheBundleNamesWhomToTrust) {
  const ScopedVariable bundle("AWS_CA_BUNDLE", certificate_);
  const auto answer = get(server_->host());
  ASSERT_TRUE(answer) << answer.error().to_text();
  EXPECT_EQ(answer->body, "safe");
  const auto other_name = get("localhost:" + std::to_string(server_->port()));
  ASSERT_FALSE(other_name) << "the certificate names another host";
  EXPECT_EQ(other_name.error().code, ErrorCode::denied);
}

TEST_F(HttpsTest, ABundleThatIsNotThereIsTold) {
  const ScopedVariable bundle("AWS_CA_BUNDLE", (dir_.path() / "absent.pem").string());
  const auto answer = get(server_->host());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::denied);
  EXPECT_THAT(answer.error().hint, HasSubstr("AWS_CA_BUNDLE"));
}

TEST_F(HttpsTest, PlainHttpBehindHttpsIsTold) {
  LocalServer plain;
  plain.start([](const httplib::Request&, httplib::Response&) {});
  const auto answer = get(plain.host());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
  EXPECT_THAT(answer.error().message, HasSubstr("TLS"));
}

}  // namespace
}  // namespace intelwall::aws
