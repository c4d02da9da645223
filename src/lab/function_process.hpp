#pragma once

#include <httplib.h>
#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "core/result.hpp"

namespace intelwall::lab {

struct FunctionOptions {
  std::string name;
  std::string handler;                           ///< what the package calls it
  std::filesystem::path code;                    ///< directory with the package's `bootstrap`
  std::map<std::string, std::string> variables;  ///< the template's, and how AWS and Falcon are reached
  std::chrono::milliseconds timeout{3'000};
  int memory_size = 128;  ///< MB; told to the function, and not enforced
  std::string log_group;
  std::string dead_letter_queue;  ///< ARN; empty: none
  std::filesystem::path output;   ///< file that its standard output and error go to
  /// A line of its log; called by whoever invokes. Empty: the lines stay in the file only.
  std::function<void(const std::string& line)> log;
};

/// A Lambda function of runtime provided.al2023 as a process on this machine. It is started by the first invocation,
/// kept for the next one, killed when its time is over, and started again after that or a crash. It sees only the
/// variables that Lambda sets and those given. One invocation at a time; others wait. Thread-safe.
/// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
class Function {
 public:
  explicit Function(FunctionOptions options);
  ~Function();
  Function(const Function&) = delete;
  Function& operator=(const Function&) = delete;

  /// Listens for the process's Runtime API calls, on a port of its own.
  Result<void> open();
  /// The function's answer. Its own errors, a crash and a time-out are Errors whose message begins with Lambda's
  /// errorType.
  Result<std::string> invoke(const std::string& event);
  /// Ends the process and all invocations.
  void stop();

  const FunctionOptions& options() const { return options_; }

  struct Status {
    std::uint64_t invocations = 0, failures = 0;
    std::string last_answer;  ///< of the last invocation that succeeded
    std::string last_error;   ///< empty when the last invocation succeeded
  };
  Status status() const;

 private:
  using Steady = std::chrono::steady_clock;
  struct Call {
    std::string id, event;
    std::chrono::system_clock::time_point deadline;
    enum class Stage { waiting, running };
    Stage stage = Stage::waiting;
    std::optional<Result<std::string>> answer;
  };

  void give_next(httplib::Response& http);
  void take_answer(const httplib::Request& http, httplib::Response& response);
  void take_init_error(const httplib::Request& http, httplib::Response& response);

  Result<std::string> run(const std::string& id, const std::string& event);
  Result<void> ensure_started();
  Result<void> await_first_poll();
  Result<std::string> await_answer();
  void end_process(std::chrono::milliseconds grace);
  std::map<std::string, std::string> environment() const;
  void log(const std::string& line) const;
  /// Hands what the process wrote since to the log.
  void log_output();

  FunctionOptions options_;
  int port_ = 0;
  httplib::Server server_;
  std::jthread listener_;

  std::mutex turn_;  ///< held by the invocation; guards the three below
  pid_t process_ = 0;
  std::uintmax_t output_read_ = 0;
  std::string unfinished_line_;

  mutable std::mutex mutex_;  ///< guards the rest
  std::condition_variable changed_;
  std::uint64_t generation_ = 0;  ///< which process; a poll of an earlier one gets no event
  std::size_t polls_ = 0;         ///< of this process
  std::optional<Call> call_;
  std::optional<Error> init_error_;
  Status status_;
  bool stopping_ = false;
};

}  // namespace intelwall::lab
