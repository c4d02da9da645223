#include "firewalls/suricata_lists.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "firewalls/suricata_engine.hpp"
#include "os/file.hpp"
#include "os/lock.hpp"

namespace intelwall::firewalls {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

constexpr auto lock_patience = 60s;
/// Above, reloading is quicker than telling name by name.
constexpr std::size_t most_told = 20'000;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (end != 0) lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  std::ranges::sort(lines);
  return lines;
}

std::string_view content_of(const SuricataList& list, const std::string& name) {
  const auto found = std::ranges::find(list.sets, name, &rules::CompiledFile::name);
  return found == list.sets.end() ? std::string_view() : std::string_view(found->content);
}

}  // namespace

/// Views into the two lists that were compared.
struct SuricataLists::Difference {
  struct Set {
    std::string name;
    std::vector<std::string_view> added, removed;  ///< base64
  };
  std::vector<Set> sets;
  bool rules = false;
  std::size_t added = 0, removed = 0;

  Done::How how() const {
    if (rules || added + removed > most_told) return Done::How::reload;
    return added + removed == 0 ? Done::How::nothing : Done::How::names;
  }
};

SuricataLists::SuricataLists(SuricataOptions options) : options_(std::move(options)) {
  file_ = options_.rules_file;
  file_.replace_filename(options_.rules_file.stem().string() + "-hunts.rules");
  options_.rules_file = file_;
}

Result<SuricataList> SuricataLists::read() const {
  SuricataList live;
  auto text = os::read_file(file_);
  if (!text && text.error().code == ErrorCode::not_found) return live;
  IW_TRY(live.rules, std::move(text));
  // What the rules load is what counts, whatever else lies there.
  static constexpr std::string_view mark = ",load ";
  for (auto at = live.rules.find(mark); at != std::string::npos; at = live.rules.find(mark, at + 1)) {
    const auto begin = at + mark.size();
    const auto name = live.rules.substr(begin, live.rules.find(',', begin) - begin);
    if (name.contains('/') || std::ranges::find(live.sets, name, &rules::CompiledFile::name) != live.sets.end())
      continue;
    auto set = os::read_file(file_.parent_path() / name, 1u << 30);
    if (!set && set.error().code != ErrorCode::not_found) return std::unexpected(std::move(set).error());
    live.sets.push_back({name, set ? *std::move(set) : std::string()});
  }
  return live;
}

SuricataLists::Difference SuricataLists::compare(const SuricataList& live, const SuricataList& wanted) const {
  Difference difference;
  difference.rules = live.rules != wanted.rules;
  for (const auto& set : wanted.sets) {
    const auto before = lines_of(content_of(live, set.name));
    const auto after = lines_of(set.content);
    Difference::Set change{.name = set.name.substr(0, set.name.rfind('.')), .added = {}, .removed = {}};
    std::ranges::set_difference(after, before, std::back_inserter(change.added));
    std::ranges::set_difference(before, after, std::back_inserter(change.removed));
    difference.added += change.added.size();
    difference.removed += change.removed.size();
    if (!change.added.empty() || !change.removed.empty()) difference.sets.push_back(std::move(change));
  }
  for (const auto& set : live.sets)
    if (std::ranges::find(wanted.sets, set.name, &rules::CompiledFile::name) == wanted.sets.end())
      difference.removed += lines_of(set.content).size();
  return difference;
}

/// The sets first: rules that find no set of theirs are refused.
Result<void> SuricataLists::write(const SuricataList& list) const {
  for (const auto& set : list.sets) IW_CHECK(os::replace_file(file_.parent_path() / set.name, set.content));
  return os::replace_file(file_, list.rules);
}

Result<void> SuricataLists::tell(const Difference& difference) const {
  for (const auto& socket : options_.sockets) {
    std::vector<Json> commands;
    std::vector<Json> questions;
    const auto command = [](const char* what, const std::string& set, std::string_view value) {
      return Json{{"command", what},
                  {"arguments", {{"setname", set}, {"settype", "string"}, {"datavalue", std::string(value)}}}};
    };
    for (const auto& set : difference.sets) {
      for (const auto value : set.added) commands.push_back(command("dataset-add", set.name, value));
      for (const auto value : set.removed) commands.push_back(command("dataset-remove", set.name, value));
      // "added" says that it was taken; that it is found says that it is there.
      for (const auto value : set.added) questions.push_back(command("dataset-lookup", set.name, value));
    }
    IW_CHECK(engine_commands(socket, commands, 60s));
    IW_CHECK(engine_commands(socket, questions, 60s));
  }
  return {};
}

Result<SuricataLists::Done> SuricataLists::plan(const SuricataList& wanted) const {
  IW_TRY(const auto live, read());
  const auto difference = compare(live, wanted);
  return Done{difference.how(), difference.added, difference.removed};
}

Result<SuricataLists::Done> SuricataLists::apply(const SuricataList& wanted) const {
  IW_TRY(const auto lock, os::FileLock::take(options_.rules_file.string() + ".lock", lock_patience));
  IW_TRY(const auto live, read());
  const auto difference = compare(live, wanted);
  Done done{difference.how(), difference.added, difference.removed};
  if (done.how == Done::How::nothing) return done;
  IW_TRY(const auto before, ask_sensors(options_));
  if (done.how == Done::How::names) {
    IW_CHECK(write(wanted));
    if (tell(difference)) return done;
    // A sensor that was not told all reads all of it from the files.
    done.how = Done::How::reload;
  } else {
    std::vector<rules::CompiledFile> files = {{"hunts.rules", wanted.rules}};
    files.insert(files.end(), wanted.sets.begin(), wanted.sets.end());
    IW_CHECK(test_rules(options_, files));
    IW_CHECK(write(wanted));
  }
  auto loaded = reload_sensors(options_, before, rules_in(live.rules), rules_in(wanted.rules));
  if (loaded) return done;
  auto error = std::move(loaded).error();
  auto back = write(live);
  if (back)
    if (auto again = reload_sensors(options_, before, 0, 0); !again) back = std::unexpected(std::move(again).error());
  error.message += back ? "; the list before is in force again"
                        : fmt::format("; putting the list before back failed too: {}", back.error().message);
  return std::unexpected(std::move(error));
}

}  // namespace intelwall::firewalls
