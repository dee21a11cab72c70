// Files named 0x_* run in the maintenance database (roles, settings), the others in the shop, in
// order of their names. The database is filled under the name shop_loading and renamed when it is
// complete: what is called shop is whole.
#include "stack/demo.h"

#include <fmt/format.h>

#include "postgres/conn.h"
#include "stack/demo_sql.h"

namespace pgkeep::stack {
namespace {

base::Result<postgres::Connection> open_admin(const Layout& layout, int port,
                                              std::string_view database) {
  const std::string target = fmt::format("host='{}' port={} user=postgres dbname={}",
                                         layout.sockets.string(), port, database);
  return postgres::Connection::open(target, {.application_name = "pgkeep/up",
                                             .read_only = false,
                                             .statement_limit = std::nullopt,
                                             .lock_limit = std::nullopt});
}

base::Result<> run_files(postgres::Connection& connection, bool in_shop,
                         const std::function<void(std::string_view)>& on_step) {
  for (const EmbeddedSql& file : demo_sql) {
    if (file.name.starts_with("0") == in_shop) continue;
    on_step(fmt::format("demo: {}", file.name));
    PGKEEP_CHECK(connection.execute("RESET search_path")); // Ours is pg_catalog alone.
    auto done = connection.execute(std::string(file.text));
    if (!done) return with_where(std::move(done).error(), fmt::format("demo/{}", file.name));
  }
  return {};
}

} // namespace

base::Result<> load_demo(const Layout& layout, int port,
                         const std::function<void(std::string_view)>& on_step) {
  PGKEEP_TRY(postgres::Connection admin, open_admin(layout, port, "postgres"));
  PGKEEP_TRY(const postgres::Rows found,
             admin.query("SELECT 1 FROM pg_catalog.pg_database WHERE datname = 'shop'"));
  if (found.count() > 0) return {};
  PGKEEP_CHECK(admin.execute("DROP DATABASE IF EXISTS shop_loading"));
  PGKEEP_CHECK(run_files(admin, false, on_step));
  PGKEEP_CHECK(admin.execute("CREATE DATABASE shop_loading TEMPLATE template0"));
  {
    PGKEEP_TRY(postgres::Connection shop, open_admin(layout, port, "shop_loading"));
    PGKEEP_CHECK(run_files(shop, true, on_step));
  }
  return admin.execute("ALTER DATABASE shop_loading RENAME TO shop");
}

} // namespace pgkeep::stack
