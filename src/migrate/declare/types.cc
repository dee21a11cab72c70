// Types that both schemas have. An enum takes more labels; a label that is to go, or another order,
// needs a type of its own, to which the columns move over.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "migrate/declare/plan.h"
#include "migrate/declare/statements.h"
#include "postgres/quote.h"

namespace pgkeep::migrate::declaring {
namespace {

/// The one place where both lists differ; nullopt where there is none or more.
std::optional<std::size_t> only_difference(const std::vector<std::string>& from,
                                           const std::vector<std::string>& to) {
  if (from.size() != to.size()) return std::nullopt;
  std::optional<std::size_t> place;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from[i] == to[i]) continue;
    if (place || std::ranges::find(from, to[i]) != from.end() ||
        std::ranges::find(to, from[i]) != to.end())
      return std::nullopt;
    place = i;
  }
  return place;
}

void add_labels(const std::string& type, const Type& from, const Type& to, Actions& out) {
  if (const auto place = only_difference(from.labels, to.labels)) {
    out.push_back(action_of(fmt::format("ALTER TYPE {} RENAME VALUE {} TO {}", type,
                                        postgres::quote_literal(from.labels[*place]),
                                        postgres::quote_literal(to.labels[*place])),
                            "Read as a new name of the label, which rows keep; if it is not, say "
                            "--no-renames."));
    out.back().asks = fmt::format("label {} of {} was read as {} under a new name; if it is not, "
                                  "say --no-renames",
                                  to.labels[*place], type, from.labels[*place]);
    return;
  }
  std::vector<std::string> there = from.labels;
  for (std::size_t i = 0; i < to.labels.size(); ++i) {
    const std::string& label = to.labels[i];
    if (std::ranges::find(there, label) != there.end()) continue;
    std::string place;
    if (i > 0) {
      place = " AFTER " + postgres::quote_literal(to.labels[i - 1]);
    } else if (!there.empty()) {
      place = " BEFORE " + postgres::quote_literal(there.front());
    }
    // A new label can be used when its transaction is over.
    out.push_back({.pieces = {{.text = fmt::format("ALTER TYPE {} ADD VALUE {}{}", type,
                                                   postgres::quote_literal(label), place),
                               .place = Place::own}}});
    there.insert(there.begin() + static_cast<std::ptrdiff_t>(std::min(i, there.size())), label);
  }
}

using Attributes = std::vector<std::pair<std::string, std::string>>;

const std::string* attribute(const Attributes& all, const std::string& name) {
  const auto found = std::ranges::find(all, name, &Attributes::value_type::first);
  return found == all.end() ? nullptr : &found->second;
}

void change_attributes(const std::string& type, const Type& from, const Type& to, Actions& out) {
  const auto alter = [&](const std::string& what) {
    out.push_back(action_of(fmt::format("ALTER TYPE {} {}", type, what)));
  };
  for (const auto& [name, old_type] : from.attributes) {
    if (attribute(to.attributes, name) == nullptr) alter("DROP ATTRIBUTE " + name);
  }
  for (const auto& [name, new_type] : to.attributes) {
    const std::string* const old_type = attribute(from.attributes, name);
    if (old_type == nullptr) {
      alter(fmt::format("ADD ATTRIBUTE {} {}", name, new_type));
    } else if (*old_type != new_type) {
      alter(fmt::format("ALTER ATTRIBUTE {} TYPE {}", name, new_type));
    }
  }
}

void change_domain(const std::string& domain, const Type& from, const Type& to, Actions& out) {
  const auto alter = [&](const std::string& what) {
    out.push_back(action_of(fmt::format("ALTER DOMAIN {} {}", domain, what)));
  };
  for (const auto& [name, check] : from.checks) {
    const auto wanted = to.checks.find(name);
    if (wanted == to.checks.end() || wanted->second != check) alter("DROP CONSTRAINT " + name);
  }
  for (const auto& [name, check] : to.checks) {
    const auto before = from.checks.find(name);
    if (before != from.checks.end() && before->second == check) continue;
    const bool is_checked = !check.ends_with(" NOT VALID");
    Action action = action_of(fmt::format("ALTER DOMAIN {} ADD CONSTRAINT {} {}{}", domain, name,
                                          check, is_checked ? " NOT VALID" : ""));
    if (is_checked)
      action.pieces.push_back(
          {.text = fmt::format("ALTER DOMAIN {} VALIDATE CONSTRAINT {}", domain, name),
           .place = Place::own});
    out.push_back(std::move(action));
  }
  if (from.value != to.value) alter(to.value.empty() ? "DROP DEFAULT" : "SET DEFAULT " + to.value);
  if (from.is_not_null != to.is_not_null) alter(to.is_not_null ? "SET NOT NULL" : "DROP NOT NULL");
}

} // namespace

bool is_subsequence(const std::vector<std::string>& some, const std::vector<std::string>& all) {
  auto at = all.begin();
  for (const std::string& each : some) {
    at = std::find(at, all.end(), each);
    if (at == all.end()) return false;
    ++at;
  }
  return true;
}

bool can_change_type(const Type& from, const Type& to, bool guesses) {
  if (from.kind != to.kind) return false;
  if (to.kind == "e")
    return is_subsequence(from.labels, to.labels) ||
           (guesses && only_difference(from.labels, to.labels).has_value());
  if (to.kind == "d") return from.base == to.base;
  return to.kind == "c";
}

void change_type(const Object& object, const Type& from, const Type& to, Actions& out) {
  if (to.kind == "e") add_labels(object.identity, from, to, out);
  if (to.kind == "c") change_attributes(object.identity, from, to, out);
  if (to.kind == "d") change_domain(object.identity, from, to, out);
}

void swap_type(const PlanWork& work, const Object& from, const Object& to, Actions& out) {
  const bool is_domain = from.type == "DOMAIN";
  const std::string word = is_domain ? "DOMAIN" : "TYPE";
  const std::string name = last_part(from.identity);
  std::string plain = name.starts_with('"') ? name.substr(1, name.size() - 2) : name;
  const std::string aside = postgres::quote_identifier(plain + "_pgkeep_old");
  const std::string schema = from.identity.substr(0, from.identity.size() - name.size());
  Action action = action_of(fmt::format("ALTER {} {} RENAME TO {}", word, from.identity, aside),
                            fmt::format("{} cannot be changed where it is: the columns move over "
                                        "to a new one, which rewrites their tables.",
                                        from.identity));
  for (const std::string& sql : to.sql)
    action.pieces.push_back({.text = sql});
  for (const Dependency& edge : work.from.dependencies) {
    if (edge.on.class_id != from.address.class_id || edge.on.oid != from.address.oid) continue;
    if (edge.who.class_id != kClassRelation || edge.who.part == 0 || edge.kind == 'D') continue;
    const Relation* const table = work.from.relation_at(edge.who.oid);
    if (table == nullptr || (table->kind != "r" && table->kind != "p")) continue;
    const auto column = std::ranges::find(table->columns, edge.who.part, &Column::number);
    if (column == table->columns.end() || column->is_inherited) continue;
    const auto wanted = work.to.relations.find(table->identity);
    const Column* const after =
        wanted == work.to.relations.end() ? nullptr : wanted->second.column(column->name);
    const std::string front = fmt::format("ALTER COLUMN {} ", column->name);
    const std::string to_type = after == nullptr ? column->type : after->type;
    std::string sql =
        work.rebuilds.is_freed(edge.who) ? fmt::format("-- pgkeep:ignore {}\n", kFreed) : "";
    sql += fmt::format("ALTER TABLE {} {}DROP DEFAULT, {}TYPE {} USING {}::text::{}",
                       table->identity, front, front, to_type, column->name, to_type);
    if (after != nullptr && !after->value.empty() && after->generated.empty())
      sql += fmt::format(", {}SET DEFAULT {}", front, after->value);
    action.pieces.push_back({.text = std::move(sql)});
  }
  action.pieces.push_back({.text = fmt::format("DROP {} {}{}", word, schema, aside)});
  out.push_back(std::move(action));
}

} // namespace pgkeep::migrate::declaring
