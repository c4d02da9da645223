#include "cli/cli.hpp"

int main(int argc, char** argv) {
  return intelwall::cli::run(argc, argv);
}
