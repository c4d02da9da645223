#pragma once

#include "aws/support.hpp"
#include "falcon/client.hpp"

namespace intelwall::falcon {

using aws::FakeHttp;
using aws::header_of;
using std::chrono::milliseconds;
using std::chrono::seconds;

inline constexpr const char* secret = "s3cr3t-of-the-client";

/// A client over scripted answers, whose clock stands until it is moved and whose sleeps move it.
struct FakeFalcon {
  std::shared_ptr<FakeHttp> http = std::make_shared<FakeHttp>();
  std::shared_ptr<Time> now = std::make_shared<Time>(*parse_time("2026-11-24T14:03:04Z"));
  std::shared_ptr<std::vector<milliseconds>> sleeps = std::make_shared<std::vector<milliseconds>>();
  Settings settings{{"https", "api.crowdstrike.com"}, Discovery::off, "id", secret, ""};

  Session session() const {
    Session out;
    out.http = http;
    out.settings = settings;
    out.clock = [now = now] { return *now; };
    out.sleep = [now = now, sleeps = sleeps](milliseconds time) {
      sleeps->push_back(time);
      *now += std::chrono::ceil<seconds>(time);
    };
    return out;
  }
  std::shared_ptr<Client> client() const { return std::make_shared<Client>(session()); }

  void answer_token(const std::string& token = "tok", int status = 201,
                    std::multimap<std::string, std::string> headers = {}) const {
    http->answer(status, R"({"access_token":")" + token + R"(","expires_in":1799,"token_type":"bearer"})",
                 std::move(headers));
  }
  /// Waits that were asked for, without the jitter of a first repetition.
  milliseconds slept() const {
    milliseconds sum{0};
    for (const auto time : *sleeps) sum += time;
    return sum;
  }
};

inline std::string failure(int code, const std::string& message) {
  return R"({"meta":{"query_time":0.01,"powered_by":"msa-api","trace_id":"trace-1"},"resources":[],"errors":[{"code":)" +
         std::to_string(code) + R"(,"message":")" + message + R"("}]})";
}

}  // namespace intelwall::falcon
