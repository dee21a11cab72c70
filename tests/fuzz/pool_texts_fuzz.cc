// Texts that people and programs give the pooler beside its ini: commands of the console, requests
// for the metrics, [pool] of pgkeep.toml, words of auth_ldap_options. The first byte chooses.
#include <map>

#include "base/result.h"
#include "base/text.h"
#include "fuzz/fuzz.h"
#include "pool/configuration.h"
#include "pool/console_command.h"
#include "pool/ldap_auth.h"
#include "pool/metrics.h"
#include "pool/toml.h"

namespace {

using pgkeep::fuzz::must;
namespace base = pgkeep::base;
namespace pool = pgkeep::pool;
using Kind = pool::ConsoleCommand::Kind;

std::string in_quotes(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text)
    out.append(c == quote ? 2 : 1, c);
  return out + quote;
}

void read_command(std::string_view text) {
  const pool::ConsoleCommand first = pool::console_command_of(text);
  std::string again;
  switch (first.kind) {
  case Kind::command:
    must(first.name == base::to_lower(first.name), "names of commands are in lower case");
    again = in_quotes(first.name, '"') + " " + in_quotes(first.argument, '"') + ";";
    break;
  case Kind::set:
    again = "SET " + in_quotes(first.name, '"') + " = " + in_quotes(first.argument, '\'');
    break;
  default:
    must(first.name.empty() && first.argument.empty(), "what is refused says nothing");
    return;
  }
  const pool::ConsoleCommand second = pool::console_command_of(again);
  must(second.kind == first.kind && second.name == first.name && second.argument == first.argument,
       "a command is read as it is written");
}

void read_http(std::string_view text) {
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const pool::MetricsWish wish = pool::metrics_wish_of(text.substr(0, size));
    if (!wish.is_whole) {
      must(size < pool::MetricsServer::kRequestBytesMax, "no wait behind the limit");
      must(!wish.is_metrics && wish.refusal.empty(), "no answer to a part");
      continue;
    }
    must(wish.is_metrics == wish.refusal.empty(), "metrics or a refusal");
    return;
  }
}

/// What each is, by its name: toml has no order.
std::map<std::string, std::string> entries_of(const pool::Configuration& all) {
  std::map<std::string, std::string> found;
  for (const pool::DatabaseDefinition& each : all.databases)
    found["database " + each.name] = fmt::format("{} {} {} {} {}", each.dbname, each.hosts.size(),
                                                 each.port, each.user, each.connect_query);
  for (const pool::UserDefinition& each : all.users)
    found["user " + each.name] = fmt::format("{}", each.own.pool_size.value_or(-1));
  for (const pool::PeerDefinition& each : all.peers)
    found[fmt::format("peer {}", each.id)] = fmt::format("{} {}", each.host, each.port);
  for (const pool::SettingRow& row : pool::setting_rows()) {
    if (row.name != "conffile") found[std::string(row.name)] = pool::shown(all.settings, row);
  }
  return found;
}

void read_toml(std::string_view text) {
  const auto read = pool::configuration_in_toml(text, "pgkeep.toml");
  must(read || read.error().where.starts_with("pgkeep.toml"), "an error with its place");
}

void convert(const std::string& text) {
  const auto read = [&](const std::string&) -> base::Result<std::string> { return text; };
  const auto ini = pool::read_configuration("x", read);
  const auto toml = pool::toml_of_ini("x", read);
  must(ini || !toml, "what is wrong cannot be converted");
  if (!toml) return must(!toml.error().where.empty(), "an error with its place");
  const auto same = pool::configuration_in_toml(*toml, "pgkeep.toml");
  must(same && entries_of(*ini) == entries_of(*same), "what was converted says the same");
}

void read_ldap(std::string_view text) {
  const auto words = pool::ldap_words_in(text);
  if (!words) return must(!words.error().what.empty(), "an error that says something");
  const auto options = pool::ldap_options_of(*words);
  must(options || !options.error().what.empty(), "an error that says something");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = pgkeep::fuzz::text_of(data, size).substr(1);
  switch (data[0] % 5) {
  case 0:
    read_command(text);
    break;
  case 1:
    read_http(text);
    break;
  case 2:
    read_toml(text);
    break;
  case 3:
    convert(std::string(text));
    break;
  default:
    read_ldap(text);
    break;
  }
  return 0;
}
