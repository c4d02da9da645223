// Signs requests for the judge in test_sigv4_botocore.py: a JSON line per request on stdin, one per answer on stdout.
#include <openssl/evp.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "aws/sigv4.hpp"

namespace {

std::string from_base64(const std::string& text) {
  std::string out(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  IW_ASSERT(size == static_cast<int>(out.size()));
  out.resize(out.size() - (text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0));
  return out;
}

}  // namespace

int main() {
  using namespace intelwall;
  for (std::string line; std::getline(std::cin, line);) {
    const auto given = nlohmann::json::parse(line);
    aws::HttpRequest request;
    request.method = given.at("method");
    request.scheme = given.at("scheme");
    request.host = given.at("host");
    request.path = given.at("path");
    for (const auto& pair : given.at("query")) request.query.emplace_back(pair.at(0), pair.at(1));
    for (const auto& pair : given.at("headers")) request.headers.emplace_back(pair.at(0), pair.at(1));
    request.body = from_base64(given.at("body"));
    const auto now = parse_time(given.at("time").get<std::string>());
    IW_ASSERT(now.has_value());
    aws::sign(request, {given.at("region"), given.at("service")},
              {given.at("access_key_id"), given.at("secret_access_key"), given.at("session_token")}, *now);
    nlohmann::json answer = {{"target", aws::request_target(request)}, {"host", request.host}};
    for (const auto& [name, value] : request.headers)
      if (name == "Authorization" || name == "X-Amz-Date") answer[name] = value;
    std::cout << answer.dump() << '\n';
  }
}
