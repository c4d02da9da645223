#pragma once

#include <functional>
#include <map>
#include <string>

#include "core/result.hpp"
#include "lab/cloud_wire.hpp"

namespace intelwall::lab {

struct TemplateInput {
  std::map<std::string, std::string> parameters;  ///< those that are given, by name
  std::string stack_name;
  std::string region;
  std::string account_id;
};

/// A resource whose condition holds, with all functions applied.
struct DeclaredResource {
  std::string id;  ///< its logical id
  std::string type;
  Json properties;
};

/// What other resources see of a resource.
struct PhysicalResource {
  std::string ref;
  std::map<std::string, Json> attributes;  ///< what GetAtt answers, by name ("Arn")
};

/// Makes one resource; all that it refers to and depends on are made. Errors need no place.
using MakeResource = std::function<Result<PhysicalResource>(const DeclaredResource&)>;

struct MadeStack {
  std::map<std::string, PhysicalResource> resources;  ///< by logical id
  std::map<std::string, std::string> outputs;
};

/// Does with a template (read_template) what CloudFormation does at the creation of a stack: checks parameters, then
/// the assertions of Rules, then makes the resources whose conditions hold in the order of their references and
/// DependsOn, then the outputs. The first error ends it, with its place in the template.
Result<MadeStack> make_stack(const Json& document, const TemplateInput& input, const MakeResource& make);

}  // namespace intelwall::lab
