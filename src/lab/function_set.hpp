#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/result.hpp"
#include "lab/function_process.hpp"

namespace intelwall::lab {

/// Unpacks a deployment package into `directory` (made if missing); it must hold `bootstrap`.
Result<void> unpack_package(const std::filesystem::path& zip, const std::filesystem::path& directory);

/// The functions of a stack, by name. Thread-safe.
class FunctionSet {
 public:
  /// Sends an event that was given up, with its reason, to the queue with this ARN.
  using DeadLetter = std::function<void(const std::string& queue_arn, const std::string& event, const Error& reason)>;
  /// `retry_after`: the pause before the first of two retries, twice as long before the second (Lambda's are a minute
  /// and two, docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html).
  FunctionSet(DeadLetter dead_letter, std::chrono::milliseconds retry_after);

  Result<void> add(FunctionOptions options);
  /// As Invoke with RequestResponse. `function`: its name or ARN.
  Result<std::string> invoke(const std::string& function, const std::string& event);
  /// As an asynchronous invocation, whose end is waited for: two retries, then the dead-letter queue.
  Result<std::string> deliver(const std::string& function, const std::string& event);
  std::map<std::string, Function::Status> status() const;
  /// Ends all processes; later invocations fail.
  void stop();

 private:
  Result<Function*> find(const std::string& function) const;

  DeadLetter dead_letter_;
  std::chrono::milliseconds retry_after_;
  mutable std::mutex mutex_;  ///< guards the map, not the functions, which stay until the end
  std::map<std::string, std::unique_ptr<Function>> functions_;
};

}  // namespace intelwall::lab
