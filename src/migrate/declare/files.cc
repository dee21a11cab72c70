#include "migrate/declare/files.h"

#include <map>

#include <fmt/format.h>

#include "base/text.h"

namespace pgkeep::migrate::declaring {
namespace {

constexpr std::size_t kCommentColumns = 97;

std::string comment_of(std::string_view text) {
  std::string out;
  for (const std::string& line : base::wrap(text, kCommentColumns))
    out += "-- " + line + "\n";
  return out;
}

/// A file as it grows. Each table that is in use is locked in a transaction of its own, so that
/// nobody waits for what is done to another; but none ends between what goes and its return.
class FileWriter {
public:
  explicit FileWriter(const std::string& head) { writer_.gap(head); }

  void add_statement(const std::string& text, const std::string& above, const std::string& table) {
    add({{.text = text}}, above, table, false);
  }
  void add_actions(const Actions& actions, bool is_down) {
    const std::vector<bool> is_inside = spans_of(actions);
    for (std::size_t i = 0; i < actions.size(); ++i)
      add(actions[i].pieces, above_of(actions[i], is_down), actions[i].table, is_inside[i]);
  }
  [[nodiscard]] const std::string& text() const { return writer_.text(); }

private:
  /// Whether the one before and this one are between something that goes and its return.
  static std::vector<bool> spans_of(const Actions& actions) {
    std::map<std::string, std::size_t> returns;
    for (std::size_t i = 0; i < actions.size(); ++i) {
      if (!actions[i].comes.empty()) returns[actions[i].comes] = i;
    }
    std::vector<bool> is_inside(actions.size(), false);
    for (std::size_t i = 0; i < actions.size(); ++i) {
      const auto back = returns.find(actions[i].leaves);
      if (actions[i].leaves.empty() || back == returns.end()) continue;
      for (std::size_t k = i + 1; k <= back->second; ++k)
        is_inside[k] = true;
    }
    return is_inside;
  }

  static std::string above_of(const Action& action, bool is_down) {
    std::string above;
    if (!action.comment.empty()) above = comment_of(action.comment);
    if (!action.ignore.empty()) above += fmt::format("-- pgkeep:ignore {}\n", action.ignore);
    if (is_down && !action.loses.empty())
      above = fmt::format("-- pgkeep:loses {}: what was written there since\n", action.loses);
    return above;
  }

  void add(const Pieces& pieces, std::string above, const std::string& table, bool is_inside) {
    if (!is_inside && table != table_ && !is_first_) writer_.before(Place::own);
    table_ = table;
    const bool is_long = pieces.front().text.find('\n') != std::string::npos;
    if (!is_first_ && (!above.empty() || is_long)) above.insert(0, "\n");
    is_first_ = false;
    for (const Piece& each : pieces) {
      writer_.before(each.place);
      writer_.pieces({{.text = above + each.text, .place = each.place}}, false);
      if (!writer_.text().ends_with('\n')) writer_.gap("\n");
      above.clear();
    }
  }

  rewriting::Writer writer_ = {};
  std::string table_ = {}; ///< That the transaction at hand has locked.
  bool is_first_ = true;
};

/// What the server refused stays readable, and does not run.
void add_failure(const Trial::Failure& failure, std::string& out) {
  out += comment_of("It could not be run here, so it is yours to finish: " +
                    base::printable(failure.why));
  for (const Piece& each : failure.action.pieces) {
    for (const std::string& line : base::split(each.text, '\n'))
      out += "--   " + line + "\n";
  }
}

std::vector<std::string> losses_of(const Actions& actions) {
  std::vector<std::string> losses;
  for (const Action& each : actions) {
    if (!each.loses.empty()) losses.push_back(each.loses);
  }
  return losses;
}

std::string remarks(const Written& written) {
  std::string out;
  for (const Trial::Failure& each : written.failures)
    add_failure(each, out);
  for (const std::string& each : written.refused)
    out += comment_of("Not done here: " + each + ".");
  return out;
}

} // namespace

std::string up_file(const Written& up, const std::string& wanted,
                    const std::vector<std::string>& questions) {
  std::string head = comment_of(fmt::format(
      "Why this is needed, for whoever reads it in two years. Written by `pgkeep migrate new "
      "--schema`: what leads from the files before this one to {}.",
      base::printable(wanted)));
  for (const std::string& each : questions)
    head += comment_of(each + ".");
  head += "\n";
  FileWriter file(head);
  for (const Rename& rename : up.renames) {
    std::string above;
    if (rename.is_guessed)
      above = comment_of(
          fmt::format("Read as a rename of {}; if it is not, say --no-renames.", rename.from));
    for (const std::string& sql : rename.up) {
      file.add_statement(sql, above, rename.table);
      above.clear();
    }
  }
  file.add_actions(up.actions, false);
  return file.text() + remarks(up);
}

std::string down_file(const Written& down, const std::string& up_name, const Written& up) {
  std::string head = fmt::format("-- The way back from {}.\n", up_name);
  if (const auto losses = losses_of(down.actions); !losses.empty())
    head += comment_of(
        fmt::format("It loses what was written since then to {}.", base::join(losses, ", ")));
  if (const auto losses = losses_of(up.actions); !losses.empty())
    head += comment_of(
        fmt::format("What the way up took away comes back empty: {}.", base::join(losses, ", ")));
  head += "\n";
  FileWriter file(head);
  file.add_actions(down.actions, true);
  for (auto rename = up.renames.rbegin(); rename != up.renames.rend(); ++rename) {
    for (const std::string& sql : rename->down)
      file.add_statement(sql, "", rename->table);
  }
  return file.text() + remarks(down);
}

} // namespace pgkeep::migrate::declaring
