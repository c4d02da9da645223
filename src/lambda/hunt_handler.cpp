#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/hunt.hpp"
#include "app/hunt_source.hpp"
#include "aws/json_text.hpp"
#include "lambda/falcon_secret.hpp"
#include "lambda/function_context.hpp"
#include "lambda/handler.hpp"
#include "lambda/runtime.hpp"
#include "lambda/state_bucket.hpp"

namespace intelwall::lambda {

namespace {

constexpr int most_rounds = 3;  // of a run that another one overtook

/// An answer of Lambda has 6 MB at most, a line of its log a quarter of one.
void shorten(aws::Json& sync) {
  constexpr std::size_t most_named = 100;
  if (!sync.is_object()) return;
  auto& names = sync["left_out"];
  if (names.size() > most_named) names.erase(names.begin() + most_named, names.end());
}

Result<store::Hunt> hunt_from(const aws::Environment& env, const app::Settings& settings) {
  store::Hunt hunt{
      .source = app::falcon_source, .protocols = settings.protocols, .excluded_types = app::default_excluded_types()};
  IW_TRY(hunt.name, hunt_name(env));
  IW_TRY(hunt.filter,
         required_variable(env, "INTELWALL_HUNT_FQL", "give the filter of Falcon Intel whose domains are watched"));
  IW_TRY(hunt.action, parse_action(env("INTELWALL_HUNT_ACTION").value_or("alert")));
  const auto limit = env("INTELWALL_HUNT_LIMIT").value_or("0");
  if (const auto [end, error] = std::from_chars(limit.data(), limit.data() + limit.size(), hunt.limit);
      error != std::errc{} || end != limit.data() + limit.size())
    return fail(ErrorCode::usage, fmt::format("\"{}\" is no number of domains", printable(limit, 40)),
                "INTELWALL_HUNT_LIMIT", "0 is without a limit");
  IW_CHECK(app::filter_of(hunt));
  return hunt;
}

/// A run's ledger is a file of this machine, made from the bucket's objects unless it is what they say already. The
/// bucket is written behind the firewall: a run that is killed between them, or overtaken by another one, leaves rules
/// that the next run finds, compares and keeps.
class HuntFunction {
 public:
  HuntFunction(app::Context context, store::Hunt hunt, const std::string& bucket)
      : context_(std::move(context)),
        env_(context_.env),
        hunt_(std::move(hunt)),
        settings_(aws::dump_json(app::to_json(hunt_))),
        max_removals_(context_.settings.firewall.max_removals),
        bucket_(*context_.session, bucket, hunt_.name) {}

  Result<std::string> handle(const Invocation& invocation) {
    IW_CHECK(check_schedule_event(invocation));
    IW_CHECK(refresh_guardrails(context_));
    IW_TRY(context_.env, with_falcon_secret(*context_.session, env_));
    for (int round = 1;; ++round) {
      auto done = run(invocation);
      if (done) return done;
      ledger_.reset();
      if (done.error().code != ErrorCode::conflict || round == most_rounds) return done;
      log_line("WARN", invocation.request_id, "another run was faster; this one begins again", &done.error());
    }
  }

 private:
  Result<std::string> run(const Invocation& invocation) {
    IW_CHECK(open());
    // Another query is meant to take out what it does not name.
    context_.settings.firewall.max_removals = is_another_ ? 1 : max_removals_;
    IW_TRY(const auto outcome, app::run_hunts(context_, *ledger_, {.names = {hunt_.name}}));
    IW_ASSERT(outcome.hunts.size() == 1);
    const auto& report = outcome.hunts.front();
    if (report.failure) return std::unexpected(*report.failure);
    IW_TRY(const auto writes, save(report.changes.any()));
    if (outcome.sync_failure) return std::unexpected(*outcome.sync_failure);
    std::vector<const app::Enforcement*> enforcements{&outcome.sync.enforcement};
    if (outcome.sync.dns) enforcements.push_back(&outcome.sync.dns->enforcement);
    for (const auto* each : enforcements) {
      if (each->failure) return std::unexpected(*each->failure);
      log_unverified(invocation, *each);
    }
    auto done = app::to_json(outcome);
    shorten(done["sync"]);
    shorten(done["sync"]["dns_firewall"]);
    done["bucket_writes"] = writes;
    auto text = aws::dump_json(done);
    log_line("INFO", invocation.request_id, text, nullptr);
    return text;
  }

  Result<void> open() {
    IW_TRY(auto cursor, bucket_.cursor());
    const auto etag = cursor ? cursor->etag : std::string();
    if (ledger_ && etag == cursor_etag_) return {};
    ledger_.reset();
    std::error_code error;
    std::filesystem::remove_all(context_.settings.state, error);
    IW_TRY(const auto manifest, bucket_.manifest());
    IW_TRY(auto ledger, app::open_ledger(context_));
    IW_TRY(const auto added, app::add_hunt(context_, ledger, hunt_));
    saved_ = cursor ? std::move(cursor->content) : HuntCursor{};
    cursor_etag_ = etag;
    manifest_etag_ = manifest ? manifest->etag : std::string();
    const bool belongs = manifest && saved_.manifest == manifest_etag_;
    const bool same = belongs && saved_.settings == settings_;
    is_another_ = belongs && !same;
    // What was applied for other settings is known, but is not what is wanted now.
    if (is_another_) IW_CHECK(app::restore_applied(context_, ledger, saved_.applied));
    IW_CHECK(restore(ledger, added, manifest ? manifest->content : std::string(),
                     same ? saved_.progress : store::Progress{}, context_.clock()));
    if (same) IW_CHECK(app::restore_applied(context_, ledger, saved_.applied));
    hunt_.id = added.id;
    ledger_.emplace(std::move(ledger));
    return {};
  }

  /// Only what changed; how many objects.
  Result<int> save(bool changed) {
    int writes = 0;
    if (changed || manifest_etag_.empty()) {
      IW_TRY(const auto lines, manifest_of(*ledger_, hunt_));
      IW_TRY(manifest_etag_, bucket_.put_manifest(lines, manifest_etag_));
      ++writes;
    }
    IW_TRY(const auto progress, ledger_->progress(hunt_.id));
    HuntCursor cursor{.manifest = manifest_etag_, .settings = settings_, .progress = {}, .applied = {}};
    cursor.progress.cursor = progress.cursor;
    cursor.progress.last_full = progress.last_full;
    cursor.progress.guard = progress.guard;
    cursor.progress.next_expiry = progress.next_expiry;
    IW_TRY(cursor.applied, app::save_applied(context_, *ledger_));
    if (cursor == saved_) return writes;
    IW_TRY(cursor_etag_, bucket_.put_cursor(cursor, cursor_etag_));
    saved_ = std::move(cursor);
    is_another_ = false;
    return ++writes;
  }

  app::Context context_;
  aws::Environment env_;
  store::Hunt hunt_;
  std::string settings_;
  double max_removals_;
  HuntBucket bucket_;
  std::optional<store::Ledger> ledger_;
  HuntCursor saved_;
  bool is_another_ = false;  ///< the bucket holds what a hunt with other settings kept
  std::string cursor_etag_, manifest_etag_;
};

}  // namespace

Result<Handler> make_hunt_handler(const aws::Environment& env) {
  IW_TRY(auto context, make_function_context(env));
  context.settings.state = scratch_directory(env, "hunt");
  IW_TRY(auto hunt, hunt_from(env, context.settings));
  IW_TRY(const auto bucket,
         required_variable(env, "INTELWALL_STATE_BUCKET", "name the bucket that keeps what is watched"));
  IW_CHECK(app::open_firewall(context));
  IW_CHECK(app::load_guardrails(context));
  return [function = std::make_shared<HuntFunction>(std::move(context), std::move(hunt), bucket)](
             const Invocation& invocation) { return function->handle(invocation); };
}

}  // namespace intelwall::lambda
