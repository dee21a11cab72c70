// The process: arguments in, exit code out. Everything else is in cli/.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "cli/cli.h"

int main(int argc, char** argv) {
  try {
    if (const auto exit = pgkeep::cli::run_by_name(argc, argv)) return *exit;
    return pgkeep::cli::run(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& failure) {
    // The only catch-all: libraries that throw are wrapped where they are used, so this is a defect
    // of ours.
    std::fprintf(stderr, "pgkeep: internal error: %s\n", failure.what());
    return 4;
  }
}
