#include "sandbox/plans.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/text.h"
#include "base/units.h"
#include "postgres/quote.h"
#include "sandbox/relation_file.h"

namespace pgkeep::sandbox {
namespace {

using postgres::Rows;

constexpr std::int64_t kBlockBytes = 8192;

/// An index that the live database has not got: as many pages as its entries would fill to nine
/// tenths. An entry is a header of 8 bytes, its columns, and 4 bytes that point to it.
constexpr std::string_view kNewIndexes =
    "UPDATE pg_class c SET reltuples = t.reltuples, relpages = greatest(2, "
    "ceil(t.reltuples::float8 * (12 + 8 * ceil(w.bytes / 8.0)) / (8152 * 0.9)))::int FROM pg_index "
    "i JOIN pg_class t ON t.oid = i.indrelid, LATERAL (SELECT coalesce(sum(coalesce(s.stawidth, "
    "8)), 8)::float8 AS bytes FROM unnest(i.indkey) k(number) LEFT JOIN pg_statistic s ON "
    "s.starelid = t.oid AND s.staattnum = k.number AND NOT s.stainherit) w WHERE c.oid = "
    "i.indexrelid AND c.relkind = 'i' AND t.oid = ANY ($1::oid[]) AND NOT c.oid = ANY "
    "($1::oid[]) AND t.reltuples >= 0";

/// Of every relation with a file: where it lies and how long it must be. The width of an index's
/// entries is that of all its pages, for want of better.
constexpr std::string_view kFiles =
    "SELECT pg_relation_filenode(c.oid), c.relpages, CASE WHEN m.amname = 'btree' THEN CASE WHEN "
    "c.reltuples > 0 THEN c.relpages * 7340.0 / c.reltuples ELSE 16 END ELSE 0 END FROM pg_class c "
    "LEFT JOIN pg_am m ON m.oid = c.relam WHERE c.relkind IN ('r', 'm', 'i') AND c.relpersistence "
    "<> 't' AND c.reltablespace = 0 AND c.oid >= 16384 AND c.relpages > 0";

std::string copy_of(const std::string& model) {
  return model + "_plan";
}

} // namespace

base::Result<PlanRoom> PlanRoom::open(Sandbox& server, std::string model,
                                      const LiveStatistics& live) {
  PlanRoom room(server, std::move(model));
  PGKEEP_TRY(postgres::Connection database, server.connect(room.model_));
  PGKEEP_TRY(const Rows rows,
             database.query("SELECT n.nspname, c.relname, c.oid FROM pg_catalog.pg_class c JOIN "
                            "pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind "
                            "IN ('r', 'm', 'p', 'i', 'I', 'f')"));
  std::map<std::pair<std::string, std::string>, std::string> oids;
  for (int row = 0; row < rows.count(); ++row)
    oids[{std::string(rows.text(row, 0)), std::string(rows.text(row, 1))}] = rows.text(row, 2);
  std::int64_t total = 0;
  for (const RelationSize& each : live.sizes) {
    const auto found = oids.find({each.schema, each.name});
    if (found == oids.end()) continue;
    const std::int64_t pages = base::integer_or(each.pages, 0); // -1: a partitioned table has none.
    room.sizes_[found->second] = {
        .pages = pages, .rows = each.rows, .pages_all_visible = each.pages_all_visible};
    total += std::max<std::int64_t>(pages, 0);
  }
  if (total > kPagesMax) {
    const double share = static_cast<double>(kPagesMax) / static_cast<double>(total);
    for (auto& [oid, size] : room.sizes_)
      size.pages = static_cast<std::int64_t>(static_cast<double>(size.pages) * share);
    room.note_ = fmt::format("plans are made for {} of the live {}",
                             base::human_bytes(kPagesMax * kBlockBytes),
                             base::human_bytes(total * kBlockBytes));
  }
  return room;
}

base::Result<> PlanRoom::write_sizes() {
  std::vector<std::string> oids;
  std::vector<std::string> pages;
  std::vector<std::string> rows;
  std::vector<std::string> visible;
  for (const auto& [oid, size] : sizes_) {
    oids.push_back(oid);
    pages.push_back(std::to_string(size.pages));
    rows.push_back(size.rows);
    visible.push_back(size.pages_all_visible);
  }
  const auto array_of = [](const std::vector<std::string>& numbers) {
    return std::optional("{" + base::join(numbers, ",") + "}");
  };
  PGKEEP_TRY(postgres::Connection database, server_->connect(model_));
  PGKEEP_CHECK(database.execute("SET search_path = pg_catalog"));
  const std::optional<std::string> parameters[] = {array_of(oids), array_of(pages), array_of(rows),
                                                   array_of(visible)};
  PGKEEP_CHECK(database.query(
      "UPDATE pg_class c SET relpages = l.pages, reltuples = l.rows, relallvisible = l.visible "
      "FROM unnest($1::oid[], $2::int[], $3::real[], $4::int[]) l(oid, pages, rows, visible) WHERE "
      "c.oid = l.oid AND (c.relpages, c.reltuples, c.relallvisible) IS DISTINCT FROM (l.pages, "
      "l.rows, l.visible)",
      parameters));
  const std::optional<std::string> known[] = {array_of(oids)};
  PGKEEP_CHECK(database.query(std::string(kNewIndexes), known));
  return {};
}

base::Result<> PlanRoom::grow_files() {
  PGKEEP_TRY(postgres::Connection model, server_->connect(model_));
  const std::optional<std::string> parameters[] = {copy_of(model_)};
  PGKEEP_TRY(const Rows place,
             model.query("SELECT d.oid, s.setting FROM pg_catalog.pg_database d, "
                         "pg_catalog.pg_settings s WHERE d.datname = $1 AND s.name = "
                         "'segment_size'",
                         parameters));
  PGKEEP_TRY(const Rows files, model.query(std::string(kFiles)));
  PGKEEP_TRY(const std::optional<base::Account> account, postgres::server_account());
  const std::filesystem::path folder = server_->data() / "base" / std::string(place.text(0, 0));
  for (int row = 0; row < files.count(); ++row) {
    double entry_bytes = 0;
    const std::string_view text = files.text(row, 2);
    std::from_chars(text.data(), text.data() + text.size(), entry_bytes);
    PGKEEP_CHECK(grow_relation({.file = folder / std::string(files.text(row, 0)),
                                .pages = base::integer_or(files.text(row, 1), 0),
                                .segment_pages = base::integer_or(place.text(0, 1), 0),
                                .entry_bytes = entry_bytes,
                                .owner = account}));
  }
  return {};
}

base::Result<std::vector<std::vector<std::string>>>
PlanRoom::explain(const std::vector<std::string>& settings,
                  const std::vector<std::string>& statements) {
  const std::string copy = copy_of(model_);
  PGKEEP_CHECK(write_sizes());
  PGKEEP_CHECK(server_->replace_database(copy, model_));
  PGKEEP_CHECK(grow_files());
  std::vector<std::vector<std::string>> plans;
  {
    PGKEEP_TRY(postgres::Connection database, server_->connect(copy));
    // What was written in front of B-trees has no checksums.
    PGKEEP_CHECK(database.execute("SET ignore_checksum_failure = on"));
    for (const std::string& each : settings)
      static_cast<void>(database.execute(each));
    for (const std::string& each : statements) {
      std::vector<std::string> lines;
      if (const auto plan = database.query("EXPLAIN " + each)) {
        for (int row = 0; row < plan->count(); ++row)
          lines.emplace_back(plan->text(row, 0));
      } else if (plan.error().code == base::Code::unreachable) {
        return plan.error();
      }
      plans.push_back(std::move(lines));
    }
  }
  PGKEEP_CHECK(server_->drop_database(copy));
  return plans;
}

} // namespace pgkeep::sandbox
