/// What a statement is, as far as writing it into a file needs: by its bare words, without a
/// grammar. Private to findings.
///
/// Quoted names, texts, dollar quotes and comments are skipped, so that nothing in them counts.
/// Pure functions. Source: PostgreSQL manual, sql-syntax-lexical; the "cannot be executed inside a
/// transaction block" notes of the commands' pages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgkeep::findings {

/// The first bare words in upper case, at most `limit`.
std::vector<std::string> bare_words(std::string_view sql, std::size_t limit = 64);

enum class StatementKind : std::uint8_t {
  transactional, ///< May share a transaction with others.
  validate, ///< VALIDATE CONSTRAINT: must not share one with what added the constraint, or the lock
            ///< outlasts the scan.
  system_setting, ///< ALTER SYSTEM: no transaction, nothing to wait for.
  reload,         ///< SELECT pg_reload_conf().
  alone,          ///< CONCURRENTLY, VACUUM, CREATE DATABASE and the like: no transaction.
};
StatementKind kind_of(std::string_view sql);
/// Whether it waits for a lock on a table or the like, so that lock_timeout matters.
bool takes_locks(std::string_view sql);
/// "ALTER SYSTEM SET work_mem" of a statement that gives a setting a value: two of them contradict
/// each other. Empty for others.
std::string setting_target(std::string_view sql);

} // namespace pgkeep::findings
