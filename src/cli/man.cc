// Man pages in roff from the table. Source: man-pages(7), groff_man(7).
#include <fmt/format.h>

#include "base/text.h"
#include "cli/command.h"

namespace pgkeep::cli {
namespace {

/// A leading dot or quote would be a request; a plain hyphen would become a typographic one.
std::string roff(std::string_view text) {
  std::string out =
      base::replace_all(base::replace_all(std::string(text), "\\", "\\e"), "-", "\\-");
  if (out.starts_with('.') || out.starts_with('\'')) out.insert(0, "\\&");
  return base::replace_all(out, "\n", "\n.br\n");
}

std::string page_name(std::string_view command) {
  return base::replace_all(std::string(command), " ", "-");
}

} // namespace

std::string man_page(const Command& command) {
  const std::string name = "pgkeep-" + page_name(command.name);
  std::string text = fmt::format(".TH {} 1 \"\" \"pgkeep {}\" \"pgkeep\"\n.SH NAME\n{} \\- {}\n",
                                 base::replace_all(name, "-", "\\-"), PGKEEP_VERSION, roff(name),
                                 roff(command.summary));
  text += fmt::format(".SH SYNOPSIS\n.B pgkeep {}\n{} [options]\n", roff(command.name),
                      roff(command.words));
  if (!command.words_help.empty() || !command.details.empty()) text += ".SH DESCRIPTION\n";
  if (!command.words_help.empty()) text += roff(command.words_help) + "\n";
  if (!command.details.empty()) text += ".PP\n" + roff(command.details) + "\n";
  text += ".SH OPTIONS\n";
  for (const Flag& flag : command.flags) {
    text +=
        fmt::format(".TP\n.B {}\\-\\-{} {}\n{}{}\n",
                    flag.letter != '\0' ? fmt::format("\\-{}, ", flag.letter) : "", roff(flag.name),
                    roff(flag.value), roff(flag.help),
                    flag.fallback.empty() ? "" : fmt::format(" Default: {}.", roff(flag.fallback)));
  }
  text += fmt::format(".SH EXAMPLE\n.nf\n{}\n.fi\n", roff(command.example));
  text += ".SH EXIT STATUS\n0 done; 1 findings or a refusal at or above \\-\\-fail\\-on; 2 usage "
          "or configuration; 3 unreachable or refused; "
          "4 failed and nothing changed; 5 failed part\\-way; 130 interrupted.\n.SH SEE ALSO\n.BR "
          "pgkeep (1)\n";
  return text;
}

std::string man_overview() {
  std::string text =
      fmt::format(".TH PGKEEP 1 \"\" \"pgkeep {}\" \"pgkeep\"\n.SH NAME\npgkeep \\- a PostgreSQL "
                  "that an application team can trust in production\n"
                  ".SH SYNOPSIS\n.B pgkeep\nCOMMAND [TARGET] [options]\n.SH COMMANDS\n",
                  PGKEEP_VERSION);
  for (const Command* const command : all_commands()) {
    if (!command->is_hidden)
      text += fmt::format(".TP\n.BR pgkeep\\-{} (1)\n{}\n", roff(page_name(command->name)),
                          roff(command->summary));
  }
  return text;
}

} // namespace pgkeep::cli
