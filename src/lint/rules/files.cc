// Files as a whole, and text that is wrong or dark in itself.
#include <algorithm>
#include <array>
#include <optional>
#include <ranges>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "base/units.h"
#include "lint/families.h"
#include "lint/relations.h"
#include "lint/rules/places.h"
#include "lint/rules/shared_card.h"
#include "postgres/quote.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using findings::Area;
using findings::Severity;
using postgres::Node;
using postgres::quote_identifier;
using postgres::strings_of;

/// The first node of the list whose name an earlier one has.
std::optional<Node> repeated(const std::vector<Node>& nodes, std::string_view field) {
  std::set<std::string, std::less<>> seen;
  for (const Node& each : nodes) {
    const std::string name(each.text(field));
    // a.x and a.y, a[1] and a[2] are parts of one column.
    const bool is_whole = !each.is("ResTarget") || each.nodes("indirection").empty();
    if (is_whole && !name.empty() && !seen.insert(name).second) return each;
  }
  return std::nullopt;
}

std::vector<Node> column_definitions(const Node& create) {
  std::vector<Node> columns;
  for (const Node& each : create.nodes("table_elts")) {
    if (each.is("ColumnDef")) columns.push_back(each);
  }
  return columns;
}

void duplicate_assignment(const LoneSubject& subject, TextSink& out) {
  postgres::walk(
      subject.statement.root, postgres::kinds<"UpdateStmt InsertStmt CreateStmt">(),
      [&](const Node& node) {
        std::optional<Node> twice;
        std::string_view field = "name";
        if (node.is("UpdateStmt")) twice = repeated(node.nodes("target_list"), field);
        if (node.is("InsertStmt")) twice = repeated(node.nodes("cols"), field);
        if (node.is("CreateStmt")) {
          field = "colname";
          twice = repeated(column_definitions(node), field);
        }
        if (!twice) return true;
        const std::string name(twice->text(field));
        out.add(
            twice->offset().value_or(subject.statement.begin),
            {.object = object_of(relation_of(node.node("relation")), name),
             .message = fmt::format("Column {} is named twice: the server refuses the statement",
                                    quote_identifier(name)),
             .evidence = Json{{"column", name}},
             .fix = by_hand("Which of the two is meant is for a person to say: take the other "
                            "out.")});
        return true;
      });
}

constexpr std::size_t kNameBytesMax = 63; ///< NAMEDATALEN - 1.

/// Walks over names, leaving out comments and text constants.
class NameScanner {
public:
  explicit NameScanner(std::string_view text) : text_(text) {}

  struct Name {
    std::string text;
    std::size_t offset;
  };
  std::optional<Name> next() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (text_.substr(at_).starts_with("--")) {
        skip_past("\n");
      } else if (text_.substr(at_).starts_with("/*")) {
        skip_past("*/");
      } else if (c == '\'') {
        ++at_;
        skip_past("'");
      } else if (c == '$') {
        skip_dollar();
      } else if (c == '"') {
        return quoted();
      } else if (is_letter(c)) {
        return word();
      } else {
        ++at_;
      }
    }
    return std::nullopt;
  }

private:
  static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
  }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  void skip_past(std::string_view end) {
    const std::size_t found = text_.find(end, at_);
    at_ = found == std::string_view::npos ? text_.size() : found + end.size();
  }
  /// $tag$ ... $tag$, or $1.
  void skip_dollar() {
    std::size_t end = at_ + 1;
    while (end < text_.size() && (is_letter(text_[end]) || is_digit(text_[end])))
      ++end;
    const bool is_quote = end < text_.size() && text_[end] == '$';
    const std::string_view tag = text_.substr(at_, end + 1 - at_);
    at_ = is_quote ? end + 1 : end;
    if (is_quote) skip_past(tag);
  }
  Name quoted() {
    Name name{.text = {}, .offset = at_};
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        if (at_ >= text_.size() || text_[at_] != '"') break;
      }
      name.text += text_[at_];
    }
    return name;
  }
  Name word() {
    const std::size_t begin = at_;
    while (at_ < text_.size() &&
           (is_letter(text_[at_]) || is_digit(text_[at_]) || text_[at_] == '$'))
      ++at_;
    return {.text = std::string(text_.substr(begin, at_ - begin)), .offset = begin};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// Whether a name of the text can be too long at all: most texts have none.
bool may_have_long_name(std::string_view sql) {
  // Whatever ends no name: one sign too many only asks for a closer look.
  const auto may_be_inside = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           c == '$' || static_cast<unsigned char>(c) >= 0x80;
  };
  if (sql.find('"') != std::string_view::npos) return true;
  // So many bytes in a row cover one place in as many.
  for (std::size_t at = kNameBytesMax; at < sql.size(); at += kNameBytesMax + 1) {
    if (!may_be_inside(sql[at])) continue;
    const auto last = std::ranges::find_if_not(sql.substr(at), may_be_inside);
    const auto before = sql.substr(0, at) | std::views::reverse;
    const auto first = std::ranges::find_if_not(before, may_be_inside);
    if (static_cast<std::size_t>(last - sql.begin() - (first.base() - sql.begin())) > kNameBytesMax)
      return true;
  }
  return false;
}

void identifier_too_long(const LoneSubject& subject, TextSink& out) {
  const std::string_view sql = subject.around.script.sql_of(subject.statement);
  if (!may_have_long_name(sql)) return;
  NameScanner names(sql);
  std::set<std::string, std::less<>> said;
  while (const auto name = names.next()) {
    if (name->text.size() <= kNameBytesMax || !said.insert(name->text).second) continue;
    out.add(subject.statement.begin + name->offset,
            {.severity = Severity::warning,
             .object = quote_identifier(name->text),
             .message = fmt::format("The name has {} bytes and is cut at {}: two long names may "
                                    "become one",
                                    name->text.size(), kNameBytesMax),
             .evidence = Json{{"bytes", static_cast<std::int64_t>(name->text.size())},
                              {"bytes_max", static_cast<std::int64_t>(kNameBytesMax)}},
             .fix = by_hand("A good short name is for a person to choose, of 63 bytes at most.")});
  }
}

void opaque_sql(const LoneSubject& subject, TextSink& out) {
  const Statement& statement = subject.statement;
  if (!statement.is_opaque) return;
  out.add(statement.begin,
          {.message = "What runs here is only known when it runs: it was not judged",
           .evidence = Json{{"line", subject.around.script.place_of(statement.begin).line}},
           .fix = by_hand("The text is made at run time, or is in a language that cannot be read. "
                          "Write plain statements where they do, or trace the migration on a "
                          "clone.")});
}

/// What a statement of the application must not name any more.
struct Lost {
  RelationName relation;
  std::string column; ///< Empty: the relation itself.
};

std::optional<Lost> lost_by(const Change& change) {
  switch (change.operation) {
  case Operation::drop_table:
  case Operation::rename_table:
  case Operation::drop_view:
    return Lost{.relation = change.relation, .column = {}};
  case Operation::drop_column:
  case Operation::rename_column:
    return Lost{.relation = change.relation, .column = change.name};
  default:
    return std::nullopt;
  }
}

bool uses(const Node& root, const Lost& lost) {
  bool names_relation = false;
  bool names_column = lost.column.empty();
  postgres::walk(
      root, postgres::kinds<"RangeVar ColumnRef InsertStmt UpdateStmt">(), [&](const Node& node) {
        if (node.is("RangeVar")) {
          if (is_same(relation_of(node), lost.relation)) names_relation = true;
        } else if (node.is("ColumnRef")) {
          const std::vector<std::string> fields = strings_of(node.nodes("fields"));
          if (!fields.empty() && fields.back() == lost.column) names_column = true;
        } else if (node.is("InsertStmt") || node.is("UpdateStmt")) {
          for (const Node& target : node.nodes(node.is("InsertStmt") ? "cols" : "target_list")) {
            if (target.text("name") == lost.column) names_column = true;
          }
        }
        return true;
      });
  return names_relation && names_column;
}

void old_code_breaks(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  if (context.database == nullptr) return;
  for (const Change& change : subject.changes) {
    const std::optional<Lost> lost = lost_by(change);
    if (!lost || !context.is_in_use(change.relation)) continue;
    std::vector<std::string> queries;
    std::int64_t calls = 0;
    for (const catalog::Statement& each : context.database->statements) {
      const auto tree = postgres::Tree::parse(each.query);
      if (!tree || !uses(tree->root(), *lost)) continue;
      calls += each.calls;
      queries.push_back(each.query);
    }
    if (queries.empty()) continue;
    const std::string object = object_of(lost->relation, lost->column);
    out.add(lost->column.empty() ? offset_of_word(subject, lost->relation.name, change.offset)
                                 : offset_of_name(subject, change),
            {.object = object,
             .message = fmt::format(
                 "{} {} of the application {} {}: {} calls so far would fail", queries.size(),
                 queries.size() == 1 ? "statement" : "statements",
                 queries.size() == 1 ? "names" : "name", object, base::human_count(calls)),
             .evidence = Json{{"queries", Json::list(queries)}, {"calls", calls}},
             .fix = by_hand("The code has to change first. Deploy a version without these "
                            "statements, reset pg_stat_statements, wait, and look again.")});
  }
}

/// Names under which tools look for the file that undoes this one.
std::vector<std::string> down_names(std::string_view path) {
  const std::string folder(path.substr(0, path.size() - file_name(path).size()));
  const std::string name(file_name(path));
  std::vector<std::string> names;
  if (name.ends_with(".up.sql"))
    names.push_back(folder + name.substr(0, name.size() - 7) + ".down.sql");
  if (name.starts_with('V')) {
    names.push_back(folder + "U" + name.substr(1));
    names.push_back(folder + name.substr(0, name.size() - 4) + ".down.sql");
  }
  if (path.find("deploy/") != std::string_view::npos)
    names.push_back(base::replace_all(std::string(path), "deploy/", "revert/"));
  return names;
}

bool has_part(std::string_view text, std::string_view marker) {
  return base::contains_ignoring_case(text, marker);
}

/// A way down is owed where the file's own format has a part for it, or where files beside it have
/// one.
bool owes_down(const Context& context) {
  const std::string_view text = context.script.text();
  const bool has_up = has_part(text, "-- migrate:up") || has_part(text, "-- +goose up") ||
                      has_part(text, "-- +migrate up") || has_part(text, "-- up migration");
  if (has_up) return true;
  return !down_names(context.script.path()).empty() && context.paths.has_way_down();
}

bool says_irreversible(const Context& context) {
  return has_part(context.script.text(), "irreversible") ||
         has_part(context.script.text(), "cannot be undone");
}

void down_missing(const Context& context, TextSink& out) {
  const Section& section = context.section;
  if (!context.script.is_migration() || section.is_down || section.statements.empty() ||
      !owes_down(context) || says_irreversible(context))
    return;
  const std::vector<Section>& sections = context.script.sections();
  const bool has_down =
      std::ranges::any_of(sections, [](const Section& each) { return each.is_down; });
  const bool has_file =
      std::ranges::any_of(down_names(context.script.path()),
                          [&](const std::string& name) { return context.paths.contains(name); });
  if (has_down || has_file) return;
  out.add(section.statements.front().begin,
          {.object = std::string(file_name(context.script.path())),
           .message = "Nothing says how to go back from this migration",
           .evidence = Json{{"statements", static_cast<std::int64_t>(section.statements.size())}},
           .fix = by_hand("The way back is for a person to write; where there is none, say so: a "
                          "comment with the word irreversible, and why.")});
}

/// Whether the part that goes up drops the table or column.
bool is_dropped_on_the_way_up(const Script& script, const Change& restored) {
  const bool is_table = restored.operation == Operation::create_table;
  for (const Section& section : script.sections()) {
    if (section.is_down) continue;
    for (const Statement& statement : section.statements) {
      if (!statement.root) continue;
      for (const Change& change : statement.changes) {
        const bool drops_table =
            change.operation == Operation::drop_table && change.relation == restored.relation;
        const bool drops_column = change.operation == Operation::drop_column &&
                                  change.relation == restored.relation &&
                                  change.name == restored.name;
        if (is_table ? drops_table : drops_column) return true;
      }
    }
  }
  return false;
}

void down_loses_data(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  if (!context.section.is_down || says_irreversible(context)) return;
  for (const Change& change : subject.changes) {
    const bool restores = change.operation == Operation::create_table ||
                          (change.operation == Operation::add_column && !change.is_inside_create);
    if (!restores || !is_dropped_on_the_way_up(context.script, change)) continue;
    const bool is_table = change.operation == Operation::create_table;
    const std::string object =
        is_table ? change.relation.text() : object_of(change.relation, change.name);
    out.add(is_table ? offset_of_word(subject, change.relation.name) : change.offset,
            {.object = object,
             .message = fmt::format("{} comes back empty: the way down cannot restore what the way "
                                    "up drops",
                                    object),
             .evidence = Json{{"object", object}},
             .fix = by_hand("What was dropped is gone. Keep a copy on the way up (rename it, or "
                            "select it into an archive), or say irreversible in a comment.")});
  }
}

/// What tools write by themselves says nothing about why.
bool is_generated_line(std::string_view line) {
  constexpr auto kMarks = std::to_array<std::string_view>(
      {"migrate:", "+goose", "+migrate", "up migration", "down migration",
       "pgkeep:", "path:", "pg-version:", "database:", "deploy ", "revert ", "verify "});
  const std::string lowered = base::to_lower(line);
  return std::ranges::any_of(kMarks,
                             [&](std::string_view mark) { return lowered.starts_with(mark); });
}

void file_without_reason(const Context& context, TextSink& out) {
  const Section& section = context.section;
  const bool is_first = &context.script.sections().front() == &section;
  if (!context.script.is_migration() || section.is_down || !is_first) return;
  std::size_t words = 0;
  for (const std::string& line : base::split(context.script.opening_comment(), '\n')) {
    std::string_view said = base::trim(line);
    while (said.starts_with('-'))
      said.remove_prefix(1);
    said = base::trim(said);
    if (!is_generated_line(said)) words += base::split_words(said).size();
  }
  constexpr std::size_t kWordsMin = 3; ///< "CreateTable" and "AddForeignKey users" are generated.
  if (words >= kWordsMin) return;
  out.add(section.statements.front().begin,
          {.object = std::string(file_name(context.script.path())),
           .message = "No comment at the top says why this migration is made",
           .evidence = Json{{"words", static_cast<std::int64_t>(words)}},
           .fix = by_hand("The reason is in the author's head: one line at the top, such as -- "
                          "orders are searched by day since the new report.")});
}

constexpr TextRule kFileRules[] = {
    {.card = {.id = "duplicate-assignment",
              .title = "Column named twice in one statement",
              .why = "The server refuses the statement, and the migration stops.",
              .how = "Take one of them out.",
              .source = "PostgreSQL manual, sql-update, sql-insert, sql-createtable",
              .severity = Severity::error,
              .area = Area::queries},
     .lone = duplicate_assignment,
     .nodes = "UpdateStmt InsertStmt CreateStmt",
     .judges_down = true},
    {.card = shared_card("identifier-too-long"), .lone = identifier_too_long},
    {.card = {.id = "opaque-sql",
              .title = "SQL that cannot be judged as text",
              .why = "What it locks or loses is only known when it runs.",
              .how = "Plain statements, or a trace on a clone.",
              .source = "pgkeep",
              .severity = Severity::info,
              .area = Area::schema},
     .lone = opaque_sql},
    {.card = {.id = "old-code-breaks",
              .title = "The application's statements name what is dropped or renamed",
              .why = "They fail from the first moment after the commit.",
              .how = "Deploy code without them first.",
              .source = "PostgreSQL manual, pgstatstatements",
              .severity = Severity::error,
              .area = Area::queries},
     .statement = old_code_breaks},
    {.card = {.id = "down-missing",
              .title = "Migration without a way back",
              .why = "When the release fails at night, somebody has to invent it.",
              .how = "Write it, or the word irreversible and why.",
              .source = "The going-live checklist: migrations with a rollback each",
              .severity = Severity::warning,
              .area = Area::schema},
     .section = down_missing,
     .is_about_migrations = true},
    {.card = {.id = "down-loses-data",
              .title = "Way back that restores the shape and not the rows",
              .why = "It looks like a rollback and brings back nothing.",
              .how = "Keep a copy on the way up, or say irreversible.",
              .source = "pgkeep",
              .severity = Severity::warning,
              .area = Area::schema},
     .statement = down_loses_data,
     .judges_down = true,
     .is_about_migrations = true},
    {.card = {.id = "file-without-reason",
              .title = "Migration that does not say why",
              .why = "In a year nobody knows whether it may be undone.",
              .how = "One line of comment at the top.",
              .source = "pgkeep",
              .severity = Severity::info,
              .area = Area::schema},
     .section = file_without_reason,
     .is_about_migrations = true},
};

} // namespace

const std::span<const TextRule> file_rules{kFileRules};

} // namespace pgkeep::lint
