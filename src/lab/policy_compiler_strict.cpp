#include "lab/policy_compiler_strict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace intelwall::lab {
namespace {

using Option = SuricataRule::Option;

// The bits. Names of users cannot begin with "iw." (see refuse_stateful).
constexpr const char* seen = "iw.seen";                   // read by nobody: makes a rule one that sets
constexpr const char* by_transaction = "iw.transaction";  // a transaction rule decided, for the flow
constexpr const char* by_first_packet = "iw.first";       // an IP-only pass decided, for the flow
constexpr const char* by_protocol = "iw.protocol";        // a packet rule of an application protocol, for the flow
constexpr const char* by_packet = "iw.packet";            // a packet rule decided, for this packet

/// How long what a rule decides holds.
enum class Reach { packet, first_packet, protocol, transaction };

const char* bit_of(Reach reach) {
  switch (reach) {
    case Reach::packet:
      return by_packet;
    case Reach::first_packet:
      return by_first_packet;
    case Reach::protocol:
      return by_protocol;
    case Reach::transaction:
      return by_transaction;
  }
  return seen;
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> list) {
  return std::ranges::find(list, text) != list.end();
}

/// Whether a keyword looks into an application-layer buffer. Unknown ones count as packet keywords, which is the
/// careful side: such a decision is taken back too early rather than too late.
bool is_transaction_keyword(std::string_view keyword) {
  static constexpr std::string_view prefixes[] = {
      "tls.", "tls_",  "http.", "http_", "http2.", "dns.", "dns_", "ja3",  "ja4", "quic.", "ssh.",
      "smb.", "file.", "krb5",  "snmp.", "mqtt.",  "rfb.", "sip.", "ike.", "dce", "ssl_",  "urilen"};
  return is_one_of(keyword, {"file_data", "uricontent", "filename", "fileext", "filemagic", "app-layer-event"}) ||
         std::ranges::any_of(prefixes, [&](auto prefix) { return keyword.starts_with(prefix); });
}

/// Options that say something about a rule, not about what it matches.
bool is_remark(std::string_view keyword) {
  return is_one_of(keyword,
                   {"msg", "sid", "rev", "metadata", "classtype", "reference", "priority", "gid", "noalert", "target"});
}

bool is_raw_protocol(std::string_view protocol) {
  return is_one_of(protocol, {"ip", "tcp", "udp", "icmp", "icmpv4", "icmpv6", "ipv4", "ipv6", "ip4", "ip6", "tcp-pkt",
                              "tcp-stream", "pkthdr"});
}

/// Buffers of an HTTP transaction come one after the other, perhaps in different packets. 0: not such a buffer.
int stage_of(std::string_view keyword) {
  if (is_one_of(keyword, {"http.uri", "http.uri.raw", "http.method", "http.protocol", "http.request_line", "urilen"}))
    return 1;
  if (is_one_of(keyword, {"http.request_body"})) return 3;
  if (is_one_of(keyword, {"http.stat_code", "http.stat_msg", "http.response_line"})) return 4;
  if (is_one_of(keyword, {"http.server", "http.location", "http.response_header"})) return 5;
  if (is_one_of(keyword, {"http.response_body", "file.data", "file_data"})) return 6;
  return keyword.starts_with("http.") ? 2 : 0;
}

struct Entry {
  GroupRule from;
  Reach reach = Reach::packet;
  bool decides = false;  // pass, drop, reject
  bool direct = false;   // is its own executor
  bool plain = false;    // a drop of single packets that nothing can come before: asks and sets nothing
};

std::unexpected<Error> inexpressible(const GroupRule& rule, std::string what, std::string hint) {
  return fail(ErrorCode::refused, std::move(what), place_of(rule), std::move(hint));
}

Result<void> refuse_stateful(const GroupRule& entry) {
  for (const auto& [keyword, value] : entry.rule.options) {
    if (keyword == "priority") {
      return inexpressible(entry, "priority has no meaning in strict order", "take it out: the rules' place decides");
    }
    const bool captures = keyword == "pcre" && value &&
                          (value->contains("(?P<flow_") || value->contains("(?P<pkt_") || value->contains(",flow:") ||
                           value->contains(",pkt:"));
    if (captures || is_one_of(keyword, {"flowint", "flowvar", "pktvar", "xbits", "hostbits", "threshold",
                                        "detection_filter", "tag"})) {
      return inexpressible(
          entry, fmt::format("the lab cannot keep strict order with {}", captures ? "pcre captures" : keyword),
          "the engine sorts such rules before all others; use flowbits, or an action-order policy");
    }
    if (keyword == "flowbits" && value && (value->contains("iw.") || value->starts_with("toggle"))) {
      return inexpressible(entry,
                           fmt::format("the lab cannot keep strict order with flowbits:{}", printable(*value, 40)),
                           "use set and unset, and no bit named iw.…");
    }
  }
  return {};
}

Reach reach_of(const SuricataRule& rule) {
  if (std::ranges::any_of(rule.options, [](const auto& o) { return is_transaction_keyword(o.keyword); })) {
    return Reach::transaction;
  }
  if (!is_raw_protocol(rule.protocol)) return Reach::protocol;
  const bool bare = std::ranges::all_of(rule.options, [](const auto& o) { return is_remark(o.keyword); });
  return bare && rule.action == "pass" ? Reach::first_packet : Reach::packet;
}

/// An executor is looked at when its fast pattern's buffer is there, and only once: that must be when the deciding rule
/// matches, so the fast pattern moves to the last of the buffers. False: there is no content to move it to.
bool pin_to_last_buffer(SuricataRule& rule) {
  std::set<int> stages;
  bool legacy = false;  // "content:…; http_uri;"
  for (const auto& option : rule.options) {
    if (const int stage = stage_of(option.keyword); stage > 0) stages.insert(stage);
    legacy |= option.keyword.starts_with("http_");
  }
  if (stages.size() + (legacy ? 1 : 0) < 2) return true;
  std::erase_if(rule.options, [](const auto& option) { return option.keyword == "fast_pattern"; });
  int stage = 0;
  for (auto option = rule.options.begin(); option != rule.options.end(); ++option) {
    if (const int here = stage_of(option->keyword); here > 0) stage = here;
    if (option->keyword == "content" && stage == *stages.rbegin() && option->value &&
        !option->value->starts_with('!')) {
      rule.options.insert(std::next(option), Option{"fast_pattern", std::nullopt});
      return !legacy;
    }
  }
  return false;
}

/// Everything but the rule's place in the log: for silent rules.
void silence(SuricataRule& rule) {
  std::erase_if(rule.options, [](const auto& option) { return is_remark(option.keyword); });
  rule.options.push_back({"noalert", std::nullopt});
}

class Writer {
 public:
  explicit Writer(std::vector<Entry> entries) : entries_(std::move(entries)) {}

  StrictRules write() {
    for (const auto& entry : entries_) {
      if (entry.decides && !entry.plain) in_use_.insert(bit_of(entry.reach));
    }
    for (std::size_t i = 0; i < entries_.size(); ++i) add(i);
    StrictRules out;
    take_back(out);
    std::ranges::move(deciding_, std::back_inserter(out.lines));
    std::ranges::move(acting_, std::back_inserter(out.lines));
    return out;
  }

 private:
  static void flowbit(SuricataRule& rule, std::string_view command, std::string_view bit) {
    rule.options.push_back({"flowbits", fmt::format("{},{}", command, bit)});
  }

  /// The rule acts only while nothing before it has decided.
  void gate(SuricataRule& rule, Reach reach) {
    const auto unless = [&](const std::string& bit) {
      if (in_use_.contains(bit)) flowbit(rule, "isnotset", bit);
    };
    unless(by_transaction);
    unless(by_first_packet);
    if (reach == Reach::transaction) {
      // Packet rules of this packet have all been looked at, also those after this one in the policy: only runs before
      // it count.
      for (const auto& bit : runs_) flowbit(rule, "isnotset", bit);
    } else {
      unless(by_protocol);
      unless(by_packet);
    }
  }

  /// Sets what a decision leaves behind.
  void decide(SuricataRule& rule, Reach reach) {
    flowbit(rule, "set", bit_of(reach));
    if (reach == Reach::packet || reach == Reach::protocol) flowbit(rule, "set", run_bit(reach));
  }

  /// Consecutive packet decisions share one bit, by which transaction rules after them know.
  const std::string& run_bit(Reach reach) {
    if (!run_open_ || run_reach_ != reach) {
      runs_.push_back(fmt::format("iw.run{}", runs_.size() + 1));
      run_open_ = true;
      run_reach_ = reach;
      if (reach == Reach::packet) taken_back_.push_back(runs_.back());
    }
    return runs_.back();
  }

  void add(std::size_t index) {
    auto& entry = entries_[index];
    auto rule = entry.from.rule;
    std::erase_if(rule.options, [](const auto& option) { return option.keyword == "sid"; });
    // The class's priority would sort it; the log keeps the class.
    if (rule.find("classtype") != nullptr) rule.options.push_back({"priority", "3"});
    if (entry.reach == Reach::transaction) run_open_ = false;

    auto deciding = rule;
    gate(deciding, entry.reach);
    if (!entry.decides) {
      flowbit(deciding, "set", seen);
      // A bit that nobody sets: makes the rule one that reads, also where nothing is to be asked.
      flowbit(deciding, "isnotset", "iw.never");
      deciding_.push_back({std::move(deciding), entry.from.origin});
      return;
    }
    if (entry.plain) {
      acting_.push_back({std::move(rule), entry.from.origin});
      return;
    }
    if (entry.direct) {
      decide(deciding, entry.reach);
      acting_.push_back({std::move(deciding), entry.from.origin});
      return;
    }
    silence(deciding);
    flowbit(deciding, "isnotset", "iw.never");
    decide(deciding, entry.reach);
    deciding.action = "alert";
    if (rule.action != "pass") {
      const auto own = fmt::format("iw.rule{}", index + 1);
      flowbit(deciding, "set", own);
      if (entry.reach == Reach::packet) taken_back_.push_back(own);
      // The deciding rule has read and set the rule's own bits.
      std::erase_if(rule.options, [](const auto& option) { return option.keyword == "flowbits"; });
      flowbit(rule, "isset", own);
      acting_.push_back({std::move(rule), entry.from.origin});
    }
    deciding_.push_back({std::move(deciding), std::nullopt});
  }

  /// First in each packet: the bits that hold for one packet. Rules that only set are sorted before those that read
  /// too.
  void take_back(StrictRules& out) {
    if (in_use_.contains(by_packet)) taken_back_.emplace_back(by_packet);
    constexpr std::size_t bits_a_rule = 100;
    for (std::size_t i = 0; i < taken_back_.size(); i += bits_a_rule) {
      SuricataRule rule;
      rule.action = "alert";
      rule.protocol = "ip";
      rule.source = rule.source_port = rule.destination = rule.destination_port = "any";
      rule.direction = "->";
      rule.options.push_back({"noalert", std::nullopt});
      for (auto bit = i; bit < std::min(i + bits_a_rule, taken_back_.size()); ++bit) {
        flowbit(rule, "unset", taken_back_[bit]);
      }
      out.lines.push_back({std::move(rule), std::nullopt});
    }
  }

  std::vector<Entry> entries_;
  std::set<std::string> in_use_;
  std::vector<std::string> runs_;
  bool run_open_ = false;
  Reach run_reach_ = Reach::packet;
  std::vector<std::string> taken_back_;
  std::vector<StrictRules::Line> deciding_, acting_;
};

}  // namespace

Result<StrictRules> write_strict(std::vector<GroupRule> rules) {
  std::vector<Entry> entries;
  entries.reserve(rules.size());
  for (auto& rule : rules) {
    IW_CHECK(refuse_stateful(rule));
    Entry entry{std::move(rule), Reach::packet, false, false};
    entry.reach = reach_of(entry.from.rule);
    entry.decides = entry.from.rule.action != "alert";
    entries.push_back(std::move(entry));
  }
  // From the end: rejects, then drops need no rule of their own to decide, for that is the order of the engine.
  auto last = entries.rbegin();
  while (last != entries.rend() && last->from.rule.action == "reject") (last++)->direct = true;
  while (last != entries.rend() && last->from.rule.action == "drop") (last++)->direct = true;

  // Flow bits need a flow, which not every packet has: drops of packets that do not need them go without.
  for (auto entry = entries.begin(); entry != entries.end() && entry->direct && entry->reach == Reach::packet;
       ++entry) {
    entry->plain = entry->from.rule.action == entries.front().from.rule.action;
  }

  std::size_t runs = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    auto& entry = entries[i];
    if (!pin_to_last_buffer(entry.from.rule) && !entry.direct && entry.from.rule.action != "alert") {
      return inexpressible(
          entry.from, "the lab cannot keep strict order for a rule over several HTTP buffers whose last has no content",
          "give the last buffer a content that is not negated");
    }
    if (entry.decides && entry.reach != Reach::transaction && (i == 0 || entries[i - 1].reach == Reach::transaction))
      ++runs;
    if (runs > 100) {
      return inexpressible(entry.from, "packet rules and rules on application buffers alternate more than 100 times",
                           "put the rules without tls, http or dns keywords together");
    }
  }
  return Writer(std::move(entries)).write();
}

}  // namespace intelwall::lab
