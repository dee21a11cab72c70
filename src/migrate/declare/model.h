/// A database's schema as the generator of migrations needs it: every object with the text that
/// makes it and the name that drops it, tables and types in their parts, and what depends on what.
///
/// Read from a database of a sandbox; texts are the server's and pg_dump's own, every name in them
/// with its schema. Private to src/migrate/declare. Plain values; immutable once read.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sandbox/sandbox.h"

namespace pgkeep::migrate::declaring {

/// As in pg_depend. `part`: the number of a column, 0 for all of it.
struct Address {
  std::uint32_t class_id = 0;
  std::uint32_t oid = 0;
  std::int32_t part = 0;
  friend auto operator<=>(const Address&, const Address&) = default;
};

/// What pg_dump tells apart. Its grants and comments are not here but below.
struct Object {
  std::string type =
      {}; ///< "TABLE", "FK CONSTRAINT", ...: pg_dump's words; "CHECK" of a table's own.
  std::string schema = {}; ///< Not quoted.
  std::string name = {};   ///< As pg_dump writes it.
  Address address = {};
  std::string word = {};     ///< For DROP and COMMENT ON: "table", "index", "function".
  std::string identity = {}; ///< "public.orders", "orders_user on public.orders".
  std::string table = {};    ///< What it stands on: "public.orders"; empty = on nothing.
  std::vector<std::string> sql = {};
  [[nodiscard]] std::string key() const { return type + "|" + schema + "|" + name; }
};

struct Column {
  std::string name = {}; ///< Quoted where needed.
  std::int32_t number = 0;
  std::string type = {};
  bool is_not_null = false;
  std::string value = {};     ///< Of the default, or what it is generated from.
  std::string generated = {}; ///< "s", "v" or empty.
  std::string identity = {};  ///< "a", "d" or empty.
  std::string collation = {}; ///< Empty: the type's own.
  std::string storage = {};   ///< Empty: the type's own; "PLAIN", ...
  std::string compression = {};
  std::string target = {};  ///< Of statistics; empty: the server's.
  std::string options = {}; ///< "n_distinct=5".
  bool is_inherited = false;
};

/// Tables, views and all that has columns.
struct Relation {
  std::string identity = {};
  std::string kind = {}; ///< relkind.
  Address address = {};
  bool is_unlogged = false;
  bool is_forced = false;            ///< Row security holds for the owner too.
  std::string replica_identity = {}; ///< relreplident.
  std::string partition_key = {};
  std::string partition_bound = {};
  std::set<std::string> options = {}; ///< "fillfactor=70".
  std::set<std::string> parents = {}; ///< By inheritance, not of partitions.
  std::vector<Column> columns = {};
  [[nodiscard]] const Column* column(std::string_view name) const;
};

struct Type {
  std::string kind = {};                                            ///< typtype.
  std::vector<std::string> labels = {};                             ///< Of an enum, not quoted.
  std::vector<std::pair<std::string, std::string>> attributes = {}; ///< Of a composite one.
  std::string base = {};                                            ///< Of a domain.
  std::string value = {};
  bool is_not_null = false;
  std::map<std::string, std::string> checks = {};
  friend bool operator==(const Type&, const Type&) = default;
};

struct Routine {
  std::string shape =
      {}; ///< What CREATE OR REPLACE cannot change: result, kind, names of arguments.
  std::int64_t defaults = 0;
};

struct Sequence {
  std::string options = {}; ///< "AS integer INCREMENT BY 1 ...".
  std::string table = {};   ///< Of the column that owns it; empty = none does.
  std::string column = {};
  bool is_identity = false;
};

/// (what, on what) and who may: "SELECT" of "app", with a star where it may be granted on.
using Rights = std::set<std::pair<std::string, std::string>>;
struct Granted {
  std::string front = {}; ///< "" or, of a column, " (total)": between the right and ON.
  std::string on = {};    ///< "TABLE public.orders"; for default privileges "TABLES".
  std::string scope = {}; ///< Of default privileges: "FOR ROLE app IN SCHEMA x".
  Address address = {};   ///< What is dropped with it.
  Rights rights = {};     ///< Pairs of grantee and right.
};

struct Comment {
  Address address = {};
  std::string on = {}; ///< "COLUMN public.orders.total".
  std::string text = {};
};

struct Dependency {
  Address who = {};
  Address on = {};
  char kind = 'n'; ///< deptype; 'D': of a column's default.
};

struct Model {
  std::vector<Object> objects = {};               ///< In an order in which they can be made.
  std::map<std::string, Relation> relations = {}; ///< By identity.
  std::map<std::string, Type> types = {};
  std::map<std::uint32_t, Routine> routines = {};
  std::map<std::string, Sequence> sequences = {};
  std::map<std::uint32_t, std::string>
      key_indexes; ///< Of a constraint's oid: how its index is made.
  std::map<std::string, Granted> grants = {};
  std::map<std::string, Comment> comments = {}; ///< By Comment::on.
  std::vector<Dependency> dependencies = {};

  /// Makes the lookups quick; nothing may be added afterwards.
  void link();
  [[nodiscard]] const Object* find(std::string_view key) const;
  [[nodiscard]] const Object* at(const Address& address) const;
  [[nodiscard]] const Relation* relation_at(std::uint32_t oid) const;

private:
  // Places and names, not pointers: a Model is copied.
  std::map<std::string, std::size_t, std::less<>> by_key_ = {};
  std::map<Address, std::size_t> by_address_ = {};
  std::map<std::uint32_t, std::string> by_oid_ = {};
};

/// Class ids of the catalog, the same in every version.
inline constexpr std::uint32_t kClassType = 1247;
inline constexpr std::uint32_t kClassRelation = 1259;
inline constexpr std::uint32_t kClassRoutine = 1255;
inline constexpr std::uint32_t kClassConstraint = 2606;

base::Result<Model> read_model(const sandbox::Sandbox& server, const std::string& database);

} // namespace pgkeep::migrate::declaring
