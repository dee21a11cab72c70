/// What turns one schema into another: two Models in, actions in an order in which most of them can
/// run; the trial (trial.h) finds the rest of the order.
///
/// First goes what stands on tables, then all is made and changed in the order in which the wanted
/// schema can be made, then tables, types and the like are dropped. Renames are none of its
/// business: they were made before (renames.h).
/// Private to src/migrate/declare. Pure; one thread.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "migrate/declare/action.h"
#include "migrate/declare/graph.h"
#include "migrate/declare/model.h"

namespace pgkeep::migrate::declaring {

struct PlanOptions {
  std::set<std::string> repeatable = {}; ///< Keys of what repeatable files make.
  bool guesses = true; ///< One label of an enum that is gone and one that is new are the same one.
};

struct Plan {
  Actions actions;
  std::vector<std::string> refused;    ///< What has no statement, a sentence each.
  std::vector<std::string> repeatable; ///< Identities: what differs there is the file's to change.
};
Plan plan_changes(const Model& from, const Model& to, const PlanOptions& options);

/// What the parts of a plan are given. Views the Models.
struct PlanWork {
  const Model& from;
  const Model& to;
  Rebuilds& rebuilds;
  std::vector<std::string>& refused;
};

/// What lint cannot know of a column whose type changes: a mark above the statement.
inline constexpr std::string_view kFreed = "change-type-dependents: what reads the column was "
                                           "dropped above, and is made again below";

// columns.cc
/// Both are tables of one name. Their columns as far as they are not the parent's business.
void change_columns(const PlanWork& work, const Relation& from, const Relation& to, Actions& out);
/// Columns that are gone; to be dropped at the end.
void drop_columns(const Relation& from, const Relation& to, Actions& out);
/// Names the columns that get another type or are replaced to the rebuilds.
void note_columns(const Relation& from, const Relation& to, Rebuilds& rebuilds);
/// What is no column of it: options, persistence, replica identity.
void change_table(const PlanWork& work, const Relation& from, const Relation& to, Actions& out);

// types.cc
/// Whether the type can be changed where it is.
bool can_change_type(const Type& from, const Type& to, bool guesses);
void change_type(const Object& object, const Type& from, const Type& to, Actions& out);
/// A new type under the name of the old one, and the columns that move over.
void swap_type(const PlanWork& work, const Object& from, const Object& to, Actions& out);
/// "'new', 'paid'": a list of which one may be an order of the other's labels. Whether each label
/// of `some` is in `all`, in that order.
bool is_subsequence(const std::vector<std::string>& some, const std::vector<std::string>& all);

// rights.cc
/// Rights and comments of what is there in `to`; `is_new`: nothing is granted or said about it yet.
void change_rights(const PlanWork& work, Actions& out);
void change_comments(const PlanWork& work, Actions& out);
/// Whether the object of `to` at the address is made by the plan.
bool is_made(const PlanWork& work, const Address& address);

} // namespace pgkeep::migrate::declaring
