// A row's expected width is walked column by column as the server lays it out: each value starts at
// a multiple of its type's alignment. While all that came before is of fixed width the place is
// known exactly; after a value of variable width only its remainder modulo some power of two is,
// and the padding is taken as the mean of what is possible. Values that are null take no space, so
// nullable columns count with their share of values.

#include "audit/rules/width_model.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "audit/rules/storage_options.h"

namespace pgkeep::audit {
namespace {

using catalog::Column;
using catalog::Index;
using catalog::Relation;
using catalog::Snapshot;

constexpr double kPageBytes = 8192;
constexpr double kPageHeaderBytes = 24;     // SizeOfPageHeaderData
constexpr double kItemPointerBytes = 4;     // sizeof(ItemIdData)
constexpr double kHeapHeaderBytes = 23;     // SizeofHeapTupleHeader
constexpr double kIndexHeaderBytes = 8;     // sizeof(IndexTupleData)
constexpr double kIndexNullBitmapBytes = 8; // IndexAttributeBitMapData, aligned
constexpr double kBtreeSpecialBytes = 16;   // sizeof(BTPageOpaqueData)
constexpr double kTidBytes = 6;             // sizeof(ItemPointerData)
constexpr double kPostingBytesMax = 812;    // nbtsort.c: a tenth of a page, less an item pointer
constexpr double kHeapFillfactor = 100;
constexpr double kBtreeFillfactor = 90;
constexpr double kAlignMax = 8;
// Values of 127 bytes and more carry a four-byte header and are aligned; shorter ones are packed
// (varattrib_1b). A column whose mean is near the border holds both.
constexpr double kLongValueBytes = 100;
// ANALYZE looks at 30,000 rows (statistics target 100) and tends to see too few distinct values of
// a large table. Fewer than kDistinctCertain were most likely all seen. Of more there may be half
// as many again, or several times as many where a few values are far more frequent than the rest,
// as the long tail then hides from the sample. Measured on uniform and skewed columns.
constexpr double kDistinctCertain = 1000;
constexpr double kDistinctDoubt = 1.5;
constexpr double kDistinctDoubtSkewed = 3;
constexpr double kSkewed =
    20; // The most common value is that much more frequent than the mean one.

double align_up(double value, double to) {
  return std::ceil(value / to) * to;
}

double alignment_of(const Column& column) {
  if (column.alignment == "d") return 8;
  if (column.alignment == "i") return 4;
  if (column.alignment == "s") return 2;
  return 1;
}

/// The expected place of the next value, and how well it is known.
class Offset {
public:
  /// `present` is the share of rows in which the value is not null.
  void add(double value_bytes, double alignment, double present, bool is_variable) {
    if (present <= 0) return;
    const double step = padding_to(alignment) + value_bytes;
    bytes_ += present * step;
    if (is_variable) {
      is_fixed_ = false;
      modulus_ = 1;
      remainder_ = 0;
      return;
    }
    if (present < 1) {
      // There or not: what is known is what both places have in common.
      is_fixed_ = false;
      while (modulus_ > 1 && std::fmod(step, modulus_) != 0)
        modulus_ /= 2;
      remainder_ = std::fmod(remainder_, modulus_);
      return;
    }
    remainder_ = std::fmod(alignment >= modulus_ ? value_bytes : remainder_ + step,
                           std::max(modulus_, alignment));
    modulus_ = std::max(modulus_, alignment);
  }
  [[nodiscard]] double aligned_bytes() const { return bytes_ + padding_to(kAlignMax); }
  [[nodiscard]] bool is_fixed() const { return is_fixed_; }

private:
  /// The mean of the paddings that the known remainder leaves possible.
  [[nodiscard]] double padding_to(double alignment) const {
    const double least = std::fmod(alignment - std::fmod(remainder_, alignment), alignment);
    if (modulus_ >= alignment) return least;
    return std::fmod(modulus_ - remainder_, modulus_) + (alignment - modulus_) / 2;
  }

  double bytes_ = 0;
  double modulus_ = kAlignMax; // The place is remainder_ modulo modulus_.
  double remainder_ = 0;
  bool is_fixed_ = true;
};

struct RowWidth {
  Offset offset;
  double without_null = 1; // Share of rows without any null.
};

/// False where the column's statistics are missing and needed.
bool add_column(const Column& column, RowWidth& row) {
  if (column.generated == "v") { // Virtual: stored as a null.
    row.without_null = 0;
    return true;
  }
  const bool is_variable = column.length < 0;
  if (!column.has_stats && (is_variable || !column.not_null)) return false;
  const double nulls = column.has_stats ? std::clamp(column.null_fraction, 0.0, 1.0) : 0;
  const double bytes = is_variable ? column.average_width : static_cast<double>(column.length);
  const bool is_packed = is_variable && bytes < kLongValueBytes;
  row.offset.add(bytes, is_packed ? 1 : alignment_of(column), 1 - nulls, is_variable);
  row.without_null *= 1 - nulls;
  return true;
}

/// Pages for rows of that width. Rows of different width leave, on average, room for half a row at
/// the end of a page.
double pages_for(double rows, double usable_bytes, double row_bytes, bool is_fixed) {
  const double fit = usable_bytes / row_bytes;
  const double rows_a_page =
      std::max(1.0, is_fixed ? std::floor(fit) : std::min(fit - 0.5, std::floor(fit)));
  return std::ceil(rows / rows_a_page);
}

// Operator classes whose equal values are the same image, so that the index may merge duplicates
// (support function 4, btequalimage and btvarstrequalimage, in pg_amproc of 14 to 18).
constexpr std::array<std::string_view, 29> kEqualImage{
    "bit_ops",          "bool_ops", "bpchar_ops", "bpchar_pattern_ops", "bytea_ops",
    "char_ops",         "cidr_ops", "date_ops",   "enum_ops",           "inet_ops",
    "int2_ops",         "int4_ops", "int8_ops",   "macaddr8_ops",       "macaddr_ops",
    "money_ops",        "name_ops", "oid_ops",    "pg_lsn_ops",         "text_ops",
    "text_pattern_ops", "tid_ops",  "time_ops",   "timestamp_ops",      "timestamptz_ops",
    "timetz_ops",       "uuid_ops", "varbit_ops", "varchar_ops"};

/// Merging is for indexes without INCLUDE columns, with byte-equal keys; unique ones merge only
/// versions of one row.
bool merges_duplicates(const Snapshot& db, const Index& index) {
  if (index.is_unique || index.columns.size() > static_cast<std::size_t>(index.key_count)) {
    return false;
  }
  if (storage_is_off(index.options, "deduplicate_items")) return false;
  for (const std::string& name : index.operator_classes) {
    // Readers may give the schema too: "pg_catalog.int8_ops".
    const std::string_view plain = std::string_view{name}.substr(name.rfind('.') + 1);
    if (std::ranges::find(kEqualImage, plain) == kEqualImage.end()) return false;
  }
  return std::ranges::all_of(index.columns, [&](std::int32_t number) {
    const Column* const column = db.column(index.relation, number);
    // A collation of one's own may be non-deterministic, which forbids merging; then the larger
    // figure is the safe one.
    return column != nullptr && (column->collation.empty() || column->collation == "default" ||
                                 column->collation == "C" || column->collation == "POSIX");
  });
}

/// Distinct values of a column, without its nulls, leaning to more: more values make a larger
/// index.
double distinct_of(const Column& column, double rows) {
  const double seen = column.distinct < 0 ? -column.distinct * rows : column.distinct;
  if (seen <= kDistinctCertain) return std::clamp(seen, 1.0, std::max(1.0, rows));
  const bool is_skewed = column.most_common_frequency * seen > kSkewed;
  return std::min(rows, seen * (is_skewed ? kDistinctDoubtSkewed : kDistinctDoubt));
}

/// Bytes of all leaf entries when equal keys share posting lists. `key_bytes` is a tuple with its
/// header.
double merged_bytes(double rows, double distinct, double key_bytes) {
  const double each = key_bytes + kItemPointerBytes;
  const double duplicates = rows / distinct;
  const double separate = rows * each;
  const double tids_max = std::max(2.0, std::floor((kPostingBytesMax - key_bytes) / kTidBytes));
  const double lists = std::max(1.0, std::ceil(duplicates / tids_max));
  // 4: the mean padding of a list whose TIDs are a multiple of six.
  return std::min(separate, distinct * (lists * (each + 4) + duplicates * kTidBytes));
}

/// The same for an index on one column, whose nulls are one key of their own without a value.
double one_column_bytes(const Column& column, double rows) {
  const double nulls = rows * (column.has_stats ? std::clamp(column.null_fraction, 0.0, 1.0) : 0);
  const double values = rows - nulls;
  Column value = column;
  value.null_fraction = 0;
  RowWidth row;
  add_column(value, row);
  double bytes = nulls > 0 ? merged_bytes(nulls, 1, kIndexHeaderBytes + kIndexNullBitmapBytes) : 0;
  if (values > 0) {
    const double distinct = column.has_stats
                                ? std::clamp(distinct_of(column, rows), 1.0, std::max(1.0, values))
                                : values;
    bytes += merged_bytes(values, distinct, kIndexHeaderBytes + row.offset.aligned_bytes());
  }
  return bytes;
}

} // namespace

std::optional<double> heap_pages(const Snapshot& db, const Relation& relation) {
  if (relation.rows < 0) return std::nullopt;
  if (relation.rows == 0) return 0;
  RowWidth row;
  std::int32_t last = 0;
  std::int32_t seen = 0;
  for (const Column& column : db.columns_of(relation)) {
    if (!add_column(column, row)) return std::nullopt;
    last = std::max(last, column.number);
    ++seen;
  }
  if (last > seen) row.without_null = 0; // A dropped column is a null in every new row.
  const double bitmap_bytes = std::ceil(static_cast<double>(last) / 8);
  const double header =
      row.without_null * align_up(kHeapHeaderBytes, kAlignMax) +
      (1 - row.without_null) * align_up(kHeapHeaderBytes + bitmap_bytes, kAlignMax);
  const double row_bytes = header + row.offset.aligned_bytes() + kItemPointerBytes;
  const double fillfactor =
      storage_number(relation.options, "fillfactor").value_or(kHeapFillfactor);
  const double usable = kPageBytes - kPageHeaderBytes - kPageBytes * (100 - fillfactor) / 100;
  return pages_for(relation.rows, usable, row_bytes, row.offset.is_fixed());
}

double toast_pages(double chunks) {
  return chunks <= 0 ? 0 : std::ceil(chunks / 4);
}

bool has_btree_model(const Index& index) {
  return index.method == "btree" && index.is_valid && index.is_ready && !index.is_partitioned &&
         index.predicate.empty() && index.expressions.empty() && index.rows >= 0 &&
         !index.columns.empty() && std::ranges::find(index.columns, 0) == index.columns.end();
}

std::optional<double> btree_pages(const Snapshot& db, const Index& index) {
  if (!has_btree_model(index)) return std::nullopt;
  if (index.rows == 0) return 1;
  RowWidth row;
  double distinct = 1;
  for (const std::int32_t number : index.columns) {
    const Column* const column = db.column(index.relation, number);
    if (column == nullptr || !add_column(*column, row)) return std::nullopt;
    if (!column->has_stats) distinct = index.rows;
    distinct = std::min(index.rows, distinct * (distinct_of(*column, index.rows) +
                                                (column->null_fraction > 0 ? 1 : 0)));
  }
  const double key_bytes = kIndexHeaderBytes + (1 - row.without_null) * kIndexNullBitmapBytes +
                           row.offset.aligned_bytes();
  const double each = key_bytes + kItemPointerBytes;
  double entries = index.rows * each;
  if (merges_duplicates(db, index)) {
    entries = index.columns.size() == 1
                  ? one_column_bytes(*db.column(index.relation, index.columns.front()), index.rows)
                  : merged_bytes(index.rows, distinct, key_bytes);
  }
  const double fillfactor = storage_number(index.options, "fillfactor").value_or(kBtreeFillfactor);
  // One more entry a page is the high key.
  const double usable = kPageBytes - kPageHeaderBytes - kBtreeSpecialBytes -
                        kPageBytes * (100 - fillfactor) / 100 - each;
  const double leaves = std::ceil(entries / std::max(usable - each / 2, each));
  // Levels above: one entry a page below, pages filled to 70 % (BTREE_NONLEAF_FILLFACTOR); and the
  // meta page.
  const double fanout = std::max(2.0, kPageBytes * 0.7 / (each + kTidBytes));
  return leaves + std::ceil(leaves / (fanout - 1)) + 1;
}

} // namespace pgkeep::audit
