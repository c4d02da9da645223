#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "app/intel.hpp"
#include "aws/json_text.hpp"
#include "os/descriptor.hpp"
#include "os/file.hpp"

namespace intelwall::app {
namespace {

std::unexpected<Error> failed(const char* what, const std::filesystem::path& path) {
  return fail(errno == EACCES || errno == EPERM ? ErrorCode::denied : ErrorCode::system,
              std::string("cannot ") + what + ": " + std::generic_category().message(errno), printable(path.native()));
}

/// What is known of a pull that has not ended.
struct Progress {
  std::string query;  ///< what was asked for: another query is another pull
  Time begun{};
  std::uint64_t bytes = 0, written = 0;  ///< of the part file
  falcon::IndicatorCursor cursor;
};

std::string to_text(const Progress& progress) {
  return aws::dump_json({{"query", progress.query},
                         {"begun", format_time(progress.begun)},
                         {"bytes", progress.bytes},
                         {"written", progress.written},
                         {"cursor", progress.cursor.to_text()}}) +
         "\n";
}

std::optional<Progress> read_progress(const std::filesystem::path& path) {
  const auto text = os::read_file(path, 16u << 20);
  const auto json = text ? aws::parse_json(*text) : Result<aws::Json>(aws::Json());
  if (!json) return std::nullopt;
  const auto begun = parse_time(aws::text_in(*json, "begun"));
  auto cursor = falcon::IndicatorCursor::parse(aws::text_in(*json, "cursor"));
  if (!begun || !cursor || cursor->empty()) return std::nullopt;
  return Progress{aws::text_in(*json, "query"), *begun, aws::count_in(*json, "bytes"), aws::count_in(*json, "written"),
                  *std::move(cursor)};
}

class Part {
 public:
  explicit Part(const std::filesystem::path& output) : output_(output) {
    // A link stays a link, and its target is written.
    std::error_code none;
    if (auto target = std::filesystem::canonical(output, none); !none) output_ = std::move(target);
    part_ = output_.native() + ".part";
    cursor_ = part_.native() + ".cursor";
  }

  /// Opens it for this pull alone, and says from where it goes on.
  Result<Progress> open(const std::string& query, Time now, PullRequest::Start start) {
    // Renaming over a device or a folder would take it away, or fail after hours.
    std::error_code none;
    if (std::filesystem::exists(output_, none) && !std::filesystem::is_regular_file(output_, none)) {
      return fail(ErrorCode::invalid_input, "this is no file", printable(output_.native()),
                  "name a file, or - for standard output");
    }
    const int number = ::open(part_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (number < 0) return failed("write it", part_);
    file_ = os::Descriptor(number);
    if (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
      return fail(ErrorCode::conflict, "another pull writes it", printable(part_.native()),
                  "wait for its end, or name another file");
    }
    struct stat status{};
    if (::fstat(file_.get(), &status) != 0) return failed("look at it", part_);
    auto known = start == PullRequest::Start::anew ? std::nullopt : read_progress(cursor_);
    // Bytes behind those that the cursor covers are of a page that was not taken as a whole.
    if (known && (known->query != query || static_cast<std::uint64_t>(status.st_size) < known->bytes)) known.reset();
    Progress progress = known.value_or(Progress{.query = query, .begun = now, .cursor = {}});
    if (::ftruncate(file_.get(), static_cast<off_t>(progress.bytes)) != 0 ||
        ::lseek(file_.get(), static_cast<off_t>(progress.bytes), SEEK_SET) < 0)
      return failed("write it", part_);
    return progress;
  }

  Result<void> append(std::string_view bytes) { return os::write_all(file_.get(), bytes, part_); }
  /// The bytes first: a cursor must not cover what a power cut takes away.
  Result<void> keep(const Progress& progress) {
    if (::fdatasync(file_.get()) != 0) return failed("sync it", part_);
    return os::replace_file(cursor_, to_text(progress));
  }
  Result<void> finish() {
    if (::fsync(file_.get()) != 0) return failed("sync it", part_);
    if (::rename(part_.c_str(), output_.c_str()) != 0) return failed("replace it", output_);
    std::error_code ignored;
    std::filesystem::remove(cursor_, ignored);
    return {};
  }

 private:
  std::filesystem::path output_, part_, cursor_;
  os::Descriptor file_;
};

}  // namespace

Result<PullOutcome> pull_to_file(const falcon::Intel& intel, const PullRequest& request, Time now,
                                 const OnPulled& on_pulled) {
  falcon::IndicatorQuery query{.filter = request.filter,
                               .deleted = falcon::deleted_as_asked(request.filter),
                               .relations = request.relations,
                               .page_size = request.page_size};
  const bool has_relations = request.relations == falcon::IndicatorQuery::Relations::included;
  Part part(request.output);
  IW_TRY(Progress progress,
         part.open(request.filter.to_text() + (has_relations ? "" : " without relations"), now, request.start));
  query.now = progress.begun;
  PullOutcome outcome{.resumed = progress.written};
  std::string bytes;
  const auto take = [&](const falcon::PulledPage& page) -> Result<void> {
    bytes.clear();
    for (const auto line : page.lines) (bytes += line) += '\n';
    IW_CHECK(part.append(bytes));
    const std::uint64_t before = progress.written;
    progress.bytes += bytes.size();
    progress.written += page.lines.size();
    progress.cursor = page.cursor;
    IW_CHECK(part.keep(progress));
    if (on_pulled) on_pulled(progress.written, page.left > 0 ? before + page.left : 0);
    return {};
  };
  IW_TRY(const auto report, intel.pull(query, progress.cursor, take));
  IW_CHECK(part.finish());
  outcome.written = progress.written;
  outcome.unreadable = report.unreadable;
  outcome.unreadable_reason = report.unreadable_reason;
  return outcome;
}

}  // namespace intelwall::app
