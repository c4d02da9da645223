#include "firewalls/suricata.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <system_error>

#include "firewalls/change.hpp"
#include "firewalls/group_content.hpp"
#include "firewalls/suricata_cuts.hpp"
#include "firewalls/suricata_engine.hpp"
#include "os/file.hpp"
#include "os/lock.hpp"

namespace intelwall::firewalls {
namespace {

using namespace std::chrono_literals;

constexpr auto lock_patience = 60s;

class Suricata final : public Firewall {
 public:
  explicit Suricata(SuricataOptions options) : options_(std::move(options)), cuts_(options_) {
    lock_file_ = options_.rules_file.string() + ".lock";
  }

  Result<Observation> observe() override {
    IW_TRY(const File file, read());
    return observation(file);
  }

  Result<Plan> plan(const Fold& fold) override {
    IW_TRY(File file, read());
    IW_TRY(const Change change, fold(observation(file)));
    IW_CHECK(edit(file, change));
    return plan_of(file);
  }

  Result<Applied> apply(const Fold& fold) override {
    IW_TRY(const auto lock, os::FileLock::take(lock_file_, lock_patience));
    IW_TRY(File file, read());
    Applied applied;
    applied.before = observation(file);
    IW_TRY(const Change change, fold(applied.before));
    IW_CHECK(edit(file, change));
    applied.plan = plan_of(file);
    if (!applied.plan.empty()) IW_CHECK(enforce(file, applied));
    if (auto lifted = cuts_.lift_over(options_.clock()); !lifted) applied.failure = std::move(lifted).error();
    return applied;
  }

  Result<void> verify(const Applied& applied, std::chrono::milliseconds) override {
    if (applied.writes.empty()) return {};
    IW_CHECK(ask_sensors(options_));
    return {};
  }

  Result<Cut> cut(const std::vector<Connection>& connections, std::chrono::milliseconds) override {
    if (connections.empty()) return Cut{};
    IW_TRY(const auto lock, os::FileLock::take(lock_file_, lock_patience));
    return cuts_.cut(connections, options_.clock());
  }

 private:
  struct File {
    std::optional<std::string> text;  ///< nothing: there is none yet
    GroupContent before, after;
    bool touched = false;
  };
  std::string name() const { return options_.rules_file.filename().string(); }
  std::string place() const { return printable(options_.rules_file.string(), 200); }

  Result<File> read() const {
    File file;
    auto text = os::read_file(options_.rules_file);
    if (text) {
      file.text = *std::move(text);
    } else if (text.error().code != ErrorCode::not_found) {
      return std::unexpected(std::move(text).error());
    }
    file.before = GroupContent::read({{"RulesSource", {{"RulesString", file.text.value_or("")}}}});
    file.after = file.before;
    return file;
  }

  static std::string text_of(const GroupContent& content) {
    auto text = content.to_body(aws::Json::object())["RulesSource"]["RulesString"].get<std::string>();
    if (!text.ends_with('\n')) text += '\n';
    return text;
  }

  Observation observation(const File& file) const {
    Observation seen;
    seen.firewall = "suricata:" + options_.rules_file.string();
    for (const auto& decision : file.before.decisions()) seen.enforced.push_back({decision, name()});
    for (auto problem : file.before.problems()) {
      problem.place = fmt::format("{}: {}", place(), problem.place);
      seen.problems.push_back(std::move(problem));
    }
    seen.groups.push_back({.name = name(),
                           .rules = file.before.rules(),
                           .capacity = 0,
                           .bytes = file.before.bytes(),
                           .foreign_rules = file.before.foreign_rules()});
    return seen;
  }

  Result<void> edit(File& file, const Change& change) const {
    IW_CHECK(guard_removals(change, file.before.decisions().size(), options_.max_removals, place()));
    auto taken = file.after.sids();
    for (const auto& id : change.remove) file.touched |= file.after.remove(id, taken);
    std::map<std::string_view, const Decision*> present;
    for (const auto& decision : file.before.decisions()) present[decision.id] = &decision;
    for (const auto& decision : change.put) {
      const auto old = present.find(decision.id);
      const bool stays = old != present.end() && std::ranges::find(change.remove, decision.id) == change.remove.end();
      if (stays && file.after.stored(decision) == *old->second) continue;
      file.after.put(decision, taken);
      file.touched = true;
    }
    return {};
  }

  Plan plan_of(const File& file) const {
    if (!file.touched) return {};
    Plan plan;
    plan.steps.push_back({.kind = file.text ? Step::Kind::update_group : Step::Kind::create_group,
                          .target = options_.rules_file.string(),
                          .added = surplus(file.after.lines(), file.before.lines()),
                          .removed = surplus(file.before.lines(), file.after.lines())});
    return plan;
  }

  Result<void> enforce(const File& file, Applied& applied) const {
    const std::string text = text_of(file.after);
    // A sensor that does not answer now could not be told, and its rules not be compared afterwards.
    IW_TRY(const auto loaded_before, ask_sensors(options_));
    IW_CHECK(test_rules(options_, {{"intelwall.rules", text}}));
    IW_TRY(const auto loaded, put_in_force(options_, options_.rules_file, file.text, text, loaded_before));
    for (const auto& [socket, counts] : loaded)
      applied.writes.push_back({socket.string(), fmt::format("{} rules loaded", counts.loaded)});
    return {};
  }

  SuricataOptions options_;
  SuricataCuts cuts_;
  std::filesystem::path lock_file_;
};

}  // namespace

std::unique_ptr<Firewall> make_suricata(SuricataOptions options) {
  return std::make_unique<Suricata>(std::move(options));
}

}  // namespace intelwall::firewalls
