// protobuf-c describes its messages at run time: one view over all 250 kinds of nodes, in place of
// a class for each.
#include "postgres/sql_tree.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <span>

#include <fmt/format.h>

#include "base/text.h"
#include "postgres/parser_input.h"
#include "postgres/sql_parser.h"
#include "postgres/sql_tree_check.h"
#include "postgres/sql_tree_handover.h"
#include "postgres/sql_tree_shapes.h"

namespace pgkeep::postgres {
namespace {

[[noreturn, gnu::noinline]] void fail_without(const ProtobufCMessage& message, const Field& field) {
  fmt::print(stderr, "pgkeep: a {} has no field \"{}\"\n", message.descriptor->short_name,
             field.name());
  std::abort();
}

inline const FieldPlace& field_of(const ProtobufCMessage& message, const Field& field) {
  const FieldPlace* const found = shape_of(message).places.find(field.hash());
  if (found == nullptr) [[unlikely]]
    fail_without(message, field);
  return *found;
}

bool is_place(const ProtobufCFieldDescriptor& field) {
  const std::string_view name = field.name;
  return name == "location" || name == "stmt_location" || name == "stmt_len" ||
         name == "list_start" || name == "list_end";
}

/// The parser counts what stands before a statement to it.
std::size_t skip_blanks_and_comments(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    const char c = text[at];
    if (c == ' ' || (c >= '\t' && c <= '\r') || c == ';') {
      ++at;
    } else if (c == '-' && text.substr(at).starts_with("--")) {
      at = std::min(text.find_first_of("\r\n", at), text.size());
    } else if (c == '/' && text.substr(at).starts_with("/*")) {
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
      return add_number(value_at<std::int64_t>(message, field.offset));
    default:
      return add_number(value_at<std::int32_t>(message, field.offset));
    }
  }
  void add_number(std::int64_t number) {
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    add(std::string_view(digits.data(), end));
  }
  void add_numbers(const ProtobufCMessage& message, const ProtobufCFieldDescriptor& field) {
    const auto count = value_at<std::size_t>(message, field.quantifier_offset);
    if (count > 0) add(fmt::format("{} {}", field.name, count));
  }

  std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

} // namespace

Node::Node(const ProtobufCMessage* message)
    : message_(message), name_(message_ == nullptr ? &kNoName : &shape_of(*message_).name) {}

Node Node::node(const Field& field) const {
  if (message_ == nullptr) return {};
  const FieldPlace& place = field_of(*message_, field);
  if (is_other_member(*message_, place)) return {};
  return Node(value_at<const ProtobufCMessage*>(*message_, place.offset));
}

NodeList Node::nodes(const Field& field) const {
  if (message_ == nullptr) return {};
  const auto items = list_at(*message_, field_of(*message_, field));
  return {items.data(), items.size()};
}

NodeList::operator std::vector<Node>() const {
  std::vector<Node> list;
  list.reserve(count_);
  for (const Node& item : *this)
    list.push_back(item);
  return list;
}

std::string_view Node::text(const Field& field) const {
  if (message_ == nullptr) return {};
  return CopiedText::view(value_at<const char*>(*message_, field_of(*message_, field).offset));
}

std::int64_t Node::number(const Field& field) const {
  if (message_ == nullptr) return 0;
  const FieldPlace& place = field_of(*message_, field);
  return place.enumeration == FieldPlace::kLong ? value_at<std::int64_t>(*message_, place.offset)
                                                : value_at<std::int32_t>(*message_, place.offset);
}

std::string_view Node::name(const Field& field) const {
  if (message_ == nullptr) return {};
  const FieldPlace& place = field_of(*message_, field);
  return shapes().name_of(place, value_at<std::int32_t>(*message_, place.offset));
}

std::optional<std::size_t> Node::offset() const {
  if (message_ == nullptr) return std::nullopt;
  const ProtobufCFieldDescriptor* const field = shape_of(*message_).location;
  const auto location = field == nullptr ? -1 : value_at<std::int32_t>(*message_, field->offset);
  if (location < 0) return std::nullopt;
  return static_cast<std::size_t>(location);
}

/// The one walk over what is below a node.
class TreeWalk {
public:
  using Entry = WalkOrder::Entry;

  static std::span<const Entry> of(const Node& node) {
    return node ? WalkOrder::of(*node.message_) : std::span<const Entry>{};
  }
  static Node node_at(const Entry& entry) { return Node(entry.message); }
  template <typename Visit>
  static void children(const Node& node, Visit&& visit) {
    const std::span<const Entry> all = of(node);
    for (std::size_t at = 1; at < all.size(); at += all[at].size)
      visit(node_at(all[at]));
  }
};

std::vector<Node> Node::children() const {
  std::vector<Node> list;
  TreeWalk::children(*this, [&](const Node& child) { list.push_back(child); });
  return list;
}

void walk(const Node& node, base::FunctionRef<bool(const Node&)> visit) {
  const std::span<const WalkOrder::Entry> all = TreeWalk::of(node);
  for (std::size_t at = 0; at < all.size();)
    at += visit(TreeWalk::node_at(all[at])) ? 1 : all[at].size;
}

void walk(const Node& node, const KindSet& kinds, base::FunctionRef<bool(const Node&)> visit) {
  const std::span<const WalkOrder::Entry> all = TreeWalk::of(node);
  for (std::size_t at = 0; at < all.size();) {
    const bool is_closed = kinds[all[at].kind] && !visit(TreeWalk::node_at(all[at]));
    at += is_closed ? all[at].size : 1;
  }
}

void each_child(const Node& node, base::FunctionRef<void(const Node&)> visit) {
  TreeWalk::children(node, visit);
}

KindSet kinds_in(const Node& node) {
  KindSet found;
  for (const WalkOrder::Entry& entry : TreeWalk::of(node))
    found.set(entry.kind);
  return found;
}

KindSet kinds_named(std::string_view names) {
  KindSet found;
  for (const std::string& name : base::split_words(names)) {
    const auto shape = std::ranges::find_if(
        shapes().all(), [&](const Shape& each) { return each.name.text == name; });
    if (shape == shapes().all().end()) {
      fmt::print(stderr, "pgkeep: no kind of node is called \"{}\"\n", name);
      std::abort();
    }
    found.set(shape->number);
  }
  return found;
}

struct Tree::Impl {
  Impl(std::string sql, std::size_t at) : text(std::move(sql)), begin(at) {}
  std::string text;
  std::size_t begin; ///< Where the text stands in another.
  Arena arena;       ///< Holds what `result` points at.
  const PgQuery__ParseResult* result = nullptr;
};

Tree::Tree(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tree::Tree(Tree&&) noexcept = default;
Tree& Tree::operator=(Tree&&) noexcept = default;
Tree::~Tree() = default;

base::Result<Tree> Tree::parse(std::string_view text, std::size_t begin) {
  auto impl = std::make_unique<Impl>(std::string(text), begin);
  if (!is_plainly_harmless(text)) {
    PGKEEP_CHECK(check_input(text));
    PGKEEP_CHECK(check_depth(impl->text));
  }
  PGKEEP_TRY(impl->result, parse_into(impl->arena, impl->text, begin));
  return Tree(std::move(impl));
}

std::vector<TextPiece> pieces_of(std::string_view text, std::size_t begin) {
  std::vector<TextPiece> pieces;
  if (const auto quick = pieces_quickly(text)) {
    for (const TextPiece& each : *quick)
      pieces.push_back({.begin = begin + each.begin, .end = begin + each.end});
    return pieces;
  }
  for (const StatementText& each : split_roughly(text))
    pieces.push_back({.begin = begin + each.offset, .end = begin + each.offset + each.sql.size()});
  return pieces;
}

TextCut cut_up(std::string_view text, std::size_t begin) {
  constexpr std::size_t kStretchBytes = 1000;
  TextCut cut{.pieces = {}, .stretches = {{.begin = begin, .end = begin + text.size()}}};
  const auto quick = pieces_quickly(text);
  if (!quick) return cut;
  for (const TextPiece& each : *quick) {
    const TextPiece piece{.begin = begin + each.begin, .end = begin + each.end};
    if (!cut.pieces.empty() && piece.end - cut.stretches.back().begin > kStretchBytes) {
      cut.stretches.back().end = piece.begin;
      cut.stretches.push_back({.begin = piece.begin, .end = begin + text.size()});
    }
    cut.pieces.push_back(piece);
  }
  return cut;
}

std::vector<TreeStatement> Tree::statements() const {
  const std::string_view text = impl_->text;
  std::vector<TreeStatement> statements;
  statements.reserve(impl_->result->n_stmts);
  for (const PgQuery__RawStmt* const raw :
       std::span(impl_->result->stmts, impl_->result->n_stmts)) {
    if (raw->stmt == nullptr) continue;
    const auto from = static_cast<std::size_t>(raw->stmt_location);
    const std::size_t end =
        raw->stmt_len > 0 ? from + static_cast<std::size_t>(raw->stmt_len) : text.size();
    const std::size_t begin = skip_blanks_and_comments(text, from);
    const std::size_t length = base::trim(text.substr(begin, end - begin)).size();
    statements.push_back({.root = Node(reinterpret_cast<const ProtobufCMessage*>(raw->stmt)),
                          .begin = impl_->begin + begin,
                          .end = impl_->begin + begin + length});
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

namespace {

template <typename List>
std::vector<std::string> texts_of(const List& list) {
  std::vector<std::string> texts;
  texts.reserve(list.size());
  for (const Node& item : list) {
    if (item.is("String")) texts.emplace_back(item.text("sval"));
  }
  return texts;
}

} // namespace

std::vector<std::string> strings_of(const std::vector<Node>& list) {
  return texts_of(list);
}
std::vector<std::string> strings_of(const NodeList& list) {
  return texts_of(list);
}

} // namespace pgkeep::postgres
