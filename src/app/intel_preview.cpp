#include <algorithm>

#include "app/intel.hpp"

namespace intelwall::app {

Result<Preview> preview(const falcon::Intel& intel, const PreviewRequest& request, Time now) {
  using falcon::Intel;
  const std::size_t most = std::min(std::max(request.sample, request.search.limit), Intel::window - 1);
  Preview preview{.facets = intel::Facets(now)};
  falcon::IndicatorSearch search = request.search;
  for (search.offset = 0; search.offset < most;) {
    search.limit = std::min(Intel::most_a_page, most - search.offset);
    IW_TRY(auto page, intel.search(search));
    // The feed may change between two pages: the first count is that of what is shown.
    if (search.offset == 0) preview.total = page.total;
    if (page.indicators.empty()) break;
    search.offset += page.indicators.size();
    for (const auto& indicator : page.indicators)
      if (preview.facets.counted() < request.sample) preview.facets.add(indicator);
    for (std::size_t i = 0; i < page.indicators.size() && preview.first.size() < request.search.limit; ++i) {
      preview.first.push_back(std::move(page.indicators[i]));
      preview.lines.push_back(std::move(page.lines[i]));
    }
    if (search.offset >= page.total) break;
  }
  preview.total = std::max(preview.total, preview.facets.counted());
  return preview;
}

}  // namespace intelwall::app
