/// One running server a version for all cases of a test program, stopped when the tests end.
/// Threads: those of GoogleTest, which is one.
#pragma once

#include <map>
#include <memory>

#include <gtest/gtest.h>

#include "support/test_server.h"

namespace pgkeep::test {

class SharedServers : public testing::Environment {
public:
  static base::Result<TestServer*> get(const postgres::ServerBinaries& binaries) {
    std::unique_ptr<TestServer>& server = running()[binaries.version.number];
    if (server == nullptr) {
      PGKEEP_TRY(server, TestServer::start(binaries));
    }
    return server.get();
  }
  void TearDown() override { running().clear(); }

private:
  static std::map<int, std::unique_ptr<TestServer>>& running() {
    static std::map<int, std::unique_ptr<TestServer>> servers;
    return servers;
  }
};

inline const testing::Environment* const kStopSharedServers =
    testing::AddGlobalTestEnvironment(new SharedServers);

} // namespace pgkeep::test
