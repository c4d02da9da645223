#include "aws/json_text.hpp"
#include "aws/security_hub.hpp"

namespace intelwall::aws {

namespace {

/// Advanced tier
/// (https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html).
constexpr std::size_t value_limit = 8'192;

}  // namespace

SsmClient::SsmClient(Session session) : client_(std::move(session), "SSM", "ssm", "ssm") {}

Result<std::string> SsmClient::get_parameter(const std::string& name) const {
  const Json input = {{"Name", name}, {"WithDecryption", true}};
  IW_TRY(const Json answer, client_.call_json("1.1", "AmazonSSM.GetParameter", input, ServiceClient::Repeat::safe));
  const Json& value = member(member(answer, "Parameter"), "Value");
  if (!value.is_string()) return fail(ErrorCode::protocol, "the answer has no Parameter.Value", "ssm GetParameter");
  return value.get<std::string>();
}

Result<void> SsmClient::put_parameter(const std::string& name, const std::string& value) const {
  const std::string place = "SSM parameter " + printable(name, 80);
  if (value.empty()) return fail(ErrorCode::invalid_input, "a parameter cannot be empty", place);
  if (value.size() > value_limit)
    return fail(ErrorCode::quota,
                std::to_string(value.size()) + " bytes do not fit a parameter (" + std::to_string(value_limit) + ")",
                place, "keep the list in a file");
  // Intelligent-Tiering takes the advanced tier over 4,096 bytes and never tries to leave it again, which AWS refuses.
  const Json input = {
      {"Name", name}, {"Value", value}, {"Type", "String"}, {"Overwrite", true}, {"Tier", "Intelligent-Tiering"}};
  IW_CHECK(client_.call_json("1.1", "AmazonSSM.PutParameter", input, ServiceClient::Repeat::safe));
  return {};
}

}  // namespace intelwall::aws
