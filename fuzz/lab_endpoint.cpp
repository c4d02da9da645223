// Any bytes as requests to the lab's AWS endpoint, below HTTP: each is answered in the 2xx or 4xx (or as not
// implemented), refusals say why, and what is refused changes nothing.
//
// Input: requests, each "METHOD target-or-path\nbody", with a NUL between. A path starts with "/", a target does not.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "aws/sigv4.hpp"
#include "lab/cloud_endpoint.hpp"

namespace {

using namespace intelwall;
using namespace intelwall::lab;

constexpr Time now = std::chrono::sys_days{std::chrono::year{2026} / 11 / 24};
constexpr const char* secret = "fuzz";

void require(bool condition) {
  if (!condition) std::abort();
}

const char* service_of(std::string_view what) {
  if (what.starts_with("/lab")) return "lab";
  if (what.starts_with("/s3-") || what.starts_with("/?")) return "s3";
  if (what.starts_with("/service") || what.starts_with("NetworkFirewall")) return "network-firewall";
  if (what.starts_with("/")) return "securityhub";
  if (what.starts_with("AmazonSQS")) return "sqs";
  if (what.starts_with("secretsmanager")) return "secretsmanager";
  if (what.starts_with("Logs_")) return "logs";
  return what.starts_with("AmazonSSM") ? "ssm" : "events";
}

CloudRequest request_from(std::string_view bytes) {
  const std::size_t line = std::min(bytes.find('\n'), bytes.size());
  const std::string_view head = bytes.substr(0, line);
  const std::size_t blank = std::min(head.find(' '), head.size());
  const std::string what(head.substr(std::min(blank + 1, head.size())));
  CloudRequest request;
  request.method = head.substr(0, blank);
  request.body = bytes.substr(std::min(line + 1, bytes.size()));
  request.headers = {{"host", "127.0.0.1"}, {"x-amz-date", format_compact(now)}};
  std::string covered = "host;x-amz-date";
  if (what.starts_with('/')) {
    const std::size_t question = std::min(what.find('?'), what.size());
    request.path = what.substr(0, question);
    request.query = what.substr(std::min(question + 1, what.size()));
  } else if (!what.empty()) {
    request.headers.emplace("x-amz-target", what);
    covered += ";x-amz-target";
  }
  const aws::SigningScope scope{region, service_of(what)};
  const std::string signature = aws::signature_for(request.method, request.path, request.query, request.headers,
                                                   covered, request.body, format_compact(now), scope, secret);
  request.headers.emplace("authorization", std::string("AWS4-HMAC-SHA256 Credential=") + access_key_id + "/20261124/" +
                                               region + "/" + scope.service +
                                               "/aws4_request, SignedHeaders=" + covered + ", Signature=" + signature);
  return request;
}

CloudRequest describe(const char* operation, const char* body) {
  return request_from(std::string("POST NetworkFirewall_20201112.") + operation + "\n" + body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  CloudOptions options;
  options.secret_access_key = secret;
  options.clock = [] { return now; };
  options.invoke = [](const std::string&, const std::string& event) -> Result<std::string> { return event; };
  Endpoint endpoint(std::move(options));
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  if (rest.contains("WaitTimeSeconds")) return 0;  // the time that SQS waits is real
  for (int count = 0; count < 8 && !rest.empty(); ++count) {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    const CloudRequest groups = describe("ListRuleGroups", "{}"),
                       policy = describe("DescribeFirewallPolicy", "{\"FirewallPolicyName\":\"lab-policy\"}");
    const std::string groups_before = endpoint.handle(groups).body, policy_before = endpoint.handle(policy).body;
    const std::string_view one = rest.substr(0, end);
    const CloudResponse response = endpoint.handle(request_from(one));
    const bool done = response.status == 200 || response.status == 204;
    require(done || (response.status >= 400 && response.status < 500) || response.status == 501);
    if (!done) {
      require(!response.body.empty());
      require(endpoint.handle(groups).body == groups_before && endpoint.handle(policy).body == policy_before);
    }
    // An object's bytes are its own.
    if (response.content_type != "application/cbor" && response.content_type != "binary/octet-stream")
      require(is_utf8(response.body));
    if (response.status == 200 && one.starts_with("POST /lab/faults")) break;  // from here on it answers as it was told
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return 0;
}
