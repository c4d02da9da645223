#include "aws/http.hpp"

namespace intelwall::aws {

namespace {

bool is_unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.' || c == '~';
}

std::string percent_encode(std::string_view text, char also_kept) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  for (const char c : text) {
    if (is_unreserved(c) || (also_kept != '\0' && c == also_kept)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  return out;
}

}  // namespace

std::string HttpResponse::header(const std::string& name) const {
  const auto found = headers.lower_bound(name);  // of equal names the first
  return found == headers.end() || found->first != name ? std::string() : found->second;
}

std::string encode_path(std::string_view path) {
  return percent_encode(path, '/');
}

std::string encode_query_part(std::string_view part) {
  return percent_encode(part, '\0');
}

std::string encode_query(const std::vector<std::pair<std::string, std::string>>& parts) {
  std::string out;
  for (const auto& [name, value] : parts) {
    if (!out.empty()) out += '&';
    out += encode_query_part(name);
    out += '=';
    out += encode_query_part(value);
  }
  return out;
}

std::string request_target(const HttpRequest& request) {
  std::string out = encode_path(request.path);
  if (!out.starts_with('/')) out.insert(out.begin(), '/');
  if (!request.query.empty()) out += '?' + encode_query(request.query);
  return out;
}

}  // namespace intelwall::aws
