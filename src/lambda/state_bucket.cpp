#include "lambda/state_bucket.hpp"

#include <fmt/format.h>
#define ZLIB_CONST  // what it reads it leaves as it is
#include <zlib.h>

#include <limits>
#include <vector>

#include "app/hunt_intake.hpp"
#include "aws/json_text.hpp"
#include "intel/byte_source.hpp"

namespace intelwall::lambda {

namespace {

using aws::Json;

constexpr std::size_t max_manifest = 1u << 30;  // unpacked; a million indicators are 0.2 GB
constexpr int level = 3;                        // zlib's: of larger ones the function's time is not worth the space
constexpr int gzip_window = 15 + 16;            // the largest, and gzip's header

Result<std::string> packed(const std::string& text) {
  z_stream stream{};
  if (deflateInit2(&stream, level, Z_DEFLATED, gzip_window, 9, Z_DEFAULT_STRATEGY) != Z_OK)
    return fail(ErrorCode::system, "there is no memory to pack the manifest with");
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<const Bytef*>(text.data());
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int done = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  IW_ASSERT(done == Z_STREAM_END);
  return out;
}

Result<std::string> unpacked(const std::string& bytes, const std::string& name) {
  IW_TRY(const auto source, intel::unpacked(bytes, name));
  std::string text;
  for (;;) {
    const auto size = text.size();
    text.resize(size + (1u << 20));
    IW_TRY(const std::size_t got, source->read(std::span(text).subspan(size)));
    text.resize(size + got);
    if (got == 0) return text;
    if (text.size() > max_manifest) return fail(ErrorCode::quota, "the manifest unpacks to more than 1 GiB", name);
  }
}

std::int64_t seconds_of(Time time) {
  return time.time_since_epoch().count();
}
Time time_in(const Json& json, const char* key) {
  const auto& value = aws::member(json, key);
  return Time{std::chrono::seconds{value.is_number_integer() ? value.get<std::int64_t>() : 0}};
}
std::uint32_t stamp_in(const Json& json, const char* key) {
  return store::to_stamp(time_in(json, key));
}

std::string context_in(const Json& line) {
  auto text = fmt::format("{}|{}|{}|{}", aws::text_in(line, "actors"), aws::text_in(line, "families"),
                          aws::text_in(line, "threat_types"), aws::text_in(line, "kill_chains"));
  if (text == "|||") text.clear();
  return text;
}

template <class T>
Result<std::optional<T>> if_there(Result<T> result) {
  if (result) return std::optional<T>(*std::move(result));
  if (result.error().code == ErrorCode::not_found && aws::service_error_name(result.error()) == "NoSuchKey")
    return std::optional<T>();
  return std::unexpected(std::move(result).error());
}

aws::WriteCondition in_place_of(const std::string& etag) {
  return etag.empty() ? aws::WriteCondition::absent() : aws::WriteCondition::matches(etag);
}

}  // namespace

HuntBucket::HuntBucket(const aws::Session& session, const std::string& bucket, const std::string& hunt)
    : s3_(session, bucket), path_("hunts/" + hunt + "/") {}

Result<std::optional<HuntBucket::Version<HuntCursor>>> HuntBucket::cursor() const {
  const auto key = path_ + "cursor.json";
  IW_TRY(auto object, if_there(s3_.get(key)));
  if (!object) return std::nullopt;
  const auto json = aws::parse_json(object->body);
  // What cannot be read is written anew; the manifest still says what is watched.
  if (!json) return Version<HuntCursor>{{}, std::move(object->etag)};
  HuntCursor cursor{.manifest = aws::text_in(*json, "manifest"),
                    .settings = aws::text_in(*json, "settings"),
                    .progress = {},
                    .applied = aws::text_in(*json, "applied")};
  cursor.progress.cursor = aws::text_in(*json, "cursor");
  cursor.progress.last_full = time_in(*json, "last_full");
  cursor.progress.guard = aws::text_in(*json, "guard");
  cursor.progress.next_expiry = time_in(*json, "next_expiry");
  return Version<HuntCursor>{std::move(cursor), std::move(object->etag)};
}

Result<std::optional<HuntBucket::Version<std::string>>> HuntBucket::manifest() const {
  const auto key = path_ + "manifest.jsonl.gz";
  IW_TRY(auto object, if_there(s3_.get(key)));
  if (!object) return std::nullopt;
  IW_TRY(auto lines, unpacked(object->body, key));
  return Version<std::string>{std::move(lines), std::move(object->etag)};
}

Result<std::string> HuntBucket::put_cursor(const HuntCursor& cursor, const std::string& etag) const {
  const Json json{{"manifest", cursor.manifest},      {"settings", cursor.settings},
                  {"cursor", cursor.progress.cursor}, {"last_full", seconds_of(cursor.progress.last_full)},
                  {"guard", cursor.progress.guard},   {"next_expiry", seconds_of(cursor.progress.next_expiry)},
                  {"applied", cursor.applied}};
  return s3_.put(path_ + "cursor.json", aws::dump_json(json), in_place_of(etag));
}

Result<std::string> HuntBucket::put_manifest(const std::string& lines, const std::string& etag) const {
  IW_TRY(const auto bytes, packed(lines));
  return s3_.put(path_ + "manifest.jsonl.gz", bytes, in_place_of(etag));
}

Result<std::string> manifest_of(store::Ledger& ledger, const store::Hunt& hunt) {
  IW_TRY(const auto all, ledger.kept(hunt.id, std::numeric_limits<std::int32_t>::max()));
  std::string lines;
  for (const auto& kept : all) {
    const auto known = app::read_context(kept.context);
    lines += aws::dump_json({{"domain", kept.domain},
                             {"scope", to_string(kept.scope)},
                             {"confidence", intel::to_string(kept.facts.confidence)},
                             {"updated", kept.facts.updated},
                             {"expires", kept.facts.expires},
                             {"actors", known.actors},
                             {"families", known.families},
                             {"threat_types", known.threat_types},
                             {"kill_chains", known.kill_chains}});
    lines += '\n';
  }
  return lines;
}

Result<void> restore(store::Ledger& ledger, const store::Hunt& hunt, const std::string& manifest,
                     const store::Progress& progress, Time now) {
  struct Line {
    DomainName name;
    Scope scope;
    store::Facts facts;
  };
  std::vector<Line> lines;
  std::vector<std::string> contexts;
  std::size_t number = 0;
  for (std::size_t at = 0; at < manifest.size();) {
    const auto end = std::min(manifest.find('\n', at), manifest.size());
    const auto json = aws::parse_json(std::string_view(manifest).substr(at, end - at));
    at = end + 1;
    ++number;
    auto name = json ? DomainName::parse(aws::text_in(*json, "domain")) : std::unexpected(json.error());
    const auto confidence =
        json ? store::parse_confidence(aws::text_in(*json, "confidence")) : std::unexpected(json.error());
    if (!name || !confidence)
      return fail(ErrorCode::protocol, (name ? confidence.error() : name.error()).message,
                  fmt::format("manifest of hunt {}, line {}", hunt.name, number),
                  "bring an earlier version of the object back, or delete it: the next run writes it anew");
    const auto scope = aws::text_in(*json, "scope") == to_string(Scope::exact) ? Scope::exact : Scope::subdomains;
    lines.push_back(
        {*std::move(name), scope,
         store::Facts{
             .confidence = *confidence, .updated = stamp_in(*json, "updated"), .expires = stamp_in(*json, "expires")}});
    contexts.push_back(context_in(*json));
  }
  IW_TRY(const auto numbers, ledger.contexts(contexts));
  IW_TRY(auto roster, ledger.roster(hunt.id));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    lines[i].facts.context = numbers[i];
    roster.put(lines[i].name, lines[i].scope, lines[i].facts, now);
  }
  return ledger.commit(roster, progress, now);
}

}  // namespace intelwall::lambda
