/// A list whose links are members of what it holds: putting in and taking out allocates nothing.
///
/// An object is in one list at a time by each of its links, and must be taken out before it goes.
/// Private to src/pool. Threads: one list, one thread.
#pragma once

#include <cstddef>

namespace pgkeep::pool {

template <typename Item>
struct Link {
  Item* previous = nullptr;
  Item* next = nullptr;
  bool is_linked = false;
};

template <typename Item, Link<Item> Item::* kLink>
class List {
public:
  [[nodiscard]] bool empty() const { return first_ == nullptr; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] Item* front() const { return first_; }
  [[nodiscard]] Item* back() const { return last_; }
  [[nodiscard]] static Item* next(const Item& item) { return (item.*kLink).next; }
  void push_back(Item& item) { insert(item, last_, nullptr); }
  void push_front(Item& item) { insert(item, nullptr, first_); }
  /// Nothing happens where it is in none.
  void remove(Item& item) {
    Link<Item>& link = item.*kLink;
    if (!link.is_linked) return;
    (link.previous != nullptr ? (link.previous->*kLink).next : first_) = link.next;
    (link.next != nullptr ? (link.next->*kLink).previous : last_) = link.previous;
    link = {};
    --size_;
  }

private:
  void insert(Item& item, Item* previous, Item* next) {
    item.*kLink = {.previous = previous, .next = next, .is_linked = true};
    (previous != nullptr ? (previous->*kLink).next : first_) = &item;
    (next != nullptr ? (next->*kLink).previous : last_) = &item;
    ++size_;
  }

  Item* first_ = nullptr;
  Item* last_ = nullptr;
  std::size_t size_ = 0;
};

} // namespace pgkeep::pool
