// Any bytes as a feed, and as a pattern: no crash, what is taken is counted, and reading again gives the same.
#include <cstdint>
#include <string>
#include <vector>

#include "intel/feed.hpp"
#include "intel/stix_pattern.hpp"

using namespace intelwall;

namespace {

struct Read {
  std::vector<intel::Indicator> indicators;
  intel::ListReport report;
  bool failed = false;
};

Read read(std::span<const char> bytes, const intel::FeedOptions& options) {
  Read result;
  const auto source = intel::unpacked(bytes, "fuzz");
  result.failed = !source || !intel::read_feed(**source, "fuzz", options, result.report, [&](intel::Indicator&& taken) {
    result.indicators.push_back(std::move(taken));
    return Result<void>{};
  });
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::span bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == 'P') {
    const auto found = intel::read_stix_pattern({bytes.data(), bytes.size()});
    IW_ASSERT(found ? !found->empty() : !found.error().message.empty());
    return 0;
  }
  using intel::FeedForm;
  constexpr FeedForm forms[] = {FeedForm::list, FeedForm::falcon, FeedForm::stix, FeedForm::misp};
  intel::FeedOptions options{
      .source = "fuzz", .now = *parse_time("2026-11-24T14:03:04Z"), .most_document_bytes = 1u << 20};
  if (data[0] >= '1' && data[0] <= '4') options.form = forms[data[0] - '1'];
  const Read first = read(bytes, options);
  IW_ASSERT(first.report.taken == first.indicators.size());
  IW_ASSERT(first.report.refused.size() <= first.report.refused_count);
  for (const auto& indicator : first.indicators) {
    IW_ASSERT(options.form == FeedForm::falcon || !indicator.type.empty());
    IW_ASSERT(indicator.source == "fuzz");
  }
  const Read second = read(bytes, options);
  IW_ASSERT(first.indicators == second.indicators && first.failed == second.failed);
  return 0;
}
