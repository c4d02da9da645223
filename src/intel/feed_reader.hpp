#pragma once

#include <string>
#include <string_view>

#include "intel/feed.hpp"

namespace intelwall::intel {

/// What the readers of the forms share.
class FeedSink {
 public:
  FeedSink(const std::string& name, const FeedOptions& options, ListReport& report, const TakeIndicator& take)
      : name_(name), options_(options), report_(report), take_(take) {}

  const std::string& name() const { return name_; }
  const FeedOptions& options() const { return options_; }
  /// Fills in id and source.
  Result<void> take(Indicator indicator) {
    indicator.id = indicator.type + '_' + indicator.value;
    indicator.source = options_.source;
    ++report_.taken;
    return take_(std::move(indicator));
  }
  void pass_over() { ++report_.passed_over; }
  void refuse(std::string_view text, std::size_t line, std::string reason) {
    ++report_.refused_count;
    if (report_.refused.size() < ListReport::most_kept)
      report_.refused.push_back({printable(text), name_, line, std::move(reason)});
  }

 private:
  const std::string& name_;
  const FeedOptions& options_;
  ListReport& report_;
  const TakeIndicator& take_;
};

/// `document` is JSON with room behind it (simdjson's padding). The error's place is the feed.
Result<void> read_stix(std::string& document, FeedSink& sink);
Result<void> read_misp(std::string& document, FeedSink& sink);
/// What a JSON document is, by its outermost members. The error is a reason, without a place.
Result<FeedForm> form_of_document(std::string& document);

}  // namespace intelwall::intel
