#include "stack/layout.h"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <array>

#include "base/json.h"
#include "base/process.h"
#include "postgres/cluster.h"

namespace pgkeep::stack {
namespace {

constexpr std::string_view kFormat = "stack/1";
constexpr std::size_t kSocketPathBytesMax = 107;

/// Short and stable for a path: names folders outside DIRECTORY.
std::string id_of(const std::filesystem::path& directory) {
  const std::string text = directory.string();
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::string id;
  for (std::size_t i = 0; i < 6; ++i)
    id += fmt::format("{:02x}", digest[i]);
  return id;
}

std::filesystem::path socket_directory(const std::filesystem::path& home, const std::string& id) {
  std::filesystem::path wanted = home / "run";
  if ((wanted / ".s.PGSQL.65535.lock").string().size() <= kSocketPathBytesMax) return wanted;
  return std::filesystem::path(base::is_root() ? "/run" : "/tmp") / ("pgkeep-" + id);
}

std::string text_of(const base::Json& json, std::string_view name) {
  const base::Json* const member = json.find(name);
  const std::string* const text = member != nullptr ? member->as_string() : nullptr;
  return text != nullptr ? *text : "";
}

bool bool_of(const base::Json& json, std::string_view name) {
  const base::Json* const member = json.find(name);
  const bool* const value = member != nullptr ? member->as_bool() : nullptr;
  return value != nullptr && *value;
}

int int_of(const base::Json& json, std::string_view name) {
  const base::Json* const member = json.find(name);
  const std::int64_t* const number = member != nullptr ? member->as_int() : nullptr;
  return number != nullptr ? static_cast<int>(*number) : 0;
}

} // namespace

std::filesystem::path absolute_directory(const std::filesystem::path& directory) {
  std::error_code ignored;
  const std::filesystem::path absolute =
      std::filesystem::weakly_canonical(std::filesystem::absolute(directory, ignored), ignored);
  return absolute.has_filename() ? absolute : absolute.parent_path();
}

base::Result<std::optional<State>> read_state(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / "stack.json";
  PGKEEP_TRY(const std::optional<std::string> text, base::read_file_if_exists(path));
  if (!text) return std::optional<State>{};
  auto json = base::parse_json(*text);
  if (!json) {
    base::Error error = std::move(json).error();
    error.where = fmt::format("{}:{}", path.string(), error.where);
    return error;
  }
  if (text_of(*json, "pgkeep") != kFormat) {
    return base::Error{
        .code = base::Code::corrupt,
        .what = "not a stack description of this version",
        .where = path.string(),
        .expected = fmt::format("a file that `pgkeep up` wrote, with \"pgkeep\":\"{}\"", kFormat),
        .hint = "Name another folder with --dir, or use the pgkeep version that made this one."};
  }
  return std::optional<State>{State{.home = text_of(*json, "home"),
                                    .sockets = text_of(*json, "sockets"),
                                    .bin = text_of(*json, "bin"),
                                    .major = int_of(*json, "major"),
                                    .port = int_of(*json, "port"),
                                    .pool_port = int_of(*json, "pool_port"),
                                    .pooler_has_app_port = bool_of(*json, "pooler_has_app_port"),
                                    .is_demo = text_of(*json, "profile") == "demo",
                                    .provisioned_by = text_of(*json, "provisioned_by")}};
}

base::Result<> write_state(const Layout& layout, const State& state) {
  const base::Json json{{"pgkeep", kFormat},
                        {"profile", state.is_demo ? "demo" : "production"},
                        {"home", state.home.string()},
                        {"sockets", state.sockets.string()},
                        {"bin", state.bin.string()},
                        {"major", state.major},
                        {"port", state.port},
                        {"pool_port", state.pool_port},
                        {"pooler_has_app_port", state.pooler_has_app_port},
                        {"provisioned_by", state.provisioned_by}};
  return base::write_file_durably(layout.state_file(), json.dump(true) + "\n", {.mode = 0644});
}

base::Result<Layout> plan_layout(const std::filesystem::path& directory, bool is_demo) {
  Layout layout{.directory = absolute_directory(directory),
                .home = {},
                .sockets = {},
                .account = {},
                .is_demo = is_demo};
  PGKEEP_TRY(layout.account, postgres::server_account());
  const std::string id = id_of(layout.directory);
  const bool is_reachable =
      !layout.account || base::can_traverse(layout.directory, *layout.account);
  layout.home = is_reachable ? layout.directory : std::filesystem::path("/var/lib/pgkeep") / id;
  layout.sockets = socket_directory(layout.home, id);
  return layout;
}

base::Result<Layout> layout_of(const std::filesystem::path& directory, const State& state) {
  Layout layout{.directory = absolute_directory(directory),
                .home = state.home,
                .sockets = state.sockets,
                .account = {},
                .is_demo = state.is_demo};
  PGKEEP_TRY(layout.account, postgres::server_account());
  return layout;
}

} // namespace pgkeep::stack
