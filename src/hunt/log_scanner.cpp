#include "hunt/log_scanner.hpp"

#include <fmt/format.h>

#include <cstring>

#include "hunt/log_names.hpp"

namespace intelwall::hunt {
namespace {
constexpr std::size_t block_bytes = 4u << 20;
constexpr std::size_t line_padding = 64;
constexpr std::size_t max_line = 1u << 20;

void note_unreadable(const std::string& name, std::uint64_t number, std::string_view reason, ScanReport& report) {
  ++report.unreadable;
  if (report.unreadable_lines.size() < ScanReport::most_kept)
    report.unreadable_lines.push_back(fmt::format("{}:{}: {}", printable(name, 200), number, reason));
}
}  // namespace

void LogScanner::scan_line(std::string_view line, std::size_t padding, const std::string& name, std::uint64_t number,
                           const TakeHit& take, ScanReport& report) {
  ++report.lines;
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) return;
  if (line.size() > max_line) return note_unreadable(name, number, "is longer than a mebibyte", report);
  if (line.front() == '{' && line.back() == '}') {
    const auto seen = glance(line, *watched_);
    report.names += seen.names;
    if (!seen.worth_parsing) return;
  }
  const auto parsed = parser_.parse(line, padding, [&](const Contact& contact) {
    if (const auto match = watched_->find(contact.name)) {
      ++report.hits;
      take(contact, *match);
    }
  });
  if (!parsed) note_unreadable(name, number, parsed.error().message, report);
}

void LogScanner::scan_lines(std::string_view lines, std::size_t padding, const std::string& name,
                            std::uint64_t first_line, const TakeHit& take, ScanReport& report) {
  report.bytes += lines.size();
  auto number = first_line;
  while (!lines.empty()) {
    const auto end = lines.find('\n');
    const auto line = lines.substr(0, end);
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
    scan_line(line, padding + lines.size(), name, number++, take, report);
  }
}

Result<void> LogScanner::scan(intel::ByteSource& source, const std::string& name, const TakeHit& take,
                              ScanReport& report, const std::function<void(std::uint64_t)>& progress) {
  std::vector<char> buffer(block_bytes + line_padding);
  std::size_t size = 0;
  bool skipping = false;
  for (;;) {
    IW_TRY(const std::size_t got, source.read(std::span(buffer).subspan(size, block_bytes - size)));
    size += got;
    const std::string_view there(buffer.data(), size);
    auto whole = got == 0 ? size : there.rfind('\n') + 1;  // 0 when there is no line break
    std::size_t begin = 0;
    if (skipping) {
      const auto end = there.find('\n');
      begin = end == std::string_view::npos ? size : end + 1;
      skipping = end == std::string_view::npos;
      whole = std::max(whole, begin);
    } else if (whole == 0 && size > max_line) {
      note_unreadable(name, report.lines + 1, "is longer than a mebibyte", report);
      ++report.lines;
      skipping = true;
      whole = begin = size;
    }
    scan_lines(there.substr(begin, whole - begin), line_padding, name, report.lines + 1, take, report);
    std::memmove(buffer.data(), buffer.data() + whole, size - whole);
    size -= whole;
    if (progress) progress(source.consumed());
    if (got == 0) return {};
  }
}

}  // namespace intelwall::hunt
