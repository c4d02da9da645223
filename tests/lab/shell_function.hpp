#pragma once

#include <filesystem>
#include <fstream>

#include "os/process.hpp"

namespace intelwall::lab {

/// A `bootstrap` of a few lines. What the event holds says what comes: "crash", "hang", "fail" (its error), a
/// ResponseURL (answered as a custom resource), else an answer with what the process knows.
inline constexpr const char* shell_bootstrap = R"sh(#!/bin/sh
echo "a line of $$"
[ -z "$BROKEN" ] || { curl -sS -d '{"errorType":"Test.Broken","errorMessage":"cannot start"}' \
  "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/init/error" > /dev/null; exit 1; }
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
headers=$(mktemp -p "$LAMBDA_TASK_ROOT")
while :; do
  event=$(curl -sS -D "$headers" "$api/next") || exit 0
  id=$(tr -d '\r' < "$headers" | sed -n 's/^Lambda-Runtime-Aws-Request-Id: //p')
  case $event in
    *crash*) exit 3 ;;
    *hang*) sleep 1000 ;;
    *fail*) curl -sS -d '{"errorType":"Test.Failed","errorMessage":"as asked"}' "$api/$id/error" > /dev/null; continue ;;
    *ResponseURL*)
      url=$(echo "$event" | sed -n 's/.*"ResponseURL":"\([^"]*\)".*/\1/p')
      status=SUCCESS
      case $event in *refuse*) status=FAILED ;; esac
      curl -sS -X PUT -d '{"Status":"'$status'","Reason":"a reason","PhysicalResourceId":"made","Data":{"Value":"7"}}' "$url" ;;
  esac
  curl -sS -d "$$ $_HANDLER $GIVEN ${HOME-nothing}" "$api/$id/response" > /dev/null
done
)sh";

/// A directory of the test's own with that bootstrap, and a package of it.
class ShellFunction {
 public:
  explicit ShellFunction(const std::string& name) : directory_(std::filesystem::temp_directory_path() / name) {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    std::ofstream(directory_ / "bootstrap") << shell_bootstrap;
    std::filesystem::permissions(directory_ / "bootstrap", std::filesystem::perms::owner_all);
  }
  ShellFunction(const ShellFunction&) = delete;
  ShellFunction& operator=(const ShellFunction&) = delete;
  ~ShellFunction() { std::filesystem::remove_all(directory_); }

  const std::filesystem::path& directory() const { return directory_; }
  /// The zip, or an empty path.
  std::filesystem::path package() const {
    const auto zip = directory_ / "package.zip";
    // Python keeps the mode, without which nothing can be run.
    const auto done = os::run({"python3", "-m", "zipfile", "-c", zip.string(), (directory_ / "bootstrap").string()});
    return done && done->exit_code == 0 ? zip : std::filesystem::path();
  }

 private:
  std::filesystem::path directory_;
};  // namespace intelwall::lab

}  // namespace intelwall::lab
