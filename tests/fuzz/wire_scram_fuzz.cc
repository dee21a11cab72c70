// Both sides of SCRAM, with channel binding and without, while somebody between them changes what
// they say: an exchange that was changed never ends well. The first bytes choose what is changed.
#include "base/result.h"
#include "fuzz/fuzz.h"
#include "wire/scram.h"

namespace {

using pgkeep::fuzz::must;
namespace wire = pgkeep::wire;

constexpr std::string_view kBinding = "hash of a certificate";
/// The last characters of base64 have bits that count for nothing.
constexpr std::size_t kLooseEnd = 4;

const wire::ScramVerifier& verifier() {
  static const wire::ScramVerifier made =
      *wire::make_verifier(pgkeep::base::Secret("secret"), "salt", 1);
  return made;
}

/// What a client has learnt once: iterations that somebody asks for cost nothing then.
const wire::ScramClientKeys& keys() {
  static const wire::ScramClientKeys made = [] {
    wire::ScramServer server(verifier(), "server's");
    wire::ScramClient client(pgkeep::base::Secret("secret"), "client's", {});
    const auto answer = server.first(wire::kScramSha256, client.first());
    must(server.final(*client.final(*answer)).has_value(), "who knows the secret comes in");
    return server.keys();
  }();
  return made;
}

/// One message on its way: replaced by the given bytes, or some of them put into it.
struct Change {
  unsigned char at = 0; ///< Which of the four messages; others: none.
  unsigned char how = 0;
  std::size_t place = 0;
  std::string_view bytes = {};

  /// Whether the message is another one now: in more than its loose end.
  bool apply(unsigned char number, std::string& message) const {
    if (at != number) return false;
    const std::string before = message;
    const std::size_t begin = message.empty() ? 0 : place % message.size();
    if (how % 3 == 0) message = bytes;
    if (how % 3 == 1) message.replace(begin, std::min(bytes.size(), message.size() - begin), bytes);
    if (how % 3 == 2) message.insert(begin, bytes);
    const std::size_t firm = before.size() - std::min(kLooseEnd, before.size());
    return message.size() != before.size() ||
           std::string_view(message).substr(0, firm) != std::string_view(before).substr(0, firm);
  }
};

struct Ends {
  bool server = false; ///< It believes the client.
  bool client = false; ///< It believes the server.
  bool is_changed_before_proof = false;
  bool is_changed = false;
};

Ends talk(bool binds, const Change& change) {
  Ends ends;
  const std::string binding(binds ? kBinding : "");
  wire::ScramServer server(verifier(), "server's", binding);
  wire::ScramClient client(keys(), "client's", {.binding = binding, .could_bind = binds});
  std::string first = client.first();
  ends.is_changed |= change.apply(0, first);
  auto answer = server.first(binds ? wire::kScramSha256Plus : wire::kScramSha256, first);
  if (!answer) return ends;
  ends.is_changed |= change.apply(1, *answer);
  auto proof = client.final(*answer);
  if (!proof) return ends;
  ends.is_changed |= change.apply(2, *proof);
  ends.is_changed_before_proof = ends.is_changed;
  auto last = server.final(*proof);
  if (!last) return ends;
  ends.server = true;
  ends.is_changed |= change.apply(3, *last);
  ends.client = client.verify(*last).has_value();
  return ends;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const Change change{.at = static_cast<unsigned char>(data[0] / 2 % 5),
                      .how = data[1],
                      .place = data[2],
                      .bytes = pgkeep::fuzz::text_of(data, size).substr(3)};
  const Ends ends = talk(data[0] % 2 == 1, change);
  must(!ends.server || !ends.is_changed_before_proof, "nobody is let in by what was changed");
  must(!ends.client || !ends.is_changed, "nobody believes what was changed");
  must(ends.is_changed || change.at < 4 || (ends.server && ends.client),
       "who knows the secret comes in");
  return 0;
}
