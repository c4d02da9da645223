#include "aws/sigv4.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "aws/text.hpp"

namespace intelwall::aws {

namespace {

using Digest = std::array<unsigned char, 32>;

/// A key of S3 is any text: "a//b" and "a/../b" are keys of their own.
constexpr std::string_view s3 = "s3";

Digest sha256(std::string_view bytes) {
  Digest out{};
  IW_ASSERT(EVP_Digest(bytes.data(), bytes.size(), out.data(), nullptr, EVP_sha256(), nullptr) == 1);
  return out;
}

Digest hmac(std::string_view key, std::string_view text) {
  Digest out{};
  unsigned int size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  IW_ASSERT(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes, text.size(), out.data(), &size) !=
            nullptr);
  return out;
}

Digest hmac(const Digest& key, std::string_view text) {
  return hmac(std::string_view(reinterpret_cast<const char*>(key.data()), key.size()), text);
}

std::string hex(const Digest& digest) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const unsigned char byte : digest) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

/// RFC 3986 5.2.4 on an encoded path; empty segments go too, as AWS has it for all services but S3.
std::string normalize_path(std::string_view path) {
  std::vector<std::string_view> kept;
  for (const std::string_view segment : split(path, '/')) {
    if (segment.empty() || segment == ".") continue;
    if (segment != "..") {
      kept.push_back(segment);
    } else if (!kept.empty()) {
      kept.pop_back();
    }
  }
  std::string out;
  for (const std::string_view segment : kept) {
    out += '/';
    out += segment;
  }
  if (kept.empty() || path.ends_with('/')) out += '/';
  return out;
}

/// Sorted by name, then by value: not by the joined text, where "a=" would stand after "a-b=".
std::string canonical_query(std::string_view wire_query) {
  if (wire_query.empty()) return {};
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  for (const std::string_view part : split(wire_query, '&')) {
    const auto equals = std::min(part.find('='), part.size());
    pairs.emplace_back(part.substr(0, equals), part.substr(std::min(equals + 1, part.size())));
  }
  std::ranges::sort(pairs);
  std::string out;
  for (const auto& [name, value] : pairs) {
    if (!out.empty()) out += '&';
    out += name;
    out += '=';
    out += value;
  }
  return out;
}

/// Blanks at the ends go, runs of them inside become one.
std::string canonical_value(std::string_view value) {
  std::string out;
  for (const char c : trim(value)) {
    const bool blank = is_blank(c);
    if (blank && out.ends_with(' ')) continue;
    out += blank ? ' ' : c;
  }
  return out;
}

/// Proxies may change these on the way (the list is botocore's).
bool is_signed(std::string_view lower_case_name) {
  static constexpr std::string_view unsigned_names[] = {
      "authorization",       "baggage",    "connection",     "expect",      "keep-alive", "proxy-authenticate",
      "proxy-authorization", "te",         "trailer",        "traceparent", "tracestate", "upgrade",
      "transfer-encoding",   "user-agent", "x-amzn-trace-id"};
  return std::ranges::find(unsigned_names, lower_case_name) == std::end(unsigned_names);
}

/// The host as the signature and the Host header carry it.
std::string canonical_host(const HttpRequest& request) {
  std::string host = lower_case(request.host);
  const std::string_view own_port = request.scheme == "https" ? ":443" : ":80";
  if (host.ends_with(own_port)) host.resize(host.size() - own_port.size());
  return host;
}

std::string credential_scope(const std::string& amz_date, const SigningScope& scope) {
  return amz_date.substr(0, 8) + '/' + scope.region + '/' + scope.service + "/aws4_request";
}

std::string signature_with(const std::string& method, const std::string& wire_path, const std::string& wire_query,
                           const std::multimap<std::string, std::string>& lower_case_headers,
                           const std::string& signed_headers, const std::string& payload_hash,
                           const std::string& amz_date, const SigningScope& scope, const std::string& secret) {
  std::string canonical = upper_case(method) + '\n';
  canonical += (scope.service == s3 ? wire_path : encode_path(normalize_path(wire_path))) + '\n';
  canonical += canonical_query(wire_query) + '\n';
  for (const std::string_view name : split(signed_headers, ';')) {
    canonical += name;
    char separator = ':';
    const auto [first, last] = lower_case_headers.equal_range(std::string(name));
    if (first == last) canonical += separator;
    for (auto header = first; header != last; ++header) {
      canonical += separator + canonical_value(header->second);
      separator = ',';
    }
    canonical += '\n';
  }
  canonical += '\n' + signed_headers + '\n' + payload_hash;

  const std::string to_sign =
      "AWS4-HMAC-SHA256\n" + amz_date + '\n' + credential_scope(amz_date, scope) + '\n' + hex(sha256(canonical));
  Digest key = hmac("AWS4" + secret, amz_date.substr(0, 8));
  key = hmac(key, scope.region);
  key = hmac(key, scope.service);
  key = hmac(key, "aws4_request");
  return hex(hmac(key, to_sign));
}

}  // namespace

void sign(HttpRequest& request, const SigningScope& scope, const Credentials& credentials, Time now) {
  std::erase_if(request.headers, [](const auto& header) {
    const std::string name = lower_case(header.first);
    return name == "host" || name == "authorization" || name == "x-amz-date" || name == "x-amz-security-token";
  });
  const std::string amz_date = format_compact(now);
  if (scope.service == s3 && std::ranges::none_of(request.headers, [](const auto& header) {
        return lower_case(header.first) == "x-amz-content-sha256";
      }))
    request.headers.emplace_back("X-Amz-Content-Sha256", hex(sha256(request.body)));
  request.host = canonical_host(request);
  request.headers.emplace_back("X-Amz-Date", amz_date);
  if (!credentials.session_token.empty())
    request.headers.emplace_back("X-Amz-Security-Token", credentials.session_token);

  std::multimap<std::string, std::string> headers = {{"host", request.host}};
  std::string given_hash;
  for (const auto& [name, value] : request.headers) {
    std::string lower = lower_case(name);
    if (lower == "x-amz-content-sha256") given_hash = value;
    if (is_signed(lower)) headers.emplace(std::move(lower), value);
  }
  std::string signed_headers;
  for (auto header = headers.begin(); header != headers.end(); header = headers.upper_bound(header->first)) {
    if (!signed_headers.empty()) signed_headers += ';';
    signed_headers += header->first;
  }

  const std::string target = request_target(request);
  const auto question = std::min(target.find('?'), target.size());
  const std::string signature =
      signature_with(request.method, target.substr(0, question), target.substr(std::min(question + 1, target.size())),
                     headers, signed_headers, given_hash.empty() ? hex(sha256(request.body)) : given_hash, amz_date,
                     scope, credentials.secret_access_key);
  request.headers.emplace_back("Authorization", "AWS4-HMAC-SHA256 Credential=" + credentials.access_key_id + '/' +
                                                    credential_scope(amz_date, scope) +
                                                    ", SignedHeaders=" + signed_headers + ", Signature=" + signature);
}

std::string signature_for(const std::string& method, const std::string& wire_path, const std::string& wire_query,
                          const std::multimap<std::string, std::string>& lower_case_headers,
                          const std::string& signed_headers, const std::string& body, const std::string& amz_date,
                          const SigningScope& scope, const std::string& secret_access_key) {
  // Always the body that came: a hash told by the client would let a body be exchanged on the way.
  return signature_with(method, wire_path, wire_query, lower_case_headers, signed_headers, hex(sha256(body)), amz_date,
                        scope, secret_access_key);
}

}  // namespace intelwall::aws
