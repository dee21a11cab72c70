#include "pool/hba.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

#include <fmt/format.h>

#include "base/text.h"

namespace pgkeep::pool {
namespace {

struct Word {
  std::string text;
  bool is_quoted = false; ///< A name then, whatever it is.
  [[nodiscard]] bool is(std::string_view keyword) const { return !is_quoted && text == keyword; }
  [[nodiscard]] bool begins_with(char mark) const { return !is_quoted && text.starts_with(mark); }
};
using Field = std::vector<Word>; ///< Words with commas between.

/// Quotes may stand anywhere in a word, as in ldapbasedn="dc=a, dc=b"; in them two are one. False
/// where they have no end.
bool take_word(std::string_view line, std::size_t& at, Word& word) {
  word.is_quoted = line[at] == '"';
  bool is_inside = false;
  for (; at < line.size(); ++at) {
    const char c = line[at];
    if (c == '"') {
      const bool is_double = is_inside && at + 1 < line.size() && line[at + 1] == '"';
      if (is_double) word.text.push_back(line[at++]);
      is_inside = is_double ? is_inside : !is_inside;
    } else if (!is_inside && std::string_view(" \t\r,#").contains(c)) {
      break;
    } else {
      word.text.push_back(c);
    }
  }
  return !is_inside;
}

/// The fields of a line up to its comment; none where a quote has no end.
std::optional<std::vector<Field>> fields_of(std::string_view line) {
  std::vector<Field> fields;
  bool goes_on = false; // Behind a comma the field does.
  for (std::size_t at = 0; at < line.size();) {
    const char c = line[at];
    if (c == '#') break;
    if (c == ' ' || c == '\t' || c == '\r') {
      ++at;
      continue;
    }
    if (c == ',') {
      goes_on = !fields.empty();
      ++at;
      continue;
    }
    Word word;
    if (!take_word(line, at, word)) return std::nullopt;
    if (goes_on) {
      fields.back().push_back(std::move(word));
    } else {
      fields.push_back({std::move(word)});
    }
    goes_on = false;
  }
  return fields;
}

constexpr std::size_t kIpv4At = IpAddress::kIpv4Prefix.size();
constexpr int kBits = 128;

IpAddress mask_of(int prefix) {
  IpAddress mask;
  for (int bit = 0; bit < prefix; ++bit)
    mask.bytes[static_cast<std::size_t>(bit / 8)] |= static_cast<unsigned char>(0x80U >> bit % 8);
  return mask;
}

bool is_written_as_ipv4(std::string_view text) {
  return text.find(':') == std::string_view::npos;
}

/// As it is written: "255.0.0.0".
std::string written(const IpAddress& address, bool is_ipv4) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(is_ipv4 ? AF_INET : AF_INET6, &address.bytes[is_ipv4 ? kIpv4At : 0], text.data(),
              text.size());
  return text.data();
}

class LineReader {
public:
  LineReader(const std::string& path, const ReadText& read, int number)
      : path_(path), read_(read), number_(number) {}

  std::optional<HbaRule> read(const std::vector<Field>& fields) {
    HbaRule rule{.line = number_};
    if (!take_type(fields, rule)) return std::nullopt;
    const bool is_local = rule.type == HbaRule::Type::local;
    std::size_t at = 1;
    if (fields.size() < (is_local ? 4U : 5U)) return problem("a field is missing");
    if (!take_names(fields[at++], rule.databases, {.of_databases = true, .file = path_}))
      return std::nullopt;
    if (!take_names(fields[at++], rule.users, {.of_databases = false, .file = path_}))
      return std::nullopt;
    if (!is_local && !take_address(fields, at, rule)) return std::nullopt;
    if (at >= fields.size()) return problem("a field is missing");
    if (!take_method(fields[at++].front(), rule)) return std::nullopt;
    if (!take_options(fields, at, rule)) return std::nullopt;
    return rule;
  }
  [[nodiscard]] const std::string& problem() const { return problem_; }

private:
  std::nullopt_t problem(std::string_view what) {
    problem_ = what;
    return std::nullopt;
  }

  bool take_type(const std::vector<Field>& fields, HbaRule& rule) {
    constexpr std::pair<std::string_view, HbaRule::Type> kTypes[] = {
        {"local", HbaRule::Type::local},
        {"host", HbaRule::Type::host},
        {"hostssl", HbaRule::Type::host_tls},
        {"hostnossl", HbaRule::Type::host_plain}};
    for (const auto& [name, type] : kTypes) {
      if (!fields[0].front().is(name)) continue;
      rule.type = type;
      return true;
    }
    problem("unknown type");
    return false;
  }

  /// Where names stand.
  struct Place {
    bool of_databases = false;
    const std::string& file;
    int depth = 0; ///< So many files name this one.
  };

  bool take_names(const Field& field, HbaNames& names, const Place& place) {
    for (const Word& word : field) {
      if (word.is("all")) {
        names.is_all = true;
      } else if (place.of_databases && word.is("sameuser")) {
        names.is_same_user = true;
      } else if (place.of_databases && word.is("replication")) {
        names.is_replication = true;
      } else if (word.is("samerole") || word.is("samegroup") || word.begins_with('+')) {
        problem(fmt::format("{} is not supported", word.text));
        return false;
      } else if (word.begins_with('@')) {
        if (!take_file(path_beside(place.file, word.text.substr(1)), names, place)) return false;
      } else {
        names.names.push_back(word.text);
      }
    }
    return true;
  }

  /// A name that does not begin at the root counts from the folder of the file that has it.
  static std::string path_beside(const std::string& file, const std::string& name) {
    const std::size_t slash = file.rfind('/');
    if (name.starts_with('/') || slash == std::string::npos) return name;
    return file.substr(0, slash + 1) + name;
  }

  bool take_file(const std::string& path, HbaNames& names, const Place& from) {
    if (from.depth >= kIncludesDeepMax) {
      problem(fmt::format("more than {} files name each other", from.depth));
      return false;
    }
    const auto text = read_(path);
    if (!text) {
      problem(fmt::format("could not load file \"{}\"", path));
      return false;
    }
    for (const std::string& line : base::split(*text, '\n')) {
      const auto fields = fields_of(line);
      if (!fields) {
        problem(fmt::format("broken file \"{}\"", path));
        return false;
      }
      const Place place{.of_databases = from.of_databases, .file = path, .depth = from.depth + 1};
      for (const Field& field : *fields) {
        if (!take_names(field, names, place)) return false;
      }
    }
    return true;
  }

  bool take_address(const std::vector<Field>& fields, std::size_t& at, HbaRule& rule) {
    const Word& word = fields[at++].front();
    if (word.is("all")) return true;
    const std::size_t slash = word.text.find('/');
    const std::string_view host = std::string_view(word.text).substr(0, slash);
    rule.address = ip_address_of(host);
    if (!rule.address) {
      problem(fmt::format("failed to parse address - {}", word.text));
      return false;
    }
    rule.is_ipv4 = is_written_as_ipv4(host);
    const bool is_sound = slash == std::string::npos
                              ? take_mask(fields, at, rule)
                              : take_prefix(std::string_view(word.text).substr(slash + 1), rule);
    if (!is_sound) {
      problem("invalid mask");
      return false;
    }
    for (std::size_t i = 0; i < rule.mask.bytes.size(); ++i) {
      if ((rule.address->bytes[i] & ~rule.mask.bytes[i]) == 0) continue;
      problem(fmt::format("address does not match mask: {} / {}",
                          written(*rule.address, rule.is_ipv4), written(rule.mask, rule.is_ipv4)));
      return false;
    }
    return true;
  }

  static bool take_prefix(std::string_view text, HbaRule& rule) {
    const int unused = rule.is_ipv4 ? static_cast<int>(kIpv4At) * 8 : 0;
    int prefix = -1;
    const char* const end = text.data() + text.size();
    const auto [stop, failure] = std::from_chars(text.data(), end, prefix);
    if (failure != std::errc() || stop != end || prefix < 0 || prefix > kBits - unused)
      return false;
    rule.mask = mask_of(unused + prefix);
    return true;
  }

  /// It stands in a field of its own.
  static bool take_mask(const std::vector<Field>& fields, std::size_t& at, HbaRule& rule) {
    if (at >= fields.size()) return false;
    const std::string& text = fields[at++].front().text;
    const auto mask = ip_address_of(text);
    if (!mask || is_written_as_ipv4(text) != rule.is_ipv4) return false;
    rule.mask = *mask;
    for (std::size_t i = 0; rule.is_ipv4 && i < kIpv4At; ++i)
      rule.mask.bytes[i] = 0xff;
    return true;
  }

  bool take_method(const Word& word, HbaRule& rule) {
    constexpr std::pair<std::string_view, HbaMethod> kMethods[] = {
        {"trust", HbaMethod::trust}, {"reject", HbaMethod::reject},
        {"md5", HbaMethod::md5},     {"password", HbaMethod::plain},
        {"plain", HbaMethod::plain}, {"scram-sha-256", HbaMethod::scram},
        {"peer", HbaMethod::peer},   {"cert", HbaMethod::cert},
        {"ldap", HbaMethod::ldap},   {"pam", HbaMethod::pam}};
    for (const auto& [name, method] : kMethods) {
      if (!word.is(name)) continue;
      rule.method = method;
      return true;
    }
    problem(fmt::format("unsupported method: buf={}", word.text));
    return false;
  }

  bool take_options(const std::vector<Field>& fields, std::size_t at, HbaRule& rule) {
    constexpr std::string_view kMap = "map=";
    for (; at < fields.size(); ++at) {
      std::string text;
      for (const Word& word : fields[at])
        text.append(text.empty() ? "" : ",").append(word.text);
      const bool has_map = rule.method == HbaMethod::peer || rule.method == HbaMethod::cert;
      if (has_map && text.starts_with(kMap) && text.size() > kMap.size()) {
        rule.map = text.substr(kMap.size());
      } else if (rule.method == HbaMethod::ldap) {
        rule.options.push_back(text);
      } else {
        problem("unsupported parameters");
        return false;
      }
    }
    return true;
  }

  const std::string& path_;
  const ReadText& read_;
  int number_;
  std::string problem_;
};

bool fits(const HbaNames& databases, const HbaClient& client) {
  if (client.is_replication) return databases.is_replication;
  return databases.is_all || (databases.is_same_user && client.database == client.user) ||
         std::ranges::find(databases.names, client.database) != databases.names.end();
}

bool fits(const HbaRule& rule, const HbaClient& client) {
  if ((rule.type == HbaRule::Type::local) == client.address.has_value()) return false;
  if (rule.type == HbaRule::Type::host_tls && !client.has_tls) return false;
  if (rule.type == HbaRule::Type::host_plain && client.has_tls) return false;
  // Of IPv6 the networks ::/0 to ::/80 would have all that IPv4 has, as it is kept.
  if (rule.address && rule.is_ipv4 != client.address->is_ipv4()) return false;
  for (std::size_t i = 0; rule.address && i < rule.mask.bytes.size(); ++i) {
    if (((rule.address->bytes[i] ^ client.address->bytes[i]) & rule.mask.bytes[i]) != 0)
      return false;
  }
  const bool is_user = rule.users.is_all ||
                       std::ranges::find(rule.users.names, client.user) != rule.users.names.end();
  return is_user && fits(rule.databases, client);
}

} // namespace

bool IpAddress::is_ipv4() const {
  return std::ranges::equal(std::span(bytes).first<kIpv4At>(), kIpv4Prefix);
}

std::optional<IpAddress> ip_address_of(std::string_view text) {
  const std::string copy(text);
  IpAddress address;
  if (::inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1) return address;
  if (::inet_pton(AF_INET, copy.c_str(), address.bytes.data() + kIpv4At) != 1) return std::nullopt;
  std::ranges::copy(IpAddress::kIpv4Prefix, address.bytes.begin());
  return address;
}

HbaRules hba_rules_of(std::string_view text, const std::string& path, const ReadText& read) {
  HbaRules all;
  int number = 0;
  for (const std::string& line : base::split(text, '\n')) {
    ++number;
    const auto fields = fields_of(line);
    if (fields && fields->empty()) continue;
    LineReader reader(path, read, number);
    auto rule = fields ? reader.read(*fields) : std::nullopt;
    if (rule) {
      all.rules.push_back(*std::move(rule));
    } else {
      all.problems.push_back(
          {.line = number, .what = fields ? reader.problem() : "a quote without an end"});
    }
  }
  return all;
}

const HbaRule* rule_for(const HbaRules& rules, const HbaClient& client) {
  const auto found =
      std::ranges::find_if(rules.rules, [&](const HbaRule& rule) { return fits(rule, client); });
  return found == rules.rules.end() ? nullptr : &*found;
}

IdentMap ident_map_of(std::string_view text) {
  IdentMap map;
  int number = 0;
  for (const std::string& line : base::split(text, '\n')) {
    ++number;
    const auto fields = fields_of(line);
    if (fields && fields->empty()) continue;
    const bool is_sound =
        fields && fields->size() == 3 &&
        std::ranges::all_of(*fields, [](const Field& field) { return field.size() == 1; });
    if (!is_sound) {
      map.problems.push_back({.line = number, .what = "three names are needed"});
      continue;
    }
    const Word& user = (*fields)[2].front();
    const bool is_pattern = (*fields)[1].front().text.starts_with('/') ||
                            user.text.starts_with('/') || user.text.starts_with('+');
    if (is_pattern) {
      map.problems.push_back({.line = number, .what = "patterns and groups are not supported"});
      continue;
    }
    map.rules.push_back({.map = (*fields)[0].front().text,
                         .system_user = (*fields)[1].front().text,
                         .database_user = user.is("all") ? std::string() : user.text});
  }
  return map;
}

bool may_be(const IdentMap& map, std::string_view name, std::string_view system_user,
            std::string_view database_user) {
  if (name.empty()) return system_user == database_user;
  return std::ranges::any_of(map.rules, [&](const IdentRule& rule) {
    return rule.map == name && rule.system_user == system_user &&
           (rule.database_user.empty() || rule.database_user == database_user);
  });
}

} // namespace pgkeep::pool
