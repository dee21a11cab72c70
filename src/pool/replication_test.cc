#include "pool/replication.h"

#include <gtest/gtest.h>

#include "pool/connection.h"

namespace pgkeep::pool {
namespace {

TEST(Replication, IsADatabaseOrABoolean) {
  EXPECT_EQ(replication_of("database"), Replication::logical);
  for (const char* value : {"1", "on", "ON", "true", "t", "yes", "y", "tru"})
    EXPECT_EQ(replication_of(value), Replication::physical) << value;
  for (const char* value : {"", "0", "off", "o", "false", "no", "databases", "11", "onn"})
    EXPECT_EQ(replication_of(value), Replication::none) << value;
  for (const Replication kind : {Replication::logical, Replication::physical, Replication::none})
    EXPECT_EQ(replication_of(name_of(kind)), kind);
}

TEST(Replication, IsAskedOfTheServerWithAllThatTheClientAskedFor) {
  const TrackedNames names;
  Client client;
  client.parameters.set(*names.index_of("TimeZone"), "UTC");
  client.replication = std::make_unique<ReplicationWish>(
      ReplicationWish{.kind = Replication::logical, .options = "-c geqo=off"});
  ServerIdentity identity{.connect_query = "SELECT 1"};
  become_replication(identity, client, names);
  const std::vector<std::pair<std::string, std::string>> wanted = {
      {"replication", "database"}, {"TimeZone", "UTC"}, {"options", "-c geqo=off"}};
  EXPECT_EQ(identity.startup, wanted);
  EXPECT_EQ(identity.connect_query, "") << "a physical one takes no SQL";
}

} // namespace
} // namespace pgkeep::pool
