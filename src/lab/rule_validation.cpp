#include "lab/rule_validation.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <unordered_map>
#include <unordered_set>

namespace intelwall::lab {
namespace {

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

std::size_t skip_blanks(std::string_view text, std::size_t at) {
  while (at < text.size() && is_blank(text[at])) ++at;
  return at;
}

std::string_view trim(std::string_view text) {
  text.remove_prefix(skip_blanks(text, 0));
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// What a keyword means for us; all others Suricata knows are `plain`.
enum class Keyword { plain, sid, msg, metadata, priority, pcre, pcre_anchor, bits, tag, refused };

constexpr std::string_view plain_keywords =
    "rev gid classtype reference target app-layer-protocol flow flowbits flowint pktvar flowvar noalert "
    "alert requires prefilter fast_pattern nocase depth offset distance within startswith endswith isdataat "
    "bsize dsize rawbytes byte_test byte_jump byte_math byte_extract replace dotprefix to_lowercase "
    "to_uppercase to_md5 to_sha1 to_sha256 url_decode xor header_lowercase compress_whitespace "
    "strip_whitespace strip_pseudo_headers pcrexform base64_decode base64_data pkt_data file.data frame "
    "urilen uricontent sameip geoip ip_proto id rpc ttl tos itype icode icmp_id icmp_seq ipopts fragbits "
    "fragoffset flags ack seq window ftpbounce asn1 stream_size engine-event stream-event decode-event "
    "app-layer-event flow.age l3_proto tcp.ack tcp.seq tcp.window tcp.flags tcp.hdr tcp.mss udp.hdr ip.src "
    "ip.dst ipv4.hdr ipv6.hdr icmpv4.hdr icmpv6.hdr icmpv6.mtu ipv4-csum tcpv4-csum tcpv6-csum udpv4-csum "
    "udpv6-csum icmpv4-csum icmpv6-csum aws_domain_category aws_url_category tls.version tls.subject "
    "tls.issuerdn tls_cert_notbefore tls_cert_notafter tls_cert_expired tls_cert_valid tls.fingerprint "
    "tls.cert_chain_len tls.certs tls.cert_issuer tls.cert_subject tls.cert_serial tls.cert_fingerprint "
    "tls.random_time tls.random_bytes tls.random ssl_version ssl_state ja3.hash ja3.string ja3s.hash "
    "ja3s.string ja4.hash http.cookie http.method http.protocol http.start http_client_body "
    "http.request_body http_server_body http.response_body http.header http.header_names http.accept "
    "http.accept_lang http.accept_enc http.connection http.content_len http.content_type http.location "
    "http.server http.referer http_raw_header http.header.raw http.uri http.uri.raw http_raw_uri "
    "http.stat_msg http.stat_code http.user_agent http_raw_host http.host.raw http.request_line "
    "http.response_line http.request_header http.response_header http2.frametype http2.errorcode "
    "http2.priority http2.window http2.size_update http2.settings http2.header_name dns.opcode quic.version "
    "quic.sni quic.ua quic.cyu.hash quic.cyu.string nfs_procedure nfs.version ssh.proto ssh.protoversion "
    "ssh.software ssh.softwareversion ssh.hassh ssh.hassh.server ssh.hassh.string ssh.hassh.server.string "
    "dcerpc.iface dce_iface dcerpc.opnum dce_opnum dcerpc.stub_data dce_stub_data smb.named_pipe smb.share "
    "smb.ntlmssp_user smb.ntlmssp_domain modbus dnp3.data dnp3_func dnp3_ind dnp3_obj krb5_err_code "
    "krb5_msg_type krb5.cname krb5.sname krb5.ticket_encryption sip.method sip.uri sip.protocol "
    "sip.stat_code sip.stat_msg sip.request_line sip.response_line rfb.secresult rfb.sectype rfb.name "
    "dhcp.leasetime dhcp.rebinding_time dhcp.renewal_time snmp.usm snmp.version snmp.community snmp.pdu_type "
    "mqtt.type mqtt.flags mqtt.qos mqtt.protocol_version mqtt.reason_code mqtt.connect.flags "
    "mqtt.connect.clientid mqtt.connect.username mqtt.connect.password mqtt.connect.willtopic "
    "mqtt.connect.willmessage mqtt.connack.session_present mqtt.publish.topic mqtt.publish.message "
    "mqtt.subscribe.topic mqtt.unsubscribe.topic";
/// Refused on Network Firewall whatever their value.
constexpr std::string_view refused_keywords =
    "dataset datarep lua luajit iprep threshold detection_filter bypass filestore filename file.name fileext "
    "filemagic file.magic filemd5 filesha1 filesha256 filesize tls_store enip_command cip_service "
    "ftpdata_command nfq_set_mark config ike.exchtype ike.init_spi ike.resp_spi ike.vendor "
    "ike.chosen_sa_attribute ike.key_exchange_payload ike.key_exchange_payload_length ike.nonce_payload "
    "ike.nonce_payload_length";
constexpr std::string_view pcre_anchors = "content tls.sni http.host dns.query";

constexpr std::string_view known_protocols =
    "ip ip4 ipv4 ip6 ipv6 tcp tcp-pkt tcp-stream udp icmp icmpv4 icmpv6 pkthdr http http1 http2 ftp tls ssl "
    "smb dns dcerpc ssh smtp imap msn krb5 tftp ntp dhcp quic nfs snmp sip rfb mqtt telnet rdp modbus dnp3 "
    "bittorrent-dht";

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> found;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    found.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return found;
}

using KeywordTable = std::unordered_map<std::string, Keyword>;

void put_keyword(KeywordTable& table, std::string_view name, Keyword keyword) {
  std::string spelling(name);
  table.emplace(spelling, keyword);
  std::ranges::replace(spelling, '.', '_');  // the older spelling of sticky buffers: tls_sni, dns_query
  table.emplace(std::move(spelling), keyword);
}

const KeywordTable& keywords() {
  static const KeywordTable table = [] {
    KeywordTable made;
    made.reserve(1024);
    for (const auto name : words(plain_keywords)) put_keyword(made, name, Keyword::plain);
    for (const auto name : words(refused_keywords)) put_keyword(made, name, Keyword::refused);
    for (const auto name : words(pcre_anchors)) put_keyword(made, name, Keyword::pcre_anchor);
    put_keyword(made, "sid", Keyword::sid);
    put_keyword(made, "msg", Keyword::msg);
    put_keyword(made, "metadata", Keyword::metadata);
    put_keyword(made, "priority", Keyword::priority);
    put_keyword(made, "pcre", Keyword::pcre);
    put_keyword(made, "xbits", Keyword::bits);
    put_keyword(made, "hostbits", Keyword::bits);
    put_keyword(made, "tag", Keyword::tag);
    return made;
  }();
  return table;
}

const std::unordered_set<std::string>& protocols() {
  static const std::unordered_set<std::string> known = [] {
    std::unordered_set<std::string> made;
    for (const auto name : words(known_protocols)) made.emplace(name);
    return made;
  }();
  return known;
}

/// Lower case in a buffer of its own; keywords, actions and protocols are case-insensitive in Suricata.
class Lowered {
 public:
  const std::string& of(std::string_view text) {
    text_.assign(text);
    for (char& c : text_) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return text_;
  }

 private:
  std::string text_;
};

std::string_view unquoted(std::string_view value) {
  return value.size() >= 2 && value.front() == '"' && value.back() == '"' ? value.substr(1, value.size() - 2) : value;
}

/// Calls `use(keyword, value)` for each option between the parentheses; a reason where they cannot be read.
/// As in Suricata, an option ends at the first ";" that has no "\" before it.
template <class Use>
std::optional<std::string> each_option(std::string_view options, Use&& use) {
  std::size_t at = 0;
  while (true) {
    at = skip_blanks(options, at);
    if (at == options.size()) return {};
    std::size_t end = at;
    while (true) {
      end = options.find(';', end);
      if (end == std::string_view::npos) return "an option is not closed by \";\"";
      if (end == at || options[end - 1] != '\\') break;
      ++end;
    }
    const std::string_view option = options.substr(at, end - at);
    const std::size_t colon = option.find(':');
    const std::string_view value =
        colon == std::string_view::npos ? std::string_view{} : trim(option.substr(colon + 1));
    if (auto reason = use(trim(option.substr(0, colon)), value)) return reason;
    at = end + 1;
  }
}

/// Calls `use(line, rule)` for each rule of a text: blank lines and comments are skipped, "\" at the end continues a
/// line.
template <class Use>
Result<void> each_rule(std::string_view text, Use&& use) {
  std::string joined;
  std::size_t line = 0;
  for (std::size_t at = 0; at < text.size();) {
    joined.clear();
    std::string_view rule;
    const std::size_t first_line = line + 1;
    while (at < text.size()) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      std::string_view part = text.substr(at, end - at);
      at = end + 1;
      ++line;
      if (part.ends_with('\r')) part.remove_suffix(1);
      const bool continues = part.ends_with('\\');
      if (continues) part.remove_suffix(1);
      if (joined.empty() && !continues) {
        rule = part;
        break;
      }
      joined += part;
      rule = joined;
      if (!continues) break;
    }
    rule = trim(rule);
    if (rule.empty() || rule.front() == '#') continue;
    IW_CHECK(use(first_line, rule));
  }
  return {};
}

struct Header {
  std::array<std::string_view, 7> fields;  ///< action, protocol, source, port, direction, destination, port
  std::string_view options;
};

std::optional<Header> split(std::string_view rule) {
  Header header;
  std::size_t at = 0;
  for (std::string_view& field : header.fields) {
    at = skip_blanks(rule, at);
    if (at == rule.size() || rule[at] == '(') return {};
    const std::size_t start = at;
    int depth = 0;
    for (; at < rule.size(); ++at) {
      const char c = rule[at];
      if (c == '[') ++depth;
      if (c == ']') --depth;
      if (depth <= 0 && (c == '(' || is_blank(c))) break;
    }
    field = rule.substr(start, at - start);
  }
  at = skip_blanks(rule, at);
  if (at == rule.size() || rule[at] != '(' || rule.back() != ')') return {};
  header.options = rule.substr(at + 1, rule.size() - at - 2);
  return header;
}

class Checker {
 public:
  explicit Checker(const RuleContext& context) : context_(context) {}

  /// The reason why the rule is refused, or nothing; its sid in `sid`.
  std::optional<std::string> check(std::string_view rule, std::uint32_t& sid) {
    if (rule.size() > rule_byte_limit) return too_long(rule.size());
    if (rule.find('\0') != std::string_view::npos) return "it holds a NUL byte";
    const std::optional<Header> header = split(rule);
    if (!header) return "it is not of the form: action protocol source port direction destination port (options)";
    if (auto reason = head(*header, rule.size())) return reason;
    return options(header->options, sid);
  }

 private:
  static std::string too_long(std::size_t size) {
    return fmt::format("with its variables inserted it has {} bytes, the limit is {}", size, rule_byte_limit);
  }

  std::optional<std::string> head(const Header& header, std::size_t size) {
    const auto& [action, protocol, source, source_port, direction, destination, destination_port] = header.fields;
    const std::string action_name = lowered_.of(action);
    if (action_name != "pass" && action_name != "drop" && action_name != "reject" && action_name != "alert")
      return fmt::format("action \"{}\" is not one of pass, drop, reject, alert", printable(action, 32));
    const std::string& protocol_name = lowered_.of(protocol);
    if (!protocols().contains(protocol_name))
      return fmt::format("protocol \"{}\" is not supported", printable(protocol, 32));
    if (action_name == "reject" && protocol_name == "quic") return "reject is not allowed for quic";
    if (direction != "->" && direction != "<>") return "the direction must be -> or <>";
    std::size_t grown = size;
    for (const std::string_view field : {source, destination}) {
      if (auto reason = variables(field, Sort::address, grown)) return reason;
    }
    for (const std::string_view field : {source_port, destination_port}) {
      if (auto reason = variables(field, Sort::port, grown)) return reason;
    }
    if (grown > rule_byte_limit) return too_long(grown);
    return {};
  }

  enum class Sort { address, port };
  std::optional<std::string> variables(std::string_view field, Sort sort, std::size_t& size) const {
    for (std::size_t at = 0; (at = field.find_first_of("$@", at)) != std::string_view::npos;) {
      std::size_t end = at + 1;
      while (end < field.size() &&
             (field[end] == '_' || (field[end] >= '0' && field[end] <= '9') ||
              (field[end] >= 'A' && field[end] <= 'Z') || (field[end] >= 'a' && field[end] <= 'z')))
        ++end;
      const std::string_view name = field.substr(at + 1, end - at - 1);
      const auto& defined = field[at] == '@'        ? context_.references
                            : sort == Sort::address ? context_.address_variables
                                                    : context_.port_variables;
      if (const auto found = defined.find(name); found != defined.end()) {
        size += found->second;
        size -= std::min(size, end - at);
      } else if (field[at] == '@' || sort == Sort::port || (name != "HOME_NET" && name != "EXTERNAL_NET")) {
        return fmt::format("variable \"{}{}\" is not defined in the rule group", field[at], printable(name, 40));
      }
      at = end;
    }
    return {};
  }

  std::optional<std::string> options(std::string_view text, std::uint32_t& sid) {
    bool has_sid = false, has_pcre = false, has_anchor = false;
    auto reason = each_option(text, [&](std::string_view name, std::string_view value) -> std::optional<std::string> {
      const auto found = keywords().find(lowered_.of(name));
      if (found == keywords().end()) return fmt::format("unknown rule keyword \"{}\"", printable(name, 40));
      switch (found->second) {
        case Keyword::plain:
        case Keyword::metadata:
          return {};
        case Keyword::msg:
          return quoted(name, value);
        case Keyword::sid: {
          if (has_sid) return "it has two sids";
          const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), sid);
          if (fault != std::errc{} || end != value.data() + value.size() || sid == 0)
            return fmt::format("sid \"{}\" is not a number from 1 to 4294967295", printable(value, 24));
          has_sid = true;
          return {};
        }
        case Keyword::priority:
          if (context_.strict_order) return "the priority keyword is not allowed in strict order";
          return {};
        case Keyword::pcre:
          has_pcre = true;
          return quoted(name, value);
        case Keyword::pcre_anchor:
          has_anchor = true;
          return name.size() == 7 && !value.empty() ? quoted(name, value) : std::nullopt;
        case Keyword::bits:
          if (value.find("ip_src") != std::string_view::npos || value.find("ip_dst") != std::string_view::npos ||
              value.find("ip_pair") != std::string_view::npos)
            return fmt::format("{} with track ip_src, ip_dst or ip_pair is not supported", printable(name, 16));
          return {};
        case Keyword::tag:
          if (lowered_.of(value).starts_with("host")) return "tag:host is not supported";
          return {};
        case Keyword::refused:
          return fmt::format("keyword \"{}\" is not supported", printable(name, 40));
      }
      return {};
    });
    if (reason) return reason;
    if (!has_sid) return "it has no sid";
    if (has_pcre && !has_anchor) return "pcre is only allowed together with content, tls.sni, http.host or dns.query";
    return {};
  }

  /// content:"…", content:!"…", pcre:"/…/", msg:"…"
  static std::optional<std::string> quoted(std::string_view name, std::string_view value) {
    if (value.starts_with('!')) value = trim(value.substr(1));
    if (value.size() < 2 || value.front() != '"' || value.back() != '"')
      return fmt::format("the value of {} must stand in quotes", printable(name, 16));
    return {};
  }

  const RuleContext& context_;
  Lowered lowered_;
};

/// The sid that stands twice, if one does. Sorts.
std::optional<std::uint32_t> repeated(std::vector<std::uint32_t>& sids) {
  std::ranges::sort(sids);
  const auto found = std::ranges::adjacent_find(sids);
  return found == sids.end() ? std::nullopt : std::optional(*found);
}

}  // namespace

Result<std::size_t> validate_rules(std::string_view text, const RuleContext& context) {
  Checker checker(context);
  std::vector<std::uint32_t> sids;
  IW_CHECK(each_rule(text, [&](std::size_t line, std::string_view rule) -> Result<void> {
    std::uint32_t sid = 0;
    if (auto reason = checker.check(rule, sid))
      return fail(ErrorCode::invalid_input, std::move(*reason), fmt::format("line {}", line));
    sids.push_back(sid);
    return {};
  }));
  if (const auto sid = repeated(sids)) {
    std::size_t seen = 0;
    IW_CHECK(each_rule(text, [&](std::size_t line, std::string_view rule) -> Result<void> {
      std::uint32_t own = 0;
      checker.check(rule, own);
      if (own == *sid && ++seen == 2)
        return fail(ErrorCode::invalid_input, fmt::format("sid {} stands twice in the rule group", own),
                    fmt::format("line {}", line));
      return {};
    }));
  }
  return sids.size();
}

Result<void> validate_rule_list(const std::vector<std::string>& rules, const RuleContext& context) {
  Checker checker(context);
  std::vector<std::uint32_t> sids;
  for (const std::string& rule : rules) {
    const std::string place = fmt::format("rule {}", sids.size() + 1);
    if (rule.find('\n') != std::string::npos) return fail(ErrorCode::invalid_input, "a rule must be one line", place);
    std::uint32_t sid = 0;
    if (auto reason = checker.check(trim(rule), sid)) return fail(ErrorCode::invalid_input, std::move(*reason), place);
    sids.push_back(sid);
  }
  if (const auto twice = repeated(sids))
    return fail(ErrorCode::invalid_input, fmt::format("sid {} stands twice in the rule group", *twice));
  return {};
}

std::vector<RuleSummary> summarize_rules(std::string_view text) {
  std::vector<RuleSummary> summaries;
  Lowered lowered;
  const auto done = each_rule(text, [&](std::size_t, std::string_view rule) -> Result<void> {
    const std::optional<Header> header = split(rule);
    if (!header) return {};
    RuleSummary summary;
    each_option(header->options, [&](std::string_view name, std::string_view value) -> std::optional<std::string> {
      const std::string& keyword = lowered.of(name);
      if (keyword == "sid") std::from_chars(value.data(), value.data() + value.size(), summary.sid);
      if (keyword == "msg") summary.message = unquoted(value);
      if (keyword == "metadata") summary.metadata = value;
      return {};
    });
    summaries.push_back(std::move(summary));
    return {};
  });
  IW_ASSERT(done.has_value());
  return summaries;
}

}  // namespace intelwall::lab
