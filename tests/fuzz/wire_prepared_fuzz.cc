// Named statements: whatever two clients and two servers say, in any order, the pipeline between
// them stays whole. (That clients hear what is right of servers that are is for the unit tests.)
#include <array>
#include <optional>

#include "fuzz/fuzz.h"
#include "wire/bytes.h"
#include "wire/prepared.h"

namespace {

using pgkeep::fuzz::must;
namespace wire = pgkeep::wire;

constexpr std::size_t kMost = 2;
constexpr std::string_view kFromClient = "PBDCESQH";
constexpr std::string_view kFromServer = "123tTnCDEIsZGN";

/// Whole messages, and nothing else.
void must_be_messages(std::string_view bytes) {
  while (const auto header = wire::header_of(bytes)) {
    must(header->is_sound() && header->message_bytes() <= bytes.size(), "a whole message");
    bytes.remove_prefix(header->message_bytes());
  }
  must(bytes.empty(), "nothing behind the last message");
}

struct Joined {
  wire::PreparedPipeline pipeline;
  std::size_t client = 0;
};

class Play {
public:
  explicit Play(std::string_view bytes) : rest_(bytes) {}

  void run() {
    while (!rest_.empty()) {
      const unsigned char move = byte();
      const std::size_t server = move % 2;
      if (!joined_[server]) join(server, move / 2 % 2);
      if (joined_[server]->pipeline.is_idle() && move >= 224) {
        joined_[server].reset();
      } else if (move % 8 < 5) {
        client_says(server, kFromClient[move / 8 % kFromClient.size()]);
      } else {
        server_says(server, kFromServer[move / 8 % kFromServer.size()]);
      }
    }
  }

private:
  unsigned char byte() {
    if (rest_.empty()) return 0;
    const auto first = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    return first;
  }
  /// A client has one server at a time.
  void join(std::size_t server, std::size_t client) {
    if (joined_[1 - server] && joined_[1 - server]->client == client) client = 1 - client;
    joined_[server].emplace(Joined{.pipeline = {table_, kMost}, .client = client});
  }
  /// Few names and texts, so that they meet; else any bytes.
  std::string body_of(char type) {
    const unsigned char how = byte();
    if (how >= 192) {
      const std::size_t size = std::min<std::size_t>(how - 192U, rest_.size());
      const std::string any(rest_.substr(0, size));
      rest_.remove_prefix(size);
      return any;
    }
    const std::string name = how % 5 == 0 ? "" : "s" + std::to_string(how % 5);
    const std::string text = "q" + std::to_string(how / 5 % 4);
    switch (type) {
    case wire::from_client::kParse:
      return name + '\0' + text + std::string(3, '\0');
    case wire::from_client::kBind:
      return std::string(1, '\0') + name + std::string(7, '\0');
    default:
      return (how % 2 == 0 ? "S" : "P") + name + '\0';
    }
  }
  void client_says(std::size_t server, char type) {
    Joined& joined = *joined_[server];
    if (!wire::PreparedPipeline::is_about_statements(type))
      return joined.pipeline.client_says(type, byte() % 4 == 0 ? "DISCARD ALL" : "SELECT 1",
                                         &clients_[joined.client], known_[server]);
    const std::string body = body_of(type);
    joined.pipeline.set_half_way(byte() % 4 == 0);
    std::string to_server;
    std::string to_client;
    const auto outcome =
        joined.pipeline.client_says(type, static_cast<std::uint32_t>(body.size() + 4), body,
                                    clients_[joined.client], known_[server], to_server, to_client);
    if (outcome.is_broken) {
      const std::size_t client = joined.client;
      joined_[server].reset(); // Both are closed.
      clients_[client].clear();
      known_[server].clear();
      return;
    }
    must(outcome.body_from <= body.size(), "a part of the body");
    if (!outcome.goes_as_is) to_server += body.substr(outcome.body_from);
    must_be_messages(to_server);
    must_be_messages(to_client);
  }
  void server_says(std::size_t server, char type) {
    Joined& joined = *joined_[server];
    std::string behind;
    const std::string_view tag = byte() % 4 == 0 ? "DISCARD ALL" : "SELECT 1";
    static_cast<void>(
        joined.pipeline.server_says(type, tag, &clients_[joined.client], known_[server], behind));
    must_be_messages(behind);
  }

  std::string_view rest_;
  wire::StatementTable table_;
  std::array<wire::ClientStatements, 2> clients_;
  std::array<wire::ServerStatements, 2> known_;
  std::array<std::optional<Joined>, 2> joined_;
};

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Play(pgkeep::fuzz::text_of(data, size)).run();
  return 0;
}
