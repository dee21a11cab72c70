// protobuf-c describes its messages at run time: one view over all 250 kinds of nodes, in place of
// a class for each.
#include "postgres/sql_tree.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <span>

#include <fmt/format.h>

#include "base/text.h"
#include "postgres/parser_input.h"

namespace pgkeep::postgres {
namespace {

using Parsed = Owned<PgQueryProtobufParseResult, pg_query_free_protobuf_parse_result>;

[[noreturn]] void no_such_field(const ProtobufCMessage& message, std::string_view field) {
  fmt::print(stderr, "pgkeep: a {} has no field \"{}\"\n", message.descriptor->short_name, field);
  std::abort();
}

/// Fields are asked for by literals, again and again: the last answers are kept, by the place of
/// the literal.
struct KnownField {
  const ProtobufCMessageDescriptor* kind = nullptr;
  const char* asked = nullptr;
  std::size_t length = 0;
  const ProtobufCFieldDescriptor* field = nullptr;
};
constexpr std::size_t kKnownFields = 1024;

const ProtobufCFieldDescriptor& field_of(const ProtobufCMessage& message, std::string_view name) {
  thread_local std::array<KnownField, kKnownFields> known;
  const ProtobufCMessageDescriptor* const kind = message.descriptor;
  const std::size_t mixed = (reinterpret_cast<std::uintptr_t>(kind) >> 4U) * 31 +
                            reinterpret_cast<std::uintptr_t>(name.data());
  KnownField& entry = known[mixed % kKnownFields];
  // The text at a place may change (a std::string's): it is compared as well.
  if (entry.kind == kind && entry.asked == name.data() && entry.length == name.size() &&
      std::memcmp(entry.field->name, name.data(), name.size()) == 0)
    return *entry.field;
  const std::span fields(kind->fields, kind->n_fields);
  const auto found = std::ranges::find_if(
      fields, [&](const ProtobufCFieldDescriptor& field) { return field.name == name; });
  if (found == fields.end()) no_such_field(message, name);
  entry = {.kind = kind, .asked = name.data(), .length = name.size(), .field = &*found};
  return *found;
}

const void* member_of(const ProtobufCMessage& message, unsigned offset) {
  return reinterpret_cast<const std::byte*>(&message) + offset;
}

template <typename Value>
const Value& value_at(const ProtobufCMessage& message, unsigned offset) {
  return *static_cast<const Value*>(member_of(message, offset));
}

/// A Node message only says which kind it holds.
const ProtobufCMessage* unwrap(const ProtobufCMessage* message) {
  while (message != nullptr && message->descriptor == &pg_query__node__descriptor) {
    const auto* const node = reinterpret_cast<const PgQuery__Node*>(message);
    if (node->node_case == PG_QUERY__NODE__NODE__NOT_SET) return nullptr;
    // Each member of the union is a pointer to a message.
    message = reinterpret_cast<const ProtobufCMessage*>(node->alias);
  }
  return message;
}

std::span<ProtobufCMessage* const> list_at(const ProtobufCMessage& message,
                                           const ProtobufCFieldDescriptor& field) {
  return {value_at<ProtobufCMessage* const*>(message, field.offset),
          value_at<std::size_t>(message, field.quantifier_offset)};
}

/// The value of a constant is a union: whether it holds another member than this.
bool is_other_member(const ProtobufCMessage& message, const ProtobufCFieldDescriptor& field) {
  return (field.flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
         value_at<std::uint32_t>(message, field.quantifier_offset) != field.id;
}

bool is_place(const ProtobufCFieldDescriptor& field) {
  const std::string_view name = field.name;
  return name == "location" || name == "stmt_location" || name == "stmt_len" ||
         name == "list_start" || name == "list_end";
}

/// The parser counts what stands before a statement to it.
std::size_t skip_blanks_and_comments(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    if (std::string_view(" \t\r\n\f\v;").find(text[at]) != std::string_view::npos) {
      ++at;
    } else if (text.substr(at).starts_with("--")) {
      at = std::min(text.find('\n', at), text.size());
    } else if (text.substr(at).starts_with("/*")) {
      int depth = 0;
      do { // Comments nest.
        if (text.substr(at).starts_with("/*")) {
          ++depth;
          at += 2;
        } else if (text.substr(at).starts_with("*/")) {
          --depth;
          at += 2;
        } else {
          ++at;
        }
      } while (depth > 0 && at < text.size());
    } else {
      break;
    }
  }
  return std::min(at, text.size());
}

/// FNV-1a, 64 bits: tells edits from layout; nobody forges it against themselves.
class Digest {
public:
  void add(std::string_view bytes) {
    for (const char c : bytes)
      value_ = (value_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    value_ = (value_ ^ 0xffU) * 0x100000001b3ULL; // No byte of UTF-8: ends a part.
  }
  [[nodiscard]] std::uint64_t value() const { return value_; }

  void add(const ProtobufCMessage* message) {
    message = unwrap(message);
    if (message == nullptr) return add(std::string_view("-"));
    add(std::string_view(message->descriptor->short_name));
    for (const ProtobufCFieldDescriptor& field :
         std::span(message->descriptor->fields, message->descriptor->n_fields)) {
      if (!is_place(field)) add_field(*message, field);
    }
    add(std::string_view("."));
  }

private:
  void add_field(const ProtobufCMessage& message, const ProtobufCFieldDescriptor& field) {
    if (field.label == PROTOBUF_C_LABEL_REPEATED) {
      if (field.type != PROTOBUF_C_TYPE_MESSAGE) return add_numbers(message, field);
      const auto items = list_at(message, field);
      if (items.empty()) return;
      add(std::string_view(field.name));
      for (const ProtobufCMessage* const item : items)
        add(item);
      return;
    }
    if (is_other_member(message, field)) return;
    add(std::string_view(field.name));
    switch (field.type) {
    case PROTOBUF_C_TYPE_MESSAGE:
      return add(value_at<const ProtobufCMessage*>(message, field.offset));
    case PROTOBUF_C_TYPE_STRING: {
      const char* const text = value_at<const char*>(message, field.offset);
      return add(std::string_view(text == nullptr ? "" : text));
    }
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
      return add(fmt::format("{}", value_at<std::int64_t>(message, field.offset)));
    default:
      return add(fmt::format("{}", value_at<std::int32_t>(message, field.offset)));
    }
  }
  void add_numbers(const ProtobufCMessage& message, const ProtobufCFieldDescriptor& field) {
    const auto count = value_at<std::size_t>(message, field.quantifier_offset);
    if (count > 0) add(fmt::format("{} {}", field.name, count));
  }

  std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

/// PostgreSQL's own name of a kind: the descriptor's short name has no underscores ("AConst").
const char* name_of(const ProtobufCMessage& message) {
  constexpr std::string_view kPackage = "pg_query.";
  return message.descriptor->name + kPackage.size();
}

} // namespace

Node::Node(const ProtobufCMessage* message) : message_(unwrap(message)) {}

std::string_view Node::kind() const {
  return message_ == nullptr ? std::string_view{} : name_of(*message_);
}

// Without looking for the end of the name: it is asked of every node by every rule.
bool Node::is(std::string_view kind) const {
  if (message_ == nullptr) return kind.empty();
  const char* const name = name_of(*message_);
  return std::strncmp(name, kind.data(), kind.size()) == 0 && name[kind.size()] == '\0';
}

Node Node::node(std::string_view field) const {
  if (message_ == nullptr) return {};
  const ProtobufCFieldDescriptor& descriptor = field_of(*message_, field);
  if (is_other_member(*message_, descriptor)) return {};
  return Node(value_at<const ProtobufCMessage*>(*message_, descriptor.offset));
}

std::vector<Node> Node::nodes(std::string_view field) const {
  if (message_ == nullptr) return {};
  std::vector<Node> list;
  for (const ProtobufCMessage* const item : list_at(*message_, field_of(*message_, field)))
    list.emplace_back(item);
  return list;
}

std::string_view Node::text(std::string_view field) const {
  if (message_ == nullptr) return {};
  const char* const text = value_at<const char*>(*message_, field_of(*message_, field).offset);
  return text == nullptr ? std::string_view{} : text;
}

std::int64_t Node::number(std::string_view field) const {
  if (message_ == nullptr) return 0;
  const ProtobufCFieldDescriptor& descriptor = field_of(*message_, field);
  const bool is_long =
      descriptor.type == PROTOBUF_C_TYPE_INT64 || descriptor.type == PROTOBUF_C_TYPE_UINT64;
  return is_long ? value_at<std::int64_t>(*message_, descriptor.offset)
                 : value_at<std::int32_t>(*message_, descriptor.offset);
}

std::string_view Node::name(std::string_view field) const {
  if (message_ == nullptr) return {};
  const ProtobufCFieldDescriptor& descriptor = field_of(*message_, field);
  const auto* const values = static_cast<const ProtobufCEnumDescriptor*>(descriptor.descriptor);
  const ProtobufCEnumValue* const value = protobuf_c_enum_descriptor_get_value(
      values, value_at<std::int32_t>(*message_, descriptor.offset));
  return value == nullptr ? std::string_view{} : value->name;
}

std::optional<std::size_t> Node::offset() const {
  if (message_ == nullptr) return std::nullopt;
  for (const ProtobufCFieldDescriptor& field :
       std::span(message_->descriptor->fields, message_->descriptor->n_fields)) {
    if (std::string_view(field.name) != "location") continue;
    const auto location = value_at<std::int32_t>(*message_, field.offset);
    if (location >= 0) return static_cast<std::size_t>(location);
  }
  return std::nullopt;
}

std::vector<Node> Node::children() const {
  if (message_ == nullptr) return {};
  std::vector<Node> list;
  const auto add = [&](const ProtobufCMessage* message) {
    if (const Node child(message); child) list.push_back(child);
  };
  for (const ProtobufCFieldDescriptor& field :
       std::span(message_->descriptor->fields, message_->descriptor->n_fields)) {
    if (field.type != PROTOBUF_C_TYPE_MESSAGE) continue;
    if (field.label != PROTOBUF_C_LABEL_REPEATED) {
      if (!is_other_member(*message_, field))
        add(value_at<const ProtobufCMessage*>(*message_, field.offset));
      continue;
    }
    for (const ProtobufCMessage* const item : list_at(*message_, field))
      add(item);
  }
  return list;
}

void walk(const Node& node, const std::function<bool(const Node&)>& visit) {
  if (!node || !visit(node)) return;
  for (const Node& child : node.children())
    walk(child, visit);
}

struct Tree::Impl {
  Impl(PgQuery__ParseResult* parsed, std::string sql) : result(parsed), text(std::move(sql)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { pg_query__parse_result__free_unpacked(result, nullptr); }
  PgQuery__ParseResult* result;
  std::string text;
};

Tree::Tree(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tree::Tree(Tree&&) noexcept = default;
Tree& Tree::operator=(Tree&&) noexcept = default;
Tree::~Tree() = default;

base::Result<Tree> Tree::parse(std::string_view text) {
  PGKEEP_CHECK(check_input(text));
  std::string copy(text);
  PGKEEP_CHECK(check_depth(copy));
  const Parsed parsed(pg_query_parse_protobuf(copy.c_str()));
  if (parsed->error != nullptr) return unsupported(text, *parsed->error);
  auto* const result = pg_query__parse_result__unpack(
      nullptr, parsed->parse_tree.len,
      reinterpret_cast<const std::uint8_t*>(parsed->parse_tree.data));
  if (result == nullptr)
    return base::Error{.code = base::Code::unsupported, .what = "the parse tree cannot be read"};
  return Tree(std::make_unique<Impl>(result, std::move(copy)));
}

std::vector<TreeStatement> Tree::statements() const {
  const std::string_view text = impl_->text;
  std::vector<TreeStatement> statements;
  for (const PgQuery__RawStmt* const raw :
       std::span(impl_->result->stmts, impl_->result->n_stmts)) {
    if (raw->stmt == nullptr) continue;
    const auto from = static_cast<std::size_t>(raw->stmt_location);
    const std::size_t end =
        raw->stmt_len > 0 ? from + static_cast<std::size_t>(raw->stmt_len) : text.size();
    const std::size_t begin = skip_blanks_and_comments(text, from);
    const std::size_t length = base::trim(text.substr(begin, end - begin)).size();
    statements.push_back({.root = Node(&raw->stmt->base), .begin = begin, .end = begin + length});
  }
  return statements;
}

Node Tree::root() const {
  const std::vector<TreeStatement> all = statements();
  return all.empty() ? Node{} : all.front().root;
}

std::string digest(const Node& node) {
  Digest digest;
  digest.add(node.message_);
  return fmt::format("{:016x}", digest.value());
}

std::vector<std::string> strings_of(const std::vector<Node>& list) {
  std::vector<std::string> texts;
  for (const Node& item : list) {
    if (item.is("String")) texts.emplace_back(item.text("sval"));
  }
  return texts;
}

} // namespace pgkeep::postgres
