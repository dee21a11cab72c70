#include "pool/moved_client.h"

#include <algorithm>

#include "wire/bytes.h"

namespace pgkeep::pool {
namespace {

constexpr std::uint32_t kForm = 1; ///< Of the message: another one for each change of it.
constexpr std::size_t kTextsMax = 65'536;

void append_text(std::string& out, std::string_view text) {
  wire::append_uint32(out, static_cast<std::uint32_t>(text.size()));
  out.append(text);
}

void append_uint64(std::string& out, std::uint64_t value) {
  wire::append_uint32(out, static_cast<std::uint32_t>(value >> 32U));
  wire::append_uint32(out, static_cast<std::uint32_t>(value));
}

std::string text_in(wire::Reader& reader) {
  return std::string(reader.take(reader.uint32()));
}

std::uint64_t uint64_in(wire::Reader& reader) {
  const std::uint64_t high = reader.uint32();
  return high << 32U | reader.uint32();
}

template <typename Pairs>
void append_pairs(std::string& out, const Pairs& pairs) {
  wire::append_uint32(out, static_cast<std::uint32_t>(pairs.size()));
  for (const auto& [name, value] : pairs) {
    append_text(out, name);
    append_text(out, value);
  }
}

MovedClient::Texts pairs_in(wire::Reader& reader) {
  MovedClient::Texts pairs;
  const std::uint32_t count = reader.uint32();
  for (std::uint32_t i = 0; i < count && i < kTextsMax && !reader.failed(); ++i) {
    std::string name = text_in(reader);
    pairs.emplace_back(std::move(name), text_in(reader));
  }
  return pairs;
}

template <std::size_t size>
void append_bytes(std::string& out, const std::array<std::uint8_t, size>& bytes) {
  for (const std::uint8_t byte : bytes)
    out.push_back(static_cast<char>(byte));
}

template <std::size_t size>
void take_bytes(wire::Reader& reader, std::array<std::uint8_t, size>& bytes) {
  for (std::uint8_t& byte : bytes)
    byte = reader.byte();
}

} // namespace

std::string message_of(const MovedClient& client) {
  std::string out;
  wire::append_uint32(out, kForm);
  for (const std::string* text : {&client.database, &client.pool_user, &client.user})
    append_text(out, *text);
  append_bytes(out, client.peer.ip.bytes);
  wire::append_uint32(out, static_cast<std::uint32_t>(client.peer.process));
  wire::append_uint16(out, client.peer.port);
  out.push_back(client.peer.is_unix ? '\1' : '\0');
  wire::append_uint32(out, client.key.process);
  wire::append_uint32(out, client.key.secret);
  append_uint64(out, static_cast<std::uint64_t>(client.connected_at));
  append_pairs(out, client.parameters);
  append_pairs(out, client.statements);
  out.push_back(client.session ? '\1' : '\0');
  if (client.session) append_pairs(out, *client.session);
  out.push_back(client.custom ? '\1' : '\0');
  if (client.custom) {
    wire::append_uint32(out, static_cast<std::uint32_t>(client.custom->size()));
    for (const std::string& name : *client.custom)
      append_text(out, name);
  }
  out.push_back(client.keys ? '\1' : '\0');
  if (client.keys) {
    append_bytes(out, client.keys->client_key);
    append_bytes(out, client.keys->server_key);
  }
  append_text(out, client.secret.reveal());
  return out;
}

std::optional<MovedClient> moved_client_of(std::string_view message) {
  wire::Reader reader(message);
  if (reader.uint32() != kForm) return std::nullopt;
  MovedClient client;
  for (std::string* text : {&client.database, &client.pool_user, &client.user})
    *text = text_in(reader);
  take_bytes(reader, client.peer.ip.bytes);
  client.peer.process = static_cast<std::int32_t>(reader.uint32());
  client.peer.port = reader.uint16();
  client.peer.is_unix = reader.byte() != 0;
  client.key.process = reader.uint32();
  client.key.secret = reader.uint32();
  client.connected_at = static_cast<std::int64_t>(uint64_in(reader));
  client.parameters = pairs_in(reader);
  client.statements = pairs_in(reader);
  if (reader.byte() != 0) {
    auto& session = client.session.emplace();
    for (auto& [name, value] : pairs_in(reader))
      session.insert_or_assign(std::move(name), std::move(value));
  }
  if (reader.byte() != 0) {
    auto& custom = client.custom.emplace();
    const std::uint32_t count = reader.uint32();
    for (std::uint32_t i = 0; i < count && i < kTextsMax && !reader.failed(); ++i)
      custom.insert(text_in(reader));
  }
  if (reader.byte() != 0) {
    auto& keys = client.keys.emplace();
    take_bytes(reader, keys.client_key);
    take_bytes(reader, keys.server_key);
  }
  client.secret = base::Secret(text_in(reader));
  if (reader.failed() || !reader.at_end()) return std::nullopt;
  return client;
}

void MovedKeys::add(CancelKey key, Place place) {
  const std::lock_guard lock(mutex_);
  places_.insert_or_assign({key.process, key.secret}, place);
  is_used_.store(true);
}

void MovedKeys::remove(CancelKey key) {
  const std::lock_guard lock(mutex_);
  places_.erase({key.process, key.secret});
  is_used_.store(!places_.empty());
}

std::optional<MovedKeys::Place> MovedKeys::find(CancelKey key) const {
  if (!is_used_.load()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto found = places_.find({key.process, key.secret});
  if (found == places_.end()) return std::nullopt;
  return found->second;
}

} // namespace pgkeep::pool
