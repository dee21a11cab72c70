/// The fields of every struct of a Snapshot, listed once: for the readers' columns (decode.h) and
/// the JSON file (snapshot_file.cc).
///
/// A field's name is the member's name, the JSON name and the column name in the readers' SQL. A
/// new member of a struct in snapshot.h or host.h needs its row here, in the order of declaration;
/// fields_test.cc counts the members and fails where one is missing. Left out on purpose: what
/// link() computes (Relation::column_first, column_count; the Snapshot's lookups). Private to
/// src/catalog. Thread-safety: constants only.
#pragma once

#include <cstddef>
#include <string_view>
#include <type_traits>

#include "catalog/snapshot.h"

namespace pgkeep::catalog {

/// Fields<T>::each(visit) calls visit(name, pointer to member) for every field, in the order of
/// declaration.
template <typename T>
struct Fields;

template <typename T>
concept Listed = requires { sizeof(Fields<T>); };

/// Calls visit(name, member) for every field of the object, in the order of declaration.
template <typename T, typename Visit>
void for_each_field(T& object, Visit visit) {
  Fields<std::remove_const_t<T>>::each(
      [&](std::string_view name, auto member) { visit(name, object.*member); });
}

template <typename T>
consteval std::size_t field_count() {
  std::size_t count = 0;
  Fields<T>::each([&](std::string_view, auto) { ++count; });
  return count;
}

// host.h, in its order.
template <>
struct Fields<Disk> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("role", &Disk::role);
    visit("path", &Disk::path);
    visit("total_bytes", &Disk::total_bytes);
    visit("free_bytes", &Disk::free_bytes);
  }
};
template <>
struct Fields<Host> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("ram_bytes", &Host::ram_bytes);
    visit("cores", &Host::cores);
    visit("disks", &Host::disks);
    visit("rotational", &Host::rotational);
    visit("overcommit_memory", &Host::overcommit_memory);
    visit("swappiness", &Host::swappiness);
    visit("transparent_huge_pages", &Host::transparent_huge_pages);
    visit("huge_pages_total", &Host::huge_pages_total);
    visit("huge_pages_free", &Host::huge_pages_free);
    visit("is_container", &Host::is_container);
    visit("clock_synchronised", &Host::clock_synchronised);
    visit("tcp_keepalive_time_s", &Host::tcp_keepalive_time_s);
    visit("server_stderr", &Host::server_stderr);
  }
};
template <>
struct Fields<TlsProbe> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("handshake_done", &TlsProbe::handshake_done);
    visit("protocol", &TlsProbe::protocol);
    visit("subject", &TlsProbe::subject);
    visit("not_before", &TlsProbe::not_before);
    visit("not_after", &TlsProbe::not_after);
    visit("names", &TlsProbe::names);
    visit("error", &TlsProbe::error);
  }
};
template <>
struct Fields<ReplicaIndexUse> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("schema", &ReplicaIndexUse::schema);
    visit("index", &ReplicaIndexUse::index);
    visit("scans", &ReplicaIndexUse::scans);
  }
};
template <>
struct Fields<ReplicaUse> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("confirmed_none", &ReplicaUse::confirmed_none);
    visit("replicas", &ReplicaUse::replicas);
    visit("stats_since", &ReplicaUse::stats_since);
    visit("indexes", &ReplicaUse::indexes);
  }
};
template <>
struct Fields<BackupState> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("newest_full", &BackupState::newest_full);
    visit("newest_drill", &BackupState::newest_drill);
    visit("repository", &BackupState::repository);
  }
};
template <>
struct Fields<PoolerPool> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("database", &PoolerPool::database);
    visit("user", &PoolerPool::user);
    visit("mode", &PoolerPool::mode);
    visit("clients_waiting", &PoolerPool::clients_waiting);
    visit("max_wait_s", &PoolerPool::max_wait_s);
  }
};
template <>
struct Fields<Pooler> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("address", &Pooler::address);
    visit("pools", &Pooler::pools);
  }
};
template <>
struct Fields<MigrationFile> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("path", &MigrationFile::path);
    visit("has_down", &MigrationFile::has_down);
  }
};
template <>
struct Fields<SecretInCode> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("path", &SecretInCode::path);
    visit("line", &SecretInCode::line);
    visit("kind", &SecretInCode::kind);
  }
};
template <>
struct Fields<UnparameterisedQuery> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("path", &UnparameterisedQuery::path);
    visit("line", &UnparameterisedQuery::line);
  }
};
template <>
struct Fields<CodeRepository> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("path", &CodeRepository::path);
    visit("is_version_controlled", &CodeRepository::is_version_controlled);
    visit("migrations", &CodeRepository::migrations);
    visit("secrets", &CodeRepository::secrets);
    visit("unparameterised", &CodeRepository::unparameterised);
    visit("files_read", &CodeRepository::files_read);
    visit("notes", &CodeRepository::notes);
  }
};
template <>
struct Fields<Outside> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("clock", &Outside::clock);
    visit("host", &Outside::host);
    visit("tls", &Outside::tls);
    visit("replicas", &Outside::replicas);
    visit("backups", &Outside::backups);
    visit("repository", &Outside::repository);
    visit("pooler", &Outside::pooler);
  }
};
// snapshot.h, in its order.
template <>
struct Fields<Server> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("version", &Server::version);
    visit("version_text", &Server::version_text);
    visit("now", &Server::now);
    visit("client_now", &Server::client_now);
    visit("start_time", &Server::start_time);
    visit("stats_since", &Server::stats_since);
    visit("is_standby", &Server::is_standby);
    visit("database", &Server::database);
    visit("database_oid", &Server::database_oid);
    visit("user", &Server::user);
    visit("is_superuser", &Server::is_superuser);
    visit("is_monitor", &Server::is_monitor);
    visit("is_local", &Server::is_local);
    visit("address", &Server::address);
    visit("system_identifier", &Server::system_identifier);
    visit("wal_position", &Server::wal_position);
    visit("managed_by", &Server::managed_by);
  }
};
template <>
struct Fields<Standby> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("replay_age_s", &Standby::replay_age_s);
    visit("receive_position", &Standby::receive_position);
    visit("replay_position", &Standby::replay_position);
    visit("conflicts", &Standby::conflicts);
  }
};
template <>
struct Fields<Setting> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("name", &Setting::name);
    visit("value", &Setting::value);
    visit("boot_value", &Setting::boot_value);
    visit("unit", &Setting::unit);
    visit("type", &Setting::type);
    visit("source", &Setting::source);
    visit("source_file", &Setting::source_file);
    visit("source_line", &Setting::source_line);
    visit("context", &Setting::context);
    visit("pending_restart", &Setting::pending_restart);
  }
};
template <>
struct Fields<FileError> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("file", &FileError::file);
    visit("line", &FileError::line);
    visit("name", &FileError::name);
    visit("error", &FileError::error);
  }
};
template <>
struct Fields<HbaRule> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("file", &HbaRule::file);
    visit("line", &HbaRule::line);
    visit("type", &HbaRule::type);
    visit("databases", &HbaRule::databases);
    visit("users", &HbaRule::users);
    visit("address", &HbaRule::address);
    visit("netmask", &HbaRule::netmask);
    visit("method", &HbaRule::method);
    visit("options", &HbaRule::options);
    visit("error", &HbaRule::error);
  }
};
template <>
struct Fields<Database> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("oid", &Database::oid);
    visit("name", &Database::name);
    visit("owner", &Database::owner);
    visit("encoding", &Database::encoding);
    visit("collate", &Database::collate);
    visit("connection_limit", &Database::connection_limit);
    visit("is_template", &Database::is_template);
    visit("allows_connections", &Database::allows_connections);
    visit("collation_version", &Database::collation_version);
    visit("collation_version_actual", &Database::collation_version_actual);
    visit("xid_age", &Database::xid_age);
    visit("mxid_age", &Database::mxid_age);
    visit("size_bytes", &Database::size_bytes);
    visit("public_connect", &Database::public_connect);
    visit("public_temporary", &Database::public_temporary);
    visit("backends", &Database::backends);
    visit("commits", &Database::commits);
    visit("rollbacks", &Database::rollbacks);
    visit("blocks_read", &Database::blocks_read);
    visit("blocks_hit", &Database::blocks_hit);
    visit("temp_files", &Database::temp_files);
    visit("temp_bytes", &Database::temp_bytes);
    visit("deadlocks", &Database::deadlocks);
    visit("conflicts", &Database::conflicts);
    visit("checksum_failures", &Database::checksum_failures);
    visit("checksum_last_failure", &Database::checksum_last_failure);
    visit("session_time_s", &Database::session_time_s);
    visit("sessions", &Database::sessions);
    visit("sessions_abandoned", &Database::sessions_abandoned);
    visit("sessions_fatal", &Database::sessions_fatal);
    visit("sessions_killed", &Database::sessions_killed);
    visit("stats_reset", &Database::stats_reset);
  }
};
template <>
struct Fields<Background> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("checkpoints_timed", &Background::checkpoints_timed);
    visit("checkpoints_requested", &Background::checkpoints_requested);
    visit("buffers_checkpoint", &Background::buffers_checkpoint);
    visit("buffers_clean", &Background::buffers_clean);
    visit("buffers_backend", &Background::buffers_backend);
    visit("wal_bytes", &Background::wal_bytes);
    visit("wal_stats_reset", &Background::wal_stats_reset);
    visit("stats_reset", &Background::stats_reset);
  }
};
template <>
struct Fields<Archiver> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("archived", &Archiver::archived);
    visit("failed", &Archiver::failed);
    visit("last_archived_wal", &Archiver::last_archived_wal);
    visit("last_archived", &Archiver::last_archived);
    visit("last_failed_wal", &Archiver::last_failed_wal);
    visit("last_failed", &Archiver::last_failed);
  }
};
template <>
struct Fields<Role> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("oid", &Role::oid);
    visit("name", &Role::name);
    visit("superuser", &Role::superuser);
    visit("inherits", &Role::inherits);
    visit("create_role", &Role::create_role);
    visit("create_database", &Role::create_database);
    visit("can_login", &Role::can_login);
    visit("replication", &Role::replication);
    visit("bypass_rls", &Role::bypass_rls);
    visit("connection_limit", &Role::connection_limit);
    visit("valid_until", &Role::valid_until);
    visit("sessions", &Role::sessions);
    visit("owns_relations", &Role::owns_relations);
    visit("password_kind", &Role::password_kind);
    visit("password_equals_name", &Role::password_equals_name);
  }
};
template <>
struct Fields<Membership> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("role", &Membership::role);
    visit("member", &Membership::member);
    visit("admin", &Membership::admin);
    visit("inherit", &Membership::inherit);
    visit("set", &Membership::set);
  }
};
template <>
struct Fields<RoleSetting> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("role", &RoleSetting::role);
    visit("database", &RoleSetting::database);
    visit("name", &RoleSetting::name);
    visit("value", &RoleSetting::value);
  }
};
template <>
struct Fields<Session> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("pid", &Session::pid);
    visit("user", &Session::user);
    visit("database", &Session::database);
    visit("application_name", &Session::application_name);
    visit("client_address", &Session::client_address);
    visit("backend_type", &Session::backend_type);
    visit("state", &Session::state);
    visit("wait_event_type", &Session::wait_event_type);
    visit("wait_event", &Session::wait_event);
    visit("backend_age_s", &Session::backend_age_s);
    visit("xact_age_s", &Session::xact_age_s);
    visit("query_age_s", &Session::query_age_s);
    visit("state_age_s", &Session::state_age_s);
    visit("xid_age", &Session::xid_age);
    visit("xmin_age", &Session::xmin_age);
    visit("uses_tls", &Session::uses_tls);
    visit("is_remote", &Session::is_remote);
    visit("is_superuser", &Session::is_superuser);
    visit("query", &Session::query);
    visit("blocked_by", &Session::blocked_by);
    visit("wait_age_s", &Session::wait_age_s);
    visit("wait_relation", &Session::wait_relation);
    visit("is_own", &Session::is_own);
  }
};
template <>
struct Fields<LockTable> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("used", &LockTable::used);
    visit("slots", &LockTable::slots);
  }
};
template <>
struct Fields<PreparedTransaction> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("gid", &PreparedTransaction::gid);
    visit("owner", &PreparedTransaction::owner);
    visit("database", &PreparedTransaction::database);
    visit("age_s", &PreparedTransaction::age_s);
    visit("xid_age", &PreparedTransaction::xid_age);
  }
};
template <>
struct Fields<Schema> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("oid", &Schema::oid);
    visit("name", &Schema::name);
    visit("owner", &Schema::owner);
    visit("public_create", &Schema::public_create);
    visit("public_usage", &Schema::public_usage);
  }
};
template <>
struct Fields<Relation> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("oid", &Relation::oid);
    visit("schema", &Relation::schema);
    visit("name", &Relation::name);
    visit("kind", &Relation::kind);
    visit("persistence", &Relation::persistence);
    visit("owner", &Relation::owner);
    visit("parent", &Relation::parent);
    visit("is_partition", &Relation::is_partition);
    visit("partition_strategy", &Relation::partition_strategy);
    visit("partition_key", &Relation::partition_key);
    visit("partition_bound", &Relation::partition_bound);
    visit("rows", &Relation::rows);
    visit("pages", &Relation::pages);
    visit("size_bytes", &Relation::size_bytes);
    visit("toast_bytes", &Relation::toast_bytes);
    visit("toast_rows", &Relation::toast_rows);
    visit("xid_age", &Relation::xid_age);
    visit("mxid_age", &Relation::mxid_age);
    visit("options", &Relation::options);
    visit("replica_identity", &Relation::replica_identity);
    visit("row_security", &Relation::row_security);
    visit("force_row_security", &Relation::force_row_security);
    visit("public_select", &Relation::public_select);
    visit("public_write", &Relation::public_write);
    visit("readers", &Relation::readers);
    visit("inserters", &Relation::inserters);
    visit("view_tables", &Relation::view_tables);
    visit("view_security_invoker", &Relation::view_security_invoker);
    visit("owner_bypasses_rls", &Relation::owner_bypasses_rls);
    visit("seq_scans", &Relation::seq_scans);
    visit("seq_rows_read", &Relation::seq_rows_read);
    visit("index_scans", &Relation::index_scans);
    visit("inserted", &Relation::inserted);
    visit("updated", &Relation::updated);
    visit("hot_updated", &Relation::hot_updated);
    visit("deleted", &Relation::deleted);
    visit("live_rows", &Relation::live_rows);
    visit("dead_rows", &Relation::dead_rows);
    visit("modified_since_analyze", &Relation::modified_since_analyze);
    visit("vacuumed", &Relation::vacuumed);
    visit("analyzed", &Relation::analyzed);
    visit("autovacuumed", &Relation::autovacuumed);
    visit("heap_blocks_read", &Relation::heap_blocks_read);
    visit("heap_blocks_hit", &Relation::heap_blocks_hit);
  }
};
template <>
struct Fields<Column> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("relation", &Column::relation);
    visit("number", &Column::number);
    visit("name", &Column::name);
    visit("type", &Column::type);
    visit("base_type", &Column::base_type);
    visit("type_schema", &Column::type_schema);
    visit("type_kind", &Column::type_kind);
    visit("type_modifier", &Column::type_modifier);
    visit("length", &Column::length);
    visit("alignment", &Column::alignment);
    visit("not_null", &Column::not_null);
    visit("default_expression", &Column::default_expression);
    visit("identity", &Column::identity);
    visit("generated", &Column::generated);
    visit("collation", &Column::collation);
    visit("comment", &Column::comment);
    visit("default_digest", &Column::default_digest);
    visit("type_pinned", &Column::type_pinned);
    visit("has_stats", &Column::has_stats);
    visit("null_fraction", &Column::null_fraction);
    visit("average_width", &Column::average_width);
    visit("distinct", &Column::distinct);
    visit("correlation", &Column::correlation);
    visit("most_common_frequency", &Column::most_common_frequency);
    visit("value_shape", &Column::value_shape);
    visit("flat_shape", &Column::flat_shape);
  }
};
template <>
struct Fields<Constraint> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("oid", &Constraint::oid);
    visit("relation", &Constraint::relation);
    visit("name", &Constraint::name);
    visit("type", &Constraint::type);
    visit("columns", &Constraint::columns);
    visit("target", &Constraint::target);
    visit("target_columns", &Constraint::target_columns);
    visit("index", &Constraint::index);
    visit("is_validated", &Constraint::is_validated);
    visit("is_enforced", &Constraint::is_enforced);
    visit("is_deferrable", &Constraint::is_deferrable);
    visit("is_inherited", &Constraint::is_inherited);
    visit("on_delete", &Constraint::on_delete);
    visit("on_update", &Constraint::on_update);
    visit("definition", &Constraint::definition);
  }
};
template <>
struct Fields<Index> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("oid", &Index::oid);
    visit("relation", &Index::relation);
    visit("schema", &Index::schema);
    visit("name", &Index::name);
    visit("method", &Index::method);
    visit("is_unique", &Index::is_unique);
    visit("is_primary", &Index::is_primary);
    visit("is_exclusion", &Index::is_exclusion);
    visit("is_valid", &Index::is_valid);
    visit("is_ready", &Index::is_ready);
    visit("is_live", &Index::is_live);
    visit("is_immediate", &Index::is_immediate);
    visit("is_replica_identity", &Index::is_replica_identity);
    visit("nulls_not_distinct", &Index::nulls_not_distinct);
    visit("is_partitioned", &Index::is_partitioned);
    visit("is_partition", &Index::is_partition);
    visit("is_building", &Index::is_building);
    visit("columns", &Index::columns);
    visit("key_count", &Index::key_count);
    visit("operator_classes", &Index::operator_classes);
    visit("collations", &Index::collations);
    visit("key_options", &Index::key_options);
    visit("expressions", &Index::expressions);
    visit("predicate", &Index::predicate);
    visit("definition", &Index::definition);
    visit("options", &Index::options);
    visit("rows", &Index::rows);
    visit("pages", &Index::pages);
    visit("size_bytes", &Index::size_bytes);
    visit("constraint", &Index::constraint);
    visit("supports_foreign_key", &Index::supports_foreign_key);
    visit("uses_old_collation", &Index::uses_old_collation);
    visit("scans", &Index::scans);
    visit("last_scan", &Index::last_scan);
  }
};
template <>
struct Fields<Sequence> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("oid", &Sequence::oid);
    visit("schema", &Sequence::schema);
    visit("name", &Sequence::name);
    visit("owner", &Sequence::owner);
    visit("type", &Sequence::type);
    visit("minimum", &Sequence::minimum);
    visit("maximum", &Sequence::maximum);
    visit("start", &Sequence::start);
    visit("increment", &Sequence::increment);
    visit("cycles", &Sequence::cycles);
    visit("has_last_value", &Sequence::has_last_value);
    visit("may_read", &Sequence::may_read);
    visit("last_value", &Sequence::last_value);
    visit("relation", &Sequence::relation);
    visit("column", &Sequence::column);
    visit("column_type", &Sequence::column_type);
    visit("is_owned", &Sequence::is_owned);
    visit("is_identity", &Sequence::is_identity);
    visit("has_column_maximum", &Sequence::has_column_maximum);
    visit("column_maximum", &Sequence::column_maximum);
    visit("users", &Sequence::users);
  }
};
template <>
struct Fields<Trigger> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("relation", &Trigger::relation);
    visit("name", &Trigger::name);
    visit("enabled", &Trigger::enabled);
    visit("is_internal", &Trigger::is_internal);
    visit("function", &Trigger::function);
    visit("constraint", &Trigger::constraint);
  }
};
template <>
struct Fields<Function> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("oid", &Function::oid);
    visit("schema", &Function::schema);
    visit("name", &Function::name);
    visit("arguments", &Function::arguments);
    visit("kind", &Function::kind);
    visit("owner", &Function::owner);
    visit("language", &Function::language);
    visit("volatility", &Function::volatility);
    visit("security_definer", &Function::security_definer);
    visit("owner_is_superuser", &Function::owner_is_superuser);
    visit("pins_search_path", &Function::pins_search_path);
    visit("public_execute", &Function::public_execute);
    visit("body_has_secret", &Function::body_has_secret);
  }
};
template <>
struct Fields<Policy> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("relation", &Policy::relation);
    visit("name", &Policy::name);
    visit("is_permissive", &Policy::is_permissive);
    visit("roles", &Policy::roles);
    visit("command", &Policy::command);
    visit("using_expression", &Policy::using_expression);
    visit("check_expression", &Policy::check_expression);
    visit("using_is_true", &Policy::using_is_true);
    visit("check_is_true", &Policy::check_is_true);
    visit("calls_per_row", &Policy::calls_per_row);
    visit("using_digest", &Policy::using_digest);
    visit("check_digest", &Policy::check_digest);
  }
};
template <>
struct Fields<Extension> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("name", &Extension::name);
    visit("version", &Extension::version);
    visit("default_version", &Extension::default_version);
    visit("schema", &Extension::schema);
    visit("is_relocatable", &Extension::is_relocatable);
  }
};
template <>
struct Fields<Language> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("name", &Language::name);
    visit("is_trusted", &Language::is_trusted);
  }
};
template <>
struct Fields<PublishedTable> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("publication", &PublishedTable::publication);
    visit("relation", &PublishedTable::relation);
    visit("publishes_updates", &PublishedTable::publishes_updates);
  }
};
template <>
struct Fields<Subscription> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("name", &Subscription::name);
    visit("is_enabled", &Subscription::is_enabled);
    visit("apply_errors", &Subscription::apply_errors);
    visit("sync_errors", &Subscription::sync_errors);
    visit("tables_not_ready", &Subscription::tables_not_ready);
    visit("has_worker", &Subscription::has_worker);
    visit("connection_has_secret", &Subscription::connection_has_secret);
  }
};
template <>
struct Fields<Replica> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("application_name", &Replica::application_name);
    visit("client_address", &Replica::client_address);
    visit("user", &Replica::user);
    visit("state", &Replica::state);
    visit("sync_state", &Replica::sync_state);
    visit("lag_bytes", &Replica::lag_bytes);
    visit("replay_lag_s", &Replica::replay_lag_s);
    visit("xmin_age", &Replica::xmin_age);
    visit("is_backup_or_receiver", &Replica::is_backup_or_receiver);
  }
};
template <>
struct Fields<Slot> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("name", &Slot::name);
    visit("plugin", &Slot::plugin);
    visit("type", &Slot::type);
    visit("database", &Slot::database);
    visit("is_active", &Slot::is_active);
    visit("inactive_since", &Slot::inactive_since);
    visit("retained_bytes", &Slot::retained_bytes);
    visit("wal_status", &Slot::wal_status);
    visit("has_safe_wal_size", &Slot::has_safe_wal_size);
    visit("safe_wal_size", &Slot::safe_wal_size);
    visit("invalidation_reason", &Slot::invalidation_reason);
    visit("xmin_age", &Slot::xmin_age);
    visit("catalog_xmin_age", &Slot::catalog_xmin_age);
    visit("is_temporary", &Slot::is_temporary);
  }
};
template <>
struct Fields<DefaultPrivilege> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("owner", &DefaultPrivilege::owner);
    visit("schema", &DefaultPrivilege::schema);
    visit("object_type", &DefaultPrivilege::object_type);
    visit("grantee", &DefaultPrivilege::grantee);
    visit("privilege", &DefaultPrivilege::privilege);
  }
};
template <>
struct Fields<LargeObjects> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("count", &LargeObjects::count);
    visit("reference_columns", &LargeObjects::reference_columns);
  }
};
template <>
struct Fields<SecretPlace> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("kind", &SecretPlace::kind);
    visit("name", &SecretPlace::name);
  }
};
template <>
struct Fields<Statement> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("query_id", &Statement::query_id);
    visit("query", &Statement::query);
    visit("user", &Statement::user);
    visit("calls", &Statement::calls);
    visit("total_ms", &Statement::total_ms);
    visit("mean_ms", &Statement::mean_ms);
    visit("max_ms", &Statement::max_ms);
    visit("rows", &Statement::rows);
    visit("shared_hit", &Statement::shared_hit);
    visit("shared_read", &Statement::shared_read);
    visit("temp_written", &Statement::temp_written);
    visit("wal_bytes", &Statement::wal_bytes);
  }
};
template <>
struct Fields<StatementsInfo> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("is_preloaded", &StatementsInfo::is_preloaded);
    visit("is_installed", &StatementsInfo::is_installed);
    visit("entries", &StatementsInfo::entries);
    visit("entries_max", &StatementsInfo::entries_max);
    visit("evictions", &StatementsInfo::evictions);
    visit("stats_reset", &StatementsInfo::stats_reset);
    visit("total_ms", &StatementsInfo::total_ms);
    visit("single_call_variants", &StatementsInfo::single_call_variants);
  }
};
template <>
struct Fields<Progress> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("kind", &Progress::kind);
    visit("pid", &Progress::pid);
    visit("relation", &Progress::relation);
    visit("index", &Progress::index);
    visit("phase", &Progress::phase);
    visit("index_vacuum_count", &Progress::index_vacuum_count);
    visit("is_autovacuum", &Progress::is_autovacuum);
  }
};
template <>
struct Fields<WalDirectory> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("files", &WalDirectory::files);
    visit("bytes", &WalDirectory::bytes);
  }
};
template <>
struct Fields<ArchiveStatus> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("ready", &ArchiveStatus::ready);
  }
};
template <>
struct Fields<CollationUse> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("name", &CollationUse::name);
    visit("provider", &CollationUse::provider);
    visit("version", &CollationUse::version);
    visit("version_actual", &CollationUse::version_actual);
    visit("indexes", &CollationUse::indexes);
  }
};
template <>
struct Fields<Tablespace> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("name", &Tablespace::name);
    visit("location", &Tablespace::location);
    visit("size_bytes", &Tablespace::size_bytes);
  }
};
template <>
struct Fields<UserType> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("schema", &UserType::schema);
    visit("name", &UserType::name);
    visit("kind", &UserType::kind);
    visit("label_count", &UserType::label_count);
    visit("has_unvalidated_constraint", &UserType::has_unvalidated_constraint);
  }
};
template <>
struct Fields<Definition> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("kind", &Definition::kind);
    visit("object", &Definition::object);
    visit("property", &Definition::property);
    visit("value", &Definition::value);
  }
};
template <>
struct Fields<Absence> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("fact", &Absence::fact);
    visit("reason", &Absence::reason);
  }
};
template <>
struct Fields<Snapshot> {
  template <typename Visit>
  static constexpr void each(Visit visit) {
    visit("server", &Snapshot::server);
    visit("standby", &Snapshot::standby);
    visit("settings", &Snapshot::settings);
    visit("file_errors", &Snapshot::file_errors);
    visit("hba", &Snapshot::hba);
    visit("databases", &Snapshot::databases);
    visit("background", &Snapshot::background);
    visit("archiver", &Snapshot::archiver);
    visit("roles", &Snapshot::roles);
    visit("memberships", &Snapshot::memberships);
    visit("role_settings", &Snapshot::role_settings);
    visit("sessions", &Snapshot::sessions);
    visit("lock_table", &Snapshot::lock_table);
    visit("prepared_transactions", &Snapshot::prepared_transactions);
    visit("schemas", &Snapshot::schemas);
    visit("relations", &Snapshot::relations);
    visit("columns", &Snapshot::columns);
    visit("constraints", &Snapshot::constraints);
    visit("indexes", &Snapshot::indexes);
    visit("sequences", &Snapshot::sequences);
    visit("triggers", &Snapshot::triggers);
    visit("functions", &Snapshot::functions);
    visit("policies", &Snapshot::policies);
    visit("extensions", &Snapshot::extensions);
    visit("languages", &Snapshot::languages);
    visit("published_tables", &Snapshot::published_tables);
    visit("subscriptions", &Snapshot::subscriptions);
    visit("replicas", &Snapshot::replicas);
    visit("slots", &Snapshot::slots);
    visit("default_privileges", &Snapshot::default_privileges);
    visit("large_objects", &Snapshot::large_objects);
    visit("secret_places", &Snapshot::secret_places);
    visit("statements", &Snapshot::statements);
    visit("statements_info", &Snapshot::statements_info);
    visit("progress", &Snapshot::progress);
    visit("wal_directory", &Snapshot::wal_directory);
    visit("archive_status", &Snapshot::archive_status);
    visit("collations", &Snapshot::collations);
    visit("tablespaces", &Snapshot::tablespaces);
    visit("types", &Snapshot::types);
    visit("definitions", &Snapshot::definitions);
    visit("outside", &Snapshot::outside);
    visit("present", &Snapshot::present);
    visit("absent", &Snapshot::absent);
    visit("notes", &Snapshot::notes);
    visit("statement_count", &Snapshot::statement_count);
  }
};

} // namespace pgkeep::catalog
