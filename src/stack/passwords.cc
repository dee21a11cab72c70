#include "stack/passwords.h"

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"

namespace pgkeep::stack {

base::Result<Passwords> ensure_passwords(const Layout& layout) {
  Passwords passwords;
  for (const roles::ServiceRole& role : roles::service_roles()) {
    if (role.connection_limit == 0) continue;
    const std::filesystem::path path = layout.secrets() / fmt::format("{}.password", role.name);
    PGKEEP_TRY(const std::optional<std::string> text, base::read_file_if_exists(path));
    base::Secret secret(text ? std::string(base::trim(*text)) : "");
    if (secret.empty()) {
      secret = base::Secret::random();
      PGKEEP_CHECK(base::write_file_durably(path, secret.reveal() + "\n", {.mode = 0600}));
      passwords.made_any = true;
    }
    passwords.all.push_back({.role = std::string(role.name), .password = std::move(secret)});
  }
  return passwords;
}

base::Result<> write_passfile(const Layout& layout, const Passwords& passwords,
                              const std::vector<int>& ports) {
  // A socket folder with a colon would need a backslash (manual, libpq-pgpass).
  const std::string sockets = base::replace_all(layout.sockets.string(), ":", "\\:");
  std::string text = "# host:port:database:user:password; made by `pgkeep up`\n";
  for (const roles::RolePassword& entry : passwords.all) {
    for (const int port : ports) {
      for (const std::string& host : {std::string("localhost"), std::string("127.0.0.1"), sockets})
        text += fmt::format("{}:{}:*:{}:{}\n", host, port, entry.role, entry.password.reveal());
    }
  }
  return base::write_file_durably(layout.passfile(), text, {.mode = 0600});
}

} // namespace pgkeep::stack
