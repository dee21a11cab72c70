#include "pool/tls_records.h"

#include <algorithm>

namespace pgkeep::pool {
namespace {

constexpr std::size_t kRecordHeaderBytes = 5;         ///< Type, version, length.
constexpr std::size_t kMessageHeaderBytes = 4;        ///< Type, length.
constexpr std::size_t kLongestRecord = 16'384 + 2048; ///< Of TLS 1.2, encrypted.
constexpr unsigned kChangeCipherSpec = 20;
constexpr unsigned kHandshake = 22;
constexpr unsigned kApplicationData = 23;
constexpr unsigned kClientHello = 1;

unsigned byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

} // namespace

TlsRecords::Found TlsRecords::look(std::string_view bytes, bool is_tls13) {
  Found found;
  while (bytes.size() - found.bytes >= kRecordHeaderBytes) {
    const std::string_view record = bytes.substr(found.bytes);
    const unsigned type = byte_at(record, 0);
    const std::size_t length = (std::size_t{byte_at(record, 3)} << 8U) | byte_at(record, 4);
    if (type < kChangeCipherSpec || type > kApplicationData || length > kLongestRecord)
      return {.bytes = bytes.size()};
    if (record.size() < kRecordHeaderBytes + length) break;
    // In TLS 1.3 it says nothing, and may stand in front of the second ClientHello.
    if (type == kChangeCipherSpec && !is_tls13) is_over_ = true;
    if (type == kHandshake && !may_be_taken(record.substr(kRecordHeaderBytes, length)))
      return {.bytes = found.bytes, .is_too_long = true};
    found.bytes += kRecordHeaderBytes + length;
  }
  return found;
}

bool TlsRecords::may_be_taken(std::string_view handshake) {
  if (is_over_ || handshake.empty()) return true;
  if (hello_left_ > 0) {
    hello_left_ -= std::min(hello_left_, handshake.size());
    return true;
  }
  if (byte_at(handshake, 0) != kClientHello) {
    is_over_ = true;
    return true;
  }
  if (handshake.size() < kMessageHeaderBytes) return false; // How long it is nobody knows yet.
  const std::size_t length = (std::size_t{byte_at(handshake, 1)} << 16U) |
                             (std::size_t{byte_at(handshake, 2)} << 8U) | byte_at(handshake, 3);
  if (length > kHelloBytesMax) return false;
  const std::size_t all = kMessageHeaderBytes + length;
  hello_left_ = all - std::min(all, handshake.size());
  return true;
}

} // namespace pgkeep::pool
