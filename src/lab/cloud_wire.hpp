#pragma once

#include <expected>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace intelwall::lab {

using Json = nlohmann::json;

/// A request below HTTP: what came over the wire, nothing decoded.
struct CloudRequest {
  std::string method = "POST";
  std::string path = "/";                           ///< encoded
  std::string query;                                ///< encoded, without "?"
  std::multimap<std::string, std::string> headers;  ///< names in lower case
  std::string body;

  /// First value of a header (lower-case name) or empty.
  std::string_view header(const std::string& name) const;
};

struct CloudResponse {
  int status = 200;
  std::string content_type = "application/x-amz-json-1.0";
  std::map<std::string, std::string> headers;
  std::string body;
  bool dropped = false;  ///< an injected fault: the connection ends without a usable answer
};

/// What a service answers instead of a result. `name` is its short name ("InvalidTokenException").
struct ApiError {
  std::string name;
  std::string message;
  int status = 400;
};
template <class T>
using ApiResult = std::expected<T, ApiError>;
using ApiAnswer = ApiResult<Json>;

[[nodiscard]] inline std::unexpected<ApiError> refuse(std::string name, std::string message, int status = 400) {
  return std::unexpected(ApiError{std::move(name), std::move(message), status});
}

/// How deep a CBOR document may nest; deeper ones would let a sender choose our stack. (JSON: aws::parse_json's limit.)
inline constexpr int max_document_depth = 64;

/// SerializationException where `text` is not one JSON document of bounded depth.
ApiAnswer parse_json(std::string_view text);
/// Valid UTF-8 whatever the value holds; never throws.
std::string dump_json(const Json& value);

/// CBOR (RFC 8949) as Smithy's RPC v2 protocol uses it: what current AWS SDKs speak to Network Firewall.
/// https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
ApiAnswer parse_cbor(std::string_view bytes);
/// Members whose names end in "Time" and hold a number become timestamps (tag 1).
std::string dump_cbor(const Json& value);

bool is_utf8(std::string_view text);
std::string random_uuid();
/// MD5 in lower-case hexadecimal, as the ETags of S3 and the checks of SQS have it. It protects nothing.
std::string hex_md5(std::string_view bytes);
/// RFC 4648, padded, in one line.
std::string to_base64(std::string_view bytes);
/// Empty where `text` is no padded base64.
std::optional<std::string> from_base64(std::string_view text);
std::string decode_percent(std::string_view text);
/// As the text of an XML element; control characters become references.
std::string xml_escaped(std::string_view text);

}  // namespace intelwall::lab
