#include "lab/cloud_parameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "lab/cloud.hpp"
#include "lab/cloud_shape.hpp"

namespace intelwall::lab {
namespace {

// https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
constexpr std::size_t standard_bytes = 4096, advanced_bytes = 8192;
constexpr std::size_t versions_per_parameter = 100;
constexpr std::size_t parameters_per_account = 10'000;

std::unexpected<ApiError> invalid(std::string message) {
  return refuse("ValidationException", std::move(message));
}

bool is_parameter_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("_.-/").contains(c);
  });
}

std::string arn_of(const std::string& name) {
  return fmt::format("arn:aws:ssm:{}:{}:parameter{}{}", region, account_id, name.starts_with('/') ? "" : "/", name);
}

}  // namespace

ApiAnswer ParameterStore::call(const std::string& operation, Json input) {
  using namespace shapes;  // NOLINT(google-build-using-namespace)
  static const ShapePtr one =
      structure({required("Name", text(1, 2048)), shapes::optional("WithDecryption", boolean())});
  static const ShapePtr many =
      structure({required("Names", list(text(1, 2048), 1, 10)), shapes::optional("WithDecryption", boolean())});
  static const ShapePtr put_shape = structure(
      {required("Name", text(1, 2048)), required("Value", text(1)), shapes::optional("Description", text(0, 1024)),
       shapes::optional("Type", one_of({"String", "StringList", "SecureString"})),
       shapes::optional("Overwrite", boolean()), shapes::optional("DataType", text(0, 128)),
       shapes::optional("Tier", one_of({"Standard", "Advanced", "Intelligent-Tiering"}))});
  const ShapePtr& shape = operation == "GetParameter" ? one : operation == "GetParameters" ? many : put_shape;
  if (shape == put_shape && operation != "PutParameter") return no_operation(operation);
  IW_CHECK(check_input(*shape, input));
  const std::scoped_lock lock(mutex_);
  return shape == one ? get_one(input) : shape == many ? get_many(input) : put(input);
}

ApiAnswer ParameterStore::find(const std::string& selector) const {
  std::string name = selector;
  std::size_t number = 0;
  const std::size_t colon = selector.rfind(':');
  if (colon != std::string::npos && !selector.starts_with("arn:")) {
    name = selector.substr(0, colon);
    const char* end = selector.data() + selector.size();
    const auto parsed = std::from_chars(selector.data() + colon + 1, end, number);
    if (parsed.ec != std::errc{} || parsed.ptr != end || number == 0)
      return refuse("ParameterVersionNotFound", "Labels are not kept here: a version is a number.");
  }
  const auto found = std::ranges::find_if(
      parameters_, [&name](const auto& entry) { return entry.first == name || arn_of(entry.first) == name; });
  if (found == parameters_.end())
    return refuse("ParameterNotFound", fmt::format("Parameter {} not found.", printable(name, 128)));
  const auto& [forgotten, versions] = found->second;
  const std::size_t newest = forgotten + versions.size();
  if (number > newest || (number > 0 && number <= forgotten))
    return refuse("ParameterVersionNotFound",
                  fmt::format("Systems Manager could not find version {} of {}.", number, found->first));
  if (number == 0) number = newest;
  const Version& version = versions[number - 1 - forgotten];
  Json out{{"Name", found->first},
           {"Type", version.type},
           {"Value", version.value},
           {"Version", number},
           {"LastModifiedDate", version.modified.time_since_epoch().count()},
           {"ARN", arn_of(found->first)},
           {"DataType", "text"}};
  if (name != selector) out["Selector"] = selector.substr(colon);
  return out;
}

ApiAnswer ParameterStore::get_one(const Json& input) const {
  IW_TRY(Json parameter, find(text_or(input, "Name")));
  return Json{{"Parameter", std::move(parameter)}};
}

ApiAnswer ParameterStore::get_many(const Json& input) const {
  Json found = Json::array(), missing = Json::array();
  for (const Json& name : input.at("Names")) {
    if (ApiAnswer parameter = find(name.get<std::string>())) {
      found.push_back(*std::move(parameter));
    } else {
      missing.push_back(name);
    }
  }
  Json out{{"Parameters", std::move(found)}};
  if (!missing.empty()) out["InvalidParameters"] = std::move(missing);
  return out;
}

ApiAnswer ParameterStore::put(const Json& input) {
  const std::string name = text_or(input, "Name"), value = text_or(input, "Value");
  const std::string tier = text_or(input, "Tier", "Standard");
  if (!is_parameter_name(name))
    return invalid(
        "Parameter name: can't be prefixed with \"ssm\" (case-insensitive) and may hold letters, digits and _.-/ "
        "only.");
  if (text_or(input, "Type") == "SecureString")
    return refuse("UnsupportedParameterType", "The lab keeps String and StringList: it has no keys to encrypt with.");
  if (tier == "Standard" && value.size() > standard_bytes)
    return invalid(
        "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter "
        "value, upgrade the parameter to use the advanced-parameter tier.");
  if (value.size() > advanced_bytes)
    return invalid("Advanced tier parameters support a maximum parameter value of 8192 characters.");

  const auto found = parameters_.find(name);
  if (found == parameters_.end()) {
    if (!has(input, "Type")) return invalid("A parameter type is required when you create a parameter.");
    if (parameters_.size() >= parameters_per_account)
      return refuse("ParameterLimitExceeded", "The account has its limit of parameters.");
  } else if (!is_true(input, "Overwrite")) {
    return refuse(
        "ParameterAlreadyExists",
        "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.");
  }
  auto& [forgotten, versions] = parameters_[name];
  const std::string type = text_or(input, "Type", versions.empty() ? "String" : versions.back().type);
  versions.push_back({type, value, clock_()});
  if (versions.size() > versions_per_parameter) {
    versions.erase(versions.begin());
    ++forgotten;
  }
  return Json{{"Version", forgotten + versions.size()},
              {"Tier", value.size() > standard_bytes   ? "Advanced"
                       : tier == "Intelligent-Tiering" ? "Standard"
                                                       : tier}};
}

}  // namespace intelwall::lab
