#include "wire/exchange.h"

#include <gtest/gtest.h>

#include <string_view>

namespace pgkeep::wire {
namespace {

/// Plays messages in order: those of the client behind '>', those of the server behind '<'.
Exchange played(std::string_view messages) {
  Exchange exchange;
  bool is_from_client = true;
  for (const char type : messages) {
    if (type == '>' || type == '<') {
      is_from_client = type == '>';
    } else if (is_from_client) {
      EXPECT_TRUE(exchange.client_sent(type)) << type;
    } else if (type == 'Z') {
      exchange.server_is_ready();
    } else {
      exchange.server_sent(type);
    }
  }
  return exchange;
}

struct Case {
  std::string_view name = {};
  std::string_view messages;
  bool is_settled = true;
  bool is_sure = true;
};

TEST(Exchange, KnowsWhenNothingIsOwed) {
  const Case cases[] = {
      {"nothing was said", ""},
      {"a query", ">Q", false},
      {"a query and its answer", ">Q<TDCZ"},
      {"two queries, one answered", ">QQ<CZ", false},
      {"two queries in one go", ">QQ<CZCZ"},
      {"a batch without Sync", ">PBDE", false},
      {"a batch that was flushed and answered, without Sync", ">PBDEH<12TDC", false},
      {"a batch", ">PBDES<12TDCZ"},
      {"a batch behind one that is answered", ">PBESPBE<12CZ", false},
      {"a pipeline", ">PBESPBES<12CZ12CZ"},
      {"a pipeline, half of it answered", ">PBESPBES<12CZ", false},
      {"a function call", ">F<VZ"},
      {"COPY OUT", ">Q<HdddcCZ"},
      {"COPY OUT by Execute", ">PBES<12HddcCZ"},
      {"COPY IN", ">Q<G>dddc<CZ"},
      {"COPY IN, not ended", ">Q<G>ddd", false},
      {"COPY IN, ended, not answered", ">Q<G>dddc", false},
      {"COPY IN that fails at its end", ">Q<G>dddf<EZ"},
      {"COPY IN that fails midway, and the rest of its data", ">Q<G>dd<EZ>ddc"},
      {"COPY IN by Execute: the first Sync has no answer", ">PBES<12G>ddcS<CZ"},
      {"COPY IN by Execute, the last Sync not answered", ">PBES<12G>ddcS<C", false},
      {"COPY IN by Execute, no second Sync", ">PBES<12G>ddc<C", false},
      {"COPY IN by Execute, its Sync comes once the server reads", ">PBE<12G>SdcS<CZ"},
      {"... not ended", ">PBE<12G>Sd", false},
      {"... it fails, two answers", ">PBE<12G>SdcS<EZZ"},
      {"... it fails, one answer of two", ">PBE<12G>SdcS<EZ", false},
      {"... and another Sync", ">PBE<12G>SSdcS<CZ", false, false},
      {"... behind the first data", ">PBE<12G>dSdcS<CZ", false, false},
      {"COPY IN by Execute without a Sync before", ">PBEH<12G>ddcS<CZ"},
      {"COPY IN by Execute that fails midway, no Sync yet", ">PBES<12G>d<E>dc", false},
      {"COPY IN by Execute that fails midway", ">PBES<12G>d<E>dcS<Z", false},
      {"... and the rest of its data", ">PBES<12GEZ>ddcS<Z"},
      {"COPY IN by Execute that fails before it reads", ">PBES<12GEZ"},
      {"COPY IN by Execute that fails, one answer of two", ">PBES<12G>dcS<EZ", false},
      {"COPY IN by Execute that fails, two answers", ">PBES<12G>dcS<EZZ"},
      {"COPY IN by Execute that fails, two answers, the last Sync later", ">PBES<12G>dc<E>S<ZZ"},
      {"COPY IN by Execute that fails, and a query", ">PBES<12G>dcSQ<EZZTDCZ", false, false},
      {"COPY IN by Execute that fails, and a batch", ">PBES<12G>dcPBES<EZ12CZ", false, false},
      {"COPY IN by Execute that fails, a query before that is known", ">PBES<12G>dcS<EZ>Q<ZTDCZ",
       false, false},
      {"COPY IN by Execute that fails, a query behind its last answer", ">PBES<12G>dcS<EZZ>Q<TDCZ"},
      {"COPY IN by Execute, and a batch behind it", ">PBES<12G>dcPBES<C12CZ"},
      {"COPY IN by Execute, data and all in one go", ">PBEdcS<12GCZ"},
      {"COPY IN by Execute, data and all in one go, not answered", ">PBEdcS<12GC", false},
      {"COPY IN by Execute, data and all in one go, it fails", ">PBEdcS<12GEZ"},
      {"COPY IN by Execute, data in one go, its Sync later", ">PBEdcH<12GC>S<CZ"},
      {"COPY IN by Execute, data in one go, no Sync", ">PBEdcH<12GC", false},
      {"twice COPY IN in one batch, all in one go", ">PBEdcPBEdcS<12GC12GCZ"},
      {"COPY IN again behind one in one go", ">PBEdcS<12GCZ>PBES<12G>dcS<CZ"},
      {"two statements of COPY IN in one query", ">Q<G>dc<CG>dc<CZ"},
      {"Sync inside of the data: answered or not, who knows", ">Q<G>dSdc<CZ", false, false},
      {"a query behind one that began COPY IN", ">QQ<G>dc<CZ", false, false},
      {"Sync and Query behind each other, then COPY IN", ">PBESQ<12G", false, false},
      {"a batch behind the Sync that COPY IN passed over", ">PBESPBE<12G", false, false},
      {"more answers than were asked for", ">Q<CZCZ", false, false},
      {"Flush, then a query", ">HQ<TDCZ"},
      {"Flush alone", ">H"},
      {"a query ends the batch before it", ">PBEQ<12CTDCZ"},
      {"a batch behind the query that ended another", ">PBEQPBE<12CTDCZ", false},
      {"a batch that failed passes over the query, too", ">PBEQ<E>S<Z", false},
      {"COPY IN in the midst of a batch that a query ends", ">PBEQ<12G", false, false},
  };
  for (const Case& each : cases) {
    const Exchange exchange = played(each.messages);
    EXPECT_EQ(exchange.is_settled(), each.is_settled) << each.name;
    EXPECT_EQ(exchange.is_sure(), each.is_sure) << each.name;
  }
}

TEST(Exchange, IsInDoubtBehindOneAnswerOfOneOrTwo) {
  EXPECT_FALSE(played(">PBES<12G>dcS<E").is_in_doubt());
  Exchange exchange = played(">PBES<12G>dcS<EZ");
  EXPECT_TRUE(exchange.is_in_doubt());
  exchange.asked();
  EXPECT_TRUE(exchange.is_settled());
  EXPECT_TRUE(exchange.client_sent('Q')); // Behind the question.
  EXPECT_EQ(exchange.owed(), 1);
  EXPECT_TRUE(exchange.is_sure());
  for (const std::string_view known :
       {">PBES<12G>dcS<CZ", ">PBES<12G>dcS<EZZ", ">PBEdcS<12GEZ", ">Q<G>dc<EZ", ">PBES<12GEZ"})
    EXPECT_FALSE(played(known).is_in_doubt()) << known;
}

TEST(Exchange, KnowsWhatClientsSend) {
  for (const char type : std::string_view("QFPBDECHSdcf"))
    EXPECT_TRUE(Exchange().client_sent(type)) << type;
  for (const char type : std::string_view("XpRZ\0?", 6))
    EXPECT_FALSE(Exchange().client_sent(type)) << type;
}

} // namespace
} // namespace pgkeep::wire
