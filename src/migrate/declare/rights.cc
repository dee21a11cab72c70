// Grants and comments: sets of words on both sides. What is made anew has none but the usual ones.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/text.h"
#include "migrate/declare/plan.h"
#include "postgres/quote.h"

namespace pgkeep::migrate::declaring {
namespace {

constexpr std::uint32_t kClassDefaultAcl = 826;

/// What everybody may do with it as it is made.
Rights usual_rights(const Granted& granted) {
  const bool is_default = granted.address.class_id == kClassDefaultAcl;
  if (is_default && granted.scope.find("IN SCHEMA ") != std::string::npos) return {};
  if (granted.on.starts_with("ROUTINE ") || (is_default && granted.on == "FUNCTIONS"))
    return {{"PUBLIC", "EXECUTE"}};
  if (granted.on.starts_with("TYPE ") || (is_default && granted.on == "TYPES"))
    return {{"PUBLIC", "USAGE"}};
  return {};
}

/// The column that " (total)" names is still there.
bool has_column(const Model& model, const Granted& granted) {
  if (granted.front.empty()) return true;
  const auto relation = model.relations.find(granted.on.substr(granted.on.find(' ') + 1));
  if (relation == model.relations.end()) return false;
  const std::string column = granted.front.substr(2, granted.front.size() - 3);
  return relation->second.column(column) != nullptr;
}

/// One statement a grantee, and one more for rights that may be granted on.
void say(const Granted& granted, const Rights& rights, bool is_given, Actions& out) {
  std::map<std::pair<std::string, bool>, std::vector<std::string>> lists;
  for (const auto& [grantee, right] : rights) {
    const bool is_grantable = right.ends_with('*');
    const std::string word = is_grantable ? right.substr(0, right.size() - 1) : right;
    lists[{grantee, is_grantable}].push_back(word + granted.front);
  }
  const bool is_default = granted.address.class_id == kClassDefaultAcl;
  const std::string front = is_default
                                ? fmt::format("ALTER DEFAULT PRIVILEGES {}",
                                              granted.scope == " " ? std::string() : granted.scope)
                                : std::string();
  for (const auto& [who, list] : lists) {
    out.push_back(
        action_of(fmt::format("{}{} {} ON {} {} {}{}", front, is_given ? "GRANT" : "REVOKE",
                              base::join(list, ", "), granted.on, is_given ? "TO" : "FROM",
                              who.first, is_given && who.second ? " WITH GRANT OPTION" : "")));
  }
}

Rights without(const Rights& all, const Rights& some) {
  Rights out;
  std::ranges::set_difference(all, some, std::inserter(out, out.end()));
  return out;
}

/// The object is in both schemas, and stays as it is.
bool stays(const PlanWork& work, const Address& address) {
  const Object* const object = work.from.at(address);
  return object == nullptr ||
         (work.to.find(object->key()) != nullptr && !work.rebuilds.is_dropped(*object));
}

const Column* column_at(const Model& model, const Address& address) {
  if (address.class_id != kClassRelation || address.part == 0) return nullptr;
  const Relation* const relation = model.relation_at(address.oid);
  if (relation == nullptr) return nullptr;
  const auto found = std::ranges::find(relation->columns, address.part, &Column::number);
  return found == relation->columns.end() ? nullptr : &*found;
}

/// What the comment is on is there still.
bool is_there(const PlanWork& work, const Comment& comment) {
  if (work.rebuilds.is_replaced(comment.address)) return false;
  if (!stays(work, comment.address)) return false;
  const Column* const column = column_at(work.from, comment.address);
  if (column == nullptr) return true;
  const Relation* const table = work.from.relation_at(comment.address.oid);
  const auto wanted = work.to.relations.find(table->identity);
  return wanted != work.to.relations.end() && wanted->second.column(column->name) != nullptr;
}

} // namespace

void change_rights(const PlanWork& work, Actions& out) {
  for (const auto& [key, wanted] : work.to.grants) {
    const auto before = work.from.grants.find(key);
    const bool is_new = before == work.from.grants.end() || is_made(work, wanted.address);
    const Rights have = is_new ? usual_rights(wanted) : before->second.rights;
    say(wanted, without(have, wanted.rights), false, out);
    say(wanted, without(wanted.rights, have), true, out);
  }
  for (const auto& [key, granted] : work.from.grants) {
    if (work.to.grants.contains(key) || !stays(work, granted.address)) continue;
    if (!has_column(work.to, granted)) continue;
    const Rights usual = usual_rights(granted);
    say(granted, without(granted.rights, usual), false, out);
    say(granted, without(usual, granted.rights), true, out);
  }
}

void change_comments(const PlanWork& work, Actions& out) {
  for (const auto& [on, wanted] : work.to.comments) {
    const auto before = work.from.comments.find(on);
    const bool is_said = before != work.from.comments.end() && is_there(work, before->second) &&
                         before->second.text == wanted.text;
    if (is_said) continue;
    out.push_back(
        action_of(fmt::format("COMMENT ON {} IS {}", on, postgres::quote_literal(wanted.text))));
  }
  for (const auto& [on, comment] : work.from.comments) {
    if (work.to.comments.contains(on) || !is_there(work, comment)) continue;
    out.push_back(action_of(fmt::format("COMMENT ON {} IS NULL", on)));
    out.back().may_fail = true;
  }
}

} // namespace pgkeep::migrate::declaring
