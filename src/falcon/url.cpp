#include "falcon/url.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "aws/text.hpp"

namespace intelwall::falcon {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::unexpected<Error> no_url(const char* why) {
  return fail(ErrorCode::invalid_input, std::string("this is no URL that can be used: ") + why);
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), port);
  return fault == std::errc() && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

Result<Origin> parse_origin(std::string_view scheme, std::string_view authority) {
  Origin origin{aws::lower_case(scheme), aws::lower_case(authority)};
  if (origin.scheme != "http" && origin.scheme != "https") return no_url("its scheme is not http or https");
  if (authority.contains('@')) return no_url("it holds a user name or password");
  std::string_view name = origin.host;
  if (const auto colon = origin.host.rfind(':'); colon != std::string::npos && !origin.host.ends_with(']')) {
    const std::string_view port = name.substr(colon + 1);
    if (!is_port(port)) return no_url("its port is no number from 1 to 65535");
    name = name.substr(0, colon);
    if (port == (origin.scheme == "https" ? "443" : "80")) origin.host.resize(colon);
    name = std::string_view(origin.host).substr(0, name.size());
  }
  static constexpr char characters[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_";
  const bool literal = name.starts_with('[') && name.ends_with(']');
  const std::string_view inner = literal ? name.substr(1, name.size() - 2) : name;
  if (inner.empty() || inner.find_first_not_of(literal ? "0123456789abcdef:." : characters) != std::string_view::npos)
    return no_url("its host is no host name");
  return origin;
}

}  // namespace

std::string_view Origin::name() const {
  const std::string_view all = host;
  const auto colon = all.rfind(':');
  return colon == std::string_view::npos || all.ends_with(']') ? all : all.substr(0, colon);
}

Result<Url> parse_url(std::string_view text) {
  constexpr std::size_t longest = 4096;
  if (text.size() > longest) return no_url("it is longer than 4096 bytes");
  const auto odd = [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '\\'; };
  if (std::ranges::any_of(text, odd)) return no_url("it holds a blank, a backslash or a control character");
  const auto colon = text.find("://");
  if (colon == std::string_view::npos) return no_url("it does not begin with http:// or https://");
  if (text.contains('#')) return no_url("it has a fragment");
  const std::string_view rest = text.substr(colon + 3);
  const auto end = std::min(rest.find_first_of("/?"), rest.size());
  Url url;
  IW_TRY(url.origin, parse_origin(text.substr(0, colon), rest.substr(0, end)));
  const std::string_view target = rest.substr(end);
  const auto question = std::min(target.find('?'), target.size());
  auto path = decoded(target.substr(0, question));
  if (!path) return no_url("a % in its path is not followed by two hex digits");
  if (!path->empty()) url.path = *std::move(path);
  if (question + 1 >= target.size()) return url;
  for (const auto pair : aws::split(target.substr(question + 1), '&')) {
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    auto name = decoded(pair.substr(0, equals));
    auto value = decoded(pair.substr(std::min(equals + 1, pair.size())));
    if (!name || !value) return no_url("a % in its query is not followed by two hex digits");
    url.query.emplace_back(*std::move(name), *std::move(value));
  }
  return url;
}

bool is_loopback(const Origin& origin) {
  const std::string_view name = origin.name();
  return name == "localhost" || name == "[::1]" ||
         (name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string_view::npos);
}

}  // namespace intelwall::falcon
