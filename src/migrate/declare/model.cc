#include "migrate/declare/model.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"
#include "migrate/declare/model_sql.h"
#include "postgres/conn.h"
#include "postgres/quote.h"
#include "sandbox/contents.h"

namespace pgkeep::migrate::declaring {
namespace {

/// Read for themselves, in their parts: kCommentsSql and kGrantsSql.
/// Mappings of users hold passwords.
constexpr auto kReadApart =
    std::to_array<std::string_view>({"COMMENT", "ACL", "DEFAULT ACL", "USER MAPPING"});
/// Between the items of a list.
constexpr char kSeparator = '\1';

std::uint32_t oid_of(const postgres::Rows& rows, int row, int column) {
  return static_cast<std::uint32_t>(base::integer_or(rows.text(row, column), 0));
}
std::string text_of(const postgres::Rows& rows, int row, int column) {
  return std::string(rows.text(row, column));
}
bool is_true(const postgres::Rows& rows, int row, int column) {
  return rows.text(row, column) == "t";
}
std::set<std::string> set_of(std::string_view list) {
  std::set<std::string> out;
  for (std::string& each : base::split(list, kSeparator)) {
    if (!each.empty()) out.insert(std::move(each));
  }
  return out;
}

class Reader {
public:
  explicit Reader(postgres::Connection& connection) : connection_(connection) {}
  base::Result<Model> read(std::vector<sandbox::Content> contents);

private:
  base::Result<postgres::Rows> ask(std::string_view sql) {
    return connection_.query(std::string(sql));
  }
  void take_contents(std::vector<sandbox::Content> contents);
  base::Result<> read_names();
  base::Result<> read_relations();
  base::Result<> read_columns();
  base::Result<> read_checks();
  base::Result<> read_types();
  base::Result<> read_routines();
  base::Result<> read_grants();
  base::Result<> read_comments();
  base::Result<> read_dependencies();

  postgres::Connection& connection_;
  Model model_;
  std::map<std::uint32_t, std::string> relation_names_;
};

void Reader::take_contents(std::vector<sandbox::Content> contents) {
  for (sandbox::Content& each : contents) {
    if (std::ranges::find(kReadApart, each.type) != kReadApart.end()) continue;
    if (each.statements.empty()) continue; // The schema "public", which every database has.
    Object object{.type = std::move(each.type),
                  .schema = std::move(each.schema),
                  .name = std::move(each.name),
                  .address = {.class_id = each.class_id, .oid = each.oid},
                  .word = {},
                  .identity = {},
                  .table = {},
                  .sql = std::move(each.statements)};
    // Without an object of their own: named by what they are about.
    if (each.class_id == 0) object.identity = postgres::quote_qualified(object.schema, object.name);
    model_.objects.push_back(std::move(object));
  }
}

base::Result<> Reader::read_names() {
  std::vector<std::string> classes;
  std::vector<std::string> oids;
  for (const Object& each : model_.objects) {
    if (each.address.class_id == 0) continue;
    classes.push_back(fmt::format("{}", each.address.class_id));
    oids.push_back(fmt::format("{}", each.address.oid));
  }
  const std::array<std::optional<std::string>, 2> arguments = {
      fmt::format("{{{}}}", base::join(classes, ",")),
      fmt::format("{{{}}}", base::join(oids, ","))};
  PGKEEP_TRY(const postgres::Rows rows, connection_.query(std::string(kNamesSql), arguments));
  std::map<Address, int> places;
  for (int row = 0; row < rows.count(); ++row)
    places[{.class_id = oid_of(rows, row, 0), .oid = oid_of(rows, row, 1)}] = row;
  for (Object& each : model_.objects) {
    const auto place = places.find(each.address);
    if (place == places.end()) continue;
    each.word = text_of(rows, place->second, 2);
    each.identity = text_of(rows, place->second, 3);
    each.table = text_of(rows, place->second, 4);
    if (each.type == "TABLE" || each.type == "FOREIGN TABLE") each.table = each.identity;
  }
  return {};
}

base::Result<> Reader::read_relations() {
  PGKEEP_TRY(const postgres::Rows rows, ask(kRelationsSql));
  for (int row = 0; row < rows.count(); ++row) {
    Relation relation{.identity = text_of(rows, row, 1),
                      .kind = text_of(rows, row, 2),
                      .address = {.class_id = kClassRelation, .oid = oid_of(rows, row, 0)},
                      .is_unlogged = is_true(rows, row, 3),
                      .is_forced = is_true(rows, row, 4),
                      .replica_identity = text_of(rows, row, 5),
                      .partition_key = text_of(rows, row, 6),
                      .partition_bound = text_of(rows, row, 9),
                      .options = set_of(rows.text(row, 7)),
                      .parents = set_of(rows.text(row, 8))};
    relation_names_[relation.address.oid] = relation.identity;
    model_.relations.emplace(relation.identity, std::move(relation));
  }
  return {};
}

base::Result<> Reader::read_columns() {
  PGKEEP_TRY(const postgres::Rows rows, ask(kColumnsSql));
  for (int row = 0; row < rows.count(); ++row) {
    const auto name = relation_names_.find(oid_of(rows, row, 0));
    if (name == relation_names_.end()) continue;
    model_.relations.at(name->second)
        .columns.push_back(
            {.name = text_of(rows, row, 1),
             .number = static_cast<std::int32_t>(base::integer_or(rows.text(row, 2), 0)),
             .type = text_of(rows, row, 3),
             .is_not_null = is_true(rows, row, 4),
             .value = text_of(rows, row, 5),
             .generated = text_of(rows, row, 6),
             .identity = text_of(rows, row, 7),
             .collation = text_of(rows, row, 8),
             .storage = text_of(rows, row, 9),
             .compression = text_of(rows, row, 10),
             .target = text_of(rows, row, 11),
             .options = text_of(rows, row, 12),
             .is_inherited = is_true(rows, row, 13)});
  }
  return {};
}

base::Result<> Reader::read_checks() {
  PGKEEP_TRY(const postgres::Rows rows, ask(kChecksSql));
  std::set<std::uint32_t> oids;
  for (int row = 0; row < rows.count(); ++row)
    oids.insert(oid_of(rows, row, 0));
  // Those that are not valid have a heading of their own.
  std::erase_if(model_.objects, [&](const Object& each) {
    return each.address.class_id == kClassConstraint && oids.contains(each.address.oid);
  });
  for (int row = 0; row < rows.count(); ++row) {
    const Address address{.class_id = kClassConstraint, .oid = oid_of(rows, row, 0)};
    const std::string table = text_of(rows, row, 1);
    const std::string name = text_of(rows, row, 2);
    model_.objects.push_back({.type = "CHECK",
                              .schema = text_of(rows, row, 4),
                              .name = fmt::format("{} {}", rows.text(row, 5), rows.text(row, 6)),
                              .address = address,
                              .word = "table constraint",
                              .identity = fmt::format("{} on {}", name, table),
                              .table = table,
                              .sql = {fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {}", table,
                                                  name, rows.text(row, 3))}});
  }
  PGKEEP_TRY(const postgres::Rows keys, ask(kKeyIndexesSql));
  for (int row = 0; row < keys.count(); ++row)
    model_.key_indexes[oid_of(keys, row, 0)] = text_of(keys, row, 1);
  return {};
}

base::Result<> Reader::read_types() {
  PGKEEP_TRY(const postgres::Rows rows, ask(kTypesSql));
  for (int row = 0; row < rows.count(); ++row) {
    Type& type = model_.types[text_of(rows, row, 0)];
    type.kind = text_of(rows, row, 1);
    type.base = text_of(rows, row, 2);
    type.value = text_of(rows, row, 3);
    type.is_not_null = is_true(rows, row, 4);
    if (rows.is_null(row, 5)) continue;
    std::string name = text_of(rows, row, 5);
    if (type.kind == "e") {
      type.labels.push_back(std::move(name));
    } else if (type.kind == "c") {
      type.attributes.emplace_back(std::move(name), text_of(rows, row, 6));
    } else {
      type.checks.emplace(std::move(name), text_of(rows, row, 6));
    }
  }
  PGKEEP_TRY(const postgres::Rows sequences, ask(kSequencesSql));
  for (int row = 0; row < sequences.count(); ++row)
    model_.sequences[text_of(sequences, row, 0)] = {.options = text_of(sequences, row, 1),
                                                    .table = text_of(sequences, row, 2),
                                                    .column = text_of(sequences, row, 3),
                                                    .is_identity = is_true(sequences, row, 4)};
  return {};
}

base::Result<> Reader::read_routines() {
  PGKEEP_TRY(const postgres::Rows rows, ask(kRoutinesSql));
  for (int row = 0; row < rows.count(); ++row)
    model_.routines[oid_of(rows, row, 0)] = {.shape = text_of(rows, row, 1),
                                             .defaults = base::integer_or(rows.text(row, 2), 0)};
  return {};
}

base::Result<> Reader::read_grants() {
  PGKEEP_TRY(const postgres::Rows rows, ask(kGrantsSql));
  for (int row = 0; row < rows.count(); ++row) {
    const std::string key =
        fmt::format("{}|{}|{}", rows.text(row, 4), rows.text(row, 3), rows.text(row, 2));
    Granted& granted = model_.grants[key];
    granted.front = text_of(rows, row, 2);
    granted.on = text_of(rows, row, 3);
    granted.scope = text_of(rows, row, 4);
    granted.address = {.class_id = oid_of(rows, row, 0), .oid = oid_of(rows, row, 1)};
    if (!rows.is_null(row, 6) && !is_true(rows, row, 7) && !rows.text(row, 6).empty())
      granted.rights.emplace(text_of(rows, row, 5), text_of(rows, row, 6));
  }
  return {};
}

base::Result<> Reader::read_comments() {
  PGKEEP_TRY(const postgres::Rows rows, ask(kCommentsSql));
  for (int row = 0; row < rows.count(); ++row)
    model_.comments[text_of(rows, row, 3)] = {
        .address = {.class_id = oid_of(rows, row, 0),
                    .oid = oid_of(rows, row, 1),
                    .part = static_cast<std::int32_t>(base::integer_or(rows.text(row, 2), 0))},
        .on = text_of(rows, row, 3),
        .text = text_of(rows, row, 4)};
  return {};
}

base::Result<> Reader::read_dependencies() {
  PGKEEP_TRY(const postgres::Rows rows, ask(kDependenciesSql));
  const auto part = [&](int row, int column) {
    return static_cast<std::int32_t>(base::integer_or(rows.text(row, column), 0));
  };
  for (int row = 0; row < rows.count(); ++row) {
    const Dependency each{
        .who = {.class_id = oid_of(rows, row, 0),
                .oid = oid_of(rows, row, 1),
                .part = part(row, 2)},
        .on = {.class_id = oid_of(rows, row, 3), .oid = oid_of(rows, row, 4), .part = part(row, 5)},
        .kind = rows.text(row, 6).empty() ? 'n' : rows.text(row, 6).front()};
    // Of one column on another of its table: it is generated.
    const bool is_itself = each.who.class_id == each.on.class_id && each.who.oid == each.on.oid &&
                           (each.who.part == each.on.part || each.who.part * each.on.part == 0);
    if (!is_itself) model_.dependencies.push_back(each);
  }
  return {};
}

base::Result<Model> Reader::read(std::vector<sandbox::Content> contents) {
  take_contents(std::move(contents));
  PGKEEP_CHECK(read_names());
  PGKEEP_CHECK(read_relations());
  PGKEEP_CHECK(read_columns());
  PGKEEP_CHECK(read_checks());
  PGKEEP_CHECK(read_types());
  PGKEEP_CHECK(read_routines());
  PGKEEP_CHECK(read_grants());
  PGKEEP_CHECK(read_comments());
  PGKEEP_CHECK(read_dependencies());
  model_.link();
  return std::move(model_);
}

} // namespace

const Column* Relation::column(std::string_view name) const {
  const auto found = std::ranges::find(columns, name, &Column::name);
  return found == columns.end() ? nullptr : &*found;
}

void Model::link() {
  for (std::size_t i = 0; i < objects.size(); ++i) {
    by_key_.emplace(objects[i].key(), i);
    if (objects[i].address.class_id != 0) by_address_.emplace(objects[i].address, i);
  }
  for (const auto& [name, relation] : relations)
    by_oid_.emplace(relation.address.oid, name);
}

const Object* Model::find(std::string_view key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : &objects[found->second];
}

const Object* Model::at(const Address& address) const {
  const auto found = by_address_.find({.class_id = address.class_id, .oid = address.oid});
  return found == by_address_.end() ? nullptr : &objects[found->second];
}

const Relation* Model::relation_at(std::uint32_t oid) const {
  const auto found = by_oid_.find(oid);
  return found == by_oid_.end() ? nullptr : &relations.at(found->second);
}

base::Result<Model> read_model(const sandbox::Sandbox& server, const std::string& database) {
  PGKEEP_TRY(std::vector<sandbox::Content> contents, sandbox::read_contents(server, database));
  PGKEEP_TRY(postgres::Connection connection,
             postgres::Connection::open(
                 server.conninfo(database),
                 {.application_name = "pgkeep/look", .statement_limit = {}, .idle_limit = {}}));
  return Reader(connection).read(std::move(contents));
}

} // namespace pgkeep::migrate::declaring
