// Sequences: how far they are from their end, whether they are behind their tables, who may use
// them.
#include <algorithm>
#include <optional>

#include "audit/families.h"
#include "audit/rules/rule_tools.h"
#include "audit/rules/table_tree.h"
#include "audit/rules/type_change.h"

namespace pgkeep::audit {
namespace {

using catalog::Column;
using catalog::Relation;
using catalog::Role;
using catalog::Sequence;

constexpr double kWarnShare = 0.75; // pgMonitor and check_postgres.
constexpr double kErrorShare = 0.90;
constexpr std::size_t kListCap = 20; // Snapshot: lists of roles end there.

/// Where a sequence ends, and what makes it end there.
struct End {
  std::int64_t maximum = 0;
  const Column* column = nullptr; ///< Null: the sequence's own maximum.
};

End end_of(const Snapshot& db, const KeyGroups& groups, const Sequence& sequence) {
  End end{.maximum = sequence.maximum};
  const Column* const own = db.column(sequence.relation, sequence.column);
  if (own == nullptr) return end;
  for (const Column* const column : groups.group(*own)) {
    const std::int64_t maximum = integer_maximum(column->base_type);
    // At equal ends it is the column that has to change: the sequence alone would not help.
    if (maximum != 0 && maximum <= end.maximum && (end.column == nullptr || maximum < end.maximum))
      end = {.maximum = maximum, .column = column};
  }
  return end;
}

Fix lift_end(const Snapshot& db, const KeyGroups& groups, const Sequence& sequence,
             const End& end) {
  const std::string name = catalog::qualified_name(sequence);
  const bool is_last = end.maximum == integer_maximum("int8");
  if (is_last) {
    return Fix{.safety = Safety::manual,
               .note = "No integer type goes further: find out what uses up the numbers, then "
                       "start again in a free range, or move to uuid keys."};
  }
  if (end.column == nullptr) {
    const std::string_view base_type = sequence.type == "smallint"  ? "int2"
                                       : sequence.type == "integer" ? "int4"
                                                                    : "int8";
    const bool has_room = sequence.maximum < integer_maximum(base_type);
    return Fix{
        .safety = Safety::online,
        .phase = Phase::repair,
        .sql = {fmt::format("ALTER SEQUENCE {}{} NO MAXVALUE", name, has_room ? "" : " AS bigint")},
        .undo = {fmt::format("ALTER SEQUENCE {} AS {} MAXVALUE {}", name, sequence.type,
                             sequence.maximum)},
        .note = "What takes its numbers must hold them: a bigint column."};
  }
  Fix fix = change_type(db, groups, *end.column,
                        {.type = "bigint",
                         .note = "Rewrites the tables while reads and writes wait. Where that is "
                                 "too long, fill a new bigint column in batches and swap."});
  // A sequence of type bigint with a maximum of its own ends there even so.
  if (sequence.type == "bigint" && sequence.maximum <= end.maximum && !sequence.is_identity) {
    fix.sql.push_back(fmt::format("ALTER SEQUENCE {} NO MAXVALUE", name));
    fix.undo.push_back(fmt::format("ALTER SEQUENCE {} MAXVALUE {}", name, sequence.maximum));
  }
  return fix;
}

std::string object_of(const Snapshot& db, const Sequence& sequence) {
  const Relation* const relation = db.relation(sequence.relation);
  const Column* const column = db.column(sequence.relation, sequence.column);
  if (relation == nullptr || column == nullptr) return catalog::qualified_name(sequence);
  return catalog::column_object(*relation, *column);
}

void sequence_overflow(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const KeyGroups groups(db);
  int unseen = 0;
  for (const Sequence& sequence : db.sequences) {
    if (sequence.cycles || sequence.increment <= 0) continue;
    if (!sequence.has_last_value) {
      if (!sequence.may_read) ++unseen;
      continue;
    }
    const End end = end_of(db, groups, sequence);
    const double share =
        static_cast<double>(sequence.last_value) / static_cast<double>(end.maximum);
    if (end.maximum <= 0 || share < kWarnShare) continue;
    const Relation* const narrow =
        end.column == nullptr ? nullptr : db.relation(end.column->relation);
    const std::string limit = narrow == nullptr
                                  ? "its own maximum"
                                  : fmt::format("{} of {}", end.column->type,
                                                catalog::column_object(*narrow, *end.column));
    const std::int64_t left = std::max<std::int64_t>(0, end.maximum - sequence.last_value);
    out.add({.severity = share >= kErrorShare ? Severity::error : Severity::warning,
             .object = object_of(db, sequence),
             .message =
                 fmt::format("{} is at {}, {} of what {} holds: {} numbers are left",
                             catalog::qualified_name(sequence), human_count(sequence.last_value),
                             human_percent(share), limit, human_count(left / sequence.increment)),
             .evidence = Json{{"sequence", catalog::qualified_name(sequence)},
                              {"last_value", sequence.last_value},
                              {"maximum", end.maximum},
                              {"increment", sequence.increment},
                              {"used", share}},
             .fix = lift_end(db, groups, sequence, end)});
  }
  if (unseen > 0) {
    out.skip(fmt::format("{} sequences may not be read by {}: USAGE or SELECT is missing", unseen,
                         db.server.user));
  }
}

void sequence_behind_table(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Sequence& sequence : db.sequences) {
    const Relation* const relation = db.relation(sequence.relation);
    const Column* const column = db.column(sequence.relation, sequence.column);
    const bool is_known =
        sequence.has_column_maximum && (sequence.has_last_value || sequence.may_read);
    if (relation == nullptr || column == nullptr || !is_known || sequence.cycles ||
        sequence.increment <= 0)
      continue;
    const bool is_behind = sequence.has_last_value ? sequence.column_maximum > sequence.last_value
                                                   : sequence.column_maximum >= sequence.start;
    if (!is_behind) continue;
    const std::string table = catalog::qualified_name(*relation);
    const std::string name = catalog::qualified_name(sequence);
    const std::int64_t next =
        sequence.has_last_value ? sequence.last_value + sequence.increment : sequence.start;
    Fix fix{.safety = Safety::online,
            .phase = Phase::repair,
            .sql = {fmt::format("SELECT pg_catalog.setval({}, (SELECT max({}) FROM {}))",
                                postgres::quote_literal(name),
                                postgres::quote_identifier(column->name), table)},
            .note = "A statement that has just taken a number below the maximum can still collide "
                    "once; later ones cannot."};
    if (sequence.column_maximum > sequence.maximum) {
      fix = {.safety = Safety::manual,
             .note = "The largest value is beyond what the sequence can give, so it cannot be "
                     "moved there: find out where that value comes from."};
    }
    out.add(
        {.object = catalog::column_object(*relation, *column),
         .message = fmt::format("holds {}, but {} gives {} next: inserts will fail as duplicates",
                                human_count(sequence.column_maximum), name, human_count(next)),
         .evidence = Json{{"sequence", name},
                          {"next_value", next},
                          {"column_maximum", sequence.column_maximum}},
         .fix = std::move(fix)});
  }
}

bool may_use(const Snapshot& db, const Sequence& sequence, const std::string& role) {
  const Role* const who = db.role(role);
  if (who != nullptr && who->superuser) return true;
  if (db.is_member(role, sequence.owner)) return true;
  return std::ranges::any_of(sequence.users, [&](const std::string& user) {
    return user == "public" || db.is_member(role, user);
  });
}

void sequence_usage_missing(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Sequence& sequence : db.sequences) {
    const Relation* const relation = db.relation(sequence.relation);
    const Column* const column = db.column(sequence.relation, sequence.column);
    // Identity columns use their sequence by the right to insert.
    const bool is_default = relation != nullptr && column != nullptr && !sequence.is_identity &&
                            column->identity.empty() && !column->default_expression.empty();
    if (!is_default || relation->is_partition || sequence.users.size() >= kListCap) continue;
    for (const std::string& role : relation->inserters) {
      if (may_use(db, sequence, role)) continue;
      const std::string name = catalog::qualified_name(sequence);
      const std::string who = role == "public" ? "PUBLIC" : postgres::quote_identifier(role);
      out.add(
          {.object = fmt::format("{} for {}", name, who),
           .message = fmt::format("{} may INSERT into {} but not use the sequence that {} takes "
                                  "its numbers from: the insert fails",
                                  who, catalog::qualified_name(*relation), column->name),
           .evidence = Json{{"role", role},
                            {"table", catalog::qualified_name(*relation)},
                            {"column", column->name},
                            {"sequence", name}},
           .fix = Fix{.safety = Safety::online,
                      .phase = Phase::roles,
                      .sql = {fmt::format("GRANT USAGE ON SEQUENCE {} TO {}", name, who)},
                      .undo = {fmt::format("REVOKE USAGE ON SEQUENCE {} FROM {}", name, who)}}});
    }
  }
}

void serial(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Sequence& sequence : db.sequences) {
    const Relation* const relation = db.relation(sequence.relation);
    const Column* const column = db.column(sequence.relation, sequence.column);
    if (relation == nullptr || column == nullptr || sequence.is_identity || !sequence.is_owned ||
        is_judged_at_parent(*relation))
      continue;
    const std::string table = catalog::qualified_name(*relation);
    const std::string name = postgres::quote_identifier(column->name);
    out.add(
        {.object = catalog::column_object(*relation, *column),
         .message = fmt::format("takes its numbers from the default nextval({}), as serial does",
                                catalog::qualified_name(sequence)),
         .evidence = Json{{"sequence", catalog::qualified_name(sequence)}, {"type", column->type}},
         .fix =
             Fix{.safety = Safety::manual,
                 .phase = Phase::keys,
                 .sql = {fmt::format("ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT", table, name),
                         fmt::format("ALTER SEQUENCE {} OWNED BY NONE",
                                     catalog::qualified_name(sequence)),
                         fmt::format("ALTER TABLE {} ALTER COLUMN {} ADD GENERATED ALWAYS "
                                     "AS IDENTITY",
                                     table, name)},
                 .note = "Code may name the old sequence (currval, nextval) or have grants on "
                         "it, which no statement can see: in one transaction run these, "
                         "setval() the new sequence to the old one's last value, drop the old."}});
  }
}

void identity_by_default(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Relation& relation : db.relations) {
    if (!relation.is_table() || is_judged_at_parent(relation)) continue;
    for (const Column& column : db.columns_of(relation)) {
      if (column.identity != "d") continue;
      const std::string alter =
          fmt::format("ALTER TABLE {} ALTER COLUMN {} SET GENERATED ",
                      catalog::qualified_name(relation), postgres::quote_identifier(column.name));
      out.add(
          {.object = catalog::column_object(relation, column),
           .message = "accepts numbers given by hand, which the sequence later gives again",
           .evidence = Json{{"identity", "by default"}, {"type", column.type}},
           .fix = Fix{.safety = Safety::online,
                      .phase = Phase::keys,
                      .sql = {alter + "ALWAYS"},
                      .undo = {alter + "BY DEFAULT"},
                      .note = "Statements that give a number of their own then fail unless they "
                              "say OVERRIDING SYSTEM VALUE: look for them first."}});
    }
  }
}

void sequence_not_owned(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Sequence& sequence : db.sequences) {
    const Relation* const relation = db.relation(sequence.relation);
    const Column* const column = db.column(sequence.relation, sequence.column);
    if (relation == nullptr || column == nullptr || sequence.is_owned || sequence.is_identity ||
        is_judged_at_parent(*relation))
      continue;
    const std::string name = catalog::qualified_name(sequence);
    Fix fix{.safety = Safety::online,
            .phase = Phase::keys,
            .sql = {fmt::format("ALTER SEQUENCE {} OWNED BY {}", name,
                                catalog::column_object(*relation, *column))},
            .undo = {fmt::format("ALTER SEQUENCE {} OWNED BY NONE", name)},
            .note =
                "Dropping the table then drops the sequence: not where a second table takes its "
                "numbers from it."};
    if (sequence.owner != relation->owner || sequence.schema != relation->schema) {
      fix = {.safety = Safety::manual,
             .note = "A sequence can only belong to a table of the same owner and schema: whose it "
                     "should be is a decision; move it, then ALTER SEQUENCE ... OWNED BY."};
    }
    out.add({.object = name,
             .message = fmt::format("gives {} its numbers but does not belong to it: it stays when "
                                    "the table goes",
                                    catalog::column_object(*relation, *column)),
             .evidence = Json{{"column", catalog::column_object(*relation, *column)},
                              {"owner", sequence.owner},
                              {"table_owner", relation->owner}},
             .fix = std::move(fix)});
  }
}

constexpr Facts kSequenceFacts = Facts::relations | Facts::columns | Facts::sequences;

constexpr Rule kSequenceRules[] = {
    {.id = "sequence-overflow",
     .aliases = "sequence-near-end",
     .title = "Sequence near its end",
     .why = "When the last number is given out every insert fails until the column is widened, "
            "which is an outage on a large table.",
     .how = "bigint for the column, every column that references it, and the sequence.",
     .source = "check_postgres sequence; pgMonitor: 75 and 90 percent",
     .severity = Severity::warning,
     .area = Area::schema,
     .needs = kSequenceFacts | Facts::constraints,
     .judge = sequence_overflow},
    {.id = "sequence-behind-table",
     .title = "Sequence behind the rows of its table",
     .why = "After an import or restore the sequence gives numbers that are taken: inserts fail.",
     .how = "setval() to the largest value.",
     .source = "PostgreSQL manual, functions-sequence",
     .severity = Severity::error,
     .area = Area::schema,
     .needs = kSequenceFacts | Facts::sequence_maxima,
     .judge = sequence_behind_table},
    {.id = "sequence-usage-missing",
     .title = "Role that may insert but not use the sequence",
     .why = "Each INSERT that relies on the default fails with permission denied.",
     .how = "GRANT USAGE on the sequence, or an identity column, which needs none.",
     .source = "PostgreSQL manual, ddl-priv: USAGE of sequences",
     .severity = Severity::warning,
     .area = Area::schema,
     .needs = kSequenceFacts | Facts::roles,
     .judge = sequence_usage_missing},
    {.id = "serial",
     .title = "Serial column",
     .why = "The sequence has rights and a name of its own, and copies of the table share it.",
     .how = "GENERATED ALWAYS AS IDENTITY in new tables; change old ones when they are touched.",
     .source = "PostgreSQL wiki, Don't Do This: Don't use serial",
     .severity = Severity::info,
     .area = Area::schema,
     .needs = kSequenceFacts,
     .judge = serial},
    {.id = "identity-by-default",
     .title = "Identity that numbers given by hand override",
     .why = "A number given by hand is given again by the sequence later, and that insert fails.",
     .how = "GENERATED ALWAYS.",
     .source = "PostgreSQL manual, sql-createtable: GENERATED AS IDENTITY",
     .severity = Severity::info,
     .area = Area::schema,
     .needs = Facts::relations | Facts::columns,
     .judge = identity_by_default},
    {.id = "sequence-not-owned",
     .title = "Sequence that belongs to no column",
     .why = "It stays when its table is dropped, and moves of owner or schema forget it.",
     .how = "ALTER SEQUENCE ... OWNED BY.",
     .source = "PostgreSQL manual, sql-altersequence: OWNED BY",
     .severity = Severity::info,
     .area = Area::schema,
     .needs = kSequenceFacts,
     .judge = sequence_not_owned},
};

} // namespace

const std::span<const Rule> sequence_rules{kSequenceRules};

} // namespace pgkeep::audit
