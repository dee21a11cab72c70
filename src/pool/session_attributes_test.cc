#include "pool/session_attributes.h"

#include <gtest/gtest.h>

namespace pgkeep::pool {
namespace {

using Wanted = SessionAttributes;

TEST(SessionAttributes, AreJudgedByWhatAServerReports) {
  const std::vector<std::pair<std::string, std::string>> primary = {
      {"in_hot_standby", "off"}, {"default_transaction_read_only", "off"}};
  const std::vector<std::pair<std::string, std::string>> reluctant = {
      {"in_hot_standby", "off"}, {"default_transaction_read_only", "on"}};
  const std::vector<std::pair<std::string, std::string>> standby = {
      {"in_hot_standby", "on"}, {"default_transaction_read_only", "off"}};
  const std::vector<std::pair<std::string, std::string>> old = {{"server_version", "13.4"}};
  struct Case {
    Wanted wanted;
    bool of_primary;
    bool of_reluctant;
    bool of_standby;
    bool of_old;
  };
  for (const Case& each : {Case{Wanted::any, true, true, true, true},
                           Case{Wanted::read_write, true, false, false, false},
                           Case{Wanted::read_only, false, true, true, false},
                           Case{Wanted::primary, true, true, false, false},
                           Case{Wanted::standby, false, false, true, false}}) {
    EXPECT_EQ(has_attributes(each.wanted, primary), each.of_primary);
    EXPECT_EQ(has_attributes(each.wanted, reluctant), each.of_reluctant);
    EXPECT_EQ(has_attributes(each.wanted, standby), each.of_standby);
    EXPECT_EQ(has_attributes(each.wanted, old), each.of_old);
  }
}

} // namespace
} // namespace pgkeep::pool
