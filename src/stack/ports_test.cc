#include "stack/ports.h"

#include <gtest/gtest.h>

#include <vector>

#include "postgres/cluster.h"

namespace pgkeep::stack {
namespace {

/// Above what the kernel gives to others by itself.
int port_that_is_free(int first) {
  const auto port = postgres::free_port(first);
  EXPECT_TRUE(port);
  return port ? *port : 0;
}

State recorded(int server, int pooler, bool pooler_has_app_port) {
  State state;
  state.port = server;
  state.pool_port = pooler;
  state.pooler_has_app_port = pooler_has_app_port;
  return state;
}

TEST(Ports, ThoseThatAreRecordedStay) {
  struct Case {
    const char* name;
    State known;
    WantedPorts wanted;
    Ports want;
  };
  const State now = recorded(15432, 5432, true);
  const State older = recorded(5432, 6432, false);
  const std::vector<Case> cases = {
      {"nothing wanted", now, {}, {15432, 5432, true}},
      {"the application's own", now, {.application = 5432}, {15432, 5432, true}},
      {"another for the application", now, {.application = 5440}, {15432, 5440, true}},
      {"another for the server", now, {.direct = 5441}, {5441, 5432, true}},
      {"two others", now, {.application = 15432, .direct = 5432}, {5432, 15432, true}},
      {"older: nothing wanted", older, {}, {5432, 6432, false}},
      {"older: the application's own", older, {.application = 5432}, {5432, 6432, false}},
      {"older: another for the application", older, {.application = 5440}, {5440, 6432, false}},
      {"older: the new way", older, {.direct = 15432}, {15432, 5432, true}},
      {"older: the new way elsewhere",
       older,
       {.application = 6432, .direct = 5432},
       {5432, 6432, true}},
      {"the demo has no pooler",
       recorded(5532, 0, false),
       {.application = 5440, .direct = 5441, .is_demo = true},
       {5532, 0, false}},
  };
  for (const Case& each : cases) {
    const auto ports = choose_ports(each.known, each.wanted);
    ASSERT_TRUE(ports) << each.name;
    EXPECT_EQ(ports->server, each.want.server) << each.name;
    EXPECT_EQ(ports->pooler, each.want.pooler) << each.name;
    EXPECT_EQ(ports->pooler_has_app_port, each.want.pooler_has_app_port) << each.name;
  }
}

TEST(Ports, TheServersOwnIsFarFromTheApplications) {
  const int application = port_that_is_free(21'000);
  const auto ports = choose_ports({}, {.application = application});
  ASSERT_TRUE(ports);
  EXPECT_EQ(ports->pooler, application);
  EXPECT_TRUE(ports->pooler_has_app_port);
  EXPECT_GE(ports->server, application + 10'000);

  const auto high = choose_ports({}, {.application = 65'000});
  ASSERT_TRUE(high);
  EXPECT_GE(high->server, 55'000);
  EXPECT_LT(high->server, 65'000);

  const auto taken = choose_ports(recorded(21'500, 21'400, true), {.application = 21'500});
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->pooler, 21'500) << "the application comes first";
  EXPECT_GE(taken->server, 31'500);
}

TEST(Ports, OnePortIsNotForBoth) {
  const auto ports = choose_ports({}, {.application = 21'000, .direct = 21'000});
  ASSERT_FALSE(ports);
  EXPECT_EQ(ports.error().code, base::Code::usage);
}

} // namespace
} // namespace pgkeep::stack
