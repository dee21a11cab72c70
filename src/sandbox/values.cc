#include "sandbox/values.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/text.h"
#include "postgres/quote.h"
#include "postgres/sql_tree.h"

namespace pgkeep::sandbox {
namespace {

using postgres::Node;

/// "state" of state, (state)::text, lower brackets and casts; empty for anything else.
std::string column_of(Node node) {
  while (node.is("TypeCast") || node.is("RelabelType"))
    node = node.node("arg");
  if (!node.is("ColumnRef")) return {};
  const postgres::NodeList fields = node.nodes("fields");
  if (fields.size() != 1 || !fields.front().is("String")) return {};
  return std::string(fields.front().text("sval"));
}

/// A constant as SQL; empty for anything else.
std::string constant_of(Node node) {
  bool is_negative = false;
  while (true) {
    if (node.is("TypeCast")) {
      node = node.node("arg");
    } else if (node.is("A_Expr") && !node.node("lexpr") && node.nodes("name").size() == 1 &&
               node.nodes("name").front().text("sval") == "-") {
      is_negative = !is_negative;
      node = node.node("rexpr");
    } else {
      break;
    }
  }
  if (!node.is("A_Const")) return {};
  const std::string sign = is_negative ? "-" : "";
  if (const Node number = node.node("ival"))
    return fmt::format("{}{}", sign, number.number("ival"));
  if (const Node number = node.node("fval")) return sign + std::string(number.text("fval"));
  if (const Node text = node.node("sval")) return postgres::quote_literal(text.text("sval"));
  return {};
}

bool is_length(const Node& call) {
  if (!call.is("FuncCall") || call.nodes("args").size() != 1) return false;
  const postgres::NodeList name = call.nodes("funcname");
  constexpr std::array<std::string_view, 3> names = {"length", "char_length", "character_length"};
  return !name.empty() && std::ranges::find(names, name.back().text("sval")) != names.end();
}

class Reader {
public:
  std::map<std::string, Bounds> take() { return std::move(bounds_); }

  void read(const Node& node) {
    if (node.is("BoolExpr") && node.name("boolop") == "AND_EXPR") {
      for (const Node& each : node.nodes("args"))
        read(each);
      return;
    }
    if (!node.is("A_Expr")) return;
    const std::string_view kind = node.name("kind");
    if (kind == "AEXPR_OP_ANY" || kind == "AEXPR_IN") {
      read_list(node);
    } else if (kind == "AEXPR_OP") {
      read_comparison(node);
    }
  }

private:
  void read_list(const Node& node) {
    const std::string column = column_of(node.node("lexpr"));
    Node list = node.node("rexpr");
    while (list.is("TypeCast"))
      list = list.node("arg");
    std::vector<Node> items;
    if (list.is("A_ArrayExpr")) items = list.nodes("elements");
    if (list.is("List")) items = list.nodes("items");
    if (column.empty() || node.nodes("name").front().text("sval") != "=") return;
    std::vector<std::string> choices;
    for (const Node& item : items) {
      std::string constant = constant_of(item);
      if (constant.empty()) return;
      choices.push_back(std::move(constant));
    }
    bounds_[column].choices = std::move(choices);
  }

  void read_comparison(const Node& node) {
    if (node.nodes("name").size() != 1) return;
    std::string op(node.nodes("name").front().text("sval"));
    Node left = node.node("lexpr");
    Node right = node.node("rexpr");
    if (const std::string first = constant_of(left); !first.empty()) {
      std::swap(left, right);
      if (op.starts_with('<')) {
        op[0] = '>';
      } else if (op.starts_with('>')) {
        op[0] = '<';
      }
    }
    const std::string constant = constant_of(right);
    if (constant.empty()) return;
    if (is_length(left)) {
      read_length(column_of(left.nodes("args").front()), op, constant);
      return;
    }
    const std::string column = column_of(left);
    const bool is_known = op == "=" || op == ">" || op == ">=" || op == "<" || op == "<=";
    if (column.empty() || !is_known) return;
    Bounds& bounds = bounds_[column];
    if (op == "=") bounds.choices = {constant};
    if (op == ">" || op == ">=") {
      bounds.low = constant;
      bounds.low_is_open = op == ">";
    }
    if (op == "<" || op == "<=") {
      bounds.high = constant;
      bounds.high_is_open = op == "<";
    }
  }

  void read_length(const std::string& column, std::string_view op, std::string_view constant) {
    int length = 0;
    const auto [stop, error] =
        std::from_chars(constant.data(), constant.data() + constant.size(), length);
    if (column.empty() || error != std::errc{} || stop != constant.data() + constant.size()) return;
    if (op == "<" || op == "<=") bounds_[column].length_max = op == "<" ? length - 1 : length;
    if (op == "=") bounds_[column].length_max = length;
  }

  std::map<std::string, Bounds> bounds_;
};

std::string text_expression(const ColumnShape& column) {
  constexpr int width_default = 12; // Of a number that tells values apart, with room.
  constexpr int width_max = 2000;
  int limit = width_max;
  // The modifier of a varchar is its length and four bytes of a header.
  if (column.modifier > 4 && column.type != "text") limit = std::min(limit, column.modifier - 4);
  if (column.bounds.length_max) limit = std::min(limit, *column.bounds.length_max);
  int width = column.average_width > 0 ? column.average_width : width_default;
  if (column.is_unique) width = std::max(width, width_default);
  width = std::clamp(width, 1, std::max(limit, 1));
  // The number first: it is what is left where values are cut.
  return fmt::format("left(g::text || 'x' || repeat(md5(g::text), {}), {})", width / 32 + 1, width);
}

std::string whole_number(const ColumnShape& column, std::int64_t most) {
  const Bounds& bounds = column.bounds;
  if (!bounds.low.empty() && !bounds.high.empty())
    return fmt::format("({0})::numeric + {1} + (g - 1) % greatest(1, floor(({2})::numeric - {3} - "
                       "({0})::numeric - {1})::bigint + 1)",
                       bounds.low, bounds.low_is_open ? 1 : 0, bounds.high,
                       bounds.high_is_open ? 1 : 0);
  if (!bounds.low.empty()) return fmt::format("({})::numeric + g % {}", bounds.low, most);
  if (!bounds.high.empty()) return fmt::format("({})::numeric - g % {}", bounds.high, most);
  return fmt::format("g % {}", most);
}

std::optional<std::string> number_expression(const ColumnShape& column) {
  if (column.type == "int2") return whole_number(column, 32'000);
  if (column.type == "int4" || column.type == "oid") return whole_number(column, 2'000'000'000);
  if (column.type == "int8" || column.type == "float4" || column.type == "float8" ||
      column.type == "money")
    return whole_number(column, 9'000'000'000'000);
  if (column.type != "numeric") return std::nullopt;
  if (column.modifier < 4) return whole_number(column, 9'000'000'000'000);
  // numeric(p,s): ((p << 16) | s) + 4.
  const int precision = ((column.modifier - 4) >> 16) & 0xffff;
  const int scale = (column.modifier - 4) & 0x7ff;
  std::int64_t most = 1;
  for (int digit = 0; digit < std::clamp(precision - scale, 0, 12); ++digit)
    most *= 10;
  return whole_number(column, std::max<std::int64_t>(most - 1, 1));
}

struct TypeValue {
  std::string_view type;
  std::string_view expression;
};
constexpr TypeValue kValues[] = {
    {"bool", "g % 2 = 0"},
    {"uuid", "md5(g::text)::uuid"},
    {"json", "json_build_object('n', g)"},
    {"jsonb", "jsonb_build_object('n', g)"},
    {"bytea", "decode(md5(g::text), 'hex')"},
    {"inet", "'10.0.0.0'::inet + g % 16000000"},
    {"cidr", "(('10.0.0.0'::inet + g % 16000000)::text)::cidr"},
    {"interval", "make_interval(mins => (g % 1000000)::int)"},
    {"time", "time '00:00' + make_interval(secs => g % 86400)"},
    {"timetz", "timetz '00:00+00' + make_interval(secs => g % 86400)"},
    {"point", "point(g, g)"},
    {"tsvector", "to_tsvector('simple', g::text)"},
    {"xml", "xmlparse(content '<n>' || g || '</n>')"},
    {"macaddr", "('020000' || lpad(to_hex(g % 16777216), 6, '0'))::macaddr"},
    {"citext", "g::text || 'x'"},
    {"bit", "(g % 2)::int::bit"},
    {"pg_lsn", "'0/0'::pg_lsn + g"},
};

std::optional<std::string> date_expression(const ColumnShape& column) {
  const bool is_date = column.type == "date";
  if (!is_date && column.type != "timestamp" && column.type != "timestamptz") return std::nullopt;
  const std::string step =
      is_date ? "(g % 9000)::int" : "make_interval(mins => (g % 5000000)::int)";
  const Bounds& bounds = column.bounds;
  const std::string from = bounds.low.empty() ? "'2000-01-01'" : bounds.low;
  if (bounds.low.empty() && !bounds.high.empty())
    return fmt::format("{}::{} - {} - {}", bounds.high, column.type, step,
                       is_date ? "1" : "interval '1 day'");
  return fmt::format("{}::{} + {} + {}", from, column.type, step,
                     is_date ? "1" : "interval '1 second'");
}

} // namespace

std::map<std::string, Bounds> bounds_of(std::string_view definition) {
  // "CHECK ((state = ANY (ARRAY['new'::text])))": read as the condition of a query.
  std::string_view condition = base::trim(definition);
  if (!condition.starts_with("CHECK ")) return {};
  condition.remove_prefix(6);
  for (const std::string_view tail : {" NOT VALID", " NO INHERIT"}) {
    if (condition.ends_with(tail)) condition.remove_suffix(tail.size());
  }
  const auto tree = postgres::Tree::parse("SELECT 1 WHERE " + std::string(condition));
  if (!tree || !tree->root().is("SelectStmt")) return {};
  Reader reader;
  reader.read(tree->root().node("where_clause"));
  return reader.take();
}

std::optional<std::string> value_expression(const ColumnShape& column) {
  if (!column.bounds.choices.empty())
    return fmt::format("(ARRAY[{0}])[1 + (g - 1) % {1}]::{2}",
                       base::join(column.bounds.choices, ", "), column.bounds.choices.size(),
                       column.full_type);
  if (column.category == 'e')
    return fmt::format("(enum_range(NULL::{0}))[1 + (g - 1) % cardinality(enum_range(NULL::{0}))]",
                       column.full_type);
  if (column.category == 'r' || column.category == 'm')
    return fmt::format("{}::{}", column.category == 'r' ? "'empty'" : "'{}'", column.full_type);
  if (column.type.starts_with('_')) return fmt::format("'{{}}'::{}", column.full_type);
  if (column.type == "text" || column.type == "varchar" || column.type == "bpchar" ||
      column.type == "name")
    return text_expression(column) + "::" + column.full_type;
  std::optional<std::string> expression = number_expression(column);
  if (!expression) expression = date_expression(column);
  for (const TypeValue& each : kValues) {
    if (!expression && each.type == column.type) expression = std::string(each.expression);
  }
  if (!expression) return std::nullopt;
  return fmt::format("({})::{}", *expression, column.full_type);
}

} // namespace pgkeep::sandbox
