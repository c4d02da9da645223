#pragma once

#include "app/context.hpp"
#include "lambda/handler.hpp"

namespace intelwall::lambda {

/// Does what a custom resource's event asks for and tells the answer's URL, whatever came of it: CloudFormation waits
/// for an hour otherwise. An Error only where nobody could be told.
/// docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
Result<std::string> answer_resource(const app::Context& context, const Invocation& invocation);

/// A presigned URL of S3, over https; where an endpoint of S3 is configured, also one of that.
Result<aws::HttpRequest> response_request(const app::Context& context, const std::string& url);

}  // namespace intelwall::lambda
