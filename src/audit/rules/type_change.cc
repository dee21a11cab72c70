#include "audit/rules/type_change.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <unordered_set>

#include "audit/rules/table_tree.h"

namespace pgkeep::audit {

using catalog::Column;
using catalog::Constraint;
using catalog::Index;
using catalog::Relation;

namespace {

std::uint64_t key_of(catalog::OidNumber relation, std::int32_t number) {
  return (std::uint64_t{relation} << 32U) | static_cast<std::uint32_t>(number);
}
std::uint64_t key_of(const Column& column) {
  return key_of(column.relation, column.number);
}

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool mentions(std::string_view text, std::string_view name) {
  for (std::size_t at = text.find(name); at != std::string_view::npos;
       at = text.find(name, at + 1)) {
    const std::size_t end = at + name.size();
    const bool starts = at == 0 || !is_word_character(text[at - 1]);
    if (starts && (end >= text.size() || !is_word_character(text[end]))) return true;
  }
  return false;
}

bool is_checked(const Snapshot& db, const Column& column) {
  return std::ranges::any_of(db.constraints_of(column.relation), [&](const Constraint& each) {
    return each.type == "c" && std::ranges::find(each.columns, column.number) != each.columns.end();
  });
}

bool is_in_expression(const Snapshot& db, const Column& column) {
  return std::ranges::any_of(db.indexes_of(column.relation), [&](const Index& index) {
    return mentions(index.expressions, column.name) || mentions(index.predicate, column.name);
  });
}

/// Why the server, or good sense, refuses the change of this one column.
std::optional<std::string> obstacle(const Snapshot& db, const Column& column,
                                    const NewType& target) {
  const Relation* const relation = db.relation(column.relation);
  if (relation == nullptr || !relation->is_table()) return "its table was not read";
  const std::string name = catalog::column_object(*relation, column);
  if (column.type_pinned)
    return fmt::format("a view, policy, generated column, trigger, publication, function or "
                       "partition key uses {}, and ALTER TABLE refuses until it is dropped",
                       name);
  if (is_inherited_column(db, *relation, column))
    return fmt::format("{} is inherited and can only be changed with its parent", name);
  if (!column.generated.empty()) return fmt::format("{} is a generated column", name);
  if (column.type_kind == "d") return fmt::format("{} has a domain as its type", name);
  if (target.breaks_indexes && is_in_expression(db, column))
    return fmt::format("an index expression or predicate over {} may not accept the new type",
                       name);
  if (target.breaks_checks && is_checked(db, column))
    return fmt::format("a CHECK over {} may not accept the new type", name);
  return std::nullopt;
}

std::string alter(const Snapshot& db, const Column& column, const std::string& type,
                  const std::string& using_expression) {
  const Relation* const relation = db.relation(column.relation);
  const std::string name = postgres::quote_identifier(column.name);
  std::string sql = fmt::format("ALTER TABLE {} ALTER COLUMN {} TYPE {}",
                                catalog::qualified_name(*relation), name, type);
  if (!using_expression.empty())
    sql += " USING " + fmt::format(fmt::runtime(using_expression), name, type);
  return sql;
}

void widen_sequences(const KeyGroups& groups, const std::vector<const Column*>& changed, Fix& fix) {
  for (const Column* const column : changed) {
    for (const catalog::Sequence* const sequence : groups.sequences(*column)) {
      if (sequence->type == "bigint") continue;
      const std::string name = catalog::qualified_name(*sequence);
      fix.sql.push_back(fmt::format("ALTER SEQUENCE {} AS bigint NO MAXVALUE", name));
      fix.undo.push_back(fmt::format("ALTER SEQUENCE {} AS {} MAXVALUE {}", name, sequence->type,
                                     sequence->maximum));
    }
  }
}

bool same_family(const Column& column, const std::string& type) {
  if (type == "bigint" || type == "integer" || type == "smallint")
    return is_integer(column.base_type);
  if (type == "text" || type.starts_with("character varying")) return is_text(column.base_type);
  return false;
}

} // namespace

KeyGroups::KeyGroups(const Snapshot& db) {
  for (const catalog::Sequence& sequence : db.sequences) {
    if (sequence.relation != 0)
      sequences_[key_of(sequence.relation, sequence.column)].push_back(&sequence);
  }
  for (const Constraint& key : db.constraints) {
    if (key.type != "f" || key.is_inherited) continue;
    for (std::size_t i = 0; i < key.columns.size() && i < key.target_columns.size(); ++i) {
      const Column* const from = db.column(key.relation, key.columns[i]);
      const Column* const to = db.column(key.target, key.target_columns[i]);
      if (from == nullptr || to == nullptr || from == to) continue;
      joined_[key_of(*from)].push_back(to);
      joined_[key_of(*to)].push_back(from);
    }
  }
}

std::vector<const catalog::Sequence*> KeyGroups::sequences(const Column& column) const {
  const auto found = sequences_.find(key_of(column));
  return found == sequences_.end() ? std::vector<const catalog::Sequence*>{} : found->second;
}

std::vector<const Column*> KeyGroups::neighbours(const Column& column) const {
  const auto found = joined_.find(key_of(column));
  return found == joined_.end() ? std::vector<const Column*>{} : found->second;
}

std::vector<const Column*> KeyGroups::group(const Column& column) const {
  std::vector<const Column*> members = {&column};
  std::unordered_set<std::uint64_t> seen = {key_of(column)};
  for (std::size_t at = 0; at < members.size(); ++at) {
    for (const Column* const next : neighbours(*members[at])) {
      if (seen.insert(key_of(*next)).second) members.push_back(next);
    }
  }
  return members;
}

std::int64_t integer_maximum(std::string_view base_type) {
  if (base_type == "int2") return std::numeric_limits<std::int16_t>::max();
  if (base_type == "int4") return std::numeric_limits<std::int32_t>::max();
  if (base_type == "int8") return std::numeric_limits<std::int64_t>::max();
  return 0;
}

bool is_integer(std::string_view base_type) {
  return integer_maximum(base_type) != 0;
}

bool is_text(std::string_view base_type) {
  return base_type == "text" || base_type == "varchar" || base_type == "bpchar";
}

Fix change_type(const Snapshot& db, const KeyGroups& groups, const Column& column,
                const NewType& target) {
  Fix fix{.safety = target.is_free ? Safety::online : Safety::blocks_all, .phase = Phase::types};
  std::vector<const Column*> changed;
  std::string refusal;
  const std::vector<const Column*> members = groups.group(column);
  for (const Column* const member : members) {
    if (member->type == target.type) continue;
    if (members.size() > 1 && !same_family(*member, target.type) && refusal.empty())
      refusal = "foreign keys join the column to others, which must change in the same step";
    if (const auto why = obstacle(db, *member, target); why && refusal.empty()) refusal = *why;
    if (target.is_free && is_checked(db, *member)) fix.safety = Safety::blocks_all;
    changed.push_back(member);
    fix.sql.push_back(alter(db, *member, target.type, target.using_expression));
    fix.undo.insert(fix.undo.begin(), alter(db, *member, member->type, target.undo_using));
  }
  if (target.type == "bigint") widen_sequences(groups, changed, fix);
  fix.note = target.note;
  if (refusal.empty()) return fix;
  fix.safety = Safety::manual;
  fix.note = fmt::format("No statement alone can do it: {}. Drop and recreate what stands in the "
                         "way around these statements, in one transaction.{}{}",
                         refusal, target.note.empty() ? "" : " ", target.note);
  return fix;
}

} // namespace pgkeep::audit
