#include "migrate/declare/statements.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"
#include "postgres/quote.h"

namespace pgkeep::migrate::declaring {
namespace {

constexpr auto kLight = std::to_array<std::string_view>(
    {"RULE", "TRIGGER", "POLICY", "INDEX", "CONSTRAINT", "FK CONSTRAINT", "CHECK", "STATISTICS",
     "VIEW", "MATERIALIZED VIEW", "PUBLICATION TABLE", "PUBLICATION TABLES IN SCHEMA",
     "EVENT TRIGGER", "TABLE ATTACH", "ROW SECURITY"});

constexpr std::string_view kNotValid = " NOT VALID";
/// Of a name; the server cuts longer ones.
constexpr std::size_t kNameBytesMax = 63;

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& each : out) {
    if (each >= 'a' && each <= 'z') each = static_cast<char>(each - 'a' + 'A');
  }
  return out;
}

/// As DROP says it.
std::string drop_word(const Object& object) {
  if (object.type == "DOMAIN") return "DOMAIN";
  if (object.word == "statistics object") return "STATISTICS";
  if (object.word == "foreign-data wrapper") return "FOREIGN DATA WRAPPER";
  if (object.word == "composite type") return "TYPE";
  return upper(object.word);
}

std::string between_words(std::string_view text, std::string_view from, std::string_view to) {
  const std::size_t begin = text.find(from);
  const std::size_t end = text.find(to);
  if (begin != 0 || end == std::string_view::npos) return {};
  return std::string(text.substr(from.size(), end - from.size()));
}

/// "public.orders in publication p": what, which.
std::optional<std::string> drop_published(const Object& object, std::string_view what) {
  constexpr std::string_view kIn = " in publication ";
  const std::size_t at = object.identity.rfind(kIn);
  if (at == std::string::npos) return std::nullopt;
  return fmt::format("ALTER PUBLICATION {} DROP {} {}", object.identity.substr(at + kIn.size()),
                     what, object.identity.substr(0, at));
}

/// "a key" of an index that is built beside the writers.
Pieces create_key(const Model& model, const Object& object) {
  const auto index = model.key_indexes.find(object.address.oid);
  constexpr std::string_view kUnique = "CREATE UNIQUE INDEX ";
  const std::string& sql = object.sql.front();
  const bool is_primary = sql.find(" PRIMARY KEY ") != std::string::npos;
  const bool is_unique = sql.find(" UNIQUE ") != std::string::npos;
  if (index == model.key_indexes.end() || !index->second.starts_with(kUnique) ||
      is_primary == is_unique)
    return {};
  std::string tail;
  if (sql.ends_with(" DEFERRABLE INITIALLY DEFERRED")) {
    tail = " DEFERRABLE INITIALLY DEFERRED";
  } else if (sql.ends_with(" DEFERRABLE")) {
    tail = " DEFERRABLE";
  }
  const std::string name = name_on(object);
  return {{.text = fmt::format("{}CONCURRENTLY {}", kUnique, index->second.substr(kUnique.size())),
           .place = Place::alone},
          {.text = fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {} USING INDEX {}{}", object.table,
                               name, is_primary ? "PRIMARY KEY" : "UNIQUE", name, tail)}};
}

/// What is behind the first statement of an object: a trigger is disabled, an index CLUSTERed on.
void add_rest(const Object& object, Pieces& out) {
  for (std::size_t i = 1; i < object.sql.size(); ++i)
    out.push_back({.text = object.sql[i]});
}

Pieces create_beside_writers(const Model& model, const Object& object, const Relation& table) {
  const std::string& sql = object.sql.front();
  const bool is_partitioned = table.kind == "p";
  if (object.type == "INDEX" && !is_partitioned) {
    for (const std::string_view front : {"CREATE INDEX ", "CREATE UNIQUE INDEX "}) {
      if (sql.starts_with(front))
        return {{.text = fmt::format("{}CONCURRENTLY {}", front, sql.substr(front.size())),
                 .place = Place::alone}};
    }
  }
  const bool is_checked = object.type == "CHECK" || object.type == "FK CONSTRAINT";
  const bool takes_not_valid = object.type == "CHECK" || !is_partitioned;
  if (is_checked && takes_not_valid && !sql.ends_with(kNotValid))
    return {{.text = sql + std::string(kNotValid)},
            {.text = fmt::format("ALTER TABLE {} VALIDATE CONSTRAINT {}", object.table,
                                 name_on(object)),
             .place = Place::own}};
  if (object.type == "CONSTRAINT" && !is_partitioned) return create_key(model, object);
  return {};
}

} // namespace

bool is_light(const Object& object) {
  return std::ranges::find(kLight, object.type) != kLight.end();
}

std::string name_on(const Object& object) {
  const std::string tail = " on " + object.table;
  std::string_view name = object.identity;
  if (name.ends_with(tail)) name.remove_suffix(tail.size());
  return std::string(name);
}

std::string last_part(std::string_view identity) {
  if (!identity.ends_with('"')) {
    const std::size_t dot = identity.rfind('.');
    return std::string(dot == std::string_view::npos ? identity : identity.substr(dot + 1));
  }
  // Back to the quote that opens it; "" inside is a quote.
  std::size_t at = identity.size() - 1;
  while (at > 0) {
    --at;
    if (identity[at] != '"') continue;
    if (at == 0 || identity[at - 1] != '"') break;
    --at;
  }
  return std::string(identity.substr(at));
}

std::optional<std::string> drop_statement(const Model& model, const Object& object,
                                          bool if_exists) {
  const std::string_view maybe = if_exists ? "IF EXISTS " : "";
  if (object.type == "PUBLICATION TABLE") return drop_published(object, "TABLE ONLY");
  if (object.type == "PUBLICATION TABLES IN SCHEMA")
    return drop_published(object, "TABLES IN SCHEMA");
  if (object.type == "SEQUENCE OWNED BY")
    return fmt::format("ALTER SEQUENCE {} OWNED BY NONE", object.identity);
  if (object.type == "ROW SECURITY")
    return fmt::format("ALTER TABLE {} DISABLE ROW LEVEL SECURITY", object.identity);
  if (object.type == "TABLE ATTACH") {
    const std::string parent =
        between_words(object.sql.front(), "ALTER TABLE ONLY ", " ATTACH PARTITION ");
    return fmt::format("ALTER TABLE {} DETACH PARTITION {}", parent, object.identity);
  }
  if (object.type == "INDEX ATTACH" || object.type == "DEFAULT" ||
      object.word == "domain constraint" || object.word.empty())
    return std::nullopt;
  if (object.word == "table constraint")
    return fmt::format("ALTER TABLE {} DROP CONSTRAINT {}{}", object.table, maybe, name_on(object));
  if (object.type == "SEQUENCE") {
    const auto sequence = model.sequences.find(object.identity);
    if (sequence != model.sequences.end() && sequence->second.is_identity)
      return fmt::format("ALTER TABLE {} ALTER COLUMN {} DROP IDENTITY", sequence->second.table,
                         sequence->second.column);
  }
  if (!object.table.empty() && object.identity.ends_with(" on " + object.table))
    return fmt::format("DROP {} {}{} ON {}", drop_word(object), maybe, name_on(object),
                       object.table);
  return fmt::format("DROP {} {}{}", drop_word(object), maybe, object.identity);
}

std::string or_replace(std::string_view sql) {
  constexpr std::string_view kCreate = "CREATE ";
  if (!sql.starts_with(kCreate) || sql.starts_with("CREATE OR REPLACE ")) return std::string(sql);
  return fmt::format("CREATE OR REPLACE {}", sql.substr(kCreate.size()));
}

Pieces create_pieces(const Model& model, const Object& object, bool is_table_new) {
  const auto table = model.relations.find(object.table);
  Pieces pieces;
  if (!is_table_new && table != model.relations.end())
    pieces = create_beside_writers(model, object, table->second);
  if (pieces.empty()) pieces.push_back({.text = object.sql.front()});
  add_rest(object, pieces);
  return pieces;
}

Pieces set_not_null(const std::string& table, const Column& column) {
  std::string name = fmt::format("{}_is_not_null", base::replace_all(column.name, "\"", ""));
  if (name.size() > kNameBytesMax) name = "pgkeep_is_not_null";
  name = postgres::quote_identifier(name);
  return {{.text = fmt::format("ALTER TABLE {} ADD CONSTRAINT {} CHECK ({} IS NOT NULL) NOT VALID",
                               table, name, column.name)},
          {.text = fmt::format("ALTER TABLE {} VALIDATE CONSTRAINT {}", table, name),
           .place = Place::own},
          {.text = fmt::format("ALTER TABLE {} ALTER COLUMN {} SET NOT NULL", table, column.name),
           .place = Place::own},
          {.text = fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", table, name)}};
}

} // namespace pgkeep::migrate::declaring
