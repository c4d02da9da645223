#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"

namespace intelwall::hunt {

/// What a subscription of CloudWatch Logs delivers.
struct LogBatch {
  enum class Kind { data, control };  ///< a control message only tells that the destination can be reached
  Kind kind = Kind::data;
  std::string account, group, stream;
  std::string lines;  ///< the messages, a line each; line breaks within one are blanks
  std::size_t events = 0;
};

/// `{"awslogs": {"data": base64 of gzip}}` as a Lambda gets it, or the unpacked `{"messageType": …, "logEvents": […]}`
/// (docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html). At most 64 MiB unpacked.
Result<LogBatch> read_subscription(std::string_view event);

}  // namespace intelwall::hunt
