// The part of PreparedPipeline that is about the unnamed statement. In the usual case, Parse and
// Bind in one batch, it copies the text into a buffer of the pipeline and notes a number; nothing
// more.
#include "wire/bytes.h"
#include "wire/prepared.h"

namespace pgkeep::wire {
namespace {

/// So much room is kept for the texts of those who come.
constexpr std::size_t kUnnamedRoom = 65'536;
constexpr char kCloseStatement = 'S'; ///< Not a portal.

} // namespace

/// `rest`: of the body, behind the name.
PreparedPipeline::Outcome PreparedPipeline::parse_unnamed(std::uint32_t length,
                                                          std::string_view rest,
                                                          ClientStatements& client,
                                                          ServerStatements& server) {
  const UnnamedMark mark = client.next_unnamed(table_);
  LastUnnamed& last = last_unnamed_;
  last.mark = mark;
  last.batch = batch_;
  last.is_bound = last.is_kept = false;
  last.is_whole =
      rest.size() + sizeof(char) + sizeof(length) == length && rest.size() <= kUnnamedBytesMax;
  if (last.parse.capacity() > kUnnamedRoom) last.parse = {};
  last.parse = last.is_whole ? rest : std::string_view{};
  expect_unnamed(Answer::unnamed, mark, &client, server);
  return {};
}

/// What is said next about the unnamed statement finds the client's, or none at all. Returns it
/// where its text is kept.
StatementPtr PreparedPipeline::make_unnamed_ready(ClientStatements& client,
                                                  ServerStatements& server,
                                                  std::string& to_server) {
  const UnnamedMark mark = client.unnamed();
  const bool is_last = mark != kNoUnnamed && last_unnamed_.mark == mark;
  if (is_last && last_unnamed_.batch == batch_ && server.has_unnamed(mark, batch_)) return nullptr;
  StatementPtr kept = client.kept_unnamed();
  if (kept == nullptr && is_last && last_unnamed_.is_whole) {
    kept = table_.intern(last_unnamed_.parse, client.settings());
    client.keep_unnamed(mark, kept);
  }
  if (server.has_unnamed(mark, batch_)) return kept;
  if (kept != nullptr) {
    MessageWriter(to_server, from_client::kParse).text("").bytes(kept->parse);
    ++prepares_;
    expect_unnamed(Answer::our_unnamed, mark, &client, server);
  } else {
    MessageWriter(to_server, from_client::kClose).byte(kCloseStatement).text("");
    expect_unnamed(Answer::our_close_unnamed, kNoUnnamed, &client, server);
  }
  return kept;
}

/// Its batch ends, and nobody has bound it: a later one may. It is kept once it is known to parse.
void PreparedPipeline::keep_unnamed(ClientStatements& client) {
  LastUnnamed& last = last_unnamed_;
  if (!last.is_whole || last.is_kept || last.mark == kNoUnnamed || client.kept_unnamed() != nullptr)
    return;
  last.is_kept = true; // Once: what else is said before it is answered is not looked through again.
  StatementPtr statement = table_.intern(last.parse, client.settings());
  for (std::size_t at = changes_.size(); at > 0; --at) {
    Change& each = changes_[at - 1];
    if (each.answer != Answer::unnamed || each.unnamed != last.mark) continue;
    text_bytes_ += statement->parse.size();
    each.statement = std::move(statement);
    return;
  }
  client.keep_unnamed(last.mark, std::move(statement));
}

void PreparedPipeline::expect_unnamed(Answer answer, UnnamedMark mark, ClientStatements* client,
                                      ServerStatements& server) {
  Change change{.answer = answer, .is_of_unnamed = true, .batch = batch_, .unnamed = mark};
  apply(change, client, server);
  expect(std::move(change));
}

} // namespace pgkeep::wire
