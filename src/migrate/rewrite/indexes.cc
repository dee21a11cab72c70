// CREATE INDEX, DROP INDEX and REINDEX: CONCURRENTLY, so that writers go on.
#include <algorithm>

#include <fmt/format.h>

#include "lint/relations.h"
#include "migrate/rewrite/work.h"
#include "postgres/quote.h"

namespace pgkeep::migrate::rewriting {
namespace {

using postgres::Node;
using postgres::quote_identifier;

/// The statement with CONCURRENTLY behind the word at that place.
std::string concurrently(const Work& work, const Words& words, std::size_t word) {
  std::string sql(work.sql());
  return sql.insert(words.end_of(word), " CONCURRENTLY");
}

/// As the server puts a name together for an index without one.
std::string columns_of_name(const Node& root) {
  std::vector<std::string> columns;
  for (const char* const list : {"index_params", "index_including_params"}) {
    for (const Node& each : root.nodes(list)) {
      std::string name(each.text("name"));
      if (name.empty()) {
        const Node call = each.node("expr");
        const std::vector<std::string> function =
            postgres::strings_of(call.nodes_if("FuncCall", "funcname"));
        name = function.empty() ? "expr" : function.back();
      }
      const std::string plain = name;
      for (int number = 1; std::ranges::find(columns, name) != columns.end(); ++number)
        name = fmt::format("{}{}", plain, number);
      columns.push_back(std::move(name));
    }
  }
  return Names::addition(columns);
}

/// CREATE [UNIQUE] INDEX name ON ONLY parent <rest>, the partitions' ones, and ATTACH.
class PartitionedIndex {
public:
  PartitionedIndex(const Work& work, const Words& words, Replacement& out)
      : work_(work), root_(work.statement.root), out_(out) {
    std::size_t at = words.find("on", 0) + 1;
    if (words.at(at) == "only") ++at;
    rest_ = words.slice(words.after_name(at), words.count());
    addition_ = columns_of_name(root_);
  }

  bool add(const Target& parent) {
    std::string name(root_.text("idxname"));
    if (name.empty()) name = work_.names.choose(parent.schema, parent.name.name, addition_, "idx");
    if (!add_tree(parent, name)) return false;
    out_.down.push_back({.text = fmt::format("DROP INDEX {}", parent.beside(name))});
    work_.changed("each partition gets its index without blocking writes, then the table takes "
                  "them over");
    return true;
  }

private:
  bool add_tree(const Target& parent, const std::string& name) {
    const std::string_view unique = root_.flag("unique") ? "UNIQUE " : "";
    out_.up.push_back(
        {.text = fmt::format("-- pgkeep:ignore create-index-not-concurrent: of the table "
                             "alone, which has no rows\nCREATE {}INDEX {} ON ONLY {} {}",
                             unique, quote_identifier(name), parent.text, rest_),
         .place = Place::own});
    std::vector<lint::RelationName> partitions = lint::partitions_of(work_.context, parent.name);
    if (const lint::RelationName rest = lint::default_partition_of(work_.context, parent.name))
      partitions.push_back(rest);
    for (const lint::RelationName& each : partitions) {
      const Target partition = work_.target(each);
      const std::string own =
          work_.names.choose(partition.schema, partition.name.name, addition_, "idx");
      if (partition.relation != nullptr && partition.relation->kind == "p") {
        if (!add_tree(partition, own)) return false;
      } else {
        out_.up.push_back({.text = fmt::format("CREATE {}INDEX CONCURRENTLY {} ON {} {}", unique,
                                               quote_identifier(own), partition.text, rest_),
                           .place = Place::alone});
      }
      out_.up.push_back({.text = fmt::format("ALTER INDEX {} ATTACH PARTITION {}",
                                             parent.beside(name), partition.beside(own)),
                         .place = Place::own});
    }
    return true;
  }

  const Work& work_;
  Node root_;
  Replacement& out_;
  std::string rest_;
  std::string addition_;
};

/// The definition of an index of the database, built beside writers; empty where it is not known.
std::string definition_of(const Work& work, const lint::RelationName& name) {
  if (work.database() == nullptr) return {};
  for (const catalog::Index& index : work.database()->indexes) {
    const bool is_it =
        index.name == name.name && (name.schema.empty() || index.schema == name.schema);
    if (!is_it) continue;
    const Words words(index.definition);
    std::string sql = index.definition;
    const std::size_t word = words.find("index", 0);
    if (word == words.count()) return {};
    return sql.insert(words.end_of(word), " CONCURRENTLY");
  }
  return {};
}

bool is_partitioned_index(const Work& work, const lint::RelationName& name) {
  return work.database() != nullptr &&
         std::ranges::any_of(work.database()->indexes, [&](const catalog::Index& each) {
           return each.name == name.name && each.is_partitioned &&
                  (name.schema.empty() || each.schema == name.schema);
         });
}

} // namespace

bool rewrite_create_index(const Work& work, Replacement& out) {
  const Node& root = work.statement.root;
  const lint::RelationName name = lint::relation_of(root.node("relation"));
  if (root.flag("concurrent") || !work.is_in_use(name)) return false;
  const Target table = work.target(name);
  const Words words(work.sql());
  const bool is_partitioned = (table.relation != nullptr && table.relation->kind == "p") ||
                              (table.state != nullptr && table.state->is_partitioned);
  if (is_partitioned) {
    if (!root.node("relation").flag("inh")) return false; // ON ONLY builds nothing.
    if (table.relation == nullptr) {
      work.left_alone(fmt::format("{} is partitioned: --database is needed to know its partitions",
                                  table.text));
      return false;
    }
    return PartitionedIndex(work, words, out).add(table);
  }
  out.up.push_back(
      {.text = concurrently(work, words, words.find("index", 0)), .place = Place::alone});
  std::string index(root.text("idxname"));
  if (index.empty())
    index = work.names.choose(table.schema, table.name.name, columns_of_name(root), "idx");
  out.down.push_back({.text = fmt::format("DROP INDEX CONCURRENTLY {}", table.beside(index)),
                      .place = Place::alone});
  work.changed("the index is built without blocking writes");
  return true;
}

bool rewrite_drop_index(const Work& work, Replacement& out) {
  const Node& root = work.statement.root;
  if (root.name("remove_type") != "OBJECT_INDEX" || root.flag("concurrent")) return false;
  std::vector<lint::RelationName> names;
  for (const lint::Change& change : work.statement.changes) {
    const lint::TableState* const table = work.context.schema.table_of_index(change.relation);
    if (table != nullptr && !work.is_in_use(table->name)) return false;
    if (is_partitioned_index(work, change.relation)) {
      work.left_alone(fmt::format("{} is the index of a partitioned table, which cannot be dropped "
                                  "CONCURRENTLY",
                                  change.relation.text()));
      return false;
    }
    names.push_back(change.relation);
  }
  if (root.name("behavior") == "DROP_CASCADE") {
    work.left_alone("DROP INDEX .. CASCADE cannot run CONCURRENTLY: name what depends on it");
    return false;
  }
  for (const lint::RelationName& name : names) {
    out.up.push_back({.text = fmt::format("DROP INDEX CONCURRENTLY {}{}",
                                          root.flag("missing_ok") ? "IF EXISTS " : "", name.text()),
                      .place = Place::alone});
    const std::string definition = definition_of(work, name);
    out.down.push_back({.text = definition.empty()
                                    ? fmt::format("-- Not undone here: what index {} was, the text "
                                                  "does not say",
                                                  name.text())
                                    : definition,
                        .place = Place::alone});
  }
  std::ranges::reverse(out.down);
  work.changed("the index is dropped without blocking the table");
  return true;
}

bool rewrite_reindex(const Work& work, Replacement& out) {
  const Node& root = work.statement.root;
  for (const Node& option : root.nodes("params")) {
    if (option.text("defname") == "concurrently") return false;
  }
  if (root.name("kind") == "REINDEX_OBJECT_SYSTEM") {
    work.left_alone("REINDEX SYSTEM cannot run CONCURRENTLY");
    return false;
  }
  const lint::RelationName name = lint::relation_of(root.node("relation"));
  if (root.name("kind") == "REINDEX_OBJECT_TABLE" && !work.is_in_use(name)) return false;
  const Words words(work.sql());
  std::size_t word = 1;
  if (words.at(word) == "(") word = words.closing(word) + 1;
  out.up.push_back({.text = concurrently(work, words, word), .place = Place::alone});
  work.changed("indexes are rebuilt beside the old ones");
  return true;
}

} // namespace pgkeep::migrate::rewriting
