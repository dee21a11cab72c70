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

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct ProtobufCMessage; // protobuf-c's own header stays in the .cc file.

namespace pgkeep::postgres {

class Node {
public:
  Node() = default; ///< No node.
  explicit Node(const ProtobufCMessage* message);

  explicit operator bool() const { return message_ != nullptr; }
  [[nodiscard]] std::string_view kind() const; ///< Empty for no node.
  [[nodiscard]] bool is(std::string_view kind) const;

  // Of no node all are empty, so that calls can be chained: a.node("x").text("y").
  [[nodiscard]] Node node(std::string_view field) const;
  [[nodiscard]] std::vector<Node> nodes(std::string_view field) const;
  /// Of a node that may be of another kind: empty then.
  [[nodiscard]] std::vector<Node> nodes_if(std::string_view kind, std::string_view field) const {
    return is(kind) ? nodes(field) : std::vector<Node>{};
  }
  [[nodiscard]] std::string_view text(std::string_view field) const;
  [[nodiscard]] std::int64_t number(std::string_view field) const;
  [[nodiscard]] bool flag(std::string_view field) const { return number(field) != 0; }
  /// The name of an enum's value: "AT_AddColumn".
  [[nodiscard]] std::string_view name(std::string_view field) const;
  /// Where the node begins: bytes into the text; none where the parser does not say.
  [[nodiscard]] std::optional<std::size_t> offset() const;

  /// Every node directly below, in the order of the fields.
  [[nodiscard]] std::vector<Node> children() const;

  friend bool operator==(const Node&, const Node&) = default;

private:
  friend std::string digest(const Node& node);
  const ProtobufCMessage* message_ = nullptr;
};

/// Calls `visit` for the node and all below, parents first. `visit` says whether to go below.
void walk(const Node& node, const std::function<bool(const Node&)>& visit);

/// One statement of a Tree.
struct TreeStatement {
  Node root;             ///< "AlterTableStmt", say.
  std::size_t begin = 0; ///< Its first character: bytes into the text; comments before it are not
                         ///< part of it.
  std::size_t end = 0;   ///< The semicolon is not part of it; a comment before that may be.
};

class Tree {
public:
  /// Any number of statements. Errors: Code::unsupported with line:column in `where`.
  static base::Result<Tree> parse(std::string_view text);
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

/// Equal for nodes that differ only in their places, as layout and comments make them; constants
/// count: 16 hexadecimal digits. (fingerprint() drops constants.)
std::string digest(const Node& node);

/// The parts of a list of String nodes: {"public", "orders"}.
std::vector<std::string> strings_of(const std::vector<Node>& list);

} // namespace pgkeep::postgres
