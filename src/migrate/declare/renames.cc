#include "migrate/declare/renames.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"
#include "migrate/declare/statements.h"

namespace pgkeep::migrate::declaring {
namespace {

/// Of the columns of the wider table, so many must be in both.
constexpr double kSharedColumnsMin = 0.75;
/// A table of fewer says too little about itself: its columns must be the same, all of them.
constexpr std::size_t kTellingColumns = 3;

constexpr auto kNamed = std::to_array<std::string_view>(
    {"INDEX", "CONSTRAINT", "FK CONSTRAINT", "CHECK", "SEQUENCE", "FUNCTION", "PROCEDURE", "TYPE",
     "DOMAIN", "TRIGGER", "POLICY", "VIEW", "MATERIALIZED VIEW", "STATISTICS"});

/// What may be renamed: one that is gone, one that is new.
struct Candidate {
  std::size_t from = 0;
  std::size_t to = 0;
};

/// Pairs in which both have no other candidate, and those that have: the places of `from`.
struct Pairing {
  std::vector<Candidate> sure;
  std::vector<std::size_t> unsure;
};
Pairing pair_up(const std::vector<Candidate>& candidates, std::size_t from_count) {
  Pairing out;
  for (std::size_t from = 0; from < from_count; ++from) {
    const auto of_from = [&](const Candidate& each) { return each.from == from; };
    const auto count = std::ranges::count_if(candidates, of_from);
    if (count == 0) continue;
    const Candidate only = *std::ranges::find_if(candidates, of_from);
    const auto rivals = std::ranges::count_if(
        candidates, [&](const Candidate& each) { return each.to == only.to; });
    if (count == 1 && rivals == 1) {
      out.sure.push_back(only);
    } else {
      out.unsure.push_back(from);
    }
  }
  return out;
}

bool has_same_columns(const Relation& from, const Relation& to) {
  if (from.kind != to.kind || from.columns.empty() || to.columns.empty()) return false;
  if (from.partition_bound != to.partition_bound) return false;
  const auto shared = std::ranges::count_if(from.columns, [&](const Column& each) {
    const Column* const other = to.column(each.name);
    return other != nullptr && other->type == each.type;
  });
  const std::size_t most = std::max(from.columns.size(), to.columns.size());
  if (most < kTellingColumns) return static_cast<std::size_t>(shared) == most;
  return static_cast<double>(shared) >= kSharedColumnsMin * static_cast<double>(most);
}

std::string schema_of(const std::string& identity) {
  return identity.substr(0, identity.size() - last_part(identity).size() - 1);
}

Rename rename_relation(const Relation& from, const Relation& to, bool is_guessed) {
  Rename rename{.from = from.identity,
                .to = to.identity,
                .up = {},
                .down = {},
                .is_guessed = is_guessed,
                .table = from.identity};
  const std::string old_schema = schema_of(from.identity);
  const std::string new_schema = schema_of(to.identity);
  const std::string old_name = last_part(from.identity);
  const std::string new_name = last_part(to.identity);
  if (old_schema != new_schema) {
    rename.up.push_back(fmt::format("ALTER TABLE {} SET SCHEMA {}", from.identity, new_schema));
    rename.down.push_back(
        fmt::format("ALTER TABLE {}.{} SET SCHEMA {}", new_schema, old_name, old_schema));
  }
  if (old_name != new_name) {
    rename.up.push_back(
        fmt::format("ALTER TABLE {}.{} RENAME TO {}", new_schema, old_name, new_name));
    rename.down.insert(rename.down.begin(),
                       fmt::format("ALTER TABLE {} RENAME TO {}", to.identity, old_name));
  }
  return rename;
}

/// "orders" is "public.orders".
bool is_named(const std::string& identity, std::string_view word) {
  return identity == word || last_part(identity) == word ||
         identity.ends_with("." + std::string(word));
}

std::vector<const Relation*> tables_only_in(const Model& model, const Model& other) {
  std::vector<const Relation*> out;
  for (const auto& [name, relation] : model.relations) {
    const bool is_table = relation.kind == "r" || relation.kind == "p";
    if (is_table && !other.relations.contains(name)) out.push_back(&relation);
  }
  return out;
}

/// Takes what --rename says about these, out of both lists.
template <typename Item, typename Name, typename Make>
void take_wanted(const RenameOptions& options, std::vector<Item>& gone, std::vector<Item>& fresh,
                 const Name& name, const Make& make) {
  if (options.wanted == nullptr) return;
  for (WantedRename& each : *options.wanted) {
    if (each.is_used) continue;
    const auto from = std::ranges::find_if(
        gone, [&](const Item& item) { return is_named(name(item), each.from); });
    const auto to = std::ranges::find_if(
        fresh, [&](const Item& item) { return is_named(name(item), each.to); });
    if (from == gone.end() || to == fresh.end()) continue;
    if (!make(*from, *to)) continue;
    each.is_used = true;
    gone.erase(from);
    fresh.erase(to);
  }
}

std::string question(std::string_view kind, const std::string& from,
                     const std::vector<std::string>& to) {
  std::string flags;
  for (const std::string& each : to)
    flags += fmt::format("{}--rename {}={}", flags.empty() ? "" : " or ", from, each);
  return fmt::format(
      "{} {} is gone and {} of the same form {} new: dropped and made, for it is not "
      "clear which it became. If it is one of them, say {}",
      kind, from, base::join(to, " and "), to.size() == 1 ? "is" : "are", flags);
}

struct ColumnOf {
  const Relation* table;
  const Column* column;
  [[nodiscard]] std::string text() const {
    return fmt::format("{}.{}", table->identity, column->name);
  }
};

std::vector<ColumnOf> columns_only_in(const Relation& table, const Relation& other) {
  std::vector<ColumnOf> out;
  for (const Column& each : table.columns) {
    if (other.column(each.name) == nullptr && !each.is_inherited) out.push_back({&table, &each});
  }
  return out;
}

bool has_same_form(const ColumnOf& from, const ColumnOf& to) {
  const Column& a = *from.column;
  const Column& b = *to.column;
  return a.type == b.type && a.is_not_null == b.is_not_null && a.value == b.value &&
         a.generated == b.generated && a.identity == b.identity && a.collation == b.collation;
}

/// "name" and "full_name"; shorter ones are in everything.
bool has_similar_name(const ColumnOf& from, const ColumnOf& to) {
  constexpr std::size_t kTellingBytes = 3;
  const std::string& a = from.column->name;
  const std::string& b = to.column->name;
  if (std::min(a.size(), b.size()) < kTellingBytes) return false;
  return base::contains_ignoring_case(a, b) || base::contains_ignoring_case(b, a);
}

/// The columns around it that both tables have.
std::pair<std::string, std::string> neighbours(const ColumnOf& column, const Relation& other) {
  std::pair<std::string, std::string> around;
  bool is_behind = false;
  for (const Column& each : column.table->columns) {
    if (&each == column.column) is_behind = true;
    if (other.column(each.name) == nullptr) continue;
    if (is_behind) {
      around.second = each.name;
      break;
    }
    around.first = each.name;
  }
  return around;
}

bool has_same_place(const ColumnOf& from, const ColumnOf& to) {
  return neighbours(from, *to.table) == neighbours(to, *from.table);
}

Rename rename_column(const ColumnOf& from, const ColumnOf& to, bool is_guessed) {
  const std::string& table = from.table->identity;
  return {.from = from.text(),
          .to = to.text(),
          .up = {fmt::format("ALTER TABLE {} RENAME COLUMN {} TO {}", table, from.column->name,
                             to.column->name)},
          .down = {fmt::format("ALTER TABLE {} RENAME COLUMN {} TO {}", table, to.column->name,
                               from.column->name)},
          .is_guessed = is_guessed,
          .table = table};
}

/// A name alone, as it is quoted: "orders_user" of "orders_user on public.orders".
std::string own_name(const Object& object) {
  if (!object.table.empty() && object.identity.find(" on ") != std::string::npos)
    return name_on(object);
  const std::size_t arguments = object.identity.find('(');
  return last_part(std::string_view(object.identity).substr(0, arguments));
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || (static_cast<unsigned char>(c) & 0x80U) != 0;
}

/// The text with one name in place of another, where it stands as a word.
std::string with_name(const std::string& text, const std::string& from, const std::string& to) {
  std::string out;
  std::size_t at = 0;
  for (std::size_t next = text.find(from); next != std::string::npos; next = text.find(from, at)) {
    const std::size_t end = next + from.size();
    const bool is_whole =
        (next == 0 || !is_word(text[next - 1])) && (end == text.size() || !is_word(text[end]));
    out += text.substr(at, next - at);
    out += is_whole ? to : from;
    at = end;
  }
  return out + text.substr(at);
}

bool is_same_object(const Object& from, const Object& to) {
  if (from.type != to.type || from.schema != to.schema || from.table != to.table ||
      from.sql.size() != to.sql.size())
    return false;
  const std::string old_name = own_name(from);
  const std::string new_name = own_name(to);
  return std::ranges::equal(from.sql, to.sql, [&](const std::string& a, const std::string& b) {
    return with_name(a, old_name, new_name) == b;
  });
}

std::string alter_name(const Object& object, const std::string& old_name,
                       const std::string& new_name) {
  const bool is_on = object.identity.find(" on ") != std::string::npos && !object.table.empty();
  if (object.word == "table constraint")
    return fmt::format("ALTER TABLE {} RENAME CONSTRAINT {} TO {}", object.table, old_name,
                       new_name);
  if (is_on)
    return fmt::format("ALTER {} {} ON {} RENAME TO {}", object.type, old_name, object.table,
                       new_name);
  std::string front = object.identity;
  const std::size_t arguments = front.find('(');
  const std::string tail = arguments == std::string::npos ? "" : front.substr(arguments);
  front = front.substr(0, arguments);
  front = front.substr(0, front.size() - last_part(front).size());
  return fmt::format("ALTER {} {}{}{} RENAME TO {}", object.type, front, old_name, tail, new_name);
}

Rename rename_object(const Object& from, const Object& to, bool is_guessed) {
  return {.from = from.identity,
          .to = to.identity,
          .up = {alter_name(from, own_name(from), own_name(to))},
          .down = {alter_name(from, own_name(to), own_name(from))},
          .is_guessed = is_guessed,
          .table = from.table};
}

std::vector<const Object*> objects_only_in(const Model& model, const Model& other) {
  std::set<std::string> keys;
  for (const Object& each : other.objects)
    keys.insert(each.key());
  std::vector<const Object*> out;
  for (const Object& each : model.objects) {
    if (std::ranges::find(kNamed, each.type) == kNamed.end() || keys.contains(each.key())) continue;
    // Gone or new with its table.
    if (!each.table.empty() && !other.relations.contains(each.table)) continue;
    out.push_back(&each);
  }
  return out;
}

/// What a kind of things is compared, called and renamed by.
template <typename Item>
struct Kinship {
  std::string_view kind; ///< Of a question; empty: nothing is lost by making it anew.
  bool (*is_same)(const Item&, const Item&);
  std::string (*name)(const Item&);
  Rename (*make)(const Item&, const Item&, bool is_guessed);
};

/// Guesses among what is left of both lists; what was guessed leaves them.
template <typename Item>
void guess(const Kinship<Item>& kinship, std::vector<Item>& gone, std::vector<Item>& fresh,
           Renames& out) {
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < gone.size(); ++i) {
    for (std::size_t k = 0; k < fresh.size(); ++k) {
      if (kinship.is_same(gone[i], fresh[k])) candidates.push_back({.from = i, .to = k});
    }
  }
  const Pairing pairs = pair_up(candidates, gone.size());
  for (const std::size_t from : pairs.unsure) {
    if (kinship.kind.empty()) break;
    std::vector<std::string> names;
    for (const Candidate& each : candidates) {
      if (each.from == from) names.push_back(kinship.name(fresh[each.to]));
    }
    out.questions.push_back(question(kinship.kind, kinship.name(gone[from]), names));
  }
  std::set<std::string> taken;
  for (const Candidate& each : pairs.sure) {
    out.made.push_back(kinship.make(gone[each.from], fresh[each.to], true));
    taken.insert(kinship.name(gone[each.from]));
    taken.insert(kinship.name(fresh[each.to]));
  }
  const auto is_taken = [&](const Item& each) { return taken.contains(kinship.name(each)); };
  std::erase_if(gone, is_taken);
  std::erase_if(fresh, is_taken);
}

/// Names first: what is called alike needs no place.
void guess_columns(std::vector<ColumnOf>& gone, std::vector<ColumnOf>& fresh, Renames& out) {
  const auto name = [](const ColumnOf& each) { return each.text(); };
  guess<ColumnOf>(
      {.kind = "",
       .is_same = [](const ColumnOf& a,
                     const ColumnOf& b) { return has_same_form(a, b) && has_similar_name(a, b); },
       .name = name,
       .make = rename_column},
      gone, fresh, out);
  guess<ColumnOf>({.kind = "column",
                   .is_same =
                       [](const ColumnOf& a, const ColumnOf& b) {
                         return has_same_form(a, b) &&
                                (has_similar_name(a, b) || has_same_place(a, b));
                       },
                   .name = name,
                   .make = rename_column},
                  gone, fresh, out);
}

} // namespace

base::Result<std::vector<WantedRename>> parse_renames(const std::vector<std::string>& words) {
  std::vector<WantedRename> out;
  for (const std::string& word : words) {
    const std::size_t at = word.find('=');
    if (at == std::string::npos || at == 0 || at + 1 == word.size())
      return base::Error{.code = base::Code::usage,
                         .what = fmt::format("--rename cannot be \"{}\"", base::printable(word)),
                         .expected = "OLD=NEW, such as orders.note=remark or orders=purchases"};
    out.push_back({.from = word.substr(0, at), .to = word.substr(at + 1)});
  }
  return out;
}

Renames rename_tables(const Model& from, const Model& to, const RenameOptions& options) {
  Renames out;
  std::vector<const Relation*> gone = tables_only_in(from, to);
  std::vector<const Relation*> fresh = tables_only_in(to, from);
  const auto name = [](const Relation* each) { return each->identity; };
  take_wanted(options, gone, fresh, name, [&](const Relation* a, const Relation* b) {
    out.made.push_back(rename_relation(*a, *b, false));
    return true;
  });
  if (!options.guesses) return out;
  using Table = const Relation*;
  guess<Table>({.kind = "table",
                .is_same = [](const Table& a, const Table& b) { return has_same_columns(*a, *b); },
                .name = [](const Table& each) { return each->identity; },
                .make = [](const Table& a, const Table& b,
                           bool is_guessed) { return rename_relation(*a, *b, is_guessed); }},
               gone, fresh, out);
  return out;
}

Renames rename_columns(const Model& from, const Model& to, const RenameOptions& options) {
  Renames out;
  for (const auto& [identity, table] : from.relations) {
    const auto other = to.relations.find(identity);
    if (other == to.relations.end() || (table.kind != "r" && table.kind != "p")) continue;
    std::vector<ColumnOf> gone = columns_only_in(table, other->second);
    std::vector<ColumnOf> fresh = columns_only_in(other->second, table);
    const auto name = [](const ColumnOf& each) { return each.text(); };
    take_wanted(options, gone, fresh, name, [&](const ColumnOf& a, const ColumnOf& b) {
      out.made.push_back(rename_column(a, b, false));
      return true;
    });
    if (options.guesses) guess_columns(gone, fresh, out);
  }
  return out;
}

Renames rename_others(const Model& from, const Model& to, const RenameOptions& options) {
  Renames out;
  std::vector<const Object*> gone = objects_only_in(from, to);
  std::vector<const Object*> fresh = objects_only_in(to, from);
  const auto name = [](const Object* each) { return each->identity; };
  take_wanted(options, gone, fresh, name, [&](const Object* a, const Object* b) {
    if (a->type != b->type) return false;
    out.made.push_back(rename_object(*a, *b, false));
    return true;
  });
  if (!options.guesses) return out;
  using Thing = const Object*;
  guess<Thing>({.kind = "",
                .is_same = [](const Thing& a, const Thing& b) { return is_same_object(*a, *b); },
                .name = [](const Thing& each) { return each->identity; },
                .make = [](const Thing& a, const Thing& b,
                           bool is_guessed) { return rename_object(*a, *b, is_guessed); }},
               gone, fresh, out);
  return out;
}

} // namespace pgkeep::migrate::declaring
