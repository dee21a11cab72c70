/// The generated passwords of one stack: DIRECTORY/secrets/<role>.password and a libpq passfile,
/// all 0600, never printed.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "roles/service_roles.h"
#include "stack/layout.h"

namespace pgkeep::stack {

struct Passwords {
  std::vector<roles::RolePassword> all;
  bool made_any = false; ///< Some were missing: the roles must be told.
};
/// Reads each role's password, or makes it. Files of others' making are taken as they are.
base::Result<Passwords> ensure_passwords(const Layout& layout);
/// libpq's passfile for these ports, over TCP and over the socket. Source: PostgreSQL manual,
/// libpq-pgpass.
base::Result<> write_passfile(const Layout& layout, const Passwords& passwords,
                              const std::vector<int>& ports);

} // namespace pgkeep::stack
