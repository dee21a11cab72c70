#include "migrate/declare/files.h"

#include <algorithm>

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

/// What stands above the first statement belongs to it.
void add_action(const Action& action, bool is_down, Pieces& out) {
  std::string above;
  if (!action.comment.empty()) above = comment_of(action.comment);
  if (!action.ignore.empty()) above += fmt::format("-- pgkeep:ignore {}\n", action.ignore);
  if (is_down && !action.loses.empty())
    above = fmt::format("-- pgkeep:loses {}: what was written there since\n", action.loses);
  const bool is_long = action.pieces.front().text.find('\n') != std::string::npos;
  if (!out.empty() && (!above.empty() || is_long)) above.insert(0, "\n");
  for (const Piece& each : action.pieces) {
    out.push_back({.text = above + each.text, .place = each.place});
    above.clear();
  }
}

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
  Pieces pieces;
  for (const Rename& rename : up.renames) {
    std::string above;
    if (rename.is_guessed)
      above = comment_of(
          fmt::format("Read as a rename of {}; if it is not, say --no-renames.", rename.from));
    if (!pieces.empty() && !above.empty()) above.insert(0, "\n");
    for (const std::string& sql : rename.up) {
      pieces.push_back({.text = above + sql});
      above.clear();
    }
  }
  for (const Action& each : up.actions)
    add_action(each, false, pieces);
  return rewriting::file_of(head, pieces) + remarks(up);
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
  Pieces pieces;
  for (const Action& each : down.actions)
    add_action(each, true, pieces);
  for (auto rename = up.renames.rbegin(); rename != up.renames.rend(); ++rename) {
    for (const std::string& sql : rename->down)
      pieces.push_back({.text = sql});
  }
  return rewriting::file_of(head, pieces) + remarks(down);
}

} // namespace pgkeep::migrate::declaring
