#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "lab/cloud_wire.hpp"

namespace intelwall::lab {

// What SQS accepts. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html

/// 1 to 80 of [A-Za-z0-9_-]; FIFO queues ("….fifo") are refused.
ApiResult<void> check_queue_name(const std::string& name);
/// The settable attributes of `input` as texts, each within its range.
ApiResult<std::map<std::string, std::string>> check_queue_attributes(const Json& input);
bool is_queue_attribute(std::string_view name);
/// What a settable attribute is when nobody set it; empty where it has no default.
std::string queue_default(std::string_view attribute);
/// The body's and attributes' bytes and characters; `most` is in bytes, of both together.
ApiResult<void> check_message(const std::string& body, const Json& attributes, std::int64_t most);
/// Whether it has the form of a receipt handle that this lab gives.
bool is_receipt(std::string_view text);
/// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
std::string md5_of_attributes(const Json& attributes);

}  // namespace intelwall::lab
