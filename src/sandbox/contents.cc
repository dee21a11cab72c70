// With --verbose pg_dump writes above each object
//
//   --
//   -- TOC entry 215 (class 1259 OID 16390)
//   -- Dependencies: 214
//   -- Name: p; Type: TABLE; Schema: public; Owner: -
//   --
//
// Line breaks in names are taken out there, so a heading is that many lines.
#include "sandbox/contents.h"

#include <array>

#include "base/text.h"
#include "sandbox/dump.h"

namespace pgkeep::sandbox {
namespace {

constexpr std::string_view kHeading = "\n--\n-- TOC entry ";
constexpr auto kDumpOptions = std::to_array<std::string_view>(
    {"--verbose", "--no-owner", "--no-subscriptions", "--no-security-labels", "--no-tablespaces"});

std::string between(std::string_view text, std::string_view from, std::string_view to) {
  const std::size_t begin = text.find(from);
  if (begin == std::string_view::npos) return {};
  const std::size_t end = text.find(to, begin + from.size());
  if (end == std::string_view::npos) return {};
  return std::string(text.substr(begin + from.size(), end - begin - from.size()));
}

std::uint32_t number_in(std::string_view text, std::string_view from, std::string_view to) {
  return static_cast<std::uint32_t>(base::integer_or(between(text, from, to), 0));
}

/// What pg_dump says to its own session between objects.
bool is_of_session(std::string_view sql) {
  return sql.starts_with("SET default_") || sql.starts_with("SET row_security");
}

Content content_of(std::string_view piece) {
  // The heading ends at the second line that is "--" alone.
  const std::size_t end = piece.find("\n--\n", 4);
  const std::string_view head = piece.substr(0, end);
  Content content{.type = between(head, "; Type: ", "; Schema: "),
                  .schema = between(head, "; Schema: ", "; Owner: "),
                  .name = between(head, "\n-- Name: ", "; Type: "),
                  .class_id = number_in(head, "(class ", " "),
                  .oid = number_in(head, " OID ", ")")};
  if (content.schema == "-") content.schema.clear();
  if (end == std::string_view::npos) return content;
  std::string_view body = piece.substr(end + 4);
  // Behind the last object stands when pg_dump was ready.
  if (const std::size_t last = body.rfind("\n-- Completed on "); last != std::string_view::npos)
    body = body.substr(0, last);
  for (std::string& sql : statements_of_dump(body)) {
    std::string_view trimmed = base::trim(sql);
    while (trimmed.ends_with(';'))
      trimmed = base::trim(trimmed.substr(0, trimmed.size() - 1));
    if (!trimmed.empty() && !is_of_session(trimmed)) content.statements.emplace_back(trimmed);
  }
  return content;
}

} // namespace

std::vector<Content> contents_of_dump(std::string_view dump) {
  std::vector<Content> contents;
  std::size_t begin = dump.find(kHeading);
  while (begin != std::string_view::npos) {
    const std::size_t next = dump.find(kHeading, begin + 1);
    contents.push_back(content_of(dump.substr(begin, next - begin)));
    begin = next;
  }
  return contents;
}

base::Result<std::vector<Content>> read_contents(const Sandbox& server,
                                                 const std::string& database) {
  PGKEEP_TRY(const postgres::Connection connection, server.connect(database));
  PGKEEP_TRY(const std::string dump, dump_schema(server.conninfo(database), connection,
                                                 server.binaries().bin, kDumpOptions));
  return contents_of_dump(dump);
}

} // namespace pgkeep::sandbox
