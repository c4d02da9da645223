#include "lab/stack_custom_resource.hpp"

#include <fmt/format.h>

#include "aws/json_text.hpp"
#include "lab/template_values.hpp"

namespace intelwall::lab {
namespace {

/// As CloudFormation hands values to functions: every scalar is a text.
Json with_texts(const Json& value) {
  if (const auto text = scalar_text(value)) return *text;
  Json out = value;
  if (out.is_structured())
    for (auto& each : out) each = with_texts(each);
  return out;
}

}  // namespace

Json custom_resource_request(const DeclaredResource& resource, const std::string& stack_id,
                             const std::string& response_url) {
  return {{"RequestType", "Create"},
          {"RequestId", random_uuid()},
          {"ResponseURL", response_url},
          {"StackId", stack_id},
          {"ResourceType", resource.type},
          {"LogicalResourceId", resource.id},
          {"ResourceProperties", with_texts(resource.properties)}};
}

std::string CustomResourceAnswers::expect() {
  std::string token = random_uuid();
  const std::scoped_lock lock(mutex_);
  answers_[token];
  return token;
}

CustomResourceAnswers::Taken CustomResourceAnswers::take(const std::string& token, const std::string& body) {
  const std::scoped_lock lock(mutex_);
  const auto found = answers_.find(token);
  if (found == answers_.end() || found->second) return Taken::no;
  found->second = body;
  return Taken::yes;
}

Result<PhysicalResource> CustomResourceAnswers::resource(const std::string& token) {
  std::optional<std::string> body;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = answers_.find(token);
    if (found != answers_.end()) {
      body = std::move(found->second);
      answers_.erase(found);
    }
  }
  if (!body) return fail(ErrorCode::protocol, "the function ended without an answer at the ResponseURL");
  const auto answer = aws::parse_json(*body);
  if (!answer) return fail(ErrorCode::protocol, "the function's answer is no JSON");
  if (aws::text_in(*answer, "Status") != "SUCCESS")
    return fail(ErrorCode::refused, printable(aws::text_in(*answer, "Reason"), 1'000));
  PhysicalResource made{aws::text_in(*answer, "PhysicalResourceId"), {}};
  if (made.ref.empty()) return fail(ErrorCode::protocol, "the function's answer has no PhysicalResourceId");
  if (const Json& data = aws::member(*answer, "Data"); data.is_object())
    for (const auto& [name, value] : data.items()) made.attributes[name] = value;
  return made;
}

}  // namespace intelwall::lab
