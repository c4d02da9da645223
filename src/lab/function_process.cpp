#include "lab/function_process.hpp"

#include <fmt/format.h>

#include <fstream>
#include <utility>

#include "aws/json_text.hpp"
#include "lab/cloud.hpp"
#include "lab/cloud_wire.hpp"
#include "os/process.hpp"

namespace intelwall::lab {
namespace {

using std::chrono::milliseconds;

constexpr const char* address = "127.0.0.1";
constexpr std::size_t threads = 3;                    // one waits with the process's next poll
constexpr std::size_t payload_byte_limit = 6u << 20;  // docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
constexpr std::chrono::seconds initialization_limit{
    10};  // docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
constexpr milliseconds look_after_process{20};
constexpr std::size_t longest_line = 64u << 10;
constexpr std::size_t output_byte_limit = 1u << 20;  // of one invocation; what is beyond comes with the next one

Error lambda_error(ErrorCode code, const std::string& type, const std::string& message) {
  return {code, type + ": " + printable(message, 1'000), {}, {}};
}

/// What a function posts as its error.
Error told_error(const std::string& body) {
  const auto json = aws::parse_json(body);
  const std::string type = json ? aws::text_in(*json, "errorType") : std::string();
  const std::string message = json ? aws::text_in(*json, "errorMessage") : body;
  return lambda_error(ErrorCode::refused, type.empty() ? "Unknown" : printable(type, 100), message);
}

}  // namespace

Function::Function(FunctionOptions options) : options_(std::move(options)) {}

Function::~Function() {
  stop();
}

Result<void> Function::open() {
  const std::string root = "/2018-06-01/runtime/";
  server_.new_task_queue = [] { return new httplib::ThreadPool(threads); };
  server_.set_payload_max_length(payload_byte_limit);
  server_.set_tcp_nodelay(true);
  server_.Get(root + "invocation/next", [this](const httplib::Request&, httplib::Response& http) { give_next(http); });
  server_.Post(root + "invocation/([^/]+)/(response|error)",
               [this](const httplib::Request& http, httplib::Response& response) { take_answer(http, response); });
  server_.Post(root + "init/error",
               [this](const httplib::Request& http, httplib::Response& response) { take_init_error(http, response); });
  port_ = server_.bind_to_any_port(address);
  if (port_ <= 0) return fail(ErrorCode::system, "the lab's Runtime API cannot listen", printable(options_.name));
  listener_ = std::jthread([this] { server_.listen_after_bind(); });
  while (!server_.is_running()) std::this_thread::yield();
  return {};
}

void Function::give_next(httplib::Response& http) {
  std::unique_lock lock(mutex_);
  const auto mine = generation_;
  ++polls_;
  changed_.notify_all();
  changed_.wait(lock,
                [&] { return stopping_ || generation_ != mine || (call_ && call_->stage == Call::Stage::waiting); });
  if (stopping_ || generation_ != mine) {
    http.status = 410;
    return;
  }
  call_->stage = Call::Stage::running;
  const auto deadline = std::chrono::duration_cast<milliseconds>(call_->deadline.time_since_epoch()).count();
  http.set_header("Lambda-Runtime-Aws-Request-Id", call_->id);
  http.set_header("Lambda-Runtime-Deadline-Ms", std::to_string(deadline));
  http.set_header("Lambda-Runtime-Invoked-Function-Arn",
                  fmt::format("arn:aws:lambda:{}:{}:function:{}", region, account_id, options_.name));
  http.set_content(call_->event, "application/json");
}

void Function::take_answer(const httplib::Request& http, httplib::Response& response) {
  const std::scoped_lock lock(mutex_);
  if (!call_ || call_->answer || call_->id != http.matches[1].str()) {
    response.status = 400;
    response.set_content(R"({"errorType":"InvalidRequestID","errorMessage":"no such invocation runs"})",
                         "application/json");
    return;
  }
  call_->answer =
      http.matches[2].str() == "response" ? Result<std::string>(http.body) : std::unexpected(told_error(http.body));
  response.status = 202;
  response.set_content(R"({"status":"OK"})", "application/json");
  changed_.notify_all();
}

void Function::take_init_error(const httplib::Request& http, httplib::Response& response) {
  const std::scoped_lock lock(mutex_);
  init_error_ = told_error(http.body);
  response.status = 202;
  response.set_content(R"({"status":"OK"})", "application/json");
  changed_.notify_all();
}

std::map<std::string, std::string> Function::environment() const {
  // https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
  std::map<std::string, std::string> all = options_.variables;
  const std::map<std::string, std::string> own{
      {"_HANDLER", options_.handler},
      {"AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"},
      {"AWS_LAMBDA_FUNCTION_NAME", options_.name},
      {"AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"},
      {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", std::to_string(options_.memory_size)},
      {"AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"},
      {"AWS_LAMBDA_LOG_GROUP_NAME", options_.log_group},
      {"AWS_LAMBDA_LOG_STREAM_NAME", "lab"},
      {"AWS_LAMBDA_RUNTIME_API", fmt::format("{}:{}", address, port_)},
      {"AWS_REGION", region},
      {"AWS_DEFAULT_REGION", region},
      {"LAMBDA_TASK_ROOT", options_.code.string()},
      {"LANG", "en_US.UTF-8"},
      {"PATH", "/usr/local/bin:/usr/bin:/bin"},
      {"TZ", ":UTC"}};
  for (const auto& [name, value] : own) all[name] = value;
  return all;
}

Result<std::string> Function::invoke(const std::string& event) {
  if (event.size() > payload_byte_limit)
    return std::unexpected(lambda_error(ErrorCode::quota, "RequestTooLargeException",
                                        fmt::format("an event has at most {} bytes", payload_byte_limit)));
  const std::scoped_lock turn(turn_);
  const std::string id = random_uuid();
  const auto begun = Steady::now();
  log(fmt::format("START RequestId: {} Version: $LATEST", id));
  auto answer = run(id, event);
  log_output();
  if (!answer) log(fmt::format("{} {} {}", format_time(system_now()), id, answer.error().message));
  log(fmt::format("END RequestId: {}", id));
  log(fmt::format("REPORT RequestId: {} Duration: {} ms Memory Size: {} MB", id,
                  std::chrono::duration_cast<milliseconds>(Steady::now() - begun).count(), options_.memory_size));
  const std::scoped_lock lock(mutex_);
  ++status_.invocations;
  if (!answer) ++status_.failures;
  status_.last_error = answer ? std::string() : answer.error().to_text();
  if (answer) status_.last_answer = *answer;
  return answer;
}

Result<std::string> Function::run(const std::string& id, const std::string& event) {
  IW_CHECK(ensure_started());
  {
    const std::scoped_lock lock(mutex_);
    call_ =
        Call{.id = id, .event = event, .deadline = std::chrono::system_clock::now() + options_.timeout, .answer = {}};
  }
  changed_.notify_all();
  auto answer = await_answer();
  const std::scoped_lock lock(mutex_);
  call_.reset();
  return answer;
}

Result<void> Function::ensure_started() {
  if (os::is_running(process_)) return {};
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_) return fail(ErrorCode::unavailable, "the lab ends", printable(options_.name));
    ++generation_;
    polls_ = 0;
    init_error_.reset();
  }
  changed_.notify_all();
  IW_TRY(process_, os::spawn({(options_.code / "bootstrap").string()}, {.output = options_.output,
                                                                        .inherits = os::SpawnOptions::Inherits::nothing,
                                                                        .extra_env = environment()}));
  auto started = await_first_poll();
  if (!started) end_process(milliseconds{0});
  return started;
}

Result<void> Function::await_first_poll() {
  const auto deadline = Steady::now() + initialization_limit;
  std::unique_lock lock(mutex_);
  while (polls_ == 0) {
    if (init_error_) return std::unexpected(*init_error_);
    if (stopping_) return fail(ErrorCode::unavailable, "the lab ends", printable(options_.name));
    if (!os::is_running(process_))
      return std::unexpected(
          lambda_error(ErrorCode::unavailable, "Runtime.ExitError", "the process ended before its first invocation"));
    if (Steady::now() >= deadline)
      return std::unexpected(lambda_error(ErrorCode::unavailable, "Sandbox.Timedout", "the function does not start"));
    changed_.wait_for(lock, look_after_process);
  }
  return {};
}

Result<std::string> Function::await_answer() {
  const auto deadline = Steady::now() + options_.timeout;
  std::unique_lock lock(mutex_);
  const auto over = [&](ErrorCode code, const char* type, const std::string& why) {
    lock.unlock();
    end_process(milliseconds{0});
    return std::unexpected(lambda_error(code, type, why));
  };
  for (;;) {
    // The order matters: an answer that came before the end counts.
    const bool is_running = os::is_running(process_);
    if (call_->answer) return *std::move(call_->answer);
    if (stopping_) return over(ErrorCode::unavailable, "Lab.Stopped", "the lab ends");
    if (!is_running) return over(ErrorCode::unavailable, "Runtime.ExitError", "the process ended without an answer");
    if (Steady::now() >= deadline)
      return over(
          ErrorCode::unavailable, "Sandbox.Timedout",
          fmt::format("Task timed out after {:.2f} seconds", std::chrono::duration<double>(options_.timeout).count()));
    changed_.wait_for(lock, std::min<Steady::duration>(look_after_process, deadline - Steady::now()),
                      [this] { return stopping_ || call_->answer; });
  }
}

void Function::end_process(milliseconds grace) {
  os::stop(process_, grace);
  process_ = 0;
  {
    const std::scoped_lock lock(mutex_);
    ++generation_;
  }
  changed_.notify_all();
}

void Function::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  const std::scoped_lock turn(turn_);
  end_process(std::chrono::seconds{2});
  if (!listener_.joinable()) return;
  server_.stop();
  listener_.join();
}

Function::Status Function::status() const {
  const std::scoped_lock lock(mutex_);
  return status_;
}

void Function::log(const std::string& line) const {
  if (options_.log) options_.log(line);
}

void Function::log_output() {
  std::ifstream file(options_.output, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(output_read_));
  std::string text(output_byte_limit, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  output_read_ += text.size();
  unfinished_line_ += text;
  std::string_view rest = unfinished_line_;
  for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    log(std::string(rest.substr(0, std::min(end, longest_line))));
    rest.remove_prefix(end + 1);
  }
  unfinished_line_ = std::string(rest.substr(0, longest_line));
}

}  // namespace intelwall::lab
