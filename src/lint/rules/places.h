/// Where things stand inside of a statement, and how findings name them.
///
/// Private to src/lint/rules. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "lint/text_rule.h"

namespace pgkeep::lint {

/// The first place at or after `from` where the word stands in the statement, as a word of its own
/// and whatever its case; the statement's beginning where it does not.
std::size_t offset_of_word(const LoneSubject& subject, std::string_view word, std::size_t from = 0);
/// Where the node begins; the statement's beginning where the parser does not say.
std::size_t place_of(const LoneSubject& subject, const postgres::Node& node);
/// Where the change names its column, constraint or trigger.
std::size_t offset_of_name(const LoneSubject& subject, const Change& change);
/// Whether the text has the word, as a word of its own and whatever its case.
bool has_word(std::string_view text, std::string_view word);
/// "orders.author_id", quoted where needed.
std::string object_of(const RelationName& relation, std::string_view part);
/// For what no statement can mend.
findings::Fix by_hand(std::string note, std::vector<std::string> sql = {});
/// "a", "a and b", "a, b and c".
std::string enumerate(const std::vector<std::string>& items);

/// Statements of the section before or after the one at hand, those of functions' bodies left out.
std::vector<postgres::Node> roots_before(const LoneSubject& subject);
std::vector<postgres::Node> roots_after(const LoneSubject& subject);
/// The same as statements.
std::vector<const Statement*> statements_before(const LoneSubject& subject);
std::vector<const Statement*> statements_after(const LoneSubject& subject);
/// The first of these; null where there is none.
const Statement* statement_after(const LoneSubject& subject);

/// The value of a text constant; empty for anything else.
std::string_view text_constant(const postgres::Node& node);

} // namespace pgkeep::lint
