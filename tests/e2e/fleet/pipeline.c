/* libpq in pipeline mode through a pooler: pipeline URI. Exits 0 after "ok". */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kBatches = 20, kInBatch = 25 };

static void fail(PGconn *connection, const char *what) {
  fprintf(stderr, "%s: %s", what, PQerrorMessage(connection));
  exit(1);
}

static PGresult *next(PGconn *connection, ExecStatusType wanted) {
  PGresult *result = PQgetResult(connection);
  if (PQresultStatus(result) != wanted) {
    fprintf(stderr, "wanted %s, got %s: ", PQresStatus(wanted), PQresStatus(PQresultStatus(result)));
    fail(connection, "result");
  }
  return result;
}

static void end_of(PGconn *connection) {
  if (PQgetResult(connection) != NULL) fail(connection, "a result too many");
}

int main(int count, char **words) {
  if (count != 2) return 2;
  PGconn *connection = PQconnectdb(words[1]);
  if (PQstatus(connection) != CONNECTION_OK) fail(connection, "connect");
  if (!PQenterPipelineMode(connection)) fail(connection, "pipeline mode");
  if (!PQsendPrepare(connection, "twice", "SELECT 2 * $1::int", 1, NULL)) fail(connection, "prepare");
  if (!PQpipelineSync(connection)) fail(connection, "sync");
  for (int batch = 0; batch < kBatches; ++batch) {
    for (int i = 0; i < kInBatch; ++i) {
      char text[32];
      snprintf(text, sizeof(text), "%d", batch * kInBatch + i);
      const char *values[] = {batch % 5 == 4 && i == 3 ? "no number" : text};
      if (!PQsendQueryPrepared(connection, "twice", 1, values, NULL, NULL, 0)) fail(connection, "send");
    }
    if (!PQpipelineSync(connection)) fail(connection, "sync");
  }
  PQclear(next(connection, PGRES_COMMAND_OK));
  end_of(connection);
  PQclear(next(connection, PGRES_PIPELINE_SYNC));
  for (int batch = 0; batch < kBatches; ++batch) {
    for (int i = 0; i < kInBatch; ++i) {
      /* What follows an error up to the Sync is passed over. */
      const int is_bad = batch % 5 == 4;
      const ExecStatusType wanted = !is_bad || i < 3 ? PGRES_TUPLES_OK : i == 3 ? PGRES_FATAL_ERROR : PGRES_PIPELINE_ABORTED;
      PGresult *result = next(connection, wanted);
      if (wanted == PGRES_TUPLES_OK && atoi(PQgetvalue(result, 0, 0)) != 2 * (batch * kInBatch + i)) fail(connection, "another's answer");
      PQclear(result);
      end_of(connection);
    }
    PQclear(next(connection, PGRES_PIPELINE_SYNC));
  }
  if (!PQexitPipelineMode(connection)) fail(connection, "end of pipeline mode");
  PGresult *last = PQexec(connection, "SELECT 'ok'");
  if (PQresultStatus(last) != PGRES_TUPLES_OK) fail(connection, "exec");
  puts(PQgetvalue(last, 0, 0));
  PQclear(last);
  PQfinish(connection);
  return 0;
}
