#include "lab/cloud_wire.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "aws/json_text.hpp"
#include "core/result.hpp"

namespace intelwall::lab {
namespace {

std::unexpected<ApiError> malformed(std::string reason) {
  return refuse("SerializationException", std::move(reason));
}

class CborReader {
 public:
  explicit CborReader(std::string_view bytes) : bytes_(bytes) {}

  ApiAnswer document() {
    IW_TRY(Json value, item(0));
    if (at_ != bytes_.size()) return malformed("the CBOR document is followed by other bytes");
    return value;
  }

 private:
  static constexpr std::uint8_t indefinite = 31;

  std::unexpected<ApiError> bad(const char* reason) const {
    return malformed("invalid CBOR at byte " + std::to_string(at_) + ": " + reason);
  }

  bool at_break() {
    if (at_ >= bytes_.size() || static_cast<std::uint8_t>(bytes_[at_]) != 0xff) return false;
    ++at_;
    return true;
  }

  ApiResult<std::uint64_t> argument(std::uint8_t info) {
    if (info < 24) return info;
    if (info > 27) return bad("unknown additional information");
    const std::size_t width = std::size_t{1} << (info - 24);
    if (bytes_.size() - at_ < width) return bad("it ends early");
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < width; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes_[at_++]);
    return value;
  }

  ApiResult<std::string> text(std::uint8_t info) {
    if (info == indefinite) {
      std::string all;
      while (!at_break()) {
        if (at_ >= bytes_.size()) return bad("it ends early");
        const auto head = static_cast<std::uint8_t>(bytes_[at_++]);
        if (head >> 5 != 3 || (head & 31) == indefinite) return bad("a text chunk was expected");
        IW_TRY(std::string chunk, text(head & 31));
        all += chunk;
      }
      return all;
    }
    IW_TRY(const std::uint64_t size, argument(info));
    if (bytes_.size() - at_ < size) return bad("it ends early");
    const std::string_view part = bytes_.substr(at_, size);
    if (!is_utf8(part)) return bad("text is not UTF-8");
    at_ += size;
    return std::string(part);
  }

  ApiAnswer array(std::uint8_t info, int depth) {
    Json list = Json::array();
    if (info == indefinite) {
      while (!at_break()) {
        IW_TRY(Json value, item(depth));
        list.push_back(std::move(value));
      }
      return list;
    }
    IW_TRY(const std::uint64_t count, argument(info));
    for (std::uint64_t i = 0; i < count; ++i) {
      IW_TRY(Json value, item(depth));
      list.push_back(std::move(value));
    }
    return list;
  }

  ApiAnswer map(std::uint8_t info, int depth) {
    Json object = Json::object();
    std::uint64_t count = std::numeric_limits<std::uint64_t>::max();
    if (info != indefinite) {
      IW_TRY(count, argument(info));
    }
    for (std::uint64_t i = 0; i < count; ++i) {
      if (info == indefinite && at_break()) break;
      if (at_ >= bytes_.size()) return bad("it ends early");
      const auto head = static_cast<std::uint8_t>(bytes_[at_++]);
      if (head >> 5 != 3) return bad("a map key must be text");
      IW_TRY(std::string key, text(head & 31));
      IW_TRY(Json value, item(depth));
      object[std::move(key)] = std::move(value);
    }
    return object;
  }

  static double half(std::uint64_t bits) {
    const int exponent = static_cast<int>(bits >> 10 & 31);
    const double mantissa = static_cast<double>(bits & 1023);
    const double magnitude = exponent == 0    ? std::ldexp(mantissa, -24)
                             : exponent != 31 ? std::ldexp(mantissa + 1024, exponent - 25)
                             : mantissa == 0  ? std::numeric_limits<double>::infinity()
                                              : std::numeric_limits<double>::quiet_NaN();
    return (bits & 0x8000) != 0 ? -magnitude : magnitude;
  }

  ApiAnswer simple(std::uint8_t info) {
    switch (info) {
      case 20:
        return false;
      case 21:
        return true;
      case 22:
      case 23:
        return nullptr;
      case 25:
      case 26:
      case 27:
        break;
      default:
        return bad("unsupported simple value");
    }
    IW_TRY(const std::uint64_t bits, argument(info));
    const double value = info == 25   ? half(bits)
                         : info == 26 ? static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits)))
                                      : std::bit_cast<double>(bits);
    if (!std::isfinite(value)) return bad("numbers must be finite");
    return value;
  }

  ApiAnswer item(int depth) {
    if (depth > max_document_depth) return bad("it nests too deeply");
    if (at_ >= bytes_.size()) return bad("it ends early");
    const auto head = static_cast<std::uint8_t>(bytes_[at_++]);
    const std::uint8_t info = head & 31;
    switch (head >> 5) {
      case 0: {
        IW_TRY(const std::uint64_t value, argument(info));
        return value;
      }
      case 1: {
        IW_TRY(const std::uint64_t value, argument(info));
        if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
          return bad("number too small");
        return -1 - static_cast<std::int64_t>(value);
      }
      case 3: {
        IW_TRY(std::string value, text(info));
        return value;
      }
      case 4:
        return array(info, depth + 1);
      case 5:
        return map(info, depth + 1);
      case 6: {  // a tag adds nothing that a JSON value could hold
        IW_CHECK(argument(info));
        return item(depth + 1);
      }
      case 7:
        return simple(info);
      default:
        return bad("byte strings are not part of any operation here");
    }
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
};

void put_head(std::string& out, std::uint8_t major, std::uint64_t value) {
  const auto top = static_cast<std::uint8_t>(major << 5);
  if (value < 24) {
    out += static_cast<char>(top | value);
    return;
  }
  const int log = value <= 0xff ? 0 : value <= 0xffff ? 1 : value <= 0xffffffff ? 2 : 3;
  out += static_cast<char>(top | (24 + log));
  for (int shift = (8 << log) - 8; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

void put_cbor(std::string& out, const Json& value) {
  switch (value.type()) {
    case Json::value_t::boolean:
      out += value.get<bool>() ? '\xf5' : '\xf4';
      return;
    case Json::value_t::number_unsigned:
      put_head(out, 0, value.get<std::uint64_t>());
      return;
    case Json::value_t::number_integer: {
      const auto number = value.get<std::int64_t>();
      if (number >= 0) return put_head(out, 0, static_cast<std::uint64_t>(number));
      return put_head(out, 1, static_cast<std::uint64_t>(-1 - number));
    }
    case Json::value_t::number_float: {
      const auto bits = std::bit_cast<std::uint64_t>(value.get<double>());
      out += '\xfb';
      for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(bits >> shift & 0xff);
      return;
    }
    case Json::value_t::string: {
      const auto& text = value.get_ref<const std::string&>();
      put_head(out, 3, text.size());
      out += text;
      return;
    }
    case Json::value_t::array:
      put_head(out, 4, value.size());
      for (const Json& element : value) put_cbor(out, element);
      return;
    case Json::value_t::object:
      put_head(out, 5, value.size());
      for (const auto& [key, member] : value.items()) {
        put_head(out, 3, key.size());
        out += key;
        if (member.is_number() && key.ends_with("Time")) out += '\xc1';
        put_cbor(out, member);
      }
      return;
    default:
      out += '\xf6';
  }
}

/// nlohmann's own writer decodes every byte, which for a group of two megabytes takes longer than all else.
void put_json_text(std::string& out, const std::string& text) {
  if (!is_utf8(text)) {
    out += Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
    return;
  }
  out += '"';
  std::size_t plain = 0;  // where the run of bytes starts that stand for themselves
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, plain, i - plain);
    plain = i + 1;
    out += '\\';
    if (c == '"' || c == '\\') {
      out += c;
    } else if (c == '\n') {
      out += 'n';
    } else {
      out += "u00";
      out += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
      out += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
    }
  }
  out.append(text, plain);
  out += '"';
}

void put_json(std::string& out, const Json& value) {
  if (value.is_string()) return put_json_text(out, value.get_ref<const std::string&>());
  if (!value.is_structured()) {
    out += value.dump();
    return;
  }
  out += value.is_object() ? '{' : '[';
  const char* separator = "";
  for (const auto& [key, member] : value.items()) {
    out += separator;
    separator = ",";
    if (value.is_object()) {
      put_json_text(out, key);
      out += ':';
    }
    put_json(out, member);
  }
  out += value.is_object() ? '}' : ']';
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string_view CloudRequest::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view{} : std::string_view(found->second);
}

ApiAnswer parse_json(std::string_view text) {
  if (text.empty()) return Json::object();
  Result<Json> value = aws::parse_json(text);
  if (!value) return malformed(std::move(value).error().message);
  return *std::move(value);
}

std::string dump_json(const Json& value) {
  std::string out;
  put_json(out, value);
  return out;
}

ApiAnswer parse_cbor(std::string_view bytes) {
  if (bytes.empty()) return Json::object();
  return CborReader(bytes).document();
}

std::string dump_cbor(const Json& value) {
  std::string out;
  put_cbor(out, value);
  return out;
}

bool is_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    if (text.size() - i >= 8) {  // eight ASCII bytes at once: rule texts are long and plain
      std::uint64_t word = 0;
      std::memcpy(&word, text.data() + i, 8);
      if ((word & 0x8080808080808080u) == 0) {
        i += 8;
        continue;
      }
    }
    const auto lead = static_cast<std::uint8_t>(text[i]);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const std::size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || text.size() - i <= more) return false;
    std::uint32_t point = lead & (0x3fu >> more);
    for (std::size_t k = 1; k <= more; ++k) {
      const auto next = static_cast<std::uint8_t>(text[i + k]);
      if ((next & 0xc0) != 0x80) return false;
      point = point << 6 | (next & 0x3fu);
    }
    constexpr std::array<std::uint32_t, 4> least{0, 0x80, 0x800, 0x10000};
    if (point < least[more] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return false;
    i += more + 1;
  }
  return true;
}

std::string random_uuid() {
  std::array<unsigned char, 16> bytes{};
  IW_ASSERT(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);  // version 4 (RFC 9562)
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += "0123456789abcdef"[bytes[i] >> 4];
    out += "0123456789abcdef"[bytes[i] & 15];
  }
  return out;
}

std::string hex_md5(std::string_view bytes) {
  std::array<unsigned char, 16> digest{};
  IW_ASSERT(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_md5(), nullptr) == 1);
  std::string out;
  for (const unsigned char byte : digest) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

std::string to_base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  const auto is_digit = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '/';
  };
  // OpenSSL's reader passes over blanks and takes any number of "=".
  if (text.size() % 4 != 0 || !std::ranges::all_of(text.substr(0, text.size() - padding), is_digit)) return {};
  std::string out(text.size() / 4 * 3, '\0');
  if (EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(text.data()),
                      static_cast<int>(text.size())) < 0)
    return {};
  out.resize(out.size() - padding);
  return out;
}

std::string decode_percent(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string xml_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '&') {
      out += "&amp;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "&#" + std::to_string(static_cast<int>(c)) + ";";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace intelwall::lab
