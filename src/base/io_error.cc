#include "base/io_error.h"

#include <cerrno>
#include <system_error>

namespace pgkeep::base {

namespace {

std::string_view usual_hint(int error_number) {
  switch (error_number) {
  case ENOSPC:
    return "Free some space on this file system, then run the command again.";
  case EDQUOT:
    return "Raise the disk quota of this account or delete files, then run the command again.";
  case EROFS:
    return "The file system is mounted read-only: choose another folder or mount it writable.";
  case EACCES:
  case EPERM:
    return "Check the owner and the permissions of it and of the folders above it.";
  case EMFILE:
  case ENFILE:
    return "Raise the limit on open files (ulimit -n).";
  default:
    return "";
  }
}

} // namespace

std::string system_words(int error_number) {
  std::string words = std::generic_category().message(error_number);
  // "I/O error" and the like keep their capitals.
  const bool is_word =
      words.size() > 1 && words[0] >= 'A' && words[0] <= 'Z' && words[1] >= 'a' && words[1] <= 'z';
  if (is_word) words[0] = static_cast<char>(words[0] - 'A' + 'a');
  return words;
}

Error io_error(int error_number, const std::filesystem::path& path, std::string hint) {
  const std::string_view usual = usual_hint(error_number);
  return Error{.code = Code::io,
               .what = system_words(error_number),
               .where = path.string(),
               .hint = usual.empty() ? std::move(hint) : std::string(usual)};
}

} // namespace pgkeep::base
