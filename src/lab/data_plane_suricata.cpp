#include "lab/data_plane_suricata.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "core/time.hpp"
#include "firewalls/suricata_engine.hpp"
#include "lab/data_plane_config.hpp"
#include "lab/data_plane_text.hpp"
#include "lab/network.hpp"
#include "os/file.hpp"
#include "os/process.hpp"

namespace intelwall::lab {

const char* to_string(DataPlaneHealth::State state) {
  switch (state) {
    case DataPlaneHealth::State::running:
      return "running";
    case DataPlaneHealth::State::degraded:
      return "degraded";
    case DataPlaneHealth::State::down:
      return "down";
    case DataPlaneHealth::State::absent:
      return "absent";
  }
  return "absent";
}

namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using State = DataPlaneHealth::State;

/// Each load numbers its rules from another multiple of this, so that an event logged around a reload is not taken for
/// one of another rule. Past policies are remembered as long as events of them may still be read.
constexpr std::uint32_t sids_a_load = 1'000'000;
constexpr std::uint32_t loads_before_reuse = 4'000;
constexpr std::size_t remembered_loads = 16;

class Plane final : public SuricataPlane {
 public:
  explicit Plane(SuricataOptions options) : options_(std::move(options)) {}
  Plane(const Plane&) = delete;
  Plane& operator=(const Plane&) = delete;
  ~Plane() override {
    supervisor_.request_stop();
    wake_.notify_all();
    if (supervisor_.joinable()) supervisor_.join();
    end_engine();
  }

  Result<void> start() {
    const std::lock_guard lock(engine_);
    current_ = CompiledPolicy{};
    current_.order = EngineOrder::strict;
    IW_CHECK(start_engine());
    supervisor_ = std::jthread([this](const std::stop_token& stop) { supervise(stop); });
    return {};
  }

  Result<void> test(const CompiledPolicy& policy) override {
    const auto number = ++tests_;
    const auto rules = options_.rules_directory / fmt::format("test-{}.rules", number);
    const auto yaml = options_.rules_directory / fmt::format("test-{}.yaml", number);
    const auto ran = [&]() -> Result<os::ProcessResult> {
      IW_CHECK(os::replace_file(rules, policy.rules));
      IW_CHECK(os::replace_file(
          yaml, suricata_yaml({options_.log_directory, rules, {}, policy.order, policy.stream_exception, {}, {}})));
      return os::run({options_.program, "-T", "-c", yaml, "-l", options_.log_directory}, {.time_out = 120s});
    }();
    std::error_code ignored;
    std::filesystem::remove(rules, ignored);
    std::filesystem::remove(yaml, ignored);
    if (!ran) return std::unexpected(ran.error());
    if (ran->exit_code == 0) return {};
    return fail(ErrorCode::invalid_input,
                "Suricata refuses the rules: " + firewalls::first_complaint(ran->err + ran->out), {},
                "correct the rule it names");
  }

  Result<void> load(const CompiledPolicy& policy) override {
    for (const auto deadline = steady_clock::now() + 5s; !is_alive() && steady_clock::now() < deadline;) {
      std::this_thread::sleep_for(20ms);  // the supervisor is restarting it
    }
    const std::lock_guard lock(engine_);
    if (!is_alive()) {
      return fail(ErrorCode::unavailable, "Suricata does not run, so nothing was loaded; nothing passes meanwhile", {},
                  "it is being restarted with the last good rules: try again");
    }
    const auto before = current_;
    const auto before_base = base_;
    const bool same_start = policy.order == before.order && policy.stream_exception == before.stream_exception;
    auto loaded = same_start ? reload(policy) : restart_with(policy);
    if (loaded) {
      set_health(State::running, {}, current_.rule_count);
      return {};
    }
    // The last good file again, whatever is in force now.
    current_ = before;
    base_ = before_base;
    const auto why = loaded.error().message;
    const auto back = same_start ? put_back() : start_engine();
    if (back) {
      set_health(State::running, fmt::format("the last load failed ({}): the rules before it were put back", why),
                 current_.rule_count);
      loaded.error().message += "; the rules before are in force";
    } else {
      set_health(is_alive() ? State::degraded : State::down,
                 fmt::format("the last load failed ({}) and the rules before it could not be put back ({})", why,
                             back.error().message),
                 0);
      loaded.error().message += fmt::format("; putting the rules before back failed too: {}", back.error().message);
    }
    return loaded;
  }

  DataPlaneHealth health() override {
    if (!is_alive()) {
      const std::lock_guard lock(health_mutex_);
      if (health_.state == State::down) return health_;
      return {State::down, "Suricata ended: nothing passes until it is back", 0};
    }
    // What was true at the last look may not be any more: ask, unless a load is under way.
    if (const std::unique_lock lock(engine_, std::try_to_lock); lock) {
      if (const auto verified = verify(current_); !verified) {
        return {State::degraded, "the rules in force are not those that must be: " + verified.error().message, 0};
      }
    }
    const std::lock_guard lock(health_mutex_);
    return health_;
  }

  Result<std::vector<TcpFlow>> flows() override {
    if (options_.hosts_namespace.empty()) return std::vector<TcpFlow>{};
    return tcp_flows(options_.hosts_namespace);
  }

  Result<void> forget(const std::vector<TcpFlow>& flows) override {
    const std::lock_guard lock(engine_);
    if (!is_alive())
      return fail(ErrorCode::unavailable, "Suricata does not run", {}, "it is being restarted: try again");
    // Picked up again with the next packet, as all that is midstream.
    if (current_.stream_exception == StreamException::go_on) return {};
    auto wanted = forgotten_;
    for (const auto& flow : flows)
      if (std::ranges::find(wanted, flow) == wanted.end()) wanted.push_back(flow);
    return forget_exactly(std::move(wanted));
  }

  std::optional<CompiledPolicy::Origin> origin_of(std::uint32_t sid) const override {
    const std::lock_guard lock(origins_mutex_);
    for (const auto& load : origins_) {
      if (sid <= load.base || sid > load.base + sids_a_load) continue;
      const auto found = load.origins.find(sid - load.base);
      if (found != load.origins.end()) return found->second;
    }
    return std::nullopt;
  }

  std::filesystem::path events() const override { return options_.log_directory / "eve.json"; }
  int process() const override { return pid_; }

 private:
  std::filesystem::path rules_file() const { return options_.rules_directory / "policy.rules"; }
  std::filesystem::path good_file() const { return options_.rules_directory / "policy.good"; }
  std::filesystem::path yaml_file() const { return options_.rules_directory / "suricata.yaml"; }
  std::filesystem::path engine_log() const { return options_.log_directory / "suricata.log"; }

  bool is_alive() const {
    pid_t pid = pid_;
    if (pid == 0) return false;
    if (os::is_running(pid)) return true;
    // Its number may soon be another process's.
    pid_.compare_exchange_strong(pid, 0);
    return false;
  }

  void set_health(State state, std::string detail, std::size_t loaded) {
    const std::lock_guard lock(health_mutex_);
    health_ = {state, std::move(detail), loaded};
  }

  /// Remembers what the sids of the load that comes now mean, before the first event of it can be logged.
  void number(const CompiledPolicy& policy) {
    IW_ASSERT(policy.rule_count < sids_a_load);
    load_number_ = (load_number_ + 1) % loads_before_reuse;
    base_ = load_number_ * sids_a_load;
    const std::lock_guard lock(origins_mutex_);
    std::erase_if(origins_, [&](const auto& load) { return load.base == base_; });
    origins_.push_front({base_, policy.origins});
    if (origins_.size() > remembered_loads) origins_.pop_back();
  }

  /// What stands in the rule file for the policy: its rules under this load's sids, then those that end flows.
  std::string rules_of(const CompiledPolicy& policy) const {
    const auto end = policy.stream_exception == StreamException::reject ? FlowEnd::reject : FlowEnd::drop;
    return renumbered(policy, base_) +
           flow_rules(forgotten_, end, base_ + static_cast<std::uint32_t>(policy.rule_count) + 1);
  }

  /// Compares what is loaded with what must be.
  Result<void> verify(const CompiledPolicy& policy) {
    const auto expected = policy.rule_count + forgotten_.size();
    IW_TRY(const auto loaded, firewalls::loaded_rules(options_.socket));
    if (loaded == firewalls::LoadedRules{expected, 0}) return {};
    return fail(ErrorCode::protocol,
                fmt::format("Suricata loaded {} of {} rules and refused {}", loaded.loaded, expected, loaded.failed),
                printable(rules_file().string()), "see suricata.log in the lab's logs");
  }

  Result<void> reload(const CompiledPolicy& policy) {
    number(policy);
    IW_CHECK(os::replace_file(rules_file(), rules_of(policy)));
    if (options_.before_reload) options_.before_reload();
    // "done" says nothing about what was loaded: a truncated or missing file is "done" too.
    IW_CHECK(firewalls::engine_command(options_.socket, "reload-rules", 120s));
    IW_CHECK(verify(policy));
    current_ = policy;
    keep_good();
    return {};
  }

  /// Suricata has no command that ends a flow: rules for its packets do, as long as its host holds it.
  Result<void> forget_exactly(std::vector<TcpFlow> flows) {
    if (flows == forgotten_) return {};
    const auto before = std::exchange(forgotten_, std::move(flows));
    auto done = reload(CompiledPolicy(current_));
    if (!done) {
      forgotten_ = before;
      if (const auto back = put_back(); !back) done.error().message += "; " + back.error().message;
    }
    return done;
  }

  /// Lets go of the rules for flows that have ended.
  void let_go_of_ended_flows() {
    const std::unique_lock lock(engine_, std::try_to_lock);
    if (!lock || forgotten_.empty() || !is_alive()) return;
    const auto open = flows();
    if (!open) return;
    auto left = forgotten_;
    std::erase_if(left, [&](const TcpFlow& flow) { return std::ranges::find(*open, flow) == open->end(); });
    if (const auto done = forget_exactly(std::move(left)); !done)
      set_health(State::degraded, "the rules that ended flows cannot be taken back: " + done.error().message, 0);
  }

  /// Another action-order or stream exception needs another start. Nothing passes meanwhile.
  Result<void> restart_with(const CompiledPolicy& policy) {
    current_ = policy;
    return start_engine();
  }

  /// The good file is a second name of the rules in force, so that putting them back needs no space on a full disk.
  void keep_good() {
    std::error_code ignored;
    std::filesystem::remove(good_file(), ignored);
    std::filesystem::create_hard_link(rules_file(), good_file(), ignored);
  }

  Result<void> put_back() {
    // Somebody may have cut the file in place, and with it its second name: compare before trusting it.
    const auto wanted = rules_of(current_);
    const auto kept = os::read_file(good_file());
    std::error_code error = std::make_error_code(std::errc::no_such_file_or_directory);
    if (kept && *kept == wanted) {
      std::filesystem::rename(good_file(), rules_file(), error);
    }
    if (error) {
      IW_CHECK(os::replace_file(rules_file(), wanted));
    }
    IW_CHECK(firewalls::engine_command(options_.socket, "reload-rules", 120s));
    IW_CHECK(verify(current_));
    keep_good();
    return {};
  }

  void end_engine() {
    // It takes its time to end, and has nothing to save: each event is written when it happens.
    if (pid_ != 0) os::stop(pid_, 100ms);
    pid_ = 0;
    std::error_code ignored;
    std::filesystem::remove(options_.socket, ignored);
  }

  /// Starts the engine with `current_` and returns when packets pass it, all rules loaded; else it is ended again, for
  /// a closed firewall is better than one with holes.
  Result<void> start_engine() {
    end_engine();
    auto started = try_start();
    if (!started) end_engine();
    return started;
  }

  Result<void> try_start() {
    number(current_);
    IW_CHECK(os::replace_file(rules_file(), rules_of(current_)));
    const EngineConfig config{options_.log_directory,    rules_file(),    options_.socket, current_.order,
                              current_.stream_exception, options_.inside, options_.outside};
    IW_CHECK(os::replace_file(yaml_file(), suricata_yaml(config)));
    std::error_code none_yet;
    auto log_start = std::filesystem::file_size(engine_log(), none_yet);
    if (none_yet) log_start = 0;
    pid_t pid = 0;
    const auto spawned = in_namespace(options_.network_namespace, [&]() -> Result<void> {
      IW_TRY(pid, os::spawn({options_.program, "-c", yaml_file(), "--af-packet", "-l", options_.log_directory},
                            {.output = engine_log()}));
      return {};
    });
    IW_CHECK(spawned);
    pid_ = pid;
    // The socket answers before packets pass; this line does not.
    const auto deadline = steady_clock::now() + 120s;
    for (auto pause = 5ms;; pause = std::min(pause * 2, 50ms)) {
      const auto log = os::read_file(engine_log());
      const auto words = log && log->size() > log_start ? log->substr(log_start) : std::string();
      if (words.contains("Engine started")) break;
      if (!is_alive()) {
        return fail(ErrorCode::unavailable, "Suricata ended while starting: " + firewalls::first_complaint(words),
                    printable(engine_log().string()));
      }
      if (steady_clock::now() > deadline) {
        return fail(ErrorCode::unavailable, "Suricata did not start within two minutes",
                    printable(engine_log().string()));
      }
      std::this_thread::sleep_for(pause);
    }
    IW_CHECK(verify(current_));
    keep_good();
    set_health(State::running, {}, current_.rule_count);
    return {};
  }

  void supervise(const std::stop_token& stop) {
    auto next_check = steady_clock::now() + 1s;
    auto pause = 100ms;
    while (!stop.stop_requested()) {
      {
        std::unique_lock idle(wake_mutex_);
        wake_.wait_for(idle, stop, 50ms, [] { return false; });
      }
      if (stop.stop_requested()) return;
      if (!is_alive()) {
        revive("it ended");
        if (!is_alive()) {
          std::this_thread::sleep_for(pause);
          pause = std::min(pause * 2, 5'000ms);
        } else {
          pause = 100ms;
        }
        continue;
      }
      if (steady_clock::now() < next_check) continue;
      next_check = steady_clock::now() + 1s;
      check();
      let_go_of_ended_flows();
    }
  }

  void revive(const std::string& why) {
    const std::lock_guard lock(engine_);
    if (is_alive()) return;
    set_health(State::down, fmt::format("Suricata does not run ({}): nothing passes until it is back", why), 0);
    if (const auto started = start_engine(); !started) {
      set_health(State::down,
                 "Suricata does not run and cannot be restarted (" + started.error().message + "): nothing passes", 0);
      return;
    }
    set_health(
        State::running,
        fmt::format("Suricata was restarted at {} with the last good rules ({})", format_time(system_now()), why),
        current_.rule_count);
  }

  /// Whether the engine still answers and still has all its rules; when not, it is made so.
  void check() {
    const std::unique_lock lock(engine_, std::try_to_lock);
    if (!lock || !is_alive()) return;
    const auto verified = verify(current_);
    if (verified) return;
    if (!is_alive()) return;
    const auto& why = verified.error().message;
    set_health(State::degraded, "the rules in force are not those that must be: " + why, 0);
    if (verified.error().code != ErrorCode::unavailable) {
      if (put_back()) {
        set_health(State::running,
                   fmt::format("the last good rules were put back at {} ({})", format_time(system_now()), why),
                   current_.rule_count);
        return;
      }
    }
    // It cannot be told anything any more. Restarting closes the firewall for a moment, then all is known again.
    end_engine();
    if (const auto started = start_engine(); !started) {
      set_health(State::down,
                 "Suricata had to be ended and cannot be restarted (" + started.error().message + "): nothing passes",
                 0);
      return;
    }
    set_health(
        State::running,
        fmt::format("Suricata was restarted at {} with the last good rules ({})", format_time(system_now()), why),
        current_.rule_count);
  }

  const SuricataOptions options_;
  std::mutex engine_;       // who holds it may change what the engine runs
  CompiledPolicy current_;  // the last good policy
  std::vector<TcpFlow> forgotten_;
  std::uint32_t base_ = 0;  // its sids
  std::uint32_t load_number_ = 0;
  mutable std::atomic<pid_t> pid_ = 0;
  std::atomic<int> tests_ = 0;

  std::mutex health_mutex_;
  DataPlaneHealth health_;

  struct Load {
    std::uint32_t base;
    std::map<std::uint32_t, CompiledPolicy::Origin> origins;
  };
  mutable std::mutex origins_mutex_;
  std::deque<Load> origins_;

  std::mutex wake_mutex_;
  std::condition_variable_any wake_;
  std::jthread supervisor_;
};

}  // namespace

Result<std::unique_ptr<SuricataPlane>> start_suricata(SuricataOptions options) {
  auto plane = std::make_unique<Plane>(std::move(options));
  IW_CHECK(plane->start());
  return plane;
}

}  // namespace intelwall::lab
