#include "pool/pam_auth.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <span>

#include <fmt/format.h>

#ifdef PGKEEP_HAS_PAM
#include <security/pam_appl.h>
#endif

namespace pgkeep::pool {

#ifndef PGKEEP_HAS_PAM

bool has_pam() noexcept {
  return false;
}

base::Result<> fits_pam(const std::string& /*user*/, const base::Secret& /*password*/,
                        const std::string& /*address*/) {
  return base::Error{.code = base::Code::unsupported, .what = "built without PAM"};
}

#else

namespace {

constexpr const char* kService = "pgbouncer";

struct Free {
  void operator()(void* memory) const noexcept { std::free(memory); } // NOLINT(*-no-malloc)
};

/// Every hidden question is taken for that of the password. What is returned is the library's to
/// free, which does so with free().
int answer(int count, const pam_message** questions, pam_response** out, void* data) {
  if (count < 1 || count > PAM_MAX_NUM_MSG) return PAM_CONV_ERR;
  const auto size = static_cast<std::size_t>(count);
  std::unique_ptr<pam_response, Free> owner(
      static_cast<pam_response*>(std::calloc(size, sizeof(pam_response))));
  if (!owner) return PAM_BUF_ERR;
  const std::span<pam_response> answers(owner.get(), size);
  for (std::size_t i = 0; i < size; ++i) {
    if (questions[i]->msg_style != PAM_PROMPT_ECHO_OFF) continue;
    answers[i].resp = ::strdup(static_cast<const char*>(data));
    if (answers[i].resp != nullptr) continue;
    for (const pam_response& each : answers)
      std::free(each.resp);
    return PAM_BUF_ERR;
  }
  *out = owner.release();
  return PAM_SUCCESS;
}

} // namespace

bool has_pam() noexcept {
  return true;
}

base::Result<> fits_pam(const std::string& user, const base::Secret& password,
                        const std::string& address) {
  static std::mutex mutex; // guards the modules' own state
  const std::lock_guard lock(mutex);
  const pam_conv conversation{.conv = answer,
                              .appdata_ptr = const_cast<char*>(password.reveal().c_str())};
  pam_handle_t* handle = nullptr;
  int code = ::pam_start(kService, user.c_str(), &conversation, &handle);
  std::string_view step = "pam_start()";
  if (code == PAM_SUCCESS) {
    step = "pam_set_item()";
    code = ::pam_set_item(handle, PAM_RHOST, address.c_str());
  }
  if (code == PAM_SUCCESS) {
    step = "pam_authenticate()";
    code = ::pam_authenticate(handle, PAM_SILENT);
  }
  if (code == PAM_SUCCESS) {
    step = "pam_acct_mgmt()"; // It may have expired, or not be allowed at this hour.
    code = ::pam_acct_mgmt(handle, PAM_SILENT);
  }
  std::string problem;
  if (code != PAM_SUCCESS)
    problem = fmt::format("{} failed: {}", step, ::pam_strerror(handle, code));
  if (handle != nullptr) ::pam_end(handle, code);
  if (code == PAM_SUCCESS) return {};
  return base::Error{.code = base::Code::refused, .what = std::move(problem)};
}

#endif

} // namespace pgkeep::pool
