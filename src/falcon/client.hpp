#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "aws/client.hpp"
#include "falcon/error.hpp"
#include "falcon/settings.hpp"

namespace intelwall::falcon {

/// All that the clients need from outside.
struct Session {
  std::shared_ptr<aws::HttpClient> http;
  Settings settings;
  Clock clock = system_now;
  Sleep sleep = really_sleep;
  aws::RetryPolicy retries{.base = std::chrono::milliseconds(500),
                           .cap = std::chrono::milliseconds(20'000),
                           .retry_after_cap = std::chrono::milliseconds(60'000)};  ///< Falcon counts by the minute
};

/// One API call, without its token.
struct Call {
  std::string method = "GET";
  std::string path;
  std::vector<std::pair<std::string, std::string>> query;
  std::string body;   ///< JSON text; empty for none
  std::string scope;  ///< what the API client needs for it, for the error of a 403: "Alerts: Read"
  std::optional<Origin>
      origin;  ///< another server than the session's; the caller has checked that it may see the token
};

/// The Falcon API behind OAuth2 client credentials (POST /oauth2/token, 200 and 201). Fetches a token when there is
/// none or it ends within two minutes, and once more when a call is answered with 401. Retries 429 (for all callers:
/// the limit is common), 408, 5xx and transport faults within the policy: only calls that may be repeated go through
/// here. Follows X-Cs-Region to a known cloud where the settings say so, never a redirect. Thread-safe.
class Client {
 public:
  explicit Client(Session session);

  /// An answer in the 2xx, with at least one resource or without errors.
  Result<Answer> call(const Call& call);
  /// An answer in the 2xx as it came, for callers with a reader of their own.
  Result<aws::HttpResponse> fetch(const Call& call);
  /// Reads what fetch() gave: the second half of call().
  Result<Answer> read(const Call& call, const aws::HttpResponse& response);
  /// Where calls go: the cloud that was discovered, once a token was fetched.
  Origin origin() const;
  /// A token fetched now if need be, so that wrong keys are told before anything else is tried.
  Result<void> sign_in();
  const Session& session() const { return session_; }
  void sleep(std::chrono::milliseconds time) const { session_.sleep(time); }

 private:
  struct Token {
    std::string text;
    Time renew_at{};
  };

  Result<Token> token();
  Result<Token> fetch_token(const Origin& origin);
  Result<aws::HttpResponse> request_token(const Origin& origin);
  /// Sends until the answer is not one that passes.
  Result<aws::HttpResponse> send(const aws::HttpRequest& request, const Refused& refused);
  void wait_for_rate_limit();
  void note_rate_limit(const aws::HttpResponse& response);
  /// Drops the token that was refused, unless another caller has renewed it meanwhile.
  void forget(const std::string& refused_token);
  Refused refused(std::string what, std::string scope = {}) const;

  Session session_;
  std::mutex token_mutex_;  ///< held while a token is fetched: one fetch serves all who wait
  Token token_;
  mutable std::mutex state_mutex_;  ///< guards what follows
  Origin origin_;
  std::string told_cloud_;  ///< X-Cs-Region of the last token answer, when it names another cloud
  Time not_before_{};       ///< no call before: Falcon said so
  std::chrono::milliseconds pace_{0};
};

}  // namespace intelwall::falcon
