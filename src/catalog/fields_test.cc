// Every member of every struct has its row in fields.h: counted by how many values an aggregate can
// be made from, and for the two structs that cannot be counted so, by their layout in memory.
#include "catalog/fields.h"

#include <cstddef>
#include <set>
#include <string>
#include <type_traits>
#include <utility>

#include <gtest/gtest.h>

namespace pgkeep::catalog {
namespace {

/// Converts into anything, in unevaluated code only.
struct Anything {
  template <typename T>
  operator T() const; // NOLINT(google-explicit-constructor): that is the trick.
};

template <typename T, std::size_t... Index>
constexpr bool can_be_made_from(std::index_sequence<Index...>) {
  return requires { T{(static_cast<void>(Index), Anything{})...}; };
}

template <typename T, std::size_t Count = 0>
consteval std::size_t member_count() {
  if constexpr (!can_be_made_from<T>(std::make_index_sequence<Count + 1>{})) {
    return Count;
  } else {
    return member_count<T, Count + 1>();
  }
}

/// `computed`: members that link() fills and that are not listed.
template <typename T>
consteval bool is_complete(std::size_t computed = 0) {
  return field_count<T>() + computed == member_count<T>();
}

static_assert(is_complete<Disk>());
static_assert(is_complete<Host>());
static_assert(is_complete<TlsProbe>());
static_assert(is_complete<ReplicaIndexUse>());
static_assert(is_complete<ReplicaUse>());
static_assert(is_complete<BackupState>());
static_assert(is_complete<MigrationFile>());
static_assert(is_complete<SecretInCode>());
static_assert(is_complete<UnparameterisedQuery>());
static_assert(is_complete<CodeRepository>());
static_assert(is_complete<PoolerPool>());
static_assert(is_complete<Pooler>());
static_assert(is_complete<Server>());
static_assert(is_complete<Standby>());
static_assert(is_complete<Setting>());
static_assert(is_complete<FileError>());
static_assert(is_complete<HbaRule>());
static_assert(is_complete<Database>());
static_assert(is_complete<Background>());
static_assert(is_complete<Archiver>());
static_assert(is_complete<Role>());
static_assert(is_complete<Membership>());
static_assert(is_complete<RoleSetting>());
static_assert(is_complete<Session>());
static_assert(is_complete<LockTable>());
static_assert(is_complete<PreparedTransaction>());
static_assert(is_complete<Schema>());
static_assert(is_complete<Relation>(2)); // column_first, column_count
static_assert(is_complete<Column>());
static_assert(is_complete<Constraint>());
static_assert(is_complete<Index>());
static_assert(is_complete<Sequence>());
static_assert(is_complete<Trigger>());
static_assert(is_complete<Function>());
static_assert(is_complete<Policy>());
static_assert(is_complete<Extension>());
static_assert(is_complete<Language>());
static_assert(is_complete<PublishedTable>());
static_assert(is_complete<Subscription>());
static_assert(is_complete<Replica>());
static_assert(is_complete<Slot>());
static_assert(is_complete<DefaultPrivilege>());
static_assert(is_complete<LargeObjects>());
static_assert(is_complete<SecretPlace>());
static_assert(is_complete<Statement>());
static_assert(is_complete<StatementsInfo>());
static_assert(is_complete<Progress>());
static_assert(is_complete<WalDirectory>());
static_assert(is_complete<ArchiveStatus>());
static_assert(is_complete<CollationUse>());
static_assert(is_complete<Tablespace>());
static_assert(is_complete<UserType>());
static_assert(is_complete<Definition>());
static_assert(is_complete<Absence>());

/// The end of an object whose members are the listed ones in order, and whether each lies where
/// that says.
template <typename T>
std::size_t end_of_listed(const T& object, std::string& misplaced) {
  const auto* begin = reinterpret_cast<const std::byte*>(&object); // NOLINT: addresses only.
  std::size_t end = 0;
  Fields<T>::each([&](std::string_view name, auto member) {
    using Member = std::remove_cvref_t<decltype(object.*member)>;
    const std::size_t expected = (end + alignof(Member) - 1) / alignof(Member) * alignof(Member);
    const auto* at =
        reinterpret_cast<const std::byte*>(&(object.*member)); // NOLINT: addresses only.
    if (static_cast<std::size_t>(at - begin) != expected && misplaced.empty()) misplaced = name;
    end = expected + sizeof(Member);
  });
  return end;
}

TEST(Fields, OfOutsideAreComplete) {
  std::string misplaced;
  EXPECT_EQ(end_of_listed(Outside{}, misplaced), sizeof(Outside));
  EXPECT_EQ(misplaced, "");
}

TEST(Fields, OfSnapshotAreComplete) {
  std::string misplaced;
  const std::size_t end = end_of_listed(Snapshot{}, misplaced);
  EXPECT_EQ(misplaced, "");
  constexpr std::size_t kLookups = 2 * sizeof(std::unordered_map<OidNumber, std::uint32_t>) +
                                   2 * sizeof(std::map<std::string, std::uint32_t, std::less<>>);
  constexpr std::size_t kAlign = alignof(std::max_align_t) / 2;
  EXPECT_EQ((end + kAlign - 1) / kAlign * kAlign + kLookups, sizeof(Snapshot));
}

template <typename T>
void expect_unique_names() {
  std::set<std::string_view> names;
  Fields<T>::each(
      [&](std::string_view name, auto) { EXPECT_TRUE(names.insert(name).second) << name; });
}

TEST(Fields, NamesAreUnique) {
  expect_unique_names<Snapshot>();
  expect_unique_names<Relation>();
  expect_unique_names<Index>();
  expect_unique_names<Column>();
}

} // namespace
} // namespace pgkeep::catalog
