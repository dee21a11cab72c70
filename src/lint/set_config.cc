#include "lint/set_config.h"

#include "base/text.h"

namespace pgkeep::lint {

using postgres::Node;
using postgres::NodeList;

std::vector<SetConfig> set_configs_of(const Node& root) {
  std::vector<SetConfig> found;
  for (const Node& target : root.nodes_if("SelectStmt", "target_list")) {
    const Node call = target.node("val");
    const NodeList name = call.nodes_if("FuncCall", "funcname");
    if (name.empty() || name.back().text("sval") != "set_config") continue;
    const NodeList arguments = call.nodes("args");
    if (arguments.size() != 3 || !arguments[0].is("A_Const") || !arguments[1].is("A_Const"))
      continue;
    const Node third = arguments[2].is("TypeCast") ? arguments[2].node("arg") : arguments[2];
    const bool is_local = third.is("A_Const") && (third.node("boolval").flag("boolval") ||
                                                  third.node("sval").text("sval").starts_with('t'));
    found.push_back({.name = base::to_lower(arguments[0].node("sval").text("sval")),
                     .value = std::string(arguments[1].node("sval").text("sval")),
                     .is_local = is_local});
  }
  return found;
}

} // namespace pgkeep::lint
