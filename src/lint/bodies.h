/// The SQL inside DO blocks and function bodies, with its places. Private to src/lint. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "postgres/sql_tree.h"

namespace pgkeep::lint {

struct BodyPart {
  std::string sql;
  std::size_t offset = 0; ///< Bytes into the script's text; that of the statement where the text of
                          ///< the part does not stand there as it is.
  bool is_opaque = false; ///< EXECUTE of a text that is made at run time: nobody can read it.
};
struct Body {
  bool runs_now = false; ///< DO; a function's body runs later.
  std::vector<BodyPart> parts = {};
  std::string problem = {}; ///< Why the body could not be read.
};

/// Of a DO or CREATE FUNCTION statement that stands at [begin, end) of the text; empty for others
/// and for languages that hold no SQL.
Body body_of(const postgres::Node& root, std::string_view text, std::size_t begin, std::size_t end);

} // namespace pgkeep::lint
