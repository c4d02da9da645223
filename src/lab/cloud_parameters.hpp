#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/time.hpp"
#include "lab/cloud_wire.hpp"

namespace intelwall::lab {

/// SSM's parameter store: GetParameter, GetParameters, PutParameter, for String and StringList. Thread-safe.
class ParameterStore {
 public:
  explicit ParameterStore(Clock clock) : clock_(std::move(clock)) {}
  ApiAnswer call(const std::string& operation, Json input);

 private:
  struct Version {
    std::string type, value;
    Time modified;
  };
  struct Parameter {
    std::size_t forgotten = 0;  ///< versions before the first one kept
    std::vector<Version> versions;
  };
  ApiAnswer get_one(const Json& input) const;
  ApiAnswer get_many(const Json& input) const;
  ApiAnswer put(const Json& input);
  /// `selector` is a name, or "name:version".
  ApiAnswer find(const std::string& selector) const;

  Clock clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Parameter> parameters_;
};

}  // namespace intelwall::lab
