/// A file of SQL as a migration tool would run it: which part goes up and which down, in what kind
/// of transaction, and its statements with their places.
///
/// Private to src/lint. Thread-safety: immutable once read. Sources: the manuals of Flyway, dbmate,
/// goose, golang-migrate, sqitch, Prisma, node-pg-migrate and Rails on SQL migrations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lint/change.h"
#include "lint/directives.h"
#include "lint/origins.h"
#include "lint/psql_text.h"
#include "lint/query_file.h"
#include "postgres/sql_tree.h"

namespace pgkeep::lint {

/// How the tool that owns the file runs it.
enum class TransactionMode : std::uint8_t {
  none,     ///< Each statement on its own, unless the file says BEGIN: psql, sqitch.
  managed,  ///< The tool opens one transaction around the file: Flyway, dbmate, Rails.
  one_text, ///< All statements in one string, which the server runs as one transaction:
            ///< golang-migrate, Prisma.
  steps, ///< pgkeep: a transaction, with statements that cannot run in one as steps of their own.
};

/// "-- pgkeep:ignore RULE: reason", on the statement's line or above it.
struct IgnoreMark {
  std::string rule;
  std::string reason;
  std::size_t offset = 0;
};

/// Where a statement stands.
enum class Origin : std::uint8_t {
  text,
  block,    ///< In a DO block: it runs with the block, in its transaction.
  function, ///< In the body of a function: it runs later.
};

struct Statement {
  postgres::Node root = {}; ///< None where the text was not understood.
  std::size_t begin = 0;    ///< Bytes into the script's text.
  std::size_t end = 0;
  Origin origin = Origin::text;
  bool is_opaque = false; ///< EXECUTE of what is made at run time, or a body that cannot be read.
  std::vector<Change> changes = {}; ///< What it does, in order.
  postgres::KindSet kinds = {};     ///< Of all its nodes.
  std::vector<IgnoreMark> ignores = {};
  std::vector<Directive> directives = {}; ///< Those above it.
  std::string problem = {};               ///< Why it was not understood, and where.
  std::size_t problem_offset = 0;
  bool is_shadow_partition = false; ///< Of the makes_partitions() above it.

  /// pgkeep's runner runs it in batches, each its own transaction.
  [[nodiscard]] bool is_batched() const;
  /// pgkeep's runner makes the table anew beside the old one while that stays in use.
  [[nodiscard]] bool is_shadowed() const;
  /// CREATE TABLE t (LIKE t) PARTITION BY under "pgkeep:shadow": the table becomes partitions, and
  /// the CREATE TABLE ... PARTITION OF t that follow belong to it. Their `changes` say that and
  /// no more: to SQL alone a table of this name would be new.
  [[nodiscard]] bool makes_partitions() const;
  /// pgkeep's runner takes it out of its transaction, as it is refused inside of one.
  [[nodiscard]] bool runs_alone() const;
};

struct Section {
  bool is_down = false;
  TransactionMode transaction = TransactionMode::none;
  std::vector<Statement> statements = {};
  /// The changes of all statements but those of functions' bodies and of temporary tables.
  std::vector<std::reference_wrapper<const Change>> lasting = {};
  /// Behind a statement, or with none below: nobody heeds them.
  std::vector<Directive> stray_directives = {};
  std::string query = {}; ///< Its name, in a file of named queries.
  /// Of a named query: what the server gets in other words.
  std::vector<QueryPart> query_parts = {};

  /// Whether pgkeep's runner ends the transaction before the statement.
  [[nodiscard]] bool begins_step(const Statement& statement) const;
};

/// What stands behind the last slash.
inline std::string_view file_name(std::string_view path) {
  return path.substr(path.find_last_of('/') + 1);
}

/// What follows "before" or "after" in the name of a file that runs around migrations
/// ("EachMigrate" of "afterEachMigrate"); empty for another name. Source: Flyway's documentation,
/// Callback Events.
inline std::string_view callback_in(std::string_view name) {
  const std::string_view rest = name.starts_with("before")  ? name.substr(6)
                                : name.starts_with("after") ? name.substr(5)
                                                            : std::string_view{};
  const bool is_one = !rest.empty() && rest.front() >= 'A' && rest.front() <= 'Z';
  return is_one ? rest : std::string_view{};
}

class Script {
public:
  /// Reads any text; what does not parse becomes statements without a root. `path` says which
  /// tool's conventions hold (as does what stands in the text).
  /// `origins`: of a text that was put together; places are those of its parts.
  static Script read(std::string path, std::string text,
                     std::shared_ptr<const Origins> origins = nullptr);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string_view text() const { return text_; }
  [[nodiscard]] const std::shared_ptr<const Origins>& origins() const { return origins_; }
  [[nodiscard]] const std::vector<Section>& sections() const { return sections_; }
  /// Whether "pgkeep:ignore" stands beside one of its statements.
  [[nodiscard]] bool has_ignore_marks() const;
  /// A file that a migration tool runs once, in the order of its name.
  [[nodiscard]] bool is_migration() const { return is_migration_; }
  /// A file of named queries, which an application runs one by one: each is a section.
  [[nodiscard]] bool has_named_queries() const { return has_named_queries_; }
  /// The comment at the top of the file; empty where there is none.
  [[nodiscard]] std::string_view opening_comment() const { return opening_comment_; }

  struct Place {
    std::string_view path; ///< The Script owns it.
    int line = 1;
    int column = 1; ///< In characters.
  };
  [[nodiscard]] Place place_of(std::size_t offset) const;
  /// As it stands in its file, without its end.
  [[nodiscard]] std::string_view line_at(const Place& place) const;
  /// As it stands in its files: variables by their names.
  [[nodiscard]] std::string shown(std::size_t begin, std::size_t end) const;
  /// The lines below COPY ... FROM stdin; none for other statements, and where they are missing.
  [[nodiscard]] std::optional<std::string_view> data_of(const Statement& statement) const;
  /// Of psql alone, and blanks in text().
  [[nodiscard]] const std::vector<PsqlPart>& psql_parts() const { return psql_parts_; }
  [[nodiscard]] std::string_view sql_of(const Statement& statement) const {
    return text().substr(statement.begin, statement.end - statement.begin);
  }

private:
  /// From one place to another, run in one way.
  struct Part {
    std::size_t begin = 0;
    bool is_down = false;
    TransactionMode transaction = TransactionMode::none;
    std::string query = {};
  };
  [[nodiscard]] std::vector<Part> parts_of(const Part& first);
  void take_out_psql_parts();
  void add_section(const Part& part, std::size_t end);
  struct Reading;
  void add_statements(Section& section, std::size_t begin, std::size_t end);
  bool read_up_to(std::size_t end, Section& section, Reading& reading);
  void add_tree(Section& section, postgres::Tree tree);
  void add_bodies(Section& section);

  std::string path_;
  std::string text_;
  std::string parsed_;                ///< Of named queries: the text as the parser knows it.
  std::vector<postgres::Tree> trees_; ///< Own what the statements look at.
  std::vector<Section> sections_;
  std::vector<std::size_t> line_starts_;
  std::vector<PsqlPart> psql_parts_;       ///< Commands and data.
  std::vector<std::string> copy_data_;     ///< Of each part that is data, in order.
  std::shared_ptr<const Origins> origins_; ///< Shared with whoever put the text together.
  std::string opening_comment_;
  bool is_migration_ = false;
  bool has_named_queries_ = false;
};

} // namespace pgkeep::lint
