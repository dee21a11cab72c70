// Files named 0x_* run in the maintenance database (roles, settings), the others in the shop, in
// order of their names; 00_leftovers.sql in what a killed load left. The database is filled under
// the name shop_loading and renamed when it is complete: what is called shop is whole.
//
// Statements run one by one, as some refuse a transaction block. One under the comment
// "-- may-fail" is allowed to: it plants what only a failure leaves (an invalid index), or undoes
// what is not always there.
#include "stack/demo.h"

#include <fmt/format.h>

#include "postgres/conn.h"
#include "postgres/sql_parser.h"
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

constexpr std::string_view kMayFail = "-- may-fail\n";
constexpr std::string_view kLeftovers = "00_leftovers.sql";

/// Statements lose the comments before them: the marks are found in the text between two.
base::Result<> run_file(postgres::Connection& connection, const EmbeddedSql& file) {
  const std::string where = fmt::format("demo/{}", file.name);
  PGKEEP_CHECK(connection.execute("RESET search_path")); // Ours is pg_catalog alone.
  auto statements = postgres::split_statements(file.text);
  if (!statements) return with_where(std::move(statements).error(), where);
  std::size_t after_last = 0;
  for (const postgres::StatementText& each : *statements) {
    const std::string_view between =
        file.text.substr(after_last, each.offset + each.sql.size() - after_last);
    after_last = each.offset + each.sql.size();
    const bool may_fail = between.find(kMayFail) != std::string_view::npos;
    auto done = connection.execute(each.sql);
    if (!done && !may_fail) return with_where(std::move(done).error(), where);
  }
  return {};
}

base::Result<> run_files(postgres::Connection& connection, bool in_shop,
                         const std::function<void(std::string_view)>& on_step) {
  for (const EmbeddedSql& file : demo_sql) {
    if (file.name.starts_with("0") == in_shop || file.name == kLeftovers) continue;
    on_step(fmt::format("demo: {}", file.name));
    PGKEEP_CHECK(run_file(connection, file));
  }
  return {};
}

/// A database that a killed load left, with what keeps it from being dropped.
base::Result<> drop_half_filled(const Layout& layout, int port, postgres::Connection& admin) {
  PGKEEP_TRY(const postgres::Rows found,
             admin.query("SELECT 1 FROM pg_catalog.pg_database WHERE datname = 'shop_loading'"));
  if (found.count() == 0) return {};
  {
    PGKEEP_TRY(postgres::Connection shop, open_admin(layout, port, "shop_loading"));
    for (const EmbeddedSql& file : demo_sql) {
      if (file.name == kLeftovers) PGKEEP_CHECK(run_file(shop, file));
    }
  }
  return admin.execute("DROP DATABASE shop_loading WITH (FORCE)");
}

} // namespace

base::Result<> load_demo(const Layout& layout, int port,
                         const std::function<void(std::string_view)>& on_step) {
  PGKEEP_TRY(postgres::Connection admin, open_admin(layout, port, "postgres"));
  PGKEEP_TRY(const postgres::Rows found,
             admin.query("SELECT 1 FROM pg_catalog.pg_database WHERE datname = 'shop'"));
  if (found.count() > 0) return {};
  PGKEEP_CHECK(drop_half_filled(layout, port, admin));
  PGKEEP_CHECK(run_files(admin, false, on_step));
  PGKEEP_CHECK(admin.execute("CREATE DATABASE shop_loading TEMPLATE template0"));
  {
    PGKEEP_TRY(postgres::Connection shop, open_admin(layout, port, "shop_loading"));
    PGKEEP_CHECK(run_files(shop, true, on_step));
  }
  return admin.execute("ALTER DATABASE shop_loading RENAME TO shop");
}

} // namespace pgkeep::stack
