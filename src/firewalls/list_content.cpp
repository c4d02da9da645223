#include "firewalls/list_content.hpp"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "rules/rule_group.hpp"

namespace intelwall::firewalls {

namespace {

constexpr std::size_t max_group_capacity = 30'000;

/// Matches no packet: a list's group wants at least one rule.
constexpr std::string_view placeholder =
    "alert tcp 0.0.0.0/32 any -> 0.0.0.0/32 any (msg:\"intelwall: no rules\"; sid:1199999998; rev:1;)";

/// Whether compile() wrote this line: by its verb, its message and a sid of lists (docs/rules.md). A rule of ours that
/// was edited is still ours: the ledger is the record of lists, so it is put right.
bool is_ours(std::string_view line) {
  if (line == placeholder) return true;
  constexpr std::string_view end = "; rev:1;)";
  if (!line.starts_with("alert ") && !line.starts_with("drop ") && !line.starts_with("reject ")) return false;
  if (!line.contains("(msg:\"intelwall ") || !line.ends_with(end)) return false;
  line.remove_suffix(end.size());
  const auto at = line.rfind("sid:");
  if (at == std::string_view::npos || line.size() - at != 14) return false;
  const auto sid = line.substr(at + 4);
  return sid.find_first_not_of("0123456789") == std::string_view::npos && sid >= "1000000000" &&
         sid < std::to_string(rules::first_sid);
}

template <class Visit>
void each_line(std::string_view text, Visit visit) {
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size() - 1);
    visit(text.substr(at, end + 1 - at));
    at = end + 1;
  }
}

std::string_view trimmed(std::string_view line) {
  constexpr std::string_view blank = " \t\r\n";
  const auto begin = line.find_first_not_of(blank);
  return begin == std::string_view::npos ? "" : line.substr(begin, line.find_last_not_of(blank) + 1 - begin);
}

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  a = (a ^ b) * 0x9e3779b97f4a7c15U;
  return a ^ a >> 29;
}

/// How many lines of each part stand in which group.
std::vector<std::vector<std::size_t>> shared_lines(std::span<const ListPart> parts, std::span<const LiveList> live) {
  std::unordered_map<std::uint64_t, std::size_t> group_of_line;
  for (std::size_t group = 0; group < live.size(); ++group)
    each_line(live[group].lines.ours, [&](std::string_view line) { group_of_line[fingerprint(line)] = group; });
  std::vector<std::vector<std::size_t>> shared(parts.size(), std::vector<std::size_t>(live.size()));
  for (std::size_t part = 0; part < parts.size(); ++part)
    each_line(parts[part].text, [&](std::string_view line) {
      if (const auto found = group_of_line.find(fingerprint(line)); found != group_of_line.end())
        ++shared[part][found->second];
    });
  return shared;
}

}  // namespace

std::uint64_t fingerprint(std::string_view text, std::uint64_t before) {
  auto hash = mix(before, text.size() + 1);
  for (; text.size() >= 8; text.remove_prefix(8)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), sizeof word);
    hash = mix(hash, word);
  }
  std::uint64_t rest = 0;
  std::memcpy(&rest, text.data(), text.size());
  return mix(hash, rest);
}

ListLines split_lines(std::string_view rules) {
  ListLines lines;
  each_line(rules, [&](std::string_view line) {
    const auto text = trimmed(line);
    if (is_ours(text)) {
      if (text == placeholder) return;
      lines.ours.append(text).append("\n");
      ++lines.our_rules;
    } else {
      lines.others += line;
      // What continues on the next line is one rule, and a comment is none.
      if (!text.empty() && !text.starts_with('#') && !text.ends_with('\\')) ++lines.other_rules;
    }
  });
  return lines;
}

std::string to_text(const ListLines& lines) {
  auto text = lines.ours;
  text += lines.others;
  return text.empty() ? std::string(placeholder) + "\n" : text;
}

std::size_t with_headroom(std::size_t rules) {
  return std::min((rules + rules / 4 + 99) / 100 * 100, max_group_capacity);
}

std::optional<ListMoves> assign(std::span<const ListPart> parts, std::span<const LiveList> live, std::size_t capacity,
                                std::size_t group_bytes) {
  ListMoves moves;
  moves.group_of.resize(parts.size());
  moves.capacity_of.resize(parts.size());
  std::vector<bool> taken(live.size());
  const auto fits = [&](const ListPart& part, const LiveList& group) {
    return part.rules + group.lines.other_rules <= group.capacity &&
           part.text.size() + group.lines.others.size() <= group_bytes;
  };
  const auto take = [&](std::size_t part, std::size_t group) {
    moves.group_of[part] = group;
    taken[group] = true;
  };
  for (std::size_t part = 0; part < parts.size(); ++part)
    for (std::size_t group = 0; group < live.size() && !moves.group_of[part]; ++group)
      if (!taken[group] && live[group].lines.ours == parts[part].text) take(part, group);

  const bool all_stay = std::ranges::all_of(moves.group_of, [](const auto& group) { return group.has_value(); });
  if (!all_stay) {
    const auto shared = shared_lines(parts, live);
    for (std::size_t part = 0; part < parts.size(); ++part) {
      if (moves.group_of[part]) continue;
      std::optional<std::size_t> best;
      for (std::size_t group = 0; group < live.size(); ++group)
        if (!taken[group] && fits(parts[part], live[group]) && (!best || shared[part][group] > shared[part][*best]))
          best = group;
      if (best) take(part, *best);
    }
  }

  // Groups of others' rules stay whatever happens, and what they reserve with them.
  const auto reserved = [&] {
    std::size_t sum = 0;
    for (std::size_t part = 0; part < parts.size(); ++part)
      sum += moves.group_of[part] ? live[*moves.group_of[part]].capacity : parts[part].rules;
    for (std::size_t group = 0; group < live.size(); ++group)
      if (!taken[group] && live[group].lines.has_others()) sum += live[group].capacity;
    return sum;
  };
  while (reserved() > capacity) {
    std::optional<std::size_t> widest;
    const auto slack = [&](std::size_t part) { return live[*moves.group_of[part]].capacity - parts[part].rules; };
    for (std::size_t part = 0; part < parts.size(); ++part)
      if (moves.group_of[part] && !live[*moves.group_of[part]].lines.has_others() && slack(part) > 0 &&
          (!widest || slack(part) > slack(*widest)))
        widest = part;
    if (!widest) return std::nullopt;
    taken[*moves.group_of[*widest]] = false;
    moves.group_of[*widest].reset();
  }
  auto free = capacity - reserved();
  for (std::size_t part = 0; part < parts.size(); ++part) {
    if (moves.group_of[part]) continue;
    const auto extra = std::min(free, with_headroom(parts[part].rules) - parts[part].rules);
    moves.capacity_of[part] = parts[part].rules + extra;
    free -= extra;
  }
  return moves;
}

}  // namespace intelwall::firewalls
