// Splitting and recognising. A text is parsed some statements at a time; where that fails, what
// stands before the mistake and what follows it, so that one mistake hides nothing else.
#include "lint/script.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"
#include "base/utf8.h"
#include "lint/bodies.h"
#include "postgres/sql_parser.h"

namespace pgkeep::lint {
namespace {

constexpr std::string_view kIgnoreMark = "pgkeep:ignore";
constexpr int kMistakesMax = 50; ///< Statements of a section that do not parse, before we stop.

std::string_view line_from(std::string_view text, std::size_t begin) {
  return text.substr(begin, std::min(text.find('\n', begin), text.size()) - begin);
}

bool is_below(std::string_view path, std::string_view folder) {
  const std::string marked = fmt::format("/{}", path);
  return marked.find(fmt::format("/{}/", folder)) != std::string::npos;
}

std::size_t digits_at_front(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
}

/// What the name of a file says about the tool that runs it.
struct Convention {
  bool is_migration = false;
  bool is_down = false;
  TransactionMode transaction = TransactionMode::none;
};

Convention convention_of(std::string_view path) {
  const std::string_view name = file_name(path);
  if (name == "migration.sql" &&
      digits_at_front(file_name(path.substr(0, path.size() - name.size() - 1))) > 0)
    return {.is_migration = true, .transaction = TransactionMode::one_text}; // Prisma.
  // What asks leaves nothing behind, and what runs each time is in no order.
  const bool is_check = name.ends_with(".verify.sql") || is_below(path, "verify");
  if (is_check || !callback_in(name).empty()) return {.transaction = TransactionMode::steps};
  const bool has_double_underscore = name.find("__") != std::string_view::npos;
  if (has_double_underscore &&
      (name.starts_with('V') || name.starts_with('R') || name.starts_with('U')))
    return {.is_migration = true,
            .is_down = name.starts_with('U') || name.ends_with(".down.sql"),
            .transaction = TransactionMode::steps};
  if (name.ends_with(".up.sql") || name.ends_with(".down.sql"))
    return {.is_migration = true,
            .is_down = name.ends_with(".down.sql"),
            .transaction = TransactionMode::one_text};
  if (is_below(path, "deploy")) return {.is_migration = true};
  if (is_below(path, "revert")) return {.is_migration = true, .is_down = true};
  const bool is_numbered = digits_at_front(name) > 0;
  const bool is_in_folder = is_below(path, "migrations") || is_below(path, "migrate");
  return {.is_migration = is_numbered || is_in_folder};
}

/// A comment line that begins a part of a file.
struct Marker {
  std::string_view begins; ///< In lower case.
  bool is_down;
  std::string_view without_transaction; ///< A word of the same line.
};
constexpr auto kMarkers = std::to_array<Marker>({
    {"-- migrate:up", false, "transaction:false"},
    {"-- migrate:down", true, "transaction:false"},
    {"-- +goose up", false, ""},
    {"-- +goose down", true, ""},
    {"-- +migrate up", false, "notransaction"},
    {"-- +migrate down", true, "notransaction"},
    {"-- up migration", false, ""},
    {"-- down migration", true, ""},
});

const Marker* marker_of(std::string_view lowered_line) {
  const auto found = std::ranges::find_if(
      kMarkers, [&](const Marker& each) { return lowered_line.starts_with(each.begins); });
  return found == kMarkers.end() ? nullptr : &*found;
}

/// "3:14" of the parser: an offset into the text.
std::size_t offset_of_where(std::string_view text, std::string_view where) {
  std::size_t line = 0;
  std::size_t column = 0;
  std::size_t* target = &line;
  for (const char c : where) {
    if (c == ':') {
      target = &column;
    } else if (c >= '0' && c <= '9') {
      *target = *target * 10 + static_cast<std::size_t>(c - '0');
    }
  }
  std::size_t at = 0;
  for (; line > 1 && at < text.size(); ++at)
    line -= text[at] == '\n' ? 1 : 0;
  for (; column > 1 && at < text.size(); --column)
    at += std::max<std::size_t>(base::decode_utf8(text.substr(at)).bytes, 1);
  return std::min(at, text.size());
}

/// Marks in the comments of a piece of text that holds no statement.
void read_marks(std::string_view text, std::size_t begin, std::size_t end,
                std::vector<IgnoreMark>& marks) {
  // A mark that begins here may reach beyond the piece, to the end of its line.
  const std::string_view piece = text.substr(0, std::min(end + kIgnoreMark.size(), text.size()));
  std::size_t at = begin;
  while (true) {
    at = piece.find(kIgnoreMark, at);
    if (at == std::string_view::npos || at >= end) return;
    const std::string_view rest = base::trim(line_from(text, at + kIgnoreMark.size()));
    const std::size_t colon = rest.find(':');
    IgnoreMark mark{
        .rule = std::string(base::trim(rest.substr(0, colon))), .reason = {}, .offset = at};
    if (colon != std::string_view::npos) mark.reason = base::trim(rest.substr(colon + 1));
    marks.push_back(std::move(mark));
    at += kIgnoreMark.size();
  }
}

/// Gives each statement the directives above it.
void read_directives(std::string_view text, std::size_t begin, std::size_t end, Section& section) {
  const auto take = [&](std::size_t to, Statement* statement) {
    for (Directive& each : directives_between(text, begin, to)) {
      const bool is_above = statement != nullptr && each.is_in_place;
      (is_above ? statement->directives : section.stray_directives).push_back(std::move(each));
    }
  };
  for (Statement& each : section.statements) {
    if (each.origin != Origin::text || each.begin < begin) continue;
    take(each.begin, &each);
    begin = each.end;
  }
  take(end, nullptr);
}

/// Marks the partitions that stand directly below what makes a table partitions.
void read_shadow_partitions(Section& section) {
  const Statement* parent = nullptr;
  for (Statement& each : section.statements) {
    if (each.origin != Origin::text) continue;
    const postgres::NodeList parents = each.root.nodes_if("CreateStmt", "inh_relations");
    each.is_shadow_partition =
        parent != nullptr && each.root.is("CreateStmt") && each.root.node("partbound") &&
        parents.size() == 1 && find_directive(each.directives, "step") == nullptr &&
        find_directive(each.directives, "shadow") == nullptr &&
        relation_of(parents.front()) == relation_of(parent->root.node("relation"));
    if (!each.is_shadow_partition) parent = each.makes_partitions() ? &each : nullptr;
  }
}

/// Tables that the text makes for its session, and what it does to them.
void mark_temporary(Statement& statement, RelationSet& temporary) {
  const bool is_new = makes_temporary(statement.root);
  for (Change& change : statement.changes) {
    if (change.operation == Operation::create_table) {
      if (is_new) {
        temporary.insert(change.relation);
      } else {
        temporary.erase(change.relation);
      }
    }
    change.is_of_temporary = !temporary.empty() && temporary.contains(change.relation);
    if (change.operation == Operation::drop_table) temporary.erase(change.relation);
  }
}

void read_changes(Section& section) {
  RelationSet temporary;
  for (Statement& each : section.statements) {
    each.kinds = postgres::kinds_in(each.root);
    if (each.makes_partitions())
      each.changes = {{.operation = Operation::become_partitioned,
                       .relation = relation_of(each.root.node("relation")),
                       .offset = each.begin}};
    else if (each.is_shadow_partition)
      each.changes = {{.operation = Operation::other, .offset = each.begin}};
    else if (each.root)
      each.changes = changes_of(each.root, each.begin);
    if (each.origin == Origin::function) continue;
    mark_temporary(each, temporary);
    if (!makes_temporary(each.root))
      section.lasting.insert(section.lasting.end(), each.changes.begin(), each.changes.end());
  }
}

} // namespace

bool Statement::is_batched() const {
  return find_directive(directives, "batch") != nullptr &&
         (root.is("UpdateStmt") || root.is("DeleteStmt"));
}

bool Statement::is_shadowed() const {
  return is_shadow_partition || makes_partitions() ||
         (find_directive(directives, "shadow") != nullptr && root.is("AlterTableStmt"));
}

bool Statement::makes_partitions() const {
  return find_directive(directives, "shadow") != nullptr && root.is("CreateStmt") &&
         root.node("partspec");
}

bool Statement::runs_alone() const {
  if (root.is("IndexStmt") || root.is("DropStmt")) return root.flag("concurrent");
  if (root.is("VacuumStmt")) return root.flag("is_vacuumcmd");
  if (root.is("ReindexStmt")) {
    const postgres::NodeList options = root.nodes("params");
    return std::ranges::any_of(options, [](const postgres::Node& option) {
      return option.text("defname") == "concurrently";
    });
  }
  if (root.is("AlterTableStmt")) {
    const postgres::NodeList commands = root.nodes("cmds");
    return std::ranges::any_of(commands, [](const postgres::Node& command) {
      const postgres::Node definition = command.node("def");
      return definition.is("PartitionCmd") && definition.flag("concurrent");
    });
  }
  return root.is("CreatedbStmt") || root.is("DropdbStmt") || root.is("AlterSystemStmt");
}

bool Section::begins_step(const Statement& statement) const {
  return statement.is_batched() || statement.is_shadowed() ||
         (transaction == TransactionMode::steps &&
          find_directive(statement.directives, "step") != nullptr);
}

Script Script::read(std::string path, std::string text, std::shared_ptr<const Origins> origins) {
  Script script;
  script.path_ = std::move(path);
  script.origins_ = std::move(origins);
  script.text_ = std::move(text);
  script.line_starts_ = {0};
  for (std::size_t at = script.text_.find('\n'); at != std::string::npos;
       at = script.text_.find('\n', at + 1))
    script.line_starts_.push_back(at + 1);
  const std::string_view whole = script.text_;
  for (std::size_t at = 0; at < whole.size();) {
    const std::string_view line = line_from(whole, at);
    const std::string_view trimmed = base::trim(line);
    if (!trimmed.empty() && !trimmed.starts_with("--")) break;
    script.opening_comment_.append(trimmed).append("\n");
    at += line.size() + 1;
  }
  const Convention convention = convention_of(script.path_);
  script.is_migration_ = convention.is_migration;
  const std::vector<Part> parts =
      script.parts_of({.is_down = convention.is_down, .transaction = convention.transaction});
  script.take_out_psql_parts();
  if (script.has_named_queries_) script.parsed_ = script.text_;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t end = i + 1 < parts.size() ? parts[i + 1].begin : script.text_.size();
    script.add_section(parts[i], end);
  }
  return script;
}

bool Script::has_ignore_marks() const {
  return std::ranges::any_of(sections_, [](const Section& section) {
    return std::ranges::any_of(section.statements,
                               [](const Statement& each) { return !each.ignores.empty(); });
  });
}

/// Marked by a migration tool's comments, or by the names of queries; else all of it is `first`.
std::vector<Script::Part> Script::parts_of(const Part& first) {
  std::vector<Part> parts = {first};
  bool is_goose_without = false;
  for (const std::size_t begin : line_starts_) {
    if (!std::string_view(text_).substr(begin).starts_with("-- ")) continue;
    const std::string line = base::to_lower(line_from(text_, begin));
    if (line.starts_with("-- +goose no transaction")) is_goose_without = true;
    const Marker* const marker = marker_of(line);
    if (marker == nullptr) continue;
    const bool is_without = (!marker->without_transaction.empty() &&
                             line.find(marker->without_transaction) != std::string::npos) ||
                            is_goose_without;
    parts.push_back({.begin = begin,
                     .is_down = marker->is_down,
                     .transaction = is_without ? TransactionMode::none : TransactionMode::managed});
  }
  if (parts.size() > 1) is_migration_ = true;
  if (is_migration_) return parts;
  for (QueryName& each : query_names_in(text_))
    parts.push_back({.begin = each.begin, .query = std::move(each.name)});
  has_named_queries_ = parts.size() > 1;
  return parts;
}

void Script::add_section(const Part& part, std::size_t end) {
  const std::size_t begin = part.begin;
  Section section{.is_down = part.is_down, .transaction = part.transaction, .query = part.query};
  if (!section.query.empty()) {
    section.query_parts = query_parts_in(text_, begin, end);
    parsed_ = with_parts_in_place(std::move(parsed_), section.query_parts);
  }
  add_statements(section, begin, end);
  const std::string_view whole = text_;
  std::size_t from = begin;
  for (std::size_t i = 0; i < section.statements.size(); ++i) {
    Statement& each = section.statements[i];
    if (each.origin != Origin::text) continue;
    read_marks(whole, from, each.begin, each.ignores);
    // What stands behind a statement on its last line is its own, and not the next one's.
    from = std::min(whole.find('\n', each.end), end);
    const auto next = std::find_if(
        section.statements.begin() + static_cast<std::ptrdiff_t>(i) + 1, section.statements.end(),
        [](const Statement& other) { return other.origin == Origin::text; });
    from = std::min(from, next == section.statements.end() ? end : next->begin);
    read_marks(whole, each.begin, from, each.ignores);
  }
  read_directives(whole, begin, end, section);
  read_shadow_partitions(section);
  read_changes(section);
  if (!section.statements.empty()) sections_.push_back(std::move(section));
}

/// What of the text was not understood yet, and the statements that could not be.
struct Script::Reading {
  std::string sql;
  std::size_t begin = 0;
  std::vector<postgres::TextPiece> pieces = {};
  int mistakes = 0; ///< From kMistakesMax nothing is read.
};

void Script::add_statements(Section& section, std::size_t begin, std::size_t end) {
  Reading reading{.sql = (has_named_queries_ ? parsed_ : text_).substr(0, end), .begin = begin};
  postgres::TextCut cut = postgres::cut_up(std::string_view(reading.sql).substr(begin), begin);
  reading.pieces = std::move(cut.pieces);
  section.statements.reserve(reading.pieces.size());
  for (const postgres::TextPiece& stretch : cut.stretches) {
    if (read_up_to(stretch.end, section, reading)) continue;
    read_up_to(end, section, reading);
    break;
  }
  if (!std::ranges::is_sorted(section.statements, {}, &Statement::begin)) // Most often they are.
    std::ranges::sort(section.statements, {}, &Statement::begin);
  add_bodies(section);
}

/// False where it is not known whether a statement ends at `end`; what stood before that statement
/// was read.
bool Script::read_up_to(std::size_t end, Section& section, Reading& reading) {
  while (reading.mistakes < kMistakesMax) {
    const std::size_t begin = reading.begin;
    const std::string_view rest = std::string_view(reading.sql).substr(begin, end - begin);
    auto tree = postgres::Tree::parse(rest, begin);
    if (tree) {
      add_tree(section, *std::move(tree));
      reading.begin = end;
      return true;
    }
    const std::size_t place = begin + offset_of_where(rest, tree.error().where);
    // It may be none, in front of what follows; the parser would have another word for it at least.
    if (place >= end && end < reading.sql.size()) return false;
    auto& pieces = reading.pieces;
    if (pieces.empty()) pieces = postgres::pieces_of(rest, begin);
    const auto after = std::ranges::upper_bound(pieces, place, {}, &postgres::TextPiece::begin);
    reading.mistakes = after == pieces.begin() ? kMistakesMax : reading.mistakes + 1;
    if (after == pieces.begin()) break;
    const postgres::TextPiece piece = *std::prev(after);
    section.statements.push_back({.root = {},
                                  .begin = piece.begin,
                                  .end = piece.end,
                                  .problem = tree.error().what,
                                  .problem_offset = std::min(place, piece.end)});
    // What stands before the mistake was understood: it need not be read with each that follows.
    const bool is_behind = piece.begin >= begin;
    auto before = postgres::Tree::parse(
        rest.substr(0, is_behind ? piece.begin - begin : std::string_view::npos), begin);
    if (is_behind && before) {
      add_tree(section, *std::move(before));
      reading.begin = piece.end;
    } else { // It becomes blanks, and the rest is read again.
      std::fill(reading.sql.begin() + static_cast<std::ptrdiff_t>(piece.begin),
                reading.sql.begin() + static_cast<std::ptrdiff_t>(piece.end), ' ');
    }
  }
  return true;
}

void Script::add_tree(Section& section, postgres::Tree tree) {
  for (const postgres::TreeStatement& each : tree.statements())
    section.statements.push_back({.root = each.root, .begin = each.begin, .end = each.end});
  trees_.push_back(std::move(tree));
}

/// What blocks and functions hold follows them, as statements of its own.
void Script::add_bodies(Section& section) {
  std::vector<Statement> all;
  all.reserve(section.statements.size() * 2);
  for (Statement& outer : section.statements) {
    all.push_back(std::move(outer));
    const postgres::Node root = all.back().root;
    if (!root.is("DoStmt") && !root.is("CreateFunctionStmt")) continue;
    const std::size_t begin = all.back().begin;
    const std::size_t end = all.back().end;
    const Body body = body_of(root, text_, begin, end);
    const Statement frame{
        .begin = begin, .end = end, .origin = body.runs_now ? Origin::block : Origin::function};
    if (!body.problem.empty()) {
      Statement unread = frame;
      unread.is_opaque = true;
      unread.problem = body.problem;
      unread.problem_offset = frame.begin;
      all.push_back(std::move(unread));
    }
    for (const BodyPart& part : body.parts) {
      auto tree = postgres::Tree::parse(part.sql, part.offset);
      if (part.is_opaque || !tree) {
        Statement unread = frame;
        unread.is_opaque = true;
        unread.problem = part.is_opaque ? "is made at run time" : tree.error().what;
        unread.problem_offset = part.offset;
        all.push_back(std::move(unread));
        continue;
      }
      for (const postgres::TreeStatement& each : tree->statements()) {
        Statement inner = frame;
        inner.root = each.root;
        inner.begin = std::min(each.begin, text_.size());
        inner.end = std::clamp(each.end, inner.begin, text_.size());
        all.push_back(std::move(inner));
      }
      trees_.push_back(*std::move(tree));
    }
  }
  section.statements = std::move(all);
}

} // namespace pgkeep::lint
