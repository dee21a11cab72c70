// Statistics as the console shows them.
#include <array>

#include "pool/console_show_parts.h"

namespace pgkeep::pool {
namespace {

struct Counter {
  std::string_view name;    ///< As SHOW TOTALS has it.
  std::string_view total;   ///< Of SHOW STATS.
  std::string_view average; ///< The same.
  std::string_view plain;   ///< Of SHOW STATS_TOTALS and STATS_AVERAGES.
  std::uint64_t Traffic::* value;
};
constexpr Counter kCounters[] = {
    {"server_assignment_count", "total_server_assignment_count", "avg_server_assignment_count",
     "server_assignment_count", &Traffic::server_assignments},
    {"xact_count", "total_xact_count", "avg_xact_count", "xact_count", &Traffic::xacts},
    {"query_count", "total_query_count", "avg_query_count", "query_count", &Traffic::queries},
    {"client_bytes", "total_received", "avg_recv", "bytes_received", &Traffic::received},
    {"server_bytes", "total_sent", "avg_sent", "bytes_sent", &Traffic::sent},
    {"xact_time", "total_xact_time", "avg_xact_time", "xact_time", &Traffic::xact_us},
    {"query_time", "total_query_time", "avg_query_time", "query_time", &Traffic::query_us},
    {"wait_time", "total_wait_time", "avg_wait_time", "wait_time", &Traffic::wait_us},
    {"ps_client_parse_count", "total_client_parse_count", "avg_client_parse_count",
     "client_parse_count", &Traffic::client_parses},
    {"ps_server_parse_count", "total_server_parse_count", "avg_server_parse_count",
     "server_parse_count", &Traffic::server_parses},
    {"ps_bind_count", "total_bind_count", "avg_bind_count", "bind_count", &Traffic::binds},
};

std::map<std::string, Traffic> by_database(const Picture& picture) {
  std::map<std::string, Traffic> all;
  for (const PoolCensus& pool : picture.pools)
    all[pool.pool->name()].add(pool.traffic);
  all[std::string(kConsoleName)].add(picture.console);
  return all;
}

std::string stats(const Picture& picture, bool has_totals, bool has_averages) {
  const bool is_whole = has_totals && has_averages;
  std::vector<ConsoleColumn> columns = {{"database"}};
  if (has_totals) {
    for (const Counter& counter : kCounters)
      columns.push_back({is_whole ? counter.total : counter.plain, 'N'});
  }
  if (has_averages) {
    for (const Counter& counter : kCounters)
      columns.push_back({is_whole ? counter.average : counter.plain, 'N'});
  }
  ConsoleAnswer answer;
  answer.columns(columns);
  for (const auto& [name, traffic] : by_database(picture)) {
    const Traffic average = picture.averages->of(name, traffic, picture.now);
    ConsoleValues values = {name};
    for (const Counter& counter : kCounters) {
      if (has_totals) values.push_back(number(traffic.*counter.value));
    }
    for (const Counter& counter : kCounters) {
      if (has_averages) values.push_back(number(average.*counter.value));
    }
    answer.row(values);
  }
  return std::move(answer).done("SHOW");
}
} // namespace

std::string show_stats(const Picture& picture) {
  return stats(picture, true, true);
}
std::string show_stats_totals(const Picture& picture) {
  return stats(picture, true, false);
}
std::string show_stats_averages(const Picture& picture) {
  return stats(picture, false, true);
}

/// What PgBouncer does not do.
std::string show_extras(const Picture& picture) {
  constexpr ConsoleColumn kColumns[] = {{"database"},
                                        {"user"},
                                        {"cl_pinned", 'i'},
                                        {"cl_advisory_lock", 'i'},
                                        {"cl_temporary_table", 'i'},
                                        {"cl_cursor", 'i'},
                                        {"cl_prepared_statement", 'i'},
                                        {"total_pins", 'N'},
                                        {"total_advisory_lock_pins", 'N'},
                                        {"total_temporary_table_pins", 'N'},
                                        {"total_cursor_pins", 'N'},
                                        {"total_prepared_statement_pins", 'N'},
                                        {"total_plans_healed", 'N'},
                                        {"total_statements_retried", 'N'},
                                        {"cl_listening", 'i'}};
  static_assert(std::size(kColumns) == 7 + 2 * wire::kHoldNames.size());
  ConsoleAnswer answer;
  answer.columns(kColumns);
  for (const PoolCensus& pool : picture.pools) {
    const Extras& extras = pool.extras;
    ConsoleValues values = {pool.pool->name(), pool.pool->user(), number(pool.clients_pinned)};
    for (const int holding : pool.clients_holding)
      values.push_back(number(holding));
    values.push_back(number(extras.pins));
    for (const std::uint64_t pins : extras.pins_for)
      values.push_back(number(pins));
    values.push_back(number(extras.plans_healed));
    values.push_back(number(extras.statements_retried));
    values.push_back(number(pool.clients_listening));
    answer.row(values);
  }
  return std::move(answer).done("SHOW");
}

std::string show_totals(const Picture& picture) {
  Traffic all;
  for (const auto& [name, traffic] : by_database(picture))
    all.add(traffic);
  const Traffic average = picture.averages->of_all(all, picture.now);
  ConsoleAnswer answer;
  answer.columns(std::array<ConsoleColumn, 2>{{{"name"}, {"value", 'N'}}});
  for (const Counter& counter : kCounters)
    answer.row({fmt::format("total_{}", counter.name), number(all.*counter.value)});
  for (const Counter& counter : kCounters)
    answer.row({fmt::format("avg_{}", counter.name), number(average.*counter.value)});
  return std::move(answer).done("SHOW");
}

} // namespace pgkeep::pool
