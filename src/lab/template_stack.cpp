#include "lab/template_stack.hpp"

#include <fmt/format.h>

#include <set>
#include <utility>
#include <vector>

#include "lab/template_parameters.hpp"
#include "lab/template_values.hpp"

namespace intelwall::lab {
namespace {

/// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
constexpr std::size_t resources_per_template = 500;

std::unexpected<Error> invalid(std::string why, std::string place) {
  return fail(ErrorCode::invalid_input, std::move(why), std::move(place));
}

std::string partition_of(const std::string& region) {
  return region.starts_with("cn-") ? "aws-cn" : region.starts_with("us-gov-") ? "aws-us-gov" : "aws";
}

std::map<std::string, Json> pseudo_parameters(const TemplateInput& input) {
  const std::string partition = partition_of(input.region);
  return {{"AWS::AccountId", input.account_id},
          {"AWS::NotificationARNs", Json::array()},
          {"AWS::Partition", partition},
          {"AWS::Region", input.region},
          {"AWS::StackId", fmt::format("arn:{}:cloudformation:{}:{}:stack/{}/lab", partition, input.region,
                                       input.account_id, input.stack_name)},
          {"AWS::StackName", input.stack_name},
          {"AWS::URLSuffix", partition == "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com"}};
}

/// Sections that are none of these would be left out in silence; Transform, for one, makes another template of it.
Result<void> check_sections(const Json& document) {
  static const std::set<std::string, std::less<>> known{"AWSTemplateFormatVersion",
                                                        "Conditions",
                                                        "Description",
                                                        "Mappings",
                                                        "Metadata",
                                                        "Outputs",
                                                        "Parameters",
                                                        "Resources",
                                                        "Rules"};
  for (const auto& [name, section] : document.items())
    if (!known.contains(name)) return invalid("the lab knows no such section of a template", printable(name, 64));
  return {};
}

class Stack {
 public:
  Stack(const Json& document, std::map<std::string, Json> names, const MakeResource& make)
      : document_(document),
        make_(make),
        values_(document, std::move(names),
                [this](const std::string& id, const std::string& attribute) { return resolve(id, attribute); }) {}

  Result<MadeStack> run() {
    IW_CHECK(check_rules());
    IW_CHECK(find_resources());
    for (const auto& [id, resource] : resources_) {
      IW_CHECK(put_in_order(id));
    }
    for (const auto& id : order_) {
      IW_CHECK(make_one(id));
    }
    IW_CHECK(find_outputs());
    return std::move(made_);
  }

 private:
  struct Resource {
    std::string type;
    const Json* written = nullptr;
    std::set<std::string> needs;
    enum class Mark { unseen, open, ordered };
    Mark mark = Mark::unseen;
  };

  /// A section of the template that may be missing.
  Result<const Json*> section(const char* name) const {
    static const Json none = Json::object();
    const auto found = document_.find(name);
    if (found == document_.end()) return &none;
    if (!found->is_object()) return invalid(fmt::format("{} is no mapping", name), name);
    return &*found;
  }

  Result<void> check_rules() {
    IW_TRY(const Json* const rules, section("Rules"));
    for (const auto& [name, rule] : rules->items()) {
      const std::string place = "Rules." + printable(name, 64);
      if (!rule.is_object() || !rule.value("Assertions", Json()).is_array())
        return invalid("the rule has no Assertions", place);
      if (rule.contains("RuleCondition")) {
        IW_TRY(const bool applies, values_.truth(rule.at("RuleCondition"), place));
        if (!applies) continue;
      }
      for (const auto& each : rule.at("Assertions")) {
        if (!each.is_object() || !each.contains("Assert")) return invalid("an assertion has no Assert", place);
        IW_TRY(const bool holds, values_.truth(each.at("Assert"), place));
        if (holds) continue;
        const auto why = scalar_text(each.value("AssertDescription", Json()));
        return invalid(why ? printable(*why, 300) : "an assertion does not hold", place);
      }
    }
    return {};
  }

  Result<void> find_resources() {
    IW_TRY(const Json* const all, section("Resources"));
    if (all->empty()) return invalid("the template has no resources", "Resources");
    if (all->size() > resources_per_template)
      return invalid(fmt::format("the template has more than {} resources", resources_per_template), "Resources");
    for (const auto& [id, written] : all->items()) {
      const std::string place = "Resources." + printable(id, 64);
      const auto type = written.is_object() ? scalar_text(written.value("Type", Json())) : std::nullopt;
      if (!type) return invalid("the resource has no Type", place);
      if (!written.value("Properties", Json::object()).is_object())
        return invalid("Properties is no mapping", place + ".Properties");
      if (const auto condition = written.find("Condition"); condition != written.end()) {
        if (!condition->is_string()) return invalid("Condition is a condition's name", place + ".Condition");
        IW_TRY(const bool holds, values_.condition(condition->get<std::string>(), place + ".Condition"));
        if (!holds) continue;
      }
      resources_[id] = {*type, &written, {}, Resource::Mark::unseen};
    }
    for (auto& [id, resource] : resources_) {
      IW_CHECK(find_needs(id, resource));
    }
    return {};
  }

  Result<void> find_needs(const std::string& id, Resource& resource) {
    const std::string place = "Resources." + printable(id, 64);
    std::set<std::string> names;
    if (resource.written->contains("Properties")) {
      IW_CHECK(values_.collect(resource.written->at("Properties"), place + ".Properties", names));
    }
    const Json after = resource.written->value("DependsOn", Json::array());
    for (const auto& each : after.is_array() ? after : Json::array({after})) {
      const Json& all = document_.at("Resources");
      if (!each.is_string() || !all.contains(each.get<std::string>()))
        return invalid("DependsOn names no resource", place + ".DependsOn");
      names.insert(each.get<std::string>());
    }
    for (const auto& name : names) {
      if (resources_.contains(name)) resource.needs.insert(name);
    }
    return {};
  }

  Result<void> put_in_order(const std::string& id) {
    Resource& resource = resources_.at(id);
    if (resource.mark == Resource::Mark::ordered) return {};
    if (resource.mark == Resource::Mark::open)
      return invalid("the resource depends on itself", "Resources." + printable(id, 64));
    resource.mark = Resource::Mark::open;
    for (const auto& other : resource.needs) {
      IW_CHECK(put_in_order(other));
    }
    resource.mark = Resource::Mark::ordered;
    order_.push_back(id);
    return {};
  }

  Result<void> make_one(const std::string& id) {
    const Resource& resource = resources_.at(id);
    const std::string place = "Resources." + printable(id, 64);
    DeclaredResource declared{id, resource.type, Json::object()};
    if (resource.written->contains("Properties")) {
      IW_TRY(declared.properties, values_.value(resource.written->at("Properties"), place + ".Properties"));
      if (!declared.properties.is_object()) return invalid("Properties is no mapping", place + ".Properties");
    }
    auto made = make_(declared);
    if (!made) {
      Error error = std::move(made).error();
      error.place = error.place.empty() ? place : place + ", " + error.place;
      return std::unexpected(std::move(error));
    }
    made_.resources[id] = *std::move(made);
    return {};
  }

  Result<void> find_outputs() {
    IW_TRY(const Json* const outputs, section("Outputs"));
    for (const auto& [name, output] : outputs->items()) {
      const std::string place = "Outputs." + printable(name, 64);
      if (!output.is_object() || !output.contains("Value")) return invalid("the output has no Value", place);
      if (const auto condition = output.find("Condition"); condition != output.end()) {
        IW_TRY(const bool holds, values_.condition(condition->is_string() ? condition->get<std::string>() : "", place));
        if (!holds) continue;
      }
      IW_TRY(const Json value, values_.value(output.at("Value"), place));
      const auto text = scalar_text(value);
      if (!text) return invalid("the output's Value is no text", place);
      made_.outputs[name] = *text;
    }
    return {};
  }

  Result<Json> resolve(const std::string& id, const std::string& attribute) const {
    const auto found = made_.resources.find(id);
    if (found == made_.resources.end())
      return fail(ErrorCode::invalid_input,
                  fmt::format("the template has no {} here: no such parameter or resource, or its condition does not "
                              "hold",
                              printable(id, 64)));
    if (attribute.empty()) return found->second.ref;
    const auto value = found->second.attributes.find(attribute);
    if (value == found->second.attributes.end())
      return fail(ErrorCode::invalid_input,
                  fmt::format("{} has no attribute {} in the lab", printable(id, 64), printable(attribute, 64)));
    return value->second;
  }

  const Json& document_;
  const MakeResource& make_;
  TemplateValues values_;
  std::map<std::string, Resource> resources_;  ///< those whose condition holds
  std::vector<std::string> order_;
  MadeStack made_;
};

}  // namespace

Result<MadeStack> make_stack(const Json& document, const TemplateInput& input, const MakeResource& make) {
  if (!document.is_object()) return invalid("a template is one mapping", {});
  IW_CHECK(check_sections(document));
  IW_TRY(auto names, parameter_values(document, input.parameters));
  names.merge(pseudo_parameters(input));
  return Stack(document, std::move(names), make).run();
}

}  // namespace intelwall::lab
