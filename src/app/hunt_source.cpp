#include "app/hunt_source.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "app/falcon.hpp"
#include "falcon/intel.hpp"
#include "falcon/url.hpp"
#include "intel/list_reader.hpp"

namespace intelwall::app {

namespace {

/// A list of which more lines than this are no domains is another thing: an error page, a changed format.
constexpr double most_refused = 0.1;

bool speaks_of(const fql::Expression& expression, std::string_view property) {
  if (expression.kind == fql::Expression::Kind::condition) return expression.condition.property == property;
  return std::ranges::any_of(expression.parts, [&](const auto& part) { return speaks_of(part, property); });
}

bool is_url(const std::string& source) {
  return source.contains("://");
}

Result<SourceReport> read_falcon(Context& context, const store::Hunt& hunt, const store::Progress& progress,
                                 RunKind kind, const MakeIntake& make_intake) {
  IW_TRY(auto filter, filter_of(hunt));
  falcon::IndicatorQuery query{.filter = std::move(filter)};
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

Result<void> read_names(intel::ByteSource& bytes, const std::string& name, const MakeIntake& make_intake) {
  IW_TRY(Intake* const intake, make_intake());
  intel::ListReport report;
  IW_CHECK(intel::read_list(bytes, name, {}, report, [&](DomainSpec&& domain, std::uint32_t) {
    // Only Falcon's contexts are asked of the ledger, so this cannot fail.
    static_cast<void>(intake->take(domain));
  }));
  const auto lines = report.taken + report.refused_count;
  if (static_cast<double>(report.refused_count) > most_refused * static_cast<double>(lines)) {
    const auto& first = report.refused.front();
    return fail(ErrorCode::protocol,
                fmt::format("{} of {} lines are no domains, the first: {}", report.refused_count, lines, first.reason),
                fmt::format("{}:{}", printable(name), first.line), "this is no list of domains, or another format");
  }
  return {};
}

Result<SourceReport> read_url(Context& context, const store::Hunt& hunt, const store::Progress& progress,
                              const MakeIntake& make_intake) {
  auto parsed = falcon::parse_url(hunt.source);
  if (!parsed) return std::unexpected(std::move(parsed).error());
  if (!context.http) context.http = aws::make_curl_client();
  aws::HttpRequest request{.method = "GET",
                           .scheme = parsed->origin.scheme,
                           .host = parsed->origin.host,
                           .path = parsed->path,
                           .query = parsed->query};
  if (!progress.validator.empty()) {
    const bool tag = progress.validator.starts_with('"') || progress.validator.starts_with("W/");
    request.headers.emplace_back(tag ? "If-None-Match" : "If-Modified-Since", progress.validator);
  }
  const auto place = printable(parsed->origin.text() + parsed->path, 200);
  auto answer = context.http->send(request);
  if (!answer) {
    if (answer.error().place.empty()) answer.error().place = place;
    return std::unexpected(std::move(answer).error());
  }
  if (answer->status == 304) return SourceReport{.unmodified = true, .cursor = {}, .validator = progress.validator};
  if (answer->status != 200)
    return fail(ErrorCode::unavailable, fmt::format("the list is answered with HTTP {}", answer->status), place,
                answer->status == 404 ? "check the address" : "try again later");
  IW_TRY(const auto bytes, intel::unpacked(answer->body, place));
  IW_CHECK(read_names(*bytes, place, make_intake));
  SourceReport report{.validator = answer->header("etag")};
  if (report.validator.empty()) report.validator = answer->header("last-modified");
  // What comes back in a request must be one line.
  if (report.validator.size() > 256 || report.validator.find_first_of("\r\n") != std::string::npos)
    report.validator.clear();
  return report;
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
  if (source == falcon_source || !is_url(source)) return {};
  const auto url = falcon::parse_url(source);
  if (!url) return fail(ErrorCode::usage, url.error().message, "--source", "write https://host/path");
  if (url->origin.scheme != "https" && !falcon::is_loopback(url->origin))
    return fail(ErrorCode::usage, "a list over plain http could be anybody's", "--source", "use https");
  return {};
}

Result<SourceReport> read_source(Context& context, const store::Hunt& hunt, const store::Progress& progress,
                                 RunKind kind, const MakeIntake& make_intake) {
  if (asks_falcon(hunt)) return read_falcon(context, hunt, progress, kind, make_intake);
  if (is_url(hunt.source)) return read_url(context, hunt, progress, make_intake);
  IW_TRY(const auto file, intel::open_unpacked(hunt.source));
  IW_CHECK(read_names(*file.bytes, file.name, make_intake));
  return SourceReport{};
}

}  // namespace intelwall::app
