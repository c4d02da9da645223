#include "lab/dns_message.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <utility>

namespace intelwall::lab {
namespace {

constexpr std::size_t header_size = 12;
constexpr std::uint16_t type_a = 1, type_cname = 5, type_aaaa = 28, class_in = 1;

constexpr std::pair<std::uint16_t, const char*> type_names[] = {
    {type_a, "A"}, {2, "NS"},   {type_cname, "CNAME"}, {6, "SOA"},   {12, "PTR"},   {15, "MX"},
    {16, "TXT"},   {33, "SRV"}, {type_aaaa, "AAAA"},   {64, "SVCB"}, {65, "HTTPS"}, {255, "ANY"}};

std::uint8_t byte_at(std::string_view message, std::size_t at) {
  return static_cast<std::uint8_t>(message[at]);
}

/// `at + 2` is within the message.
std::uint16_t word_at(std::string_view message, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(message, at) << 8 | byte_at(message, at + 1));
}

void append_word(std::string& message, std::uint16_t word) {
  message += static_cast<char>(word >> 8);
  message += static_cast<char>(word & 0xff);
}

void append_label(std::string& name, std::string_view label) {
  if (!name.empty()) name += '.';
  for (const char each : label) {
    const char c = each >= 'A' && each <= 'Z' ? static_cast<char>(each - 'A' + 'a') : each;
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '*')
      name += c;
    else
      name += fmt::format("\\{:03}", static_cast<unsigned>(static_cast<std::uint8_t>(c)));
  }
}

/// The name at `at`, which ends up behind it. Pointers lead back only, so that no name is endless.
std::optional<std::string> read_name(std::string_view message, std::size_t& at) {
  constexpr std::uint8_t pointer = 0xc0;
  constexpr std::size_t longest = 255;
  std::string name;
  std::size_t read = at, size = 0, limit = message.size();
  bool jumped = false;
  while (read < limit) {
    const auto length = byte_at(message, read);
    if (length == 0) {
      if (!jumped) at = read + 1;
      return name;
    }
    if (length >= pointer) {
      if (read + 1 >= limit) return std::nullopt;
      const auto target = static_cast<std::size_t>(word_at(message, read) & 0x3fff);
      if (!jumped) at = read + 2;
      if (target >= read) return std::nullopt;
      jumped = true;
      limit = read;
      read = target;
      continue;
    }
    size += length + 1U;
    if (length > 63 || read + 1 + length > limit || size >= longest) return std::nullopt;
    append_label(name, message.substr(read + 1, length));
    read += length + 1U;
  }
  return std::nullopt;
}

/// A name in the message's form; nothing when it is none.
std::optional<std::string> packed_name(std::string_view name) {
  std::string out;
  if (name.ends_with('.')) name.remove_suffix(1);
  for (bool more = true; more;) {
    const auto dot = name.find('.');
    const auto label = name.substr(0, dot);
    if (label.empty() || label.size() > 63) return std::nullopt;
    out += static_cast<char>(label.size());
    out += label;
    more = dot != std::string_view::npos;
    if (more) name.remove_prefix(dot + 1);
  }
  out += '\0';
  if (out.size() > 255) return std::nullopt;
  return out;
}

std::string answer_head(std::string_view query, const DnsQuestion& question, DnsCode code, std::uint16_t records) {
  std::string out(query.substr(0, 2));
  constexpr std::uint16_t is_answer = 0x8000, recursion_wanted = 0x0100, recursion_there = 0x0080;
  append_word(out, static_cast<std::uint16_t>(is_answer | (word_at(query, 2) & recursion_wanted) | recursion_there |
                                              static_cast<std::uint16_t>(code)));
  for (const std::uint16_t count : {std::uint16_t{1}, records, std::uint16_t{0}, std::uint16_t{0}})
    append_word(out, count);
  out += query.substr(header_size, question.end - header_size);
  return out;
}

std::string address_text(int family, std::string_view data) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  return ::inet_ntop(family, data.data(), text.data(), text.size()) == nullptr ? std::string()
                                                                               : std::string(text.data());
}

}  // namespace

std::optional<DnsQuestion> read_question(std::string_view message) {
  constexpr std::uint16_t is_answer = 0x8000, operation = 0x7800;
  if (message.size() < header_size || (word_at(message, 2) & (is_answer | operation)) != 0 || word_at(message, 4) != 1)
    return std::nullopt;
  std::size_t at = header_size;
  auto name = read_name(message, at);
  if (!name || at + 4 > message.size()) return std::nullopt;
  // A pointer would lead into the header, which the answer has otherwise.
  for (auto label = header_size; byte_at(message, label) != 0; label += byte_at(message, label) + 1U)
    if (byte_at(message, label) > 63) return std::nullopt;
  return DnsQuestion{
      .name = *std::move(name), .type = word_at(message, at), .dns_class = word_at(message, at + 2), .end = at + 4};
}

std::string dns_answer(std::string_view query, const DnsQuestion& question, DnsCode code) {
  return answer_head(query, question, code, 0);
}

std::optional<std::string> dns_redirect(std::string_view query, const DnsQuestion& question, std::string_view target,
                                        std::uint32_t seconds) {
  const auto name = packed_name(target);
  if (!name) return std::nullopt;
  auto out = answer_head(query, question, DnsCode::no_error, 1);
  constexpr std::uint16_t question_name = 0xc000 | header_size;
  for (const auto word : {question_name, type_cname, class_in, static_cast<std::uint16_t>(seconds >> 16),
                          static_cast<std::uint16_t>(seconds & 0xffff), static_cast<std::uint16_t>(name->size())})
    append_word(out, word);
  return out + *name;
}

std::vector<DnsRecord> read_records(std::string_view answer) {
  std::vector<DnsRecord> records;
  if (answer.size() < header_size) return records;
  std::size_t at = header_size;
  for (unsigned i = 0; i < word_at(answer, 4); ++i) {
    if (!read_name(answer, at) || at + 4 > answer.size()) return records;
    at += 4;
  }
  for (unsigned i = 0; i < word_at(answer, 6); ++i) {
    constexpr std::size_t fixed = 10;
    if (!read_name(answer, at) || at + fixed > answer.size()) return records;
    const auto type = word_at(answer, at);
    const std::size_t size = word_at(answer, at + 8);
    at += fixed;
    if (at + size > answer.size()) return records;
    const auto data = answer.substr(at, size);
    if (type == type_a && size == 4) records.push_back({type, address_text(AF_INET, data)});
    if (type == type_aaaa && size == 16) records.push_back({type, address_text(AF_INET6, data)});
    if (type == type_cname) {
      auto inside = at;
      if (auto name = read_name(answer, inside)) records.push_back({type, *std::move(name)});
    }
    at += size;
  }
  return records;
}

DnsCode code_of(std::string_view answer) {
  if (answer.size() < header_size) return DnsCode::server_failure;
  const auto code = byte_at(answer, 3) & 0x0f;
  if (code == static_cast<int>(DnsCode::no_error)) return DnsCode::no_error;
  return code == static_cast<int>(DnsCode::no_such_name) ? DnsCode::no_such_name : DnsCode::server_failure;
}

std::string dns_type_name(std::uint16_t type) {
  for (const auto& [number, name] : type_names)
    if (number == type) return name;
  return fmt::format("TYPE{}", type);
}

const char* to_string(DnsCode code) {
  switch (code) {
    case DnsCode::no_error:
      return "NOERROR";
    case DnsCode::server_failure:
      return "SERVFAIL";
    case DnsCode::no_such_name:
      return "NXDOMAIN";
  }
  return "";
}

}  // namespace intelwall::lab
