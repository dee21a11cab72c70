/// One change of a schema: the statements that make it, and what is to be said about it.
/// Private to src/migrate/declare. Plain values.
#pragma once

#include <string>
#include <vector>

#include "migrate/rewrite/piece.h"

namespace pgkeep::migrate::declaring {

using rewriting::Piece;
using rewriting::Pieces;
using rewriting::Place;

struct Action {
  Pieces pieces;            ///< In order; all of them or none.
  Pieces otherwise = {};    ///< Instead, where the server has no cast for a column's values.
  std::string comment = {}; ///< One line above the first, without the dashes.
  std::string loses = {};   ///< "public.orders.note": rows or values go with it.
  /// A rule of lint that cannot know what was done before: "RULE: reason".
  std::string ignore = {};
  std::string table = {};   ///< That is in use, and that it locks: "public.orders".
  std::string leaves = {};  ///< A key: what goes here and comes back in another action, ...
  std::string comes = {};   ///< ... which is that one. No transaction ends between them.
  std::string retypes = {}; ///< The table of which a column gets another type: "public.orders".
  std::string asks = {};    ///< What somebody must do by hand, a sentence without a full stop.
  bool may_fail = false;    ///< What it is about may be gone with something else by then.
};
using Actions = std::vector<Action>;

inline Action action_of(std::string sql, std::string comment = {}) {
  return {.pieces = {{.text = std::move(sql)}}, .comment = std::move(comment)};
}

} // namespace pgkeep::migrate::declaring
