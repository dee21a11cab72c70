#include <clocale>
#include <fmt/format.h>
#include <locale.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <system_error>

#include "base/secret.h"
#include "base/text.h"
#include "postgres/cluster.h"

namespace pgkeep::postgres {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kInitLimit{120'000};

base::Error system_failed(std::string what, const fs::path& where) {
  return {.code = base::Code::io,
          .what = fmt::format("{}: {}", what, std::generic_category().message(errno)),
          .where = where.string()};
}

/// A file with the password, in a folder of ours, both gone with this object. The folder belongs to
/// us, not to the server's account: that account can read the file by its name, but it cannot put
/// something else in its place while we write.
class PasswordFile {
public:
  PasswordFile() = default;
  PasswordFile(const PasswordFile&) = delete;
  PasswordFile& operator=(const PasswordFile&) = delete;
  ~PasswordFile() {
    if (folder_.empty()) return;
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  base::Result<> create(const std::string& password, const std::optional<base::Account>& owner) {
    std::string pattern = "/tmp/pgkeep-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr)
      return system_failed("cannot create a temporary folder", pattern);
    folder_ = pattern;
    if (owner && ::chmod(folder_.c_str(), 0711) != 0)
      return system_failed("cannot set the mode", folder_);
    return base::write_file_durably(path(), password + "\n", {.mode = 0600, .owner = owner});
  }
  [[nodiscard]] fs::path path() const { return folder_ / "password"; }

private:
  fs::path folder_;
};

/// initdb runs with the same C library as we do, so what newlocale() finds it finds as well.
std::string cluster_locale() {
  const locale_t found = ::newlocale(LC_ALL_MASK, "C.UTF-8", nullptr);
  if (found == nullptr) return "C";
  ::freelocale(found);
  return "C.UTF-8";
}

base::Result<> check_options(const InitOptions& options) {
  const auto& password = options.superuser_password;
  if (password && (password->empty() ||
                   password->find_first_of(std::string_view("\n\r\0", 3)) != std::string::npos)) {
    return base::Error{.code = base::Code::usage,
                       .what = "the password of the superuser is empty or has a line break",
                       .expected = "one line"};
  }
  std::error_code error;
  if (fs::exists(options.data, error) &&
      (!fs::is_directory(options.data, error) || !fs::is_empty(options.data, error) || error)) {
    PGKEEP_TRY(const std::optional<int> major, data_major_version(options.data));
    return base::Error{
        .code = base::Code::io,
        .what = major ? fmt::format("the folder holds a cluster of PostgreSQL {} already", *major)
                      : "the folder for the new cluster is not empty",
        .where = options.data.string(),
        .expected = "an empty folder, or a path where nothing is"};
  }
  if (options.run_as && !base::can_traverse(options.data, *options.run_as)) {
    return base::Error{
        .code = base::Code::io,
        .what = fmt::format("the account {} cannot get to this folder", options.run_as->name),
        .where = options.data.string(),
        .hint = "Choose a folder below one that everybody may pass through, such as /var/lib."};
  }
  return {};
}

std::vector<std::string> arguments(const InitOptions& options, const PasswordFile& password) {
  std::vector<std::string> argv = {(options.binaries.bin / "initdb").string(),
                                   "--pgdata=" + options.data.string(),
                                   "--username=" + options.superuser,
                                   "--data-checksums",
                                   "--encoding=UTF8",
                                   "--locale=" + cluster_locale(),
                                   "--auth-local=peer",
                                   "--auth-host=scram-sha-256",
                                   "--no-instructions"};
  if (options.superuser_password) argv.push_back("--pwfile=" + password.path().string());
  if (!options.sync) argv.emplace_back("--no-sync");
  argv.insert(argv.end(), options.extra_arguments.begin(), options.extra_arguments.end());
  return argv;
}

/// The last words of initdb's stderr; it also says there that it cleaned up, which is of no
/// interest.
std::string complaint_of(const base::ProcessOutput& output) {
  std::vector<std::string> lines;
  for (const std::string& line : base::split(output.err.empty() ? output.out : output.err, '\n')) {
    const std::string_view text = base::trim(line);
    if (!text.empty() && !text.starts_with("initdb: removing")) lines.emplace_back(text);
  }
  constexpr std::size_t lines_max = 3;
  if (lines.size() > lines_max) lines.erase(lines.begin(), lines.end() - std::ptrdiff_t{lines_max});
  return lines.empty() ? fmt::format("exit status {}", output.exit_status)
                       : base::join(lines, " | ");
}

} // namespace

base::Result<> init_cluster(const InitOptions& options) {
  PGKEEP_CHECK(check_options(options));
  std::error_code error;
  const bool is_new = !fs::exists(options.data, error);
  // The folder above may be one in which the server's account cannot create anything.
  if (is_new)
    PGKEEP_CHECK(base::make_directory(options.data, {.mode = 0700, .owner = options.run_as}));
  PasswordFile password;
  if (options.superuser_password)
    PGKEEP_CHECK(password.create(*options.superuser_password, options.run_as));

  auto output = base::run_process(
      {.argv = arguments(options, password), .run_as = options.run_as, .time_limit = kInitLimit});
  if (output && output->exit_status == 0) return {};
  // initdb empties the folder when it fails, unless it was killed.
  if (is_new) fs::remove(options.data, error);
  std::string left;
  if (fs::exists(options.data, error) && !fs::is_empty(options.data, error)) {
    left = fmt::format("{} holds an unfinished cluster: remove it before the next try",
                       options.data.string());
  }
  if (!output)
    return base::with_left(base::with_where(std::move(output).error(), options.data.string()),
                           left);
  return base::Error{.code = base::Code::io,
                     .what = "initdb failed: " + complaint_of(*output),
                     .where = options.data.string(),
                     .left = left};
}

base::Result<std::optional<int>> data_major_version(const std::filesystem::path& data) {
  const fs::path path = data / "PG_VERSION";
  PGKEEP_TRY(const std::optional<std::string> text,
             base::read_file_if_exists(path, base::Bytes{64}));
  if (!text) return std::nullopt;
  const std::string_view trimmed = base::trim(*text);
  int major = 0;
  const auto [stop, error] =
      std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(), major);
  const bool is_whole = stop == trimmed.data() + trimmed.size() ||
                        *stop == '.'; // "9.6" is of the major version 9 here.
  if (error != std::errc{} || !is_whole || major < 1) {
    return base::Error{.code = base::Code::corrupt,
                       .what = "the file holds no version",
                       .where = path.string(),
                       .expected = "a number such as 15"};
  }
  return major;
}

} // namespace pgkeep::postgres
