#pragma once

#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "aws/client.hpp"

namespace intelwall::aws {

/// An environment from a map; the process's own plays no part.
inline Environment environment(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

/// Answers from a script, in order, and keeps what was asked.
class FakeHttp final : public HttpClient {
 public:
  Result<HttpResponse> send(const HttpRequest& request) override {
    requests.push_back(request);
    if (script.empty()) return fail(ErrorCode::protocol, "the script is over");
    auto next = std::move(script.front());
    script.pop_front();
    return next;
  }

  void answer(int status, std::string body, std::multimap<std::string, std::string> headers = {}) {
    script.emplace_back(HttpResponse{status, std::move(headers), std::move(body)});
  }
  void break_off(ErrorCode code, std::string place) { script.emplace_back(fail(code, "broken", std::move(place))); }

  std::deque<Result<HttpResponse>> script;
  std::vector<HttpRequest> requests;
};

class FixedCredentials final : public CredentialProvider {
 public:
  Result<Credentials> get() override { return Credentials{"AKIDEXAMPLE", "secret", ""}; }
};

inline std::string header_of(const HttpRequest& request, const std::string& name) {
  for (const auto& [key, value] : request.headers)
    if (key == name) return value;
  return {};
}

/// A session over FakeHttp whose sleeps are recorded and whose clock stands.
struct FakeSession {
  std::shared_ptr<FakeHttp> http = std::make_shared<FakeHttp>();
  std::shared_ptr<std::vector<std::chrono::milliseconds>> sleeps =
      std::make_shared<std::vector<std::chrono::milliseconds>>();
  Time now = *parse_time("2026-11-24T14:03:04Z");

  Session session(std::map<std::string, std::string> variables = {}) const {
    Session out;
    out.http = http;
    out.credentials = std::make_shared<FixedCredentials>();
    out.region = "us-east-1";
    out.env = environment(std::move(variables));
    out.clock = [now = now] { return now; };
    out.sleep = [sleeps = sleeps](std::chrono::milliseconds time) { sleeps->push_back(time); };
    return out;
  }
};

/// A directory that goes with its owner.
class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "intelwall-aws-XXXXXX").string();
    IW_ASSERT(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return (path_ / name).string();
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace intelwall::aws
