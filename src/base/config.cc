// The parsed file is walked table by table, entries in the order of the file, so that the first
// mistake a reader would see is the one that is reported. toml++ throws; nothing of it leaves this
// file.
#include "base/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/named_sections.h"
#include "base/text.h"

// The compiled library; the build says the same on the command line.
#ifndef TOML_HEADER_ONLY
#define TOML_HEADER_ONLY 0
#define TOML_SHARED_LIB 1
#endif
#include <toml++/toml.h>

namespace pgkeep::base {

namespace {

constexpr Bytes kConfigBytesMax{1 * kMiB};

std::string_view expected_form(KeyType type) {
  switch (type) {
  case KeyType::text:
    return "a text in quotes";
  case KeyType::boolean:
    return "true or false";
  case KeyType::integer:
    return "a whole number, 0 or more";
  case KeyType::duration:
    return "a duration in quotes, such as \"2s\"";
  case KeyType::bytes:
    return "a size in quotes, such as \"64MB\"";
  case KeyType::percent:
    return "a percentage in quotes from 0% to 100%, such as \"20%\"";
  case KeyType::text_list:
    return "a list of texts, such as [\"a\", \"b\"]";
  }
  return "another value";
}

std::string_view name_of_type(const toml::node& node) {
  switch (node.type()) {
  case toml::node_type::none:
    return "nothing";
  case toml::node_type::table:
    return "a table";
  case toml::node_type::array:
    return "a list";
  case toml::node_type::string:
    return "a text";
  case toml::node_type::integer:
    return "a whole number";
  case toml::node_type::floating_point:
    return "a number with a point";
  case toml::node_type::boolean:
    return "true or false";
  case toml::node_type::date:
    return "a date";
  case toml::node_type::time:
    return "a time of day";
  case toml::node_type::date_time:
    return "a date and time";
  }
  return "something else";
}

bool is_percentage(std::string_view text) {
  if (!text.ends_with('%')) return false;
  text = trim(text.substr(0, text.size() - 1));
  double value = 0;
  const auto [end, failure] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  return failure == std::errc{} && end == text.data() + text.size() && value >= 0 && value <= 100;
}

/// Empty where the text fits the type.
std::string problem_of_text(KeyType type, std::string_view text) {
  if (type == KeyType::duration) {
    if (const auto duration = parse_duration(text); !duration) return duration.error().what;
  }
  if (type == KeyType::bytes) {
    if (const auto bytes = parse_bytes(text); !bytes) return bytes.error().what;
  }
  if (type == KeyType::percent && !is_percentage(text)) {
    return fmt::format("not a percentage: \"{}\"", printable(ellipsize(text, 40)));
  }
  return {};
}

std::string full_name(std::string_view section, std::string_view name) {
  return section.empty() ? std::string(name) : fmt::format("{}.{}", section, name);
}

std::string did_you_mean(const std::optional<std::string>& near) {
  return near ? fmt::format("Did you mean \"{}\"?", *near) : std::string();
}

std::string quoted_list(std::span<const std::string_view> names) {
  std::vector<std::string> items;
  for (const std::string_view name : names)
    items.emplace_back(name);
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
  return items.empty() ? "nothing here" : "one of " + join(items, ", ");
}

struct Entry {
  const toml::key* key;
  const toml::node* node;
};

// toml++ sorts by name; people read from the top.
std::vector<Entry> in_order_of_file(const toml::table& table) {
  std::vector<Entry> entries;
  for (const auto& [key, node] : table)
    entries.push_back({.key = &key, .node = &node});
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    const toml::source_position& left = a.key->source().begin;
    const toml::source_position& right = b.key->source().begin;
    return left.line != right.line ? left.line < right.line : left.column < right.column;
  });
  return entries;
}

class Walker {
public:
  Walker(const std::filesystem::path& path, std::span<const Key> keys,
         std::span<const TableKey> table_keys, std::string_view only)
      : path_(path), keys_(keys), table_keys_(table_keys), only_(only) {}

  /// `kind`: the section as the keys have it: "pool.databases.*" for "pool.databases.shop".
  Result<> walk(const toml::table& table, const std::string& section, const std::string& kind) {
    for (const Entry& entry : in_order_of_file(table)) {
      const std::string name(entry.key->str());
      if (section.empty() && !only_.empty() && name != only_) continue;
      const std::string shown = full_name(section, name);
      const std::string any = full_name(kind, "*");
      const std::string full = leads_somewhere(any) ? any : full_name(kind, name);
      if (const TableKey* known = find_table(full)) {
        PGKEEP_CHECK(read_tables(*known, *entry.node));
      } else if (const Key* key = find_key(kind, name)) {
        PGKEEP_CHECK(read_value(*key, section, *entry.node));
      } else if (entry.node->is_table() && leads_somewhere(full)) {
        if (full == any)
          sections_.push_back(
              {.parent = section, .name = name, .where = place(entry.key->source())});
        PGKEEP_CHECK(walk(*entry.node->as_table(), shown, full));
      } else if (leads_somewhere(full)) {
        return wrong_value(*entry.node, fmt::format("{} is {}", shown, name_of_type(*entry.node)),
                           fmt::format("a section, headed [{}]", shown));
      } else {
        return unknown(entry, kind, name);
      }
    }
    return {};
  }
  std::vector<ConfigValue> take_values() { return std::move(values_); }
  std::vector<ConfigTable> take_tables() { return std::move(tables_); }
  std::vector<NamedSection> take_sections() { return std::move(sections_); }
  [[nodiscard]] std::string place(const toml::source_region& region) const {
    return fmt::format("{}:{}:{}", path_.string(), region.begin.line, region.begin.column);
  }

private:
  [[nodiscard]] const Key* find_key(std::string_view section, std::string_view name) const {
    const auto found = std::find_if(keys_.begin(), keys_.end(), [&](const Key& key) {
      return key.section == section && key.name == name;
    });
    return found == keys_.end() ? nullptr : &*found;
  }
  [[nodiscard]] const TableKey* find_table(std::string_view full) const {
    const auto found = std::find_if(table_keys_.begin(), table_keys_.end(),
                                    [&](const TableKey& key) { return key.section == full; });
    return found == table_keys_.end() ? nullptr : &*found;
  }
  /// Sections of keys and of tables, whole: "audit.limits".
  [[nodiscard]] std::vector<std::string_view> all_sections() const {
    std::vector<std::string_view> sections;
    for (const Key& key : keys_)
      sections.push_back(key.section);
    for (const TableKey& key : table_keys_)
      sections.push_back(key.section);
    return sections;
  }
  [[nodiscard]] bool leads_somewhere(std::string_view full) const {
    const std::string prefix = fmt::format("{}.", full);
    const std::vector<std::string_view> sections = all_sections();
    return std::any_of(sections.begin(), sections.end(), [&](std::string_view section) {
      return section == full || section.starts_with(prefix);
    });
  }
  /// What may stand directly in a section: its keys, and the next words of longer sections.
  [[nodiscard]] std::vector<std::string_view> names_in(std::string_view section) const {
    std::vector<std::string_view> names;
    for (const Key& key : keys_) {
      if (key.section == section) names.push_back(key.name);
    }
    for (std::string_view other : all_sections()) {
      if (!section.empty()) {
        if (!other.starts_with(section) || other.size() <= section.size() ||
            other[section.size()] != '.')
          continue;
        other.remove_prefix(section.size() + 1);
      }
      if (const std::string_view next = other.substr(0, other.find('.')); !next.empty())
        names.push_back(next);
    }
    return names;
  }

  [[nodiscard]] Error unknown(const Entry& entry, std::string_view section,
                              std::string_view name) const {
    const bool is_section = entry.node->is_table() || entry.node->is_array_of_tables();
    const std::vector<std::string_view> candidates = names_in(section);
    std::string hint = did_you_mean(nearest(name, candidates));
    for (const Key& key : keys_) {
      if (hint.empty() && key.name == name) hint = fmt::format("It belongs in [{}].", key.section);
    }
    return Error{.code = Code::config,
                 .what = fmt::format("unknown {} \"{}\"", is_section ? "section" : "key",
                                     printable(full_name(section, name))),
                 .where = place(entry.key->source()),
                 .expected = quoted_list(candidates),
                 .hint = std::move(hint)};
  }

  [[nodiscard]] Error wrong_value(const toml::node& node, std::string what,
                                  std::string_view expected) const {
    return Error{.code = Code::config,
                 .what = std::move(what),
                 .where = place(node.source()),
                 .expected = std::string(expected)};
  }

  /// The scalar as text, or nothing where it has another type than the key.
  static std::optional<std::string> scalar_text(KeyType type, const toml::node& node) {
    if (type == KeyType::boolean) {
      const auto* truth = node.as_boolean();
      return truth == nullptr ? std::nullopt
                              : std::optional<std::string>(truth->get() ? "true" : "false");
    }
    if (type == KeyType::integer) {
      const auto* number = node.as_integer();
      return number == nullptr || number->get() < 0
                 ? std::nullopt
                 : std::optional(fmt::format("{}", number->get()));
    }
    const auto* text = node.as_string();
    return text == nullptr || type == KeyType::text_list ? std::nullopt
                                                         : std::optional<std::string>(text->get());
  }

  Result<> read_value(const Key& key, const std::string& section, const toml::node& node) {
    ConfigValue value{.section = section,
                      .name = std::string(key.name),
                      .text = {},
                      .items = {},
                      .where = place(node.source())};
    const std::string_view expected = expected_form(key.type);
    if (key.type == KeyType::text_list && node.is_array()) {
      for (const toml::node& item : *node.as_array()) {
        if (!item.is_string())
          return wrong_value(item, fmt::format("an item of {} is {}", key.name, name_of_type(item)),
                             expected);
        value.items.push_back(item.as_string()->get());
      }
      value.text = join(value.items, ", ");
    } else if (std::optional<std::string> text = scalar_text(key.type, node)) {
      if (std::string problem = problem_of_text(key.type, *text); !problem.empty())
        return wrong_value(node, std::move(problem), expected);
      value.text = std::move(*text);
    } else if (key.type == KeyType::integer && node.is_integer()) {
      return wrong_value(node, fmt::format("{} is negative", key.name), expected);
    } else {
      return wrong_value(node, fmt::format("{} is {}", key.name, name_of_type(node)), expected);
    }
    values_.push_back(std::move(value));
    return {};
  }

  Result<> read_tables(const TableKey& known, const toml::node& node) {
    const toml::array* array = node.as_array();
    if (array == nullptr || (!array->empty() && !node.is_array_of_tables())) {
      return wrong_value(node, fmt::format("{} is {}", known.section, name_of_type(node)),
                         fmt::format("tables, each headed [[{}]]", known.section));
    }
    for (const toml::node& item : *array)
      PGKEEP_CHECK(read_table(known, *item.as_table()));
    return {};
  }

  Result<> read_table(const TableKey& known, const toml::table& table) {
    const std::vector<std::string> members = split_words(known.members);
    const std::vector<std::string_view> candidates(members.begin(), members.end());
    ConfigTable result{
        .section = std::string(known.section), .members = {}, .where = place(table.source())};
    for (const Entry& entry : in_order_of_file(table)) {
      const std::string name(entry.key->str());
      if (std::find(candidates.begin(), candidates.end(), name) == candidates.end()) {
        return Error{
            .code = Code::config,
            .what = fmt::format("unknown member \"{}\" of [[{}]]", printable(name), known.section),
            .where = place(entry.key->source()),
            .expected = quoted_list(candidates),
            .hint = did_you_mean(nearest(name, candidates))};
      }
      const auto* text = entry.node->as_string();
      if (text == nullptr)
        return wrong_value(*entry.node, fmt::format("{} is {}", name, name_of_type(*entry.node)),
                           "a text in quotes");
      result.members.emplace_back(name, text->get());
    }
    for (const std::string& name : split_words(known.required)) {
      const std::optional<std::string> text = result.get(name);
      if (text && !trim(*text).empty()) continue;
      return Error{.code = Code::config,
                   .what = fmt::format("{} {} in [[{}]]", name, text ? "is empty" : "is missing",
                                       known.section),
                   .where = result.where,
                   .expected = fmt::format("{} = \"...\"", name)};
    }
    tables_.push_back(std::move(result));
    return {};
  }

  const std::filesystem::path& path_; // The caller's, as what follows: they outlive the walk.
  std::span<const Key> keys_;
  std::span<const TableKey> table_keys_;
  std::string_view only_;
  std::vector<NamedSection> sections_;
  std::vector<ConfigValue> values_;
  std::vector<ConfigTable> tables_;
};

/// toml++ writes "Error while parsing key-value pair: ...".
std::string words_of(const toml::parse_error& failure) {
  std::string words = printable(trim(failure.description()));
  while (words.ends_with('.'))
    words.pop_back();
  if (words.size() > 1 && words[0] >= 'A' && words[0] <= 'Z' && words[1] >= 'a')
    words[0] = static_cast<char>(words[0] - 'A' + 'a');
  return words;
}

/// What the text holds, in the walker.
Result<> walk_text(Walker& walker, std::string_view text, const std::filesystem::path& path) {
  if (static_cast<std::int64_t>(text.size()) > kConfigBytesMax.count) {
    return Error{.code = Code::config,
                 .what = fmt::format("larger than {}", human_bytes(kConfigBytesMax.count)),
                 .where = path.string()};
  }
  try {
    const toml::table table = toml::parse(text, path.string());
    PGKEEP_CHECK(walker.walk(table, "", ""));
  } catch (const toml::parse_error& failure) {
    return Error{.code = Code::config,
                 .what = words_of(failure),
                 .where = walker.place(failure.source()),
                 .expected = "TOML",
                 .hint = "Texts, durations and sizes stand in double quotes: key = \"value\"."};
  }
  return {};
}

} // namespace

std::optional<std::string> ConfigTable::get(std::string_view name) const {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [name](const auto& member) { return member.first == name; });
  return found == members.end() ? std::nullopt : std::optional(found->second);
}

const ConfigValue* Config::find(std::string_view section, std::string_view name) const {
  const auto found = std::find_if(values_.begin(), values_.end(), [&](const ConfigValue& value) {
    return value.section == section && value.name == name;
  });
  return found == values_.end() ? nullptr : &*found;
}

Result<Config> parse_config(std::string_view text, const std::filesystem::path& path,
                            std::span<const Key> keys, std::span<const TableKey> table_keys) {
  Walker walker(path, keys, table_keys, {});
  PGKEEP_CHECK(walk_text(walker, text, path));
  Config config;
  config.values_ = walker.take_values();
  config.tables_ = walker.take_tables();
  config.path_ = path;
  return config;
}

Result<NamedSections> parse_named_sections(std::string_view text, const std::filesystem::path& path,
                                           std::span<const Key> keys, std::string_view top) {
  Walker walker(path, keys, {}, top);
  PGKEEP_CHECK(walk_text(walker, text, path));
  return NamedSections{.values = walker.take_values(), .sections = walker.take_sections()};
}

} // namespace pgkeep::base
