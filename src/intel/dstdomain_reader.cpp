#include "intel/dstdomain_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "intel/line_reader.hpp"

namespace intelwall::intel {
namespace {

/// A line of a file; in a squid.conf with those that it goes on in.
struct Line {
  std::string text;
  std::size_t number = 0;
};

Result<std::vector<Line>> read_lines(const std::string& path) {
  IW_TRY(const OpenedFile file, open_unpacked(path));
  LineReader reader(*file.bytes);
  std::vector<Line> lines;
  bool goes_on = false;
  for (;;) {
    IW_TRY(const auto line, reader.next());
    if (!line) return lines;
    std::string_view text = line->text;
    const bool more = text.ends_with('\\');
    if (more) text.remove_suffix(1);
    if (goes_on && lines.back().text.size() < LineReader::max_line) {
      lines.back().text += " ";
      lines.back().text += text;
    } else {
      lines.push_back({std::string(text), line->number});
    }
    goes_on = more;
  }
}

/// The words of a line up to its comment; one in quotes keeps its blanks and its quotes.
std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  for (std::size_t at = 0; (at = line.find_first_not_of(" \t", at)) != std::string_view::npos;) {
    if (line[at] == '#') break;
    std::size_t end = line.find_first_of(" \t", at);
    if (const std::size_t quote = line.find('"', at); quote < end) {
      const std::size_t closing = line.find('"', quote + 1);
      end = closing == std::string_view::npos ? closing : line.find_first_of(" \t", closing);
    }
    words.emplace_back(line.substr(at, end - at));
    if (end == std::string_view::npos) break;
    at = end;
  }
  return words;
}

/// The file of "/a/file" or parameters("/a/file").
std::optional<std::string> named_file(const std::string& word) {
  const std::size_t open = word.find('"');
  if (open != 0 && word.substr(0, open) != "parameters(") return std::nullopt;
  const std::size_t close = word.find('"', open + 1);
  if (close == std::string::npos) return std::nullopt;
  return word.substr(open + 1, close - open - 1);
}

bool names_domains(const std::string& kind) {
  return kind == "dstdomain" || kind == "ssl::server_name";
}

/// The parts of `acl NAME KIND …`.
struct AclLine {
  std::string name, kind;
  std::vector<std::string> values;
  std::size_t number = 0;
};

std::vector<AclLine> acl_lines(const std::vector<Line>& lines) {
  std::vector<AclLine> found;
  for (const auto& line : lines) {
    const auto words = words_of(line.text);
    if (words.size() < 3 || words[0] != "acl") continue;
    found.push_back({words[1], words[2], {words.begin() + 3, words.end()}, line.number});
  }
  return found;
}

/// Whether rules of the squid.conf speak of this ACL, and none of them to deny or terminate.
bool is_only_allowed(const std::vector<Line>& lines, const std::string& acl) {
  bool allowed = false;
  for (const auto& line : lines) {
    const auto words = words_of(line.text);
    if (words.size() < 3 || (words[0] != "http_access" && words[0] != "ssl_bump")) continue;
    if (std::find(words.begin() + 2, words.end(), acl) == words.end()) continue;
    if (words[1] == "deny" || words[1] == "terminate") return false;
    allowed = true;
  }
  return allowed;
}

class AclReader {
 public:
  explicit AclReader(AclNames& out) : out_(out) {}

  void take_names(const std::string& file, const std::vector<Line>& lines) {
    for (const auto& line : lines)
      for (const auto& word : words_of(line.text)) take(word, file, line.number);
  }

  Result<void> take_acl(const std::string& file, const AclLine& acl) {
    if (!names_domains(acl.kind)) {
      refuse(acl.name + " " + acl.kind, file, acl.number,
             "only ACLs of the kinds dstdomain and ssl::server_name are lists of names");
      return {};
    }
    for (const auto& value : acl.values) {
      if (value.starts_with('-')) continue;  // -n, -i, --client-requested: how Squid looks, not what for
      const auto included = named_file(value);
      if (!included) {
        take(value, file, acl.number);
        continue;
      }
      const auto path = (std::filesystem::path(file).parent_path() / *included).string();
      auto lines = read_lines(path);
      if (!lines) {
        lines.error().hint =
            fmt::format("{}:{} names it: put it there, or import it by itself", printable(file), acl.number);
        return std::unexpected(std::move(lines).error());
      }
      take_names(path, *lines);
    }
    return {};
  }

 private:
  void take(const std::string& word, const std::string& file, std::size_t line) {
    auto domain = parse_domain(word, Scope::exact);
    if (!domain) return refuse(word, file, line, std::move(domain.error().message));
    out_.names.push_back({*std::move(domain), file, line});
  }

  void refuse(std::string_view text, const std::string& file, std::size_t line, std::string reason) {
    ++out_.refused_count;
    if (out_.refused.size() < ListReport::most_kept)
      out_.refused.push_back({printable(text), file, line, std::move(reason)});
  }

  AclNames& out_;
};

}  // namespace

Result<AclNames> read_dstdomains(const std::string& path, const std::optional<std::string>& acl) {
  IW_TRY(const auto lines, read_lines(path));
  const auto acls = acl_lines(lines);
  AclNames out;
  AclReader reader(out);
  if (acls.empty()) {
    if (acl)
      return fail(ErrorCode::usage, "this file has no ACLs", printable(path),
                  "leave --acl out: all its lines are names");
    reader.take_names(path, lines);
    return out;
  }
  std::set<std::string> choices;
  for (const auto& each : acls)
    if (names_domains(each.kind)) choices.insert(printable(each.name));
  if (choices.empty())
    return fail(ErrorCode::invalid_input, "no ACL of this squid.conf is of the kind dstdomain or ssl::server_name",
                printable(path), "lines that it includes from other files are not followed: name the file itself");
  const auto chosen = acl.value_or(*choices.begin());
  if (acl ? !choices.contains(printable(*acl)) : choices.size() > 1)
    return fail(ErrorCode::usage,
                acl ? fmt::format("no ACL of names is called '{}'", printable(*acl))
                    : fmt::format("this squid.conf has {} ACLs of names", choices.size()),
                printable(path), fmt::format("say which one it is, with --acl: {}", fmt::join(choices, ", ")));
  if (!acl && is_only_allowed(lines, chosen))
    return fail(ErrorCode::usage,
                fmt::format("the one ACL of names here, '{}', is allowed and not denied", printable(chosen)),
                printable(path), fmt::format("if its names are to be blocked, say --acl {}", printable(chosen)));
  for (const auto& each : acls)
    if (each.name == chosen) IW_CHECK(reader.take_acl(path, each));
  return out;
}

}  // namespace intelwall::intel
