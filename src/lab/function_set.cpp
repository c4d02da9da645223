#include "lab/function_set.hpp"

#include <fmt/format.h>

#include <thread>

#include "os/process.hpp"

namespace intelwall::lab {
namespace {

constexpr int retries = 2;

/// NAME, arn:aws:lambda:region:account:function:NAME, or that with a version behind it.
std::string name_of(const std::string& function) {
  constexpr std::string_view marker = ":function:";
  const auto at = function.find(marker);
  const std::string rest = at == std::string::npos ? function : function.substr(at + marker.size());
  return rest.substr(0, rest.find(':'));
}

}  // namespace

Result<void> unpack_package(const std::filesystem::path& zip, const std::filesystem::path& directory) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(zip, error))
    return fail(ErrorCode::not_found, "there is no such package", printable(zip.string()),
                "make it with `make lambda`, or name another with --package");
  std::filesystem::create_directories(directory, error);
  IW_TRY(const auto done, os::run({"unzip", "-q", "-o", zip.string(), "-d", directory.string()}));
  if (done.exit_code != 0)
    return fail(ErrorCode::invalid_input, "the package cannot be unpacked: " + printable(done.err, 300),
                printable(zip.string()));
  if (!std::filesystem::is_regular_file(directory / "bootstrap", error))
    return fail(ErrorCode::invalid_input, "the package holds no bootstrap", printable(zip.string()));
  return {};
}

FunctionSet::FunctionSet(DeadLetter dead_letter, std::chrono::milliseconds retry_after)
    : dead_letter_(std::move(dead_letter)), retry_after_(retry_after) {}

Result<void> FunctionSet::add(FunctionOptions options) {
  auto function = std::make_unique<Function>(std::move(options));
  IW_CHECK(function->open());
  const std::scoped_lock lock(mutex_);
  const std::string name = function->options().name;
  if (!functions_.emplace(name, std::move(function)).second)
    return fail(ErrorCode::conflict, fmt::format("there are two functions {}", printable(name)));
  return {};
}

Result<Function*> FunctionSet::find(const std::string& function) const {
  const std::scoped_lock lock(mutex_);
  const auto found = functions_.find(name_of(function));
  if (found == functions_.end())
    return fail(ErrorCode::not_found, fmt::format("the lab has no function {}", printable(function)));
  return found->second.get();
}

Result<std::string> FunctionSet::invoke(const std::string& function, const std::string& event) {
  IW_TRY(Function* const found, find(function));
  return found->invoke(event);
}

Result<std::string> FunctionSet::deliver(const std::string& function, const std::string& event) {
  IW_TRY(Function* const found, find(function));
  auto answer = found->invoke(event);
  for (int retry = 0; !answer && retry < retries; ++retry) {
    std::this_thread::sleep_for(retry_after_ * (retry + 1));
    answer = found->invoke(event);
  }
  const std::string& queue = found->options().dead_letter_queue;
  if (!answer && !queue.empty() && dead_letter_) dead_letter_(queue, event, answer.error());
  return answer;
}

std::map<std::string, Function::Status> FunctionSet::status() const {
  const std::scoped_lock lock(mutex_);
  std::map<std::string, Function::Status> all;
  for (const auto& [name, function] : functions_) all.emplace(name, function->status());
  return all;
}

void FunctionSet::stop() {
  const std::scoped_lock lock(mutex_);
  for (const auto& [name, function] : functions_) function->stop();
}

}  // namespace intelwall::lab
