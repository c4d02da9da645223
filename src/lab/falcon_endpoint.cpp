#include "lab/falcon_endpoint.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <charconv>

#include "aws/json_text.hpp"
#include "aws/text.hpp"

namespace intelwall::lab {
namespace {

constexpr std::string_view feed_prefix = "/sensors/entities/datafeed/v1/";
constexpr std::string_view refresh_prefix = "/sensors/entities/datafeed-actions/v1/";
constexpr std::size_t most_tokens = 10'000;

using Parameters = std::map<std::string, std::string>;

/// Names and values of a query or a form; of equal names the first counts.
Parameters parse_parameters(std::string_view text) {
  Parameters out;
  const auto decoded = [](std::string_view part) {
    std::string plain(part);
    std::ranges::replace(plain, '+', ' ');
    return decode_percent(plain);
  };
  for (const auto pair : aws::split(text, '&')) {
    const auto equals = std::min(pair.find('='), pair.size());
    if (!pair.empty())
      out.emplace(decoded(pair.substr(0, equals)), decoded(pair.substr(std::min(equals + 1, pair.size()))));
  }
  return out;
}

std::string value_of(const Parameters& parameters, const char* name) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::string() : found->second;
}

template <class Number>
std::optional<Number> whole_number(std::string_view text) {
  Number number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  return !text.empty() && fault == std::errc() && end == text.data() + text.size() ? std::optional(number)
                                                                                   : std::nullopt;
}

/// Compares in a time that does not tell how much is right.
bool same_secret(std::string_view given, std::string_view wanted) {
  return given.size() == wanted.size() && CRYPTO_memcmp(given.data(), wanted.data(), wanted.size()) == 0;
}

/// "id:secret" of a Basic authorization, decoded.
std::string basic_credentials(std::string_view authorization) {
  if (aws::lower_case(authorization.substr(0, 6)) != "basic ") return {};
  const std::string_view text = aws::trim(authorization.substr(6));
  if (text.size() % 4 != 0 || text.size() > 4096) return {};
  std::string out(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return {};
  out.resize(static_cast<std::size_t>(size) - static_cast<std::size_t>(std::ranges::count(text, '=')));
  return out;
}

std::string after_word(std::string_view header, std::string_view word) {
  return header.starts_with(word) ? std::string(header.substr(word.size())) : std::string();
}

bool is_app_id(std::string_view text) {
  constexpr std::size_t longest = 32;
  return !text.empty() && text.size() <= longest && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

CloudResponse plain(int status, const Json& body) {
  CloudResponse response;
  response.status = status;
  response.content_type = "application/json";
  response.body = dump_json(body);
  return response;
}

std::optional<HoseFault::Kind> kind_of_fault(const std::string& word) {
  using Kind = HoseFault::Kind;
  for (const auto& [name, kind] :
       {std::pair{"cut", Kind::cut}, std::pair{"garbage", Kind::garbage}, std::pair{"slow", Kind::slow},
        std::pair{"silent", Kind::silent}, std::pair{"open", Kind::open}}) {
    if (word == name) return kind;
  }
  return std::nullopt;
}

}  // namespace

FalconEndpoint::FalconEndpoint(FalconOptions options, std::unique_ptr<FalconIntel> intel)
    : options_(std::move(options)), hose_(options_), alerts_(options_.clock), intel_(std::move(intel)) {}

bool FalconEndpoint::is_data_feed(const CloudRequest& request) {
  return request.method == "GET" && request.path.starts_with(feed_prefix);
}

CloudResponse FalconEndpoint::give_token(const CloudRequest& request) {
  const Parameters form = parse_parameters(request.body);
  std::string id = value_of(form, "client_id"), secret = value_of(form, "client_secret");
  if (id.empty()) {
    const std::string basic = basic_credentials(request.header("authorization"));
    const auto colon = std::min(basic.find(':'), basic.size());
    id = basic.substr(0, colon);
    secret = basic.substr(std::min(colon + 1, basic.size()));
  }
  if (id.empty()) return encode(refuse_falcon(400, "Failed to generate access token for clientID="));
  if (id != options_.client_id || !same_secret(secret, options_.client_secret))
    return encode(refuse_falcon(403, "Failed to issue access token - Client authentication failed"));
  const std::string token = random_uuid() + random_uuid();
  const std::lock_guard lock(mutex_);
  const Time now = options_.clock();
  if (tokens_.size() >= most_tokens) std::erase_if(tokens_, [now](const auto& known) { return known.second <= now; });
  if (tokens_.size() >= most_tokens) tokens_.clear();
  tokens_[token] = now + options_.token_lifetime;
  return plain(201,
               {{"access_token", token}, {"expires_in", options_.token_lifetime.count()}, {"token_type", "bearer"}});
}

CloudResponse FalconEndpoint::revoke_token(const CloudRequest& request) {
  const std::string basic = basic_credentials(request.header("authorization"));
  if (!same_secret(basic, options_.client_id + ":" + options_.client_secret))
    return encode(refuse_falcon(403, "Failed to revoke access token - Client authentication failed"));
  const std::lock_guard lock(mutex_);
  tokens_.erase(value_of(parse_parameters(request.body), "token"));
  return plain(200, {{"meta", {{"query_time", 0.001}, {"powered_by", "csam"}}}, {"errors", Json::array()}});
}

bool FalconEndpoint::knows_token(const CloudRequest& request) {
  const std::string token = after_word(request.header("authorization"), "Bearer ");
  const std::lock_guard lock(mutex_);
  const auto known = tokens_.find(token);
  return known != tokens_.end() && options_.clock() < known->second;
}

std::optional<FalconEndpoint::ApiFault> FalconEndpoint::take_fault(const std::string& path) {
  const std::lock_guard lock(mutex_);
  for (auto fault = faults_.begin(); fault != faults_.end(); ++fault) {
    if (!path.starts_with(fault->path)) continue;
    ApiFault taken = *fault;
    if (--fault->times <= 0) faults_.erase(fault);
    return taken;
  }
  return std::nullopt;
}

CloudResponse FalconEndpoint::handle(const CloudRequest& request, const std::string& base_url) {
  const bool is_lab_call = request.path.starts_with("/lab/");
  if (const auto fault = is_lab_call ? std::nullopt : take_fault(request.path)) {
    CloudResponse response = encode(refuse_falcon(
        fault->status, fault->status == 403 ? "access denied, authorization failed" : "a fault that was asked for"));
    if (fault->status == 429)
      response.headers["X-Ratelimit-Retryafter"] =
          std::to_string((options_.clock() + std::chrono::seconds(fault->seconds)).time_since_epoch().count());
    return response;
  }
  if (!is_lab_call) {
    if (const auto refusal = count_call()) return encode(*refusal);
  }
  if (request.path == "/oauth2/token" && request.method == "POST") return give_token(request);
  if (request.path == "/oauth2/revoke" && request.method == "POST") return revoke_token(request);
  if (!knows_token(request)) return encode(refuse_falcon(401, "access denied, invalid bearer token"));
  return encode(answer(request, base_url));
}

FalconAnswer FalconEndpoint::answer(const CloudRequest& request, const std::string& base_url) {
  const Parameters parameters = parse_parameters(request.query);
  const std::string what = request.method + ' ' + request.path;
  if (what == "GET /sensors/entities/datafeed/v2") return discover(parameters, base_url);
  if (what == "GET /alerts/queries/alerts/v2") return alerts_.query(parameters);
  if (what == "GET /intel/combined/indicators/v1") return intel_->combined(parameters);
  if (what == "GET /intel/queries/indicators/v1") return intel_->query(parameters);
  if (what == "GET /lab/falcon/state") {
    FalconAnswer state;
    state.resources =
        Json::array({{{"streams", hose_.state()}, {"alerts", alerts_.count()}, {"indicators", intel_->state()}}});
    return state;
  }
  if (request.method != "POST") return refuse_falcon(404, "404: Page Not Found");
  Json body = Json::object();
  if (!request.body.empty()) {
    auto parsed = aws::parse_json(request.body);
    if (!parsed || !parsed->is_object()) return refuse_falcon(400, "the body is not a JSON object");
    body = *std::move(parsed);
  }
  if (request.path.starts_with(refresh_prefix)) {
    // What Falcon does with a body that says nothing of what it is.
    if (!request.header("content-type").starts_with("application/json"))
      return refuse_falcon(415, "unsupported media type: the content type must be application/json");
    return refresh(request.path.substr(refresh_prefix.size()), parameters);
  }
  if (request.path == "/devices/entities/devices/v2") return hosts_.entities(body);
  if (request.path == "/alerts/entities/alerts/v2") return alerts_.entities(body);
  if (request.path == "/alerts/combined/alerts/v1") return alerts_.combined(body);
  if (request.path == "/intel/entities/indicators/GET/v1") return intel_->entities(body);
  if (request.path.starts_with("/lab/falcon/")) return lab_call(request, body);
  return refuse_falcon(404, "404: Page Not Found");
}

FalconAnswer FalconEndpoint::discover(const Parameters& parameters, const std::string& base_url) {
  const std::string app_id = value_of(parameters, "appId"), format = value_of(parameters, "format");
  if (!is_app_id(app_id)) return refuse_falcon(400, "appId must be 1 to 32 letters and digits");
  if (!format.empty() && format != "json") return refuse_falcon(400, "the lab's streams have the format json only");
  FalconAnswer answer;
  answer.resources = hose_.discover(app_id, base_url);
  return answer;
}

FalconAnswer FalconEndpoint::refresh(const std::string& partition, const Parameters& parameters) {
  if (value_of(parameters, "action_name") != "refresh_active_stream_session")
    return refuse_falcon(400, "action_name must be refresh_active_stream_session");
  const auto number = whole_number<std::size_t>(partition);
  if (!number || !hose_.refresh(value_of(parameters, "appId"), *number))
    return refuse_falcon(404, "there is no active session for this appId and partition");
  return {};
}

std::expected<std::unique_ptr<FalconHose::Connection>, CloudResponse> FalconEndpoint::open(
    const CloudRequest& request) {
  const Parameters parameters = parse_parameters(request.query);
  FalconHose::Opening opening;
  const auto partition = whole_number<std::size_t>(std::string_view(request.path).substr(feed_prefix.size()));
  if (!partition) return std::unexpected(encode(refuse_falcon(404, "there is no such partition")));
  opening.partition = *partition;
  opening.app_id = value_of(parameters, "appId");
  opening.token = after_word(request.header("authorization"), "Token ");
  if (value_of(parameters, "whence") != "2") {
    const std::string offset = value_of(parameters, "offset");
    opening.offset = offset.empty() ? std::optional<std::uint64_t>(0) : whole_number<std::uint64_t>(offset);
    if (!opening.offset) return std::unexpected(encode(refuse_falcon(400, "offset is not a whole number")));
  }
  const std::string types = value_of(parameters, "eventType");
  for (const auto type : aws::split(types, ','))
    if (!type.empty()) opening.types.insert(aws::lower_case(type));
  auto connection = hose_.open(std::move(opening));
  if (connection) return *std::move(connection);
  return std::unexpected(
      encode(refuse_falcon(connection.error(), connection.error() == 401 ? "the session token is not valid"
                                                                         : "the stream cannot be opened")));
}

FalconAnswer FalconEndpoint::lab_call(const CloudRequest& request, const Json& body) {
  if (request.path == "/lab/falcon/events") return add_events(body);
  if (request.path == "/lab/falcon/hosts") return hosts_.add(body);
  if (request.path == "/lab/falcon/alerts") return add_alerts(body);
  if (request.path == "/lab/falcon/faults") return add_fault(body);
  if (request.path == "/lab/falcon/indicators") return intel_->put(body);
  if (request.path == "/lab/falcon/time") return intel_->move_time(body);
  if (request.path == "/lab/falcon/manners") return set_manners(body);
  return refuse_falcon(404, "404: Page Not Found");
}

FalconAnswer FalconEndpoint::add_events(const Json& body) {
  std::optional<std::size_t> partition;
  if (!aws::member(body, "partition").is_null()) {
    partition = aws::count_in(body, "partition");
    if (*partition >= hose_.partitions()) return refuse_falcon(400, "there is no such partition");
  }
  const auto& events = aws::items_in(body, "events");
  if (events.empty()) return refuse_falcon(400, "events must be a list of events");
  for (const auto& event : events)
    if (!aws::member(event, "event").is_object()) return refuse_falcon(400, "an event must have an object \"event\"");
  FalconAnswer answer;
  for (const auto& event : events) {
    Json whole{{"metadata", aws::member(event, "metadata")}, {"event", event["event"]}};
    if (!whole["metadata"].is_object()) whole["metadata"] = Json::object();
    if (const std::string type = aws::text_in(event, "eventType"); !type.empty()) whole["metadata"]["eventType"] = type;
    if (aws::lower_case(aws::text_in(whole["metadata"], "eventType")).ends_with("detectionsummaryevent"))
      alerts_.put_event(whole);
    const auto place = hose_.append(std::move(whole), partition);
    answer.resources.push_back({{"partition", place.partition}, {"offset", place.offset}});
  }
  return answer;
}

FalconAnswer FalconEndpoint::add_alerts(const Json& body) {
  const auto& alerts = aws::items_in(body, "alerts");
  if (alerts.empty()) return refuse_falcon(400, "alerts must be a list of alerts");
  for (const auto& alert : alerts)
    if (aws::text_in(alert, "composite_id").empty()) return refuse_falcon(400, "an alert must have a composite_id");
  FalconAnswer answer;
  for (const auto& alert : alerts) {
    alerts_.put(alert);
    answer.resources.push_back(alert["composite_id"]);
  }
  return answer;
}

FalconAnswer FalconEndpoint::add_fault(const Json& body) {
  constexpr std::size_t most = 1'000'000;
  const std::string word = aws::text_in(body, "fault");
  const auto times = static_cast<std::int64_t>(std::clamp<std::size_t>(aws::count_in(body, "times"), 1, most));
  const auto number = [&](const char* name, std::size_t otherwise) {
    return aws::member(body, name).is_null() ? otherwise : std::min(aws::count_in(body, name), most);
  };
  const auto status = static_cast<int>(number("status", 503));
  if (status < 400 || status > 599) return refuse_falcon(400, "status must be from 400 to 599");
  std::optional<std::size_t> partition;
  if (!aws::member(body, "partition").is_null()) partition = aws::count_in(body, "partition");
  if (word == "end_session") {
    hose_.end_sessions(partition);
  } else if (word == "in_use") {
    hose_.refuse_discovery(times);
  } else if (word == "api") {
    const std::lock_guard lock(mutex_);
    faults_.push_back({aws::text_in(body, "path"), status, times, static_cast<std::int64_t>(number("seconds", 1))});
  } else if (const auto kind = kind_of_fault(word)) {
    hose_.add_fault({*kind, partition, times, status, std::chrono::milliseconds(number("milliseconds", 1000))});
  } else {
    return refuse_falcon(400, "fault must be cut, garbage, slow, silent, end_session, in_use, open or api");
  }
  return {};
}

FalconAnswer FalconEndpoint::set_manners(const Json& body) {
  if (!aws::member(body, "calls_a_minute").is_null()) {
    const std::size_t number = aws::count_in(body, "calls_a_minute");
    if (number == 0 || number > 1'000'000) return refuse_falcon(400, "calls_a_minute must be from 1 to 1000000");
    const std::lock_guard lock(mutex_);
    options_.calls_a_minute = static_cast<std::int64_t>(number);
  }
  return intel_->set_manners(body);
}

std::optional<FalconAnswer> FalconEndpoint::count_call() {
  const std::lock_guard lock(mutex_);
  if (const Time now = options_.clock(); now - minute_ >= std::chrono::minutes(1)) {
    minute_ = now;
    calls_of_minute_ = 0;
  }
  if (++calls_of_minute_ <= options_.calls_a_minute) return std::nullopt;
  return refuse_falcon(429, "API rate limit exceeded.");
}

CloudResponse FalconEndpoint::encode(const FalconAnswer& answer) {
  const std::string trace = random_uuid();
  Json meta{{"query_time", 0.001}, {"powered_by", "intelwall-lab"}, {"trace_id", trace}};
  if (!answer.pagination.is_null()) meta["pagination"] = answer.pagination;
  Json errors = Json::array();
  for (const auto& error : answer.errors) errors.push_back({{"code", error.status}, {"message", error.message}});
  CloudResponse response;
  response.status = answer.status;
  response.content_type = "application/json";
  response.body = fmt::format(R"({{"meta":{},"resources":{},"errors":{}}})", dump_json(meta),
                              answer.resources_text.empty() ? dump_json(answer.resources) : answer.resources_text,
                              dump_json(errors));
  response.headers["X-Cs-Traceid"] = trace;
  if (!answer.next_page.empty()) response.headers["Next-Page"] = answer.next_page;
  const std::lock_guard lock(mutex_);
  response.headers["X-Ratelimit-Limit"] = std::to_string(options_.calls_a_minute);
  response.headers["X-Ratelimit-Remaining"] =
      std::to_string(std::max<std::int64_t>(options_.calls_a_minute - calls_of_minute_, 0));
  if (answer.status == 429 && !response.headers.contains("X-Ratelimit-Retryafter"))
    response.headers["X-Ratelimit-Retryafter"] =
        std::to_string((minute_ + std::chrono::minutes(1)).time_since_epoch().count());
  return response;
}

}  // namespace intelwall::lab
