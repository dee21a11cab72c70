/// The parse trees of SQL text, as the server's parser makes them: what a rule about text walks.
///
/// A Node is a view into its Tree, cheap to copy; kinds and fields have PostgreSQL's own names
/// ("AlterTableStmt", "relation"), as pg_query.proto of libpg_query lists them. Asking for a field
/// that a kind does not have is a mistake in the caller and ends the program (unit tests find it);
/// a field that is not filled in is an empty node, list, text, 0 or false. Not for: changing trees,
/// or writing SQL from them.
///
/// Threads: a Tree is immutable; any number may read it. Source: libpg_query 15, pg_query.proto;
/// PostgreSQL 15, src/include/nodes/parsenodes.h.
#pragma once

#include <algorithm>
#include <bitset>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "base/result.h"

struct ProtobufCMessage; // protobuf-c's own header stays in the .cc file.

namespace pgkeep::postgres {

class NodeList;

/// The name of a field or of a kind of nodes. Of a literal the compiler makes the hash by which it
/// is found.
class Field {
public:
  template <std::size_t Size>
  consteval Field(const char (&name)[Size]) // NOLINT(google-explicit-constructor): reads as text.
      : Field(std::string_view(name, Size - 1)) {}
  /// Of one of several literals.
  template <typename Text>
    requires std::same_as<Text, const char*>
  constexpr Field(const Text& name) // NOLINT(google-explicit-constructor): as above.
      : Field(std::string_view(name)) {}
  constexpr Field(std::string_view name) // NOLINT(google-explicit-constructor): as above.
      : name_(name), hash_(hash_of(name)) {}

  [[nodiscard]] constexpr std::string_view name() const { return name_; }
  [[nodiscard]] constexpr std::uint64_t hash() const { return hash_; }
  /// FNV-1a, 64 bits.
  static constexpr std::uint64_t hash_of(std::string_view name) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const char c : name)
      hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    return hash;
  }

private:
  std::string_view name_;
  std::uint64_t hash_;
};

/// As PostgreSQL writes it.
struct KindName {
  std::string_view text = {};
  std::uint64_t hash = Field::hash_of("");
};

class Node {
public:
  Node() = default; ///< No node.
  explicit Node(const ProtobufCMessage* message);

  explicit operator bool() const { return message_ != nullptr; }
  [[nodiscard]] std::string_view kind() const { return name_->text; } ///< Empty for no node.
  [[nodiscard]] bool is(const Field& kind) const { return name_->hash == kind.hash(); }

  // Of no node all are empty, so that calls can be chained: a.node("x").text("y").
  [[nodiscard]] Node node(const Field& field) const;
  [[nodiscard]] NodeList nodes(const Field& field) const;
  /// Of a node that may be of another kind: empty then.
  [[nodiscard]] NodeList nodes_if(const Field& kind, const Field& field) const;
  [[nodiscard]] std::string_view text(const Field& field) const;
  [[nodiscard]] std::int64_t number(const Field& field) const;
  [[nodiscard]] bool flag(const Field& field) const { return number(field) != 0; }
  /// The name of an enum's value: "AT_AddColumn".
  [[nodiscard]] std::string_view name(const Field& field) const;
  /// Where the node begins: bytes into the text; none where the parser does not say.
  [[nodiscard]] std::optional<std::size_t> offset() const;

  /// Every node directly below, in the order of the fields.
  [[nodiscard]] std::vector<Node> children() const;

  friend bool operator==(const Node&, const Node&) = default;

private:
  friend class TreeWalk;
  friend std::string digest(const Node& node);

  static constexpr KindName kNoName = {};
  const ProtobufCMessage* message_ = nullptr;
  const KindName* name_ = &kNoName;
};

/// A list of a node's, as it is in the tree: nothing is copied. As valid as the Tree.
class NodeList {
public:
  class Iterator {
  public:
    using iterator_concept = std::random_access_iterator_tag;
    using iterator_category = std::input_iterator_tag; // It gives values, not references.
    using value_type = Node;
    using difference_type = std::ptrdiff_t;
    using reference = Node;
    using pointer = void;

    Iterator() = default;
    explicit Iterator(ProtobufCMessage* const* at) : at_(at) {}
    Node operator*() const { return Node(*at_); }
    Node operator[](difference_type distance) const { return Node(at_[distance]); }
    Iterator& operator++() { return ++at_, *this; }
    Iterator operator++(int) { return Iterator(at_++); }
    Iterator& operator--() { return --at_, *this; }
    Iterator operator--(int) { return Iterator(at_--); }
    Iterator& operator+=(difference_type distance) { return at_ += distance, *this; }
    Iterator& operator-=(difference_type distance) { return at_ -= distance, *this; }
    friend Iterator operator+(Iterator at, difference_type distance) { return at += distance; }
    friend Iterator operator+(difference_type distance, Iterator at) { return at += distance; }
    friend Iterator operator-(Iterator at, difference_type distance) { return at -= distance; }
    friend difference_type operator-(const Iterator& a, const Iterator& b) { return a.at_ - b.at_; }
    friend auto operator<=>(const Iterator&, const Iterator&) = default;

  private:
    ProtobufCMessage* const* at_ = nullptr;
  };

  NodeList() = default;
  NodeList(ProtobufCMessage* const* items, std::size_t count) : items_(items), count_(count) {}
  [[nodiscard]] Iterator begin() const { return Iterator(items_); }
  [[nodiscard]] Iterator end() const { return Iterator(items_ + count_); }
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] Node operator[](std::size_t index) const { return Node(items_[index]); }
  [[nodiscard]] Node front() const { return Node(items_[0]); }
  [[nodiscard]] Node back() const { return Node(items_[count_ - 1]); }
  operator std::vector<Node>() const; // NOLINT(google-explicit-constructor): a list is a list.

private:
  ProtobufCMessage* const* items_ = nullptr;
  std::size_t count_ = 0;
};

inline NodeList Node::nodes_if(const Field& kind, const Field& field) const {
  return is(kind) ? nodes(field) : NodeList{};
}

/// Calls `visit` for the node and all below, parents first. `visit` says whether to go below.
void walk(const Node& node, base::FunctionRef<bool(const Node&)> visit);
/// Calls `visit` for each node directly below, in the order of the fields.
void each_child(const Node& node, base::FunctionRef<void(const Node&)> visit);

/// Kinds of nodes, to be compared with another set at once.
using KindSet = std::bitset<512>;
/// As walk(), but only nodes of these kinds are visited; what is below the others is walked. At a
/// tenth of the cost.
void walk(const Node& node, const KindSet& kinds, base::FunctionRef<bool(const Node&)> visit);
/// Of the node and all below.
KindSet kinds_in(const Node& node);
/// Of names with blanks between: "SelectStmt UpdateStmt". A kind that does not exist is a mistake
/// in the caller and ends the program.
KindSet kinds_named(std::string_view names);

/// A literal that a template is made for.
template <std::size_t Size>
struct Literal {
  consteval Literal(const char (&literal)[Size]) { // NOLINT(google-explicit-constructor): as text.
    std::ranges::copy(literal, text);
  }
  char text[Size] = {};
};
/// kinds_named(), looked up once: kinds<"ColumnRef FuncCall">().
template <Literal Names>
const KindSet& kinds() {
  static const KindSet found = kinds_named(Names.text);
  return found;
}

/// One statement of a Tree.
struct TreeStatement {
  Node root;             ///< "AlterTableStmt", say.
  std::size_t begin = 0; ///< Its first character: bytes into the text; comments
                         ///< before it are not part of it.
  std::size_t end = 0;   ///< The semicolon is not part of it; a comment before that may be.
};

class Tree {
public:
  /// Any number of statements. All places are counted as if the text stood at `begin` of another.
  /// Errors: Code::unsupported with line:column in `where`, counted in the text alone.
  static base::Result<Tree> parse(std::string_view text, std::size_t begin = 0);
  Tree(Tree&&) noexcept;
  Tree& operator=(Tree&&) noexcept;
  ~Tree();
  [[nodiscard]] std::vector<TreeStatement> statements() const;
  /// Of the first statement; none for text without any.
  [[nodiscard]] Node root() const;

private:
  struct Impl;
  explicit Tree(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// A statement, or what should be one: from its first token to its last.
struct TextPiece {
  std::size_t begin = 0;
  std::size_t end = 0;
};
/// As split_roughly() of sql_parser.h, without the texts; places as Tree::parse() counts them.
std::vector<TextPiece> pieces_of(std::string_view text, std::size_t begin = 0);

/// A text from its first byte to its last, cut in front of some of its statements, where a
/// statement ends at a semicolon.
struct TextCut {
  std::vector<TextPiece> pieces;    ///< As pieces_of().
  std::vector<TextPiece> stretches; ///< Of a thousand bytes or one statement; one of other text.
};
/// For text that may hold mistakes: what stands in one stretch need not be parsed again for a
/// mistake in another. No pieces of text that only the real scanner can take apart.
TextCut cut_up(std::string_view text, std::size_t begin = 0);

/// Equal for nodes that differ only in their places, as layout and comments make them; constants
/// count: 16 hexadecimal digits. (fingerprint() drops constants.)
std::string digest(const Node& node);

/// The parts of a list of String nodes: {"public", "orders"}.
std::vector<std::string> strings_of(const std::vector<Node>& list);
std::vector<std::string> strings_of(const NodeList& list);

} // namespace pgkeep::postgres

// NOLINTBEGIN(readability-identifier-naming): the names are the standard library's.
template <>
inline constexpr bool std::ranges::enable_borrowed_range<pgkeep::postgres::NodeList> = true;
template <>
inline constexpr bool std::ranges::enable_view<pgkeep::postgres::NodeList> = true;
// NOLINTEND(readability-identifier-naming)
