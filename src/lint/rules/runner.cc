// What a file tells pgkeep's runner, where it would not be heard.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "lint/directives.h"
#include "lint/families.h"
#include "lint/rules/places.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using findings::Area;
using findings::Severity;

std::vector<std::string_view> known_names() {
  std::vector<std::string_view> names;
  for (const KnownDirective& each : known_directives())
    names.push_back(each.name);
  return names;
}

const KnownDirective* known(const Directive& directive) {
  const auto all = known_directives();
  const auto found = std::ranges::find(all, directive.name, &KnownDirective::name);
  return found == all.end() ? nullptr : &*found;
}

void say_unknown(const Directive& directive, TextSink& out) {
  if (known(directive) != nullptr) return;
  const std::vector<std::string_view> names = known_names();
  const auto near = base::nearest(directive.name, names);
  const std::string name = base::printable(directive.name);
  out.add(directive.offset,
          {.object = fmt::format("pgkeep:{}", name),
           .message = near ? fmt::format("pgkeep:{} is not known and does nothing: perhaps "
                                         "pgkeep:{} is meant",
                                         name, *near)
                           : fmt::format("pgkeep:{} is not known and does nothing", name),
           .evidence = Json{{"directive", directive.name}, {"nearest", near.value_or("")}},
           .fix = by_hand(fmt::format("Which one is meant is for the author to say. pgkeep knows "
                                      "{}.",
                                      enumerate({names.begin(), names.end()})))});
}

void unknown_directive(const Context& context, TextSink& out) {
  for (const Statement& statement : context.section.statements) {
    for (const Directive& each : statement.directives)
      say_unknown(each, out);
  }
  for (const Directive& each : context.section.stray_directives)
    say_unknown(each, out);
}

void say_misplaced(const Directive& directive, std::string message, TextSink& out) {
  out.add(directive.offset,
          {.object = fmt::format("pgkeep:{}", directive.name),
           .message = std::move(message),
           .evidence = Json{{"directive", directive.name}},
           .fix = by_hand("Which statement is meant is for the author to say: write it on a line "
                          "of its own directly above that statement.")});
}

/// Of directives about the statement below; empty for those that are about more.
std::string_view wanted_below(DirectiveTarget target) {
  switch (target) {
  case DirectiveTarget::rows:
    return "UPDATE or DELETE";
  case DirectiveTarget::any_table:
    return "ALTER TABLE or CREATE TABLE ... PARTITION BY";
  case DirectiveTarget::anything:
    return {};
  }
  return {};
}

bool is_heeded(const Statement& statement, DirectiveTarget target) {
  return target == DirectiveTarget::rows ? statement.is_batched() : statement.is_shadowed();
}

void misplaced_directive(const Subject& subject, TextSink& out) {
  const Statement& statement = subject.statement;
  for (const Directive& each : statement.directives) {
    const KnownDirective* const row = known(each);
    if (row == nullptr || wanted_below(row->target).empty()) continue;
    if (!is_heeded(statement, row->target)) {
      say_misplaced(each,
                    fmt::format("pgkeep:{} is for {}: above another statement it does nothing",
                                each.name, wanted_below(row->target)),
                    out);
    } else if (subject.context.was_begun) {
      say_misplaced(each,
                    fmt::format("pgkeep:{} needs transactions of its own, and BEGIN on line {} is "
                                "still open",
                                each.name,
                                subject.context.script.place_of(subject.context.begin_offset).line),
                    out);
    }
  }
}

/// Behind a statement, or below the last: it acts on none.
void stray_directive(const Context& context, TextSink& out) {
  for (const Directive& each : context.section.stray_directives) {
    const KnownDirective* const row = known(each);
    if (row == nullptr) continue;
    const std::string_view wanted = wanted_below(row->target);
    if (!wanted.empty()) {
      say_misplaced(each,
                    fmt::format("pgkeep:{} stands above no statement, and does nothing: it is for "
                                "the {} below it",
                                each.name, wanted),
                    out);
    } else if (row->name == "step" && !each.is_in_place) {
      say_misplaced(each, "pgkeep:step is only heeded on a line of its own", out);
    }
  }
}

constexpr TextRule kRunnerRules[] = {
    {.card = {.id = "unknown-directive",
              .title = "Directive that pgkeep does not know",
              .why = "A slip of the pen runs as one statement what was meant to run in batches.",
              .how = "Write one of the names that pgkeep knows.",
              .source = "pgkeep, docs/lint.md",
              .severity = Severity::warning,
              .area = Area::transactions},
     .section = unknown_directive,
     .judges_down = true},
    {.card = {.id = "misplaced-directive",
              .title = "Directive that acts on nothing where it stands",
              .why = "The statement runs as if it were not there: in one piece, under its lock.",
              .how = "Put it on a line of its own, directly above its statement.",
              .source = "pgkeep, docs/lint.md",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = misplaced_directive,
     .section = stray_directive,
     .judges_down = true},
};

} // namespace

const std::span<const TextRule> runner_rules{kRunnerRules};

} // namespace pgkeep::lint
