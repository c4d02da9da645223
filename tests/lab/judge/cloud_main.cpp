// The lab's AWS endpoint alone, for judges from outside: prints "port N" and answers until stdin closes.
// Usage: judge_cloud SECRET_ACCESS_KEY [strict|action [REQUESTS_A_CONNECTION]]
#include <cstdio>
#include <string>

#include "lab/cloud.hpp"

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: judge_cloud SECRET_ACCESS_KEY [strict|action [REQUESTS_A_CONNECTION]]\n", stderr);
    return 2;
  }
  intelwall::lab::CloudOptions options;
  options.port = 0;
  options.secret_access_key = argv[1];
  options.strict_order = argc < 3 || std::string(argv[2]) != "action";
  if (argc > 3) options.requests_a_connection = std::stoul(argv[3]);
  options.invoke = [](const std::string& function, const std::string& event) -> intelwall::Result<std::string> {
    if (function == "fails") return intelwall::fail(intelwall::ErrorCode::unavailable, "it fails");
    return event;
  };
  auto cloud = intelwall::lab::start_cloud(std::move(options));
  if (!cloud) {
    std::fprintf(stderr, "%s\n", cloud.error().to_text().c_str());
    return 1;
  }
  std::printf("port %d\n", (*cloud)->port());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  (*cloud)->stop();
  return 0;
}
