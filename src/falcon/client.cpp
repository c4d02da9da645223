#include "falcon/client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "aws/text.hpp"

namespace intelwall::falcon {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds renewal_margin{120};
constexpr seconds usual_lifetime{1799};
constexpr seconds longest_lifetime{24 * 3600};

/// A number, also as a string.
std::optional<std::int64_t> whole_number(const Json& value) {
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!value.is_string()) return std::nullopt;
  const auto& text = value.get_ref<const std::string&>();
  std::int64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool is_token(std::string_view text) {
  constexpr std::size_t longest = 16u << 10;
  return !text.empty() && text.size() <= longest &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string name_of(const Call& call) {
  return call.method + ' ' + printable(call.path, 80);
}

/// How much of the minute's calls is left: see gofalcon, which slows down the same way.
milliseconds pace_of(const aws::HttpResponse& response) {
  const std::string left = response.header("x-ratelimit-remaining");
  unsigned count = 0;
  const auto [end, fault] = std::from_chars(left.data(), left.data() + left.size(), count);
  if (left.empty() || fault != std::errc() || end != left.data() + left.size() || count > 10) return milliseconds(0);
  return count > 5 ? milliseconds(200) : milliseconds(500);
}

}  // namespace

Client::Client(Session session) : session_(std::move(session)), origin_(session_.settings.origin) {
  IW_ASSERT(session_.http != nullptr);
  if (!session_.sleep) session_.sleep = [](milliseconds time) { std::this_thread::sleep_for(time); };
}

Origin Client::origin() const {
  const std::lock_guard lock(state_mutex_);
  return origin_;
}

Refused Client::refused(std::string what, std::string scope) const {
  const std::lock_guard lock(state_mutex_);
  return {std::move(what), std::move(scope), told_cloud_, {session_.settings.client_secret}};
}

void Client::wait_for_rate_limit() {
  milliseconds wait{0};
  {
    const std::lock_guard lock(state_mutex_);
    wait = std::max<milliseconds>(pace_, not_before_ - session_.clock());
  }
  if (wait > milliseconds(0)) session_.sleep(std::min(wait, session_.retries.retry_after_cap));
}

void Client::note_rate_limit(const aws::HttpResponse& response) {
  const auto wait = response.status == 429 ? retry_after(response, session_.clock()) : std::nullopt;
  const std::lock_guard lock(state_mutex_);
  pace_ = pace_of(response);
  if (wait && *wait <= session_.retries.retry_after_cap)
    not_before_ = session_.clock() + std::chrono::ceil<seconds>(*wait);
}

Result<aws::HttpResponse> Client::send(const aws::HttpRequest& request, const Refused& refused) {
  const auto& policy = session_.retries;
  for (int attempt = 1;; ++attempt) {
    wait_for_rate_limit();
    auto response = session_.http->send(request);
    if (response) note_rate_limit(*response);
    const bool passing = response ? is_passing(response->status) : response.error().code == ErrorCode::unavailable;
    if (!passing && response) return response;
    const auto asked = response ? retry_after(*response, session_.clock()) : std::nullopt;
    const bool asks_too_much = asked && *asked > policy.retry_after_cap;
    if (passing && !asks_too_much && attempt < policy.attempts) {
      // A 429 that says how long is waited for by wait_for_rate_limit(), with all other callers.
      const bool common = response && response->status == 429 && asked;
      session_.sleep(common ? policy.back_off(1) : std::max(asked.value_or(milliseconds(0)), policy.back_off(attempt)));
      continue;
    }
    Error error = response ? to_error(*response, refused) : to_error(std::move(response).error(), refused);
    if (asks_too_much) error.hint = fmt::format("Falcon asks to wait {} s", asked->count() / 1000);
    if (attempt > 1) error.message += fmt::format(" (attempt {}, the last)", attempt);
    return std::unexpected(std::move(error));
  }
}

Result<aws::HttpResponse> Client::request_token(const Origin& origin) {
  const auto& settings = session_.settings;
  aws::HttpRequest request;
  request.scheme = origin.scheme;
  request.host = origin.host;
  request.path = "/oauth2/token";
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                     {"Accept", "application/json"},
                     {"User-Agent", "intelwall"}};
  request.body = "client_id=" + aws::encode_query_part(settings.client_id) +
                 "&client_secret=" + aws::encode_query_part(settings.client_secret) + "&grant_type=client_credentials";
  if (!settings.member_cid.empty()) request.body += "&member_cid=" + aws::encode_query_part(settings.member_cid);
  return send(request, refused("POST /oauth2/token"));
}

Result<Client::Token> Client::fetch_token(const Origin& origin) {
  IW_TRY(const auto response, request_token(origin));
  const std::string region = response.header("x-cs-region");
  const auto home = cloud_named(region);
  if (home && *home != origin) {
    if (session_.settings.discovery == Discovery::on && origin == session_.settings.origin) {
      // Only this table's clouds ever see the keys, whatever the header says.
      {
        const std::lock_guard lock(state_mutex_);
        origin_ = *home;
      }
      return fetch_token(*home);
    }
    const std::lock_guard lock(state_mutex_);
    if (!name_of_cloud(origin).empty()) told_cloud_ = name_of_cloud(*home);
  }
  const Refused about = refused("POST /oauth2/token");
  if (response.status != 200 && response.status != 201) return std::unexpected(to_error(response, about));
  const auto body = aws::parse_json(response.body);
  Token token;
  if (body) token.text = aws::text_in(*body, "access_token");
  if (!is_token(token.text)) {
    return fail(ErrorCode::protocol, "the answer holds no token that could be used", "Falcon " + about.what,
                "check FALCON_BASE_URL: this is not an answer of the Falcon API");
  }
  const auto told = whole_number(aws::member(*body, "expires_in"));
  const auto lifetime =
      std::clamp(told ? seconds(std::clamp<std::int64_t>(*told, 0, longest_lifetime.count())) : usual_lifetime,
                 seconds(1), longest_lifetime);
  token.renew_at = session_.clock() + lifetime - std::min(renewal_margin, lifetime / 2);
  return token;
}

Result<Client::Token> Client::token() {
  const std::lock_guard lock(token_mutex_);
  if (token_.text.empty() || session_.clock() >= token_.renew_at) {
    token_ = {};
    IW_TRY(token_, fetch_token(origin()));
  }
  return token_;
}

void Client::forget(const std::string& refused_token) {
  const std::lock_guard lock(token_mutex_);
  if (token_.text == refused_token) token_ = {};
}

Result<void> Client::sign_in() {
  IW_CHECK(token());
  return {};
}

Result<aws::HttpResponse> Client::fetch(const Call& call) {
  for (bool again = false;; again = true) {
    IW_TRY(const Token token, this->token());
    const Origin origin = call.origin ? *call.origin : this->origin();
    aws::HttpRequest request{call.method, origin.scheme, origin.host, call.path, call.query, {}, call.body};
    request.headers = {
        {"Authorization", "Bearer " + token.text}, {"Accept", "application/json"}, {"User-Agent", "intelwall"}};
    if (call.method != "GET") request.headers.emplace_back("Content-Type", "application/json");
    Refused about = refused(name_of(call), call.scope);
    about.secrets.push_back(token.text);
    IW_TRY(auto response, send(request, about));
    if (response.status == 401 && !again) {
      forget(token.text);
      continue;
    }
    if (response.status < 200 || response.status >= 300) return std::unexpected(to_error(response, about));
    return response;
  }
}

Result<Answer> Client::read(const Call& call, const aws::HttpResponse& response) {
  if (aws::trim(response.body).empty()) return Answer{};
  auto body = aws::parse_json(response.body);
  if (!body || !body->is_object()) {
    return fail(
        ErrorCode::protocol,
        fmt::format("the answer cannot be read: {}", body ? "this is JSON but no object" : body.error().message),
        "Falcon " + name_of(call), "check FALCON_BASE_URL and the proxy: this is not an answer of the Falcon API");
  }
  Answer answer = read_answer(*std::move(body), response);
  if (answer.resources.empty() && !answer.errors.empty()) {
    aws::HttpResponse told = response;
    if (answer.errors.front().code >= 400 && answer.errors.front().code < 600) told.status = answer.errors.front().code;
    Refused about = refused(name_of(call), call.scope);
    {
      const std::lock_guard lock(token_mutex_);
      about.secrets.push_back(token_.text);
    }
    return std::unexpected(to_error(told, about));
  }
  return answer;
}

Result<Answer> Client::call(const Call& call) {
  IW_TRY(const auto response, fetch(call));
  return read(call, response);
}

}  // namespace intelwall::falcon
