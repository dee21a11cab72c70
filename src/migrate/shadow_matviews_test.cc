#include "migrate/shadow_sql.h"

#include <gtest/gtest.h>

namespace pgkeep::migrate {
namespace {

struct MatviewCase {
  std::string query;
  std::string wanted;
};

TEST(ShadowQuery, puts_others_in_the_place_of_relations) {
  const std::vector<ShadowMoved> moved = {
      {.schema = "public", .name = "orders", .other = "pgkeep.shadow_1"},
      {.schema = "Re ports", .name = "Su ms", .other = "pgkeep.shadow_1_mv_2", .is_free = true}};
  const MatviewCase cases[] = {
      {"SELECT orders.id FROM public.orders", "SELECT orders.id FROM pgkeep.shadow_1 orders"},
      {"SELECT o.id FROM public.orders o", "SELECT o.id FROM pgkeep.shadow_1 o"},
      {"SELECT o.a FROM public.orders o(a)", "SELECT o.a FROM pgkeep.shadow_1 o(a)"},
      {"SELECT 1 FROM ONLY public.orders", "SELECT 1 FROM ONLY pgkeep.shadow_1 orders"},
      {"SELECT x FROM \"Re ports\".\"Su ms\"", "SELECT x FROM pgkeep.\"Su ms\""},
      {"SELECT x FROM \"Re ports\".\"Su ms\" \"Su ms_1\"",
       "SELECT x FROM pgkeep.\"Su ms\" \"Su ms_1\""},
      {"WITH s AS (SELECT 1 FROM public.orders) SELECT 'public.orders', (SELECT max(id) FROM "
       "public.orders o) FROM s JOIN other.orders USING (x)",
       "WITH s AS (SELECT 1 FROM pgkeep.shadow_1 orders) SELECT 'public.orders', (SELECT max(id) "
       "FROM pgkeep.shadow_1 o) FROM s JOIN other.orders USING (x)"},
  };
  for (const MatviewCase& each : cases)
    EXPECT_EQ(shadow_query(each.query, moved), each.wanted);
}

TEST(ShadowQuery, says_what_it_does_not_understand) {
  EXPECT_EQ(shadow_query("SELECT FROM WHERE", {}), "");
}

} // namespace
} // namespace pgkeep::migrate
