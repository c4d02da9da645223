#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// DNS messages (RFC 1035) as far as a resolver that mostly passes them on must know them. Pure; any bytes may come.
namespace intelwall::lab {

/// The one question of a query.
struct DnsQuestion {
  std::string name;  ///< lower case, without the root's dot; bytes that no host name has as \ddd
  std::uint16_t type = 0, dns_class = 0;
  std::size_t end = 0;  ///< of the question in its message
};
/// Nothing for answers, for queries with none or several questions, and for what is no message.
std::optional<DnsQuestion> read_question(std::string_view message);

enum class DnsCode : std::uint8_t { no_error = 0, server_failure = 2, no_such_name = 3 };
/// An answer without records. `query` is the message that `question` was read from.
std::string dns_answer(std::string_view query, const DnsQuestion& question, DnsCode code);
/// An answer that sends the asker on to another name; nothing when `target` is no name.
std::optional<std::string> dns_redirect(std::string_view query, const DnsQuestion& question, std::string_view target,
                                        std::uint32_t seconds);

struct DnsRecord {
  std::uint16_t type = 0;
  std::string data;  ///< an address, or for CNAME a name
};
/// The A, AAAA and CNAME records of an answer, up to where it is broken.
std::vector<DnsRecord> read_records(std::string_view answer);
DnsCode code_of(std::string_view answer);

std::string dns_type_name(std::uint16_t type);  ///< "AAAA"; "TYPE65280" for what has no name here
const char* to_string(DnsCode code);            ///< NOERROR, SERVFAIL, NXDOMAIN

}  // namespace intelwall::lab
