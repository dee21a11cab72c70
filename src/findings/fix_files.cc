#include "findings/fix_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>
#include <utility>

#include "base/files.h"
#include "base/text.h"
#include "findings/fix_plan.h"
#include "findings/fix_readme.h"

namespace pgkeep::findings {
namespace {

constexpr std::size_t kCommentColumns = 110;
constexpr std::size_t kSlugMax = 60;
constexpr std::size_t kObjectsInHead = 40;
constexpr std::string_view kLockTimeout = "5s";

// ---- Comments: a name from the database must not end the comment it stands in. ----

/// Comment lines, each opened by "-- "; what follows the first is indented under the label.
std::string comment(std::string_view label, std::string_view text) {
  std::string out;
  std::string start = fmt::format("-- {}", label);
  for (const std::string& line :
       base::wrap(base::printable(text), kCommentColumns - start.size())) {
    out += fmt::format("{}{}\n", start, line);
    start = "--" + std::string(label.size() + 1, ' ');
  }
  return out.empty() ? fmt::format("{}\n", base::trim(start)) : out;
}

std::string_view object_of(const Finding& finding) {
  return finding.object.empty() ? std::string_view("the server") : std::string_view(finding.object);
}

std::string evidence_line(const Finding& finding) {
  if (finding.evidence.as_object() == nullptr || finding.evidence.as_object()->empty()) return {};
  return base::ellipsize(base::printable(evidence_text("", finding.evidence)), 4 * kCommentColumns);
}

std::string why_comment(const Piece& piece) {
  if (piece.rule == nullptr) return comment("Why: ", piece.finding->rule);
  return comment("Why: ", fmt::format("{} ({}, {}).", piece.rule->title, piece.finding->rule,
                                      name_of(severity_of(*piece.finding, piece.rule)))) +
         comment("     ", piece.rule->why);
}

std::string found_comments(const Batch& batch, std::size_t from, std::size_t to) {
  std::string out;
  for (std::size_t i = from; i < std::min(to, from + kObjectsInHead); ++i) {
    const Finding& finding = *batch.pieces[i].finding;
    out += comment("Found: ", fmt::format("{}: {}", object_of(finding), finding.message));
    if (const std::string evidence = evidence_line(finding); !evidence.empty())
      out += comment("       ", evidence);
    if (!fix_of(finding).note.empty()) out += comment("Know:  ", fix_of(finding).note);
  }
  if (to - from > kObjectsInHead)
    out += comment("Found: ", fmt::format("and {} more", to - from - kObjectsInHead));
  return out;
}

std::string_view transaction_sentence(StatementKind kind) {
  switch (kind) {
  case StatementKind::alone:
    return "must not run inside a transaction block (psql -1 and BEGIN are refused).";
  case StatementKind::system_setting:
  case StatementKind::reload:
    return "must not run inside a transaction block; every statement can be repeated.";
  case StatementKind::validate:
    return "one of its own, after the file that added the constraint: the scan holds no lock that "
           "anybody waits for.";
  case StatementKind::transactional:
    return "may run inside one (psql -1).";
  }
  return "";
}

/// The comments that open a file: why, what was found, locks, transaction.
std::string head(const Batch& batch) {
  std::string out;
  std::size_t from = 0;
  while (from < batch.pieces.size()) {
    std::size_t to = from;
    while (to < batch.pieces.size() &&
           batch.pieces[to].finding->rule == batch.pieces[from].finding->rule)
      ++to;
    out += why_comment(batch.pieces[from]) + found_comments(batch, from, to);
    from = to;
  }
  out +=
      comment("Locks: ", fmt::format("{}. {}", name_of(batch.safety), sentence_of(batch.safety)));
  out += comment("Transaction: ", transaction_sentence(batch.kind));
  return out;
}

// ---- Statements ----

/// What the session must wait for, and for how long, so that a fix never makes the application
/// queue behind it.
std::string session_settings(const std::vector<std::string>& statements) {
  const bool has_long = std::ranges::any_of(statements, [](const std::string& sql) {
    const StatementKind kind = kind_of(sql);
    return kind == StatementKind::alone || kind == StatementKind::validate;
  });
  const bool has_alone = std::ranges::any_of(
      statements, [](const std::string& sql) { return kind_of(sql) == StatementKind::alone; });
  const bool has_locks = std::ranges::any_of(statements, takes_locks);
  if (!has_long && !has_locks) return {};
  // A CONCURRENTLY that times out leaves an invalid index behind; what takes a strong lock must
  // give up instead of making others queue.
  const std::string lock = has_alone ? "0" : fmt::format("'{}'", kLockTimeout);
  return fmt::format("SET lock_timeout = {};\nSET statement_timeout = 0;\n\n", lock);
}

/// Reloads once, at the end.
std::vector<std::string> with_one_reload(std::vector<std::string> statements) {
  const auto is_reload = [](const std::string& sql) {
    return kind_of(sql) == StatementKind::reload;
  };
  const auto found = std::ranges::find_if(statements, is_reload);
  if (found == statements.end()) return statements;
  std::string reload = *found;
  std::erase_if(statements, is_reload);
  statements.push_back(std::move(reload));
  return statements;
}

std::string body(const std::vector<std::string>& statements) {
  std::string out = session_settings(statements);
  for (const std::string& statement : statements)
    out += statement + ";\n";
  return out;
}

std::string up_text(const Batch& batch) {
  std::vector<std::string> statements;
  std::string out = head(batch);
  for (const Piece& piece : batch.pieces) {
    std::ranges::copy(piece.statements, std::back_inserter(statements));
    for (const std::string& left : piece.left_out) {
      out += comment("Left out: ", fmt::format("{} (for {}): an earlier statement sets the same",
                                               left, piece.finding->rule));
    }
  }
  if (batch.kind == StatementKind::alone && batch.phase == Phase::index_build) {
    out += comment("If it is interrupted: ",
                   "drop the invalid index that it left, and run this file again.");
  }
  return out + "\n" + body(with_one_reload(std::move(statements)));
}

/// "V007__x.down.sql" of "V007__x.sql".
std::string down_name(const std::string& name) {
  return name.substr(0, name.size() - std::string_view(".sql").size()) + ".down.sql";
}

/// Upper-case, empty where a piece has no statement.
std::string first_word(const Piece& piece) {
  if (piece.statements.empty()) return {};
  const std::vector<std::string> words = bare_words(piece.statements.front(), 1);
  return words.empty() ? std::string() : words.front();
}

/// Which file has the first part of each fix: its down file takes the whole fix back.
using FirstFiles = std::unordered_map<const Finding*, std::string>;

/// Why a piece adds no statement to the down file.
std::string no_undo_comment(const Piece& piece, const FirstFiles& first_files) {
  const std::string subject =
      fmt::format("{} ({})", object_of(*piece.finding), piece.finding->rule);
  if (piece.statements.empty()) return {};
  if (!piece.is_first) {
    const auto first = first_files.find(piece.finding);
    return comment(
        "Nothing to do here: ",
        fmt::format("{} takes all of the fix of {} back.",
                    first == first_files.end() ? "an earlier file" : down_name(first->second),
                    subject));
  }
  if (!fix_of(*piece.finding).undo.empty()) {
    return comment("Nothing to do here: ",
                   fmt::format("what takes back {} stands in another down file.", subject));
  }
  const std::string verb = first_word(piece);
  if (verb == "VACUUM" || verb == "ANALYZE" || verb == "REINDEX") {
    return comment(
        "No way back: ",
        fmt::format("{} changes neither schema nor rows, so there is nothing to take back.",
                    subject));
  }
  return comment(
      "No way back: ",
      fmt::format("what {} was before cannot be derived from the statement; a backup has it.",
                  subject));
}

std::string down_text(const Batch& batch, const std::string& name, const FirstFiles& first_files) {
  std::string out = comment("Takes back ", name + ".");
  std::vector<std::string> statements;
  for (auto piece = batch.pieces.rbegin(); piece != batch.pieces.rend(); ++piece) {
    if (piece->undo.empty()) out += no_undo_comment(*piece, first_files);
    std::ranges::copy(piece->undo, std::back_inserter(statements));
  }
  if (statements.empty()) return out;
  return out + "\n" + body(with_one_reload(std::move(statements)));
}

// ---- Names ----

/// "public.orders.customer_id" -> "orders_customer_id".
std::string slug(std::string_view text) {
  std::string out;
  for (const char c : base::to_lower(text)) {
    const bool keeps = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (keeps) {
      out.push_back(c);
    } else if (!out.empty() && out.back() != '_') {
      out.push_back('_');
    }
  }
  if (out.size() > kSlugMax) out.resize(kSlugMax);
  while (!out.empty() && out.back() == '_')
    out.pop_back();
  return out;
}

std::string object_slug(const Finding& finding) {
  std::string_view object = finding.object;
  if (object.starts_with("public.")) object.remove_prefix(7);
  return slug(object);
}

std::string verb_of(const Batch& batch) {
  const Piece& piece = batch.pieces.front();
  if (batch.kind == StatementKind::validate) return "validate";
  const std::string first = base::to_lower(first_word(piece));
  if (batch.phase == Phase::index_build && first == "create") return "index";
  if (batch.phase == Phase::index_build && first == "reindex") return "reindex";
  if (batch.phase == Phase::index_drop && first == "drop") return "drop";
  return slug(piece.finding->rule);
}

std::string what_of(const Batch& batch) {
  std::string prefix;
  if (batch.safety != Safety::online) prefix = slug(name_of(batch.safety)) + "_";
  if (batch.kind == StatementKind::system_setting && batch.pieces.size() > 1)
    return prefix + "alter_system_settings";
  if (batch.phase == Phase::maintenance && !batch.pieces.front().is_first &&
      first_word(batch.pieces.front()) == "ANALYZE")
    return "analyze_changed_tables";
  const bool is_one = batch.pieces.size() == 1;
  const std::string object = is_one ? object_slug(*batch.pieces.front().finding) : std::string();
  const std::string verb = is_one ? verb_of(batch) : slug(batch.pieces.front().finding->rule);
  std::string what =
      slug(object.empty() || verb.ends_with(object) ? prefix + verb : prefix + verb + "_" + object);
  return what.empty() ? "fix" : what;
}

std::vector<std::string> rules_of(const Batch& batch) {
  std::vector<std::string> rules;
  for (const Piece& piece : batch.pieces) {
    if (std::ranges::find(rules, piece.finding->rule) == rules.end())
      rules.push_back(piece.finding->rule);
  }
  return rules;
}

// ---- On disk ----

/// 12 of "V012__add_email.sql"; nothing for other names.
std::optional<int> number_of(std::string_view name) {
  if (!name.starts_with('V') || name.find("__") == std::string_view::npos) return std::nullopt;
  int number = 0;
  const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), number);
  if (error != std::errc{} || end == name.data() + 1) return std::nullopt;
  return number;
}

base::Result<int> last_number(const std::filesystem::path& directory) {
  std::error_code error;
  int last = 0;
  if (!std::filesystem::exists(directory, error) && !error) return last;
  auto entry = std::filesystem::directory_iterator(directory, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    last = std::max(last, number_of(entry->path().filename().string()).value_or(0));
  }
  if (error)
    return base::Error{
        .code = base::Code::io, .what = error.message(), .where = directory.string()};
  return last;
}

base::Result<> write_new(const std::filesystem::path& path, const std::string& content) {
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::symlink_status(path, error))) {
    return base::Error{.code = base::Code::io,
                       .what = "the file exists and is not overwritten",
                       .where = path.string(),
                       .hint = "Choose another folder."};
  }
  return base::write_file_durably(path, content);
}

/// README.md, or README_V012.md where an earlier run (or somebody else) wrote one.
std::string readme_name(const std::filesystem::path& directory, int last) {
  std::error_code error;
  std::string name = "README.md";
  for (int number = last + 1;
       std::filesystem::exists(std::filesystem::symlink_status(directory / name, error));
       ++number) {
    name = fmt::format("README_V{:03}.md", number);
  }
  return name;
}

} // namespace

std::vector<FixFile> plan_fix_files(const Report& report, int last) {
  std::vector<FixFile> files;
  FirstFiles first_files;
  for (const Batch& batch : plan_batches(report)) {
    FixFile file;
    file.name = fmt::format("V{:03}__{}.sql", ++last, what_of(batch));
    for (const Piece& piece : batch.pieces) {
      if (piece.is_first) first_files.try_emplace(piece.finding, file.name);
    }
    file.up = up_text(batch);
    file.down = down_text(batch, file.name, first_files);
    file.rules = rules_of(batch);
    files.push_back(std::move(file));
  }
  return files;
}

base::Result<std::vector<std::string>> write_fix_files(const Report& report,
                                                       const std::filesystem::path& directory) {
  PGKEEP_TRY(const int last, last_number(directory));
  const std::vector<FixFile> files = plan_fix_files(report, last);
  std::vector<std::pair<std::string, std::string>> contents;
  for (const FixFile& file : files) {
    contents.emplace_back(file.name, file.up);
    contents.emplace_back(down_name(file.name), file.down);
  }
  if (const std::string readme = fix_readme(report, files); !readme.empty()) {
    contents.emplace_back(readme_name(directory, last), readme);
  }
  std::vector<std::string> written;
  if (contents.empty()) return written;
  PGKEEP_CHECK(base::make_directory(directory));
  for (const auto& [name, content] : contents) {
    if (auto result = write_new(directory / name, content); !result) {
      const std::string left =
          written.empty() ? std::string() : "written so far: " + base::join(written, ", ");
      return base::with_left(std::move(result).error(), left);
    }
    written.push_back(name);
  }
  return written;
}

} // namespace pgkeep::findings
