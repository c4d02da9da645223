#pragma once

#include <map>
#include <string>
#include <vector>

#include "lab/stack.hpp"

namespace intelwall::lab {

/// What Maker collects for the stack to begin with once all is made.
struct StackPlan {
  struct Schedule {
    ScheduleTimes times;
    std::string function, input;
  };
  std::vector<Schedule> schedules;
  std::vector<QueueSource::Options> sources;
  std::vector<std::string> skipped;  ///< types
};

/// Makes the resources of a template in the lab's cloud. Names that a template leaves open are made of the stack's, the
/// resource's and a random suffix.
class StackMaker {
 public:
  struct Context {
    const StackOptions& options;
    CloudServices& services;
    FunctionSet& functions;
    CustomResourceAnswers& answers;
    const std::map<std::string, std::string>& variables;  ///< that every function gets
    std::filesystem::path code;                           ///< the unpacked package
  };
  explicit StackMaker(Context context) : context_(std::move(context)) {}

  Result<PhysicalResource> make(const DeclaredResource& resource);
  StackPlan take_plan() { return std::move(plan_); }

 private:
  using Made = Result<PhysicalResource>;

  // stack_maker.cpp
  Made queue(const DeclaredResource& resource);
  Made bucket(const DeclaredResource& resource);
  Made secret(const DeclaredResource& resource);
  Made parameter(const DeclaredResource& resource);
  Made log_group(const DeclaredResource& resource);
  Made subscription(const DeclaredResource& resource);
  Made rule(const DeclaredResource& resource);
  Made skip(const DeclaredResource& resource);

  // stack_functions.cpp
  Made function(const DeclaredResource& resource);
  Made source_mapping(const DeclaredResource& resource);
  Made schedule(const DeclaredResource& resource);
  Made custom(const DeclaredResource& resource);
  std::string endpoint() const;
  std::map<std::string, std::string> variables_of(const DeclaredResource& resource, const std::string& name) const;

  /// The property `name`, else a name of the stack's.
  static std::string name_of(const DeclaredResource& resource, const char* name);

  Context context_;
  StackPlan plan_;
};

/// A property as a text, empty where it is missing.
std::string text_property(const Json& properties, const char* name);
/// A whole number, also of a text, as parameters are.
Result<std::int64_t> number_property(const Json& properties, const char* name, std::int64_t otherwise);
/// An error of a service as one of ours.
Error error_of(const ApiError& refusal);
std::string arn_of(const std::string& service, const std::string& resource);

}  // namespace intelwall::lab
