// The lab's Falcon endpoint alone, for judges from outside: prints "port N" and answers until stdin closes.
// Usage: judge_falcon CLIENT_SECRET [PARTITIONS [REFRESH_SECONDS [TOKEN_SECONDS [INDICATORS]]]]
#include <cstdio>
#include <cstdlib>

#include "lab/falcon_cloud.hpp"

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: judge_falcon CLIENT_SECRET [PARTITIONS [REFRESH_SECONDS [TOKEN_SECONDS [INDICATORS]]]]\n",
               stderr);
    return 2;
  }
  intelwall::lab::FalconOptions options;
  options.port = 0;
  options.client_secret = argv[1];
  options.keep_alive = std::chrono::milliseconds(200);
  if (argc > 2) options.partitions = std::atoi(argv[2]);
  if (argc > 3) options.refresh_interval = std::chrono::seconds(std::atoi(argv[3]));
  if (argc > 4) options.token_lifetime = std::chrono::seconds(std::atoi(argv[4]));
  if (argc > 5) options.indicators = static_cast<std::uint32_t>(std::atol(argv[5]));
  auto cloud = intelwall::lab::start_falcon(std::move(options));
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
