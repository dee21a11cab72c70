#include "pool/takeover.h"

#include <sys/un.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "base/scratch_test.h"
#include "pool/heir.h"
#include "pool/no_descriptors_test.h"

namespace pgkeep::pool {
namespace {

struct Offer {
  base::Scratch scratch;
  std::unique_ptr<Handover> handover;

  Offer() {
    Settings settings;
    settings.unix_socket_dir = scratch.path().string();
    auto offered = Handover::offer(settings, {});
    if (offered) handover = *std::move(offered);
  }
  [[nodiscard]] base::Fd newcomer() const {
    base::Fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    for (const auto& each : std::filesystem::directory_iterator(scratch.path()))
      std::ranges::copy(each.path().string(), address.sun_path);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }
};

TEST(PoolTakeover, OutOfDescriptorsNobodyIsAcceptedForAWhile) {
  const Offer offer;
  ASSERT_TRUE(offer.handover);
  Handover& handover = *offer.handover;
  const int listener = handover.fd();
  ASSERT_GE(listener, 0);
  const base::Fd newcomer = offer.newcomer();
  {
    const NoDescriptors none;
    EXPECT_FALSE(handover.look("", 0));
    EXPECT_LT(handover.fd(), 0) << "who waits for it is woken again and again";
  }
  EXPECT_FALSE(handover.look("", AcceptPause::kLength - 1));
  EXPECT_LT(handover.fd(), 0);
  EXPECT_FALSE(handover.look("it is paused", AcceptPause::kLength));
  EXPECT_EQ(handover.fd(), listener) << "the one that came was told, and is gone";
}

TEST(PoolTakeover, AClientThatThereIsNoDescriptorForStaysOnItsWay) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  base::Fd there(ends[0]);
  const base::Fd here(ends[1]);
  for (const char* text : {"first", "second"})
    ASSERT_EQ(send_client(there, text, STDERR_FILENO), SendOutcome::sent);
  Reserve reserve;
  ASSERT_TRUE(reserve.grow());
  EXPECT_EQ(reserve.size(), Reserve::kMost);
  const auto kind = [&] { return receive_client(here, reserve).kind; };
  {
    const NoDescriptors none;
    EXPECT_FALSE(reserve.grow());
    const Received first = receive_client(here, reserve);
    EXPECT_EQ(first.message, "first");
    EXPECT_TRUE(first.fd.is_open());
    EXPECT_EQ(reserve.size(), Reserve::kMost - 1);
    std::vector<base::Fd> taken;
    while (reserve.spend())
      taken.emplace_back(::dup(STDERR_FILENO));
    EXPECT_EQ(kind(), Received::Kind::no_room);
    EXPECT_EQ(kind(), Received::Kind::no_room);
  }
  const Received second = receive_client(here, reserve);
  EXPECT_EQ(second.message, "second");
  EXPECT_TRUE(second.fd.is_open());
  EXPECT_EQ(kind(), Received::Kind::nothing);
  there.reset();
  EXPECT_EQ(kind(), Received::Kind::end);
}

TEST(PoolTakeover, WhatIsKeptForClientsIsNeverAllThatThereIs) {
  constexpr std::size_t kBeyond = 8;
  NoDescriptors few;
  few.leave(Reserve::kForTheRest + kBeyond);
  std::atomic<bool> is_over = false;
  std::atomic<int> refused = 0;
  {
    const std::jthread other([&] {
      while (!is_over.load()) {
        if (!base::Fd(::dup(STDERR_FILENO)).is_open()) refused.fetch_add(1);
      }
    });
    for (int i = 0; i < 200; ++i) {
      Reserve reserve;
      EXPECT_TRUE(reserve.grow());
      EXPECT_GE(reserve.size(), kBeyond - 1);
      EXPECT_LE(reserve.size(), kBeyond);
    }
    is_over.store(true);
  }
  EXPECT_EQ(refused.load(), 0);
}

TEST(PoolTakeover, ClientsGoOnlyWhereThereIsRoom) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  const base::Fd newer(ends[0]);
  Heir heir{base::Fd(ends[1])};
  EXPECT_FALSE(heir.take_place());
  ASSERT_TRUE(send_room(newer, 2));
  send_cancel(newer, {.process = 7, .secret = 8});
  const Received room = receive(heir.way);
  EXPECT_EQ(room_in(room.message), 2U);
  EXPECT_FALSE(cancel_in(room.message));
  const Received cancel = receive(heir.way);
  EXPECT_FALSE(room_in(cancel.message));
  EXPECT_TRUE(cancel_in(cancel.message));
  heir.places.fetch_add(2);
  EXPECT_TRUE(heir.take_place());
  EXPECT_TRUE(heir.take_place());
  EXPECT_FALSE(heir.take_place());
  heir.give_place();
  EXPECT_TRUE(heir.take_place());
}

} // namespace
} // namespace pgkeep::pool
