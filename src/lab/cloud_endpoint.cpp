#include "lab/cloud_endpoint.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "aws/text.hpp"
#include "lab/cloud_functions.hpp"
#include "lab/cloud_shape.hpp"
#include "lab/cloud_signature.hpp"

namespace intelwall::lab {
namespace {

constexpr std::string_view cbor_prefix = "/service/NetworkFirewall_20201112/operation/";
constexpr std::string_view action_prefix = "/actionTargets/";
constexpr std::string_view product_prefix = "/productSubscriptions/";
constexpr std::chrono::seconds longest_settling{120};  // the client of `press` waits five minutes

struct RestRoute {
  const char* method;
  const char* path;
  const char* operation;
};
constexpr std::array hub_routes{RestRoute{"POST", "/findings", "GetFindings"},
                                RestRoute{"POST", "/findings/import", "BatchImportFindings"},
                                RestRoute{"PATCH", "/findings/batchupdate", "BatchUpdateFindings"},
                                RestRoute{"POST", "/actionTargets", "CreateActionTarget"},
                                RestRoute{"POST", "/actionTargets/get", "DescribeActionTargets"},
                                RestRoute{"POST", "/productSubscriptions", "EnableImportFindingsForProduct"}};
constexpr std::array lab_routes{RestRoute{"POST", "/lab/press", "press"}, RestRoute{"GET", "/lab/health", "health"},
                                RestRoute{"POST", "/lab/faults", "faults"}};

ApiError unknown_operation(const CloudRequest& request) {
  const std::string_view target = request.header("x-amz-target");
  return {"UnknownOperationException",
          fmt::format("the lab has no operation {}",
                      target.empty() ? printable(request.method + " " + request.path, 96) : printable(target, 96)),
          target.empty() ? 404 : 400};
}

int status_of_fault(const std::string& error) {
  if (error == "InternalServerError" || error == "InternalException" || error == "InternalFailure") return 500;
  return error == "ServiceUnavailable" ? 503 : 400;
}

/// MaxResults and NextToken of a query. What is no number stays a text, for the shape to refuse.
Json page_members(std::string_view query) {
  Json members = Json::object();
  for (const auto pair : aws::split(query, '&')) {
    const auto equals = std::min(pair.find('='), pair.size());
    const std::string value = decode_percent(pair.substr(std::min(equals + 1, pair.size())));
    if (pair.substr(0, equals) == "NextToken") members["NextToken"] = value;
    if (pair.substr(0, equals) != "MaxResults") continue;
    int number = 0;
    const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), number);
    members["MaxResults"] = fault == std::errc() && end == value.data() + value.size() ? Json(number) : Json(value);
  }
  return members;
}

/// STS says the same refusals by other names.
std::string query_error_name(const std::string& name) {
  if (name == "UnrecognizedClientException") return "InvalidClientTokenId";
  if (name == "InvalidSignatureException") return "SignatureDoesNotMatch";
  if (name == "MissingAuthenticationTokenException") return "MissingAuthenticationToken";
  return name;
}

NetworkFirewall::Order order_of(const CloudOptions& options) {
  return options.strict_order ? NetworkFirewall::Order::strict : NetworkFirewall::Order::action;
}

/// The rule that sends presses of our actions to our function.
void seed_rule(EventBus& events) {
  Json arns = Json::array();
  for (const auto& action : seeded_actions)
    arns.push_back(fmt::format("arn:aws:securityhub:{}:{}:action/custom/{}", region, account_id, action.id));
  const Json pattern{{"source", {"aws.securityhub"}},
                     {"detail-type", {"Security Hub Findings - Custom Action"}},
                     {"resources", std::move(arns)}};
  const ApiAnswer rule =
      events.call("PutRule", {{"Name", respond_rule},
                              {"EventPattern", dump_json(pattern)},
                              {"Description", "Block the domains of findings on which the action is pressed"}});
  const std::string function = fmt::format("arn:aws:lambda:{}:{}:function:{}", region, account_id, respond_function);
  const ApiAnswer target = events.call(
      "PutTargets", {{"Rule", respond_rule}, {"Targets", Json::array({Json{{"Id", "respond"}, {"Arn", function}}})}});
  IW_ASSERT(rule && target);
}

}  // namespace

Endpoint::Endpoint(CloudOptions options)
    : options_(std::move(options)),
      queues_(options_.clock),
      events_(
          options_.invoke,
          [this](const std::string& queue_arn, const std::string& body, const Json& attributes) -> Result<std::string> {
            ApiResult<std::string> id = queues_.send(queue_arn, body, attributes);
            if (!id) return fail(ErrorCode::not_found, id.error().message, printable(queue_arn));
            return *std::move(id);
          },
          options_.clock),
      objects_(
          options_.clock,
          [this](const std::string& bucket, Json detail) {
            events_.post(events_.envelope("aws.s3", "Object Created", {"arn:aws:s3:::" + bucket}, std::move(detail)));
          }),
      secrets_(options_.clock),
      logs_(options_.invoke, options_.clock),
      hub_(options_.clock,
           [this](const Json& finding) {
             const Json resources = {text_or(finding, "ProductArn") + "/" + text_or(finding, "Id")};
             events_.post(events_.envelope("aws.securityhub", "Security Hub Findings - Imported", resources,
                                           {{"findings", Json::array({finding})}}));
           }),
      parameters_(options_.clock),
      dns_firewall_(options_.dns_firewall ? options_.dns_firewall : std::make_shared<DnsFirewall>(options_.clock)),
      firewall_(options_.data_plane, options_.clock, options_.sync_delay, order_of(options_)) {
  seed_rule(events_);
}

void Endpoint::stop() {
  firewall_.stop();
  queues_.stop();
  events_.stop();
  logs_.stop();
}

std::optional<Endpoint::Route> Endpoint::route(const CloudRequest& request) {
  // A bucket's path can be that of any other service.
  if (request.header("authorization").contains("/s3/aws4_request"))
    return Route{Service::s3, Format::rest_xml, ObjectStore::operation_of(request), {}};
  const std::string_view target = request.header("x-amz-target");
  if (target.starts_with("AmazonSQS.") && request.method == "POST")  // to "/", or to the queue's URL
    return Route{Service::sqs, Format::json_1_0, std::string(target.substr(target.find('.') + 1)), {}};
  if (!target.empty() && request.method == "POST" && request.path == "/") {
    const std::size_t dot = target.find('.');
    const std::string operation(dot == std::string_view::npos ? std::string_view{} : target.substr(dot + 1));
    const std::string_view service = target.substr(0, dot);
    if (service == "NetworkFirewall_20201112") return Route{Service::network_firewall, Format::json_1_0, operation, {}};
    if (service == "AmazonSSM") return Route{Service::ssm, Format::json_1_1, operation, {}};
    if (service == "Route53Resolver") return Route{Service::dns_firewall, Format::json_1_1, operation, {}};
    if (service == "secretsmanager") return Route{Service::secrets, Format::json_1_1, operation, {}};
    if (service == "Logs_20140328") return Route{Service::logs, Format::json_1_1, operation, {}};
    if (service == "AWSEvents") return Route{Service::events, Format::json_1_1, operation, {}};
    return {};
  }
  if (request.method == "POST" && request.path.starts_with(cbor_prefix))
    return Route{Service::network_firewall, Format::cbor, request.path.substr(cbor_prefix.size()), {}};
  for (const RestRoute& known : hub_routes) {
    if (request.method == known.method && request.path == known.path)
      return Route{Service::security_hub, Format::rest_json, known.operation, {}};
  }
  if (request.path.starts_with(action_prefix) && (request.method == "PATCH" || request.method == "DELETE"))
    return Route{Service::security_hub,
                 Format::rest_json,
                 request.method == "PATCH" ? "UpdateActionTarget" : "DeleteActionTarget",
                 {{"ActionTargetArn", decode_percent(std::string_view(request.path).substr(action_prefix.size()))}}};
  if (request.path.starts_with(product_prefix) && request.method == "DELETE")
    return Route{
        Service::security_hub,
        Format::rest_json,
        "DisableImportFindingsForProduct",
        {{"ProductSubscriptionArn", decode_percent(std::string_view(request.path).substr(product_prefix.size()))}}};
  if (request.path == "/productSubscriptions" && request.method == "GET")
    return Route{Service::security_hub, Format::rest_json, "ListEnabledProductsForImport", page_members(request.query)};
  if (is_invocation(request)) return Route{Service::lambda, Format::rest_json, "Invoke", {}};
  for (const RestRoute& known : lab_routes) {
    if (request.method == known.method && request.path == known.path)
      return Route{Service::lab, Format::rest_json, known.operation, {}};
  }
  if (request.method == "POST" && request.path == "/" &&
      request.header("content-type").starts_with("application/x-www-form-urlencoded"))
    return Route{
        Service::sts,
        Format::query_xml,
        ("&" + request.body + "&").find("&Action=GetCallerIdentity&") != std::string::npos ? "GetCallerIdentity" : "?",
        {}};
  return {};
}

const char* Endpoint::signing_name(Service service) {
  switch (service) {
    case Service::network_firewall:
      return "network-firewall";
    case Service::security_hub:
      return "securityhub";
    case Service::events:
      return "events";
    case Service::ssm:
      return "ssm";
    case Service::dns_firewall:
      return "route53resolver";
    case Service::sqs:
      return "sqs";
    case Service::s3:
      return "s3";
    case Service::secrets:
      return "secretsmanager";
    case Service::logs:
      return "logs";
    case Service::lambda:
      return "lambda";
    case Service::sts:
      return "sts";
    case Service::lab:
      return "lab";
  }
  return "";
}

CloudResponse Endpoint::handle(const CloudRequest& request) {
  if (options_.stack && is_custom_resource_answer(request) && request.body.size() <= body_byte_limit)
    return take_custom_resource_answer(*options_.stack, request);
  std::optional<Route> found = route(request);
  const Route route = found ? *std::move(found) : Route{Service::lab, Format::rest_json, {}, {}};
  const std::size_t limit = route.service == Service::s3 ? object_byte_limit : body_byte_limit;
  if (request.body.size() > limit)
    return encode(
        route, request,
        refuse("RequestEntityTooLargeException", fmt::format("the body is larger than {} bytes", limit), 413));
  const ApiResult<std::string> signed_for =
      check_signature(request, {access_key_id, options_.secret_access_key}, options_.clock());
  if (!signed_for) return encode(route, request, std::unexpected(signed_for.error()));
  if (route.operation.empty()) return encode(route, request, std::unexpected(unknown_operation(request)));
  if (*signed_for != signing_name(route.service))
    return encode(
        route, request,
        refuse("InvalidSignatureException",
               fmt::format("Credential should be scoped to correct service: '{}'.", signing_name(route.service)), 403));

  const std::optional<std::string> fault = route.service == Service::lab ? std::nullopt : take_fault(route.operation);
  CloudResponse response;
  if (fault == "drop_before") {
    response.dropped = true;
  } else if (fault && fault != "drop") {
    response = encode(route, request, refuse(*fault, "a fault that was asked for", status_of_fault(*fault)));
  } else {
    response = respond(route, request);
    response.dropped = fault.has_value();
  }
  return response;
}

CloudResponse Endpoint::respond(const Route& route, const CloudRequest& request) {
  if (route.service == Service::lambda && options_.stack) {
    count(route.operation);
    return invoke_function(*options_.stack, request);
  }
  if (route.service != Service::s3) return encode(route, request, answer(route, request));
  count(route.operation);
  return objects_.handle(request);
}

ApiAnswer Endpoint::answer(const Route& route, const CloudRequest& request) {
  if (route.format == Format::query_xml) return dispatch(route, request, Json::object());
  IW_TRY(Json input, route.format == Format::cbor ? parse_cbor(request.body) : parse_json(request.body));
  if (!input.is_object()) return refuse("SerializationException", "the body must be one structure");
  if (route.members.is_object()) input.update(route.members);
  return dispatch(route, request, std::move(input));
}

ApiAnswer Endpoint::dispatch(const Route& route, const CloudRequest& request, Json input) {
  ApiAnswer answer;
  switch (route.service) {
    case Service::network_firewall:
      answer = firewall_.call(route.operation, std::move(input));
      break;
    case Service::security_hub:
      answer = hub_.call(route.operation, std::move(input));
      break;
    case Service::events:
      answer = events_.call(route.operation, std::move(input));
      break;
    case Service::ssm:
      answer = parameters_.call(route.operation, std::move(input));
      break;
    case Service::dns_firewall:
      answer = dns_firewall_->call(route.operation, std::move(input));
      break;
    case Service::sqs:
      answer = queues_.call(route.operation, std::move(input), std::string(request.header("host")));
      break;
    case Service::secrets:
      answer = secrets_.call(route.operation, std::move(input));
      break;
    case Service::logs:
      answer = logs_.call(route.operation, std::move(input));
      break;
    case Service::s3:
      break;  // answers in its own form
    case Service::lambda:
      answer = refuse("ResourceNotFoundException", "the lab runs no functions: bring it up with --template", 404);
      break;
    case Service::sts:
      if (route.operation != "GetCallerIdentity")
        answer = refuse("InvalidAction", "the lab's STS has GetCallerIdentity only");
      break;
    case Service::lab:
      return lab_call(route.operation, input);
  }
  // Names that a sender makes up are not counted.
  if (answer || answer.error().name != "UnknownOperationException") count(route.operation);
  return answer;
}

void Endpoint::count(const std::string& operation) {
  const std::scoped_lock lock(mutex_);
  ++counters_[operation];
}

ApiAnswer Endpoint::lab_call(const std::string& operation, const Json& input) {
  if (operation == "press") return press(input);
  if (operation == "faults") return set_fault(input);
  return health();
}

ApiAnswer Endpoint::press(const Json& input) {
  static const ShapePtr shape =
      shapes::structure({shapes::required("action", shapes::text(1, 512)),
                         shapes::required("findings", shapes::list(shapes::text(1, 512), 1, 100))});
  if (const auto violation = find_violation(*shape, input)) return std::unexpected(to_api_error(*violation));
  std::vector<std::string> ids;
  for (const Json& id : input.at("findings")) ids.push_back(id.get<std::string>());
  IW_TRY(SecurityHub::Press pressed, hub_.press(text_or(input, "action"), ids));
  const Json event =
      events_.envelope("aws.securityhub", "Security Hub Findings - Custom Action", Json::array({pressed.action.arn}),
                       {{"actionName", pressed.action.name},
                        {"actionDescription", pressed.action.description},
                        {"findings", std::move(pressed.findings)}});
  Json answer{{"event", event}, {"invocations", events_.deliver(event)}};
  // Queues carry on what a rule began.
  if (options_.stack) answer["functions"] = options_.stack->settle(longest_settling);
  return answer;
}

ApiAnswer Endpoint::health() {
  const DataPlaneHealth plane =
      options_.data_plane ? options_.data_plane->health()
                          : DataPlaneHealth{DataPlaneHealth::State::absent,
                                            "the lab was started without a data plane: no packet is looked at", 0};
  const std::scoped_lock lock(mutex_);
  Json faults = Json::object();
  for (const auto& [operation, fault] : faults_) faults[operation] = {{"error", fault.error}, {"times", fault.times}};
  Json answer{{"data_plane",
               {{"state", to_string(plane.state)}, {"detail", plane.detail}, {"rules_loaded", plane.rules_loaded}}},
              {"requests", counters_},
              {"faults", std::move(faults)}};
  if (options_.stack) answer["stack"] = options_.stack->status();
  return answer;
}

ApiAnswer Endpoint::set_fault(const Json& input) {
  static const ShapePtr shape =
      shapes::structure({shapes::required("operation", shapes::text(1, 64, &patterns::event_name)),
                         shapes::required("error", shapes::text(1, 64, &patterns::event_name)),
                         shapes::required("times", shapes::integer(0, 1000))});
  if (const auto violation = find_violation(*shape, input)) return std::unexpected(to_api_error(*violation));
  const std::string operation = text_or(input, "operation");
  const std::int64_t times = integer_or(input, "times", 0);
  const std::scoped_lock lock(mutex_);
  if (times == 0) {
    faults_.erase(operation);
  } else if (faults_.size() >= 100) {
    return refuse("LimitExceededException", "at most 100 operations can have a fault");
  } else {
    faults_[operation] = {text_or(input, "error"), times};
  }
  return Json::object();
}

std::optional<std::string> Endpoint::take_fault(const std::string& operation) {
  const std::scoped_lock lock(mutex_);
  const auto found = faults_.find(operation);
  if (found == faults_.end()) return {};
  std::string error = found->second.error;
  if (--found->second.times == 0) faults_.erase(found);
  return error;
}

CloudResponse Endpoint::encode(const Route& route, const CloudRequest& request, const ApiAnswer& answer) {
  if (route.format == Format::rest_xml) return ObjectStore::refusal(request, answer ? ApiError{} : answer.error());
  CloudResponse response;
  const std::string request_id = random_uuid();
  response.headers["x-amzn-RequestId"] = request_id;
  if (!answer) response.status = answer.error().status;
  if (route.format == Format::query_xml) {
    response.content_type = "text/xml";
    response.body =
        answer ? fmt::format(
                     "<GetCallerIdentityResponse "
                     "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>"
                     "<Arn>arn:aws:iam::{0}:user/lab</Arn><UserId>AIDALABLABLABLABLAB1</UserId><Account>{0}</Account>"
                     "</GetCallerIdentityResult><ResponseMetadata><RequestId>{1}</RequestId></ResponseMetadata>"
                     "</GetCallerIdentityResponse>",
                     account_id, request_id)
               : fmt::format(
                     "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>"
                     "<Code>{}</Code><Message>{}</Message></Error><RequestId>{}</RequestId></ErrorResponse>",
                     query_error_name(answer.error().name), xml_escaped(answer.error().message), request_id);
    return response;
  }

  Json body;
  if (answer) {
    body = *answer;
  } else {
    const ApiError& error = answer.error();
    response.headers["x-amzn-ErrorType"] = error.name;
    const bool capital = route.service == Service::network_firewall || route.service == Service::security_hub ||
                         route.service == Service::dns_firewall || route.service == Service::secrets;
    if (route.service == Service::sqs) response.headers["x-amzn-query-error"] = QueueService::query_error(error.name);
    body = {{capital ? "Message" : "message", error.message}};
    if (route.service == Service::security_hub) {
      body["Code"] = error.name;
    } else {
      body["__type"] = (route.service == Service::network_firewall ? "com.amazonaws.networkfirewall#"
                        : route.service == Service::sqs            ? "com.amazonaws.sqs#"
                                                                   : "") +
                       error.name;
    }
  }
  if (route.format == Format::cbor) {
    response.content_type = "application/cbor";
    response.headers["smithy-protocol"] = "rpc-v2-cbor";
    response.body = dump_cbor(body);
    return response;
  }
  response.content_type = route.format == Format::json_1_0   ? "application/x-amz-json-1.0"
                          : route.format == Format::json_1_1 ? "application/x-amz-json-1.1"
                                                             : "application/json";
  response.body = dump_json(body);
  return response;
}

}  // namespace intelwall::lab
