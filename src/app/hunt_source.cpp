#include "app/hunt_source.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "app/falcon.hpp"
#include "app/feed.hpp"
#include "falcon/intel.hpp"
#include "falcon/url.hpp"

namespace intelwall::app {

namespace {

/// A list of which more lines than this are no domains is another thing: an error page, a changed format.
constexpr double most_refused = 0.1;

bool speaks_of(const fql::Expression& expression, std::string_view property) {
  if (expression.kind == fql::Expression::Kind::condition) return expression.condition.property == property;
  return std::ranges::any_of(expression.parts, [&](const auto& part) { return speaks_of(part, property); });
}

Result<SourceReport> read_falcon(Context& context, const store::Hunt& hunt, const store::Progress& progress,
                                 RunKind kind, const MakeIntake& make_intake) {
  IW_TRY(auto filter, filter_of(hunt));
  falcon::IndicatorQuery query{.filter = std::move(filter), .members = intel::Members::decisive};
  falcon::IndicatorCursor from;
  if (kind == RunKind::delta) {
    query.deleted = falcon::IndicatorQuery::Deleted::included;
    IW_TRY(from, falcon::IndicatorCursor::parse(progress.cursor));
  }
  IW_TRY(auto client, open_falcon(context));
  const falcon::Intel intel(std::move(client));
  IW_TRY(const auto pulled, intel.pull(query, from, [&](const falcon::PulledPage& page) -> Result<void> {
    if (page.indicators.empty()) return {};
    IW_TRY(Intake* const intake, make_intake());
    return intake->take(page.indicators);
  }));
  if (pulled.unreadable > 0 && pulled.taken == 0)
    return fail(ErrorCode::protocol, "none of the answer's objects is an indicator: " + pulled.unreadable_reason,
                "Falcon Intel", "check FALCON_BASE_URL");
  return SourceReport{.cursor = pulled.cursor.to_text()};
}

Result<void> read_indicators(const std::string& file, const std::string& name, Time now,
                             const MakeIntake& make_intake) {
  constexpr std::size_t batch = 4'096;
  IW_TRY(const auto opened, intel::open_unpacked(file));
  IW_TRY(Intake* const intake, make_intake());
  std::vector<intel::Indicator> indicators;
  const auto flush = [&]() -> Result<void> {
    IW_CHECK(intake->take(indicators));
    indicators.clear();
    return {};
  };
  // Who lists a name without a word means it.
  const intel::FeedOptions options{
      .source = name, .confidence = intel::Confidence::high, .form = {}, .list = {}, .now = now};
  intel::ListReport report;
  IW_CHECK(intel::read_feed(*opened.bytes, name, options, report, [&](intel::Indicator&& indicator) -> Result<void> {
    indicators.push_back(std::move(indicator));
    return indicators.size() < batch ? Result<void>{} : flush();
  }));
  IW_CHECK(flush());
  const auto lines = report.taken + report.refused_count;
  if (static_cast<double>(report.refused_count) > most_refused * static_cast<double>(lines)) {
    const auto& first = report.refused.front();
    return fail(
        ErrorCode::protocol,
        fmt::format("{} of {} entries are no domains, the first: {}", report.refused_count, lines, first.reason),
        fmt::format("{}:{}", printable(name), first.line), "this is no list of domains, or another format");
  }
  return {};
}

/// The last version of a list stands beside the ledger.
Result<SourceReport> read_url(Context& context, const store::Hunt& hunt, const store::Progress& progress,
                              const MakeIntake& make_intake) {
  const auto directory = context.settings.state / "feeds";
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error)
    return fail(ErrorCode::system, "the directory cannot be made: " + error.message(), printable(directory.native()));
  const auto file = directory / hunt.name;
  const auto http = aws::make_curl_streaming_client();
  IW_TRY(const auto version, fetch_feed(*http, hunt.source, FeedVersion::parse(progress.validator), file));
  if (!version) return SourceReport{.unmodified = true, .cursor = {}, .validator = progress.validator};
  IW_CHECK(read_indicators(file.string(), hunt.source, context.clock(), make_intake));
  return SourceReport{.unmodified = false, .cursor = {}, .validator = version->to_text()};
}

}  // namespace

Result<fql::Filter> filter_of(const store::Hunt& hunt) {
  using Kind = fql::Expression::Kind;
  fql::Expression domains;
  domains.condition = {.property = "type", .values = {{fql::Value::Kind::text, "domain"}}};
  if (hunt.filter.empty()) return fql::Filter{.root = std::move(domains), .warnings = {}};
  IW_TRY(auto filter, fql::parse(hunt.filter));
  if (speaks_of(filter.root, "type")) return filter;
  fql::Expression all{.kind = Kind::all, .condition = {}, .parts = {std::move(domains)}};
  if (filter.root.kind == Kind::all) {
    all.parts.insert(all.parts.end(), filter.root.parts.begin(), filter.root.parts.end());
  } else {
    all.parts.push_back(std::move(filter.root));
  }
  return fql::Filter{.root = std::move(all), .warnings = std::move(filter.warnings)};
}

Result<void> check_source(const std::string& source) {
  if (source.empty())
    return fail(ErrorCode::usage, "a hunt needs a source", "--source", "falcon, a file or an https URL");
  if (source == falcon_source || !is_feed_url(source)) return {};
  const auto url = falcon::parse_url(source);
  if (!url) return fail(ErrorCode::usage, url.error().message, "--source", "write https://host/path");
  if (url->origin.scheme != "https" && !falcon::is_loopback(url->origin))
    return fail(ErrorCode::usage, "a list over plain http could be anybody's", "--source", "use https");
  return {};
}

Result<SourceReport> read_source(Context& context, const store::Hunt& hunt, const store::Progress& progress,
                                 RunKind kind, const MakeIntake& make_intake) {
  if (asks_falcon(hunt)) return read_falcon(context, hunt, progress, kind, make_intake);
  if (is_feed_url(hunt.source)) return read_url(context, hunt, progress, make_intake);
  IW_CHECK(read_indicators(hunt.source, hunt.source, context.clock(), make_intake));
  return SourceReport{};
}

}  // namespace intelwall::app
