// What views, functions, triggers and rules do: as digests, for comparing databases.
//
// Functions and triggers are put together from columns of the catalog: pg_get_functiondef() costs
// ten times as much. A view has no text of its own; its query is put into words, which locks the
// relations it reads, so a view on a relation that DDL holds is left out. From 16 on the server
// writes columns of a query on a single table without the table's name, so "definition (loose)"
// leaves out all such names, brackets and spaces: it is what databases of different versions are
// compared by.
#include "catalog/reader.h"

namespace pgkeep::catalog {
namespace {

// In a loose text "orders.id" is "id": what stands before a dot and is no number goes.
constexpr std::string_view kViews = R"(
WITH worded AS MATERIALIZED (
  SELECT CASE c.relkind WHEN 'v' THEN 'view' ELSE 'materialized view' END AS kind,
         quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS object,
         pg_get_viewdef(c.oid) AS text
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('v', 'm') AND {{user_schema}} AND {{is_in_scope}}
    AND NOT EXISTS (SELECT FROM pg_rewrite w JOIN pg_depend d ON d.objid = w.oid
                    WHERE w.ev_class = c.oid AND d.classid = 'pg_rewrite'::regclass
                      AND d.refclassid = 'pg_class'::regclass
                      AND d.refobjid = ANY ({{locked}}))
  UNION ALL
  SELECT 'rule', quote_ident(w.rulename) || ' on ' || quote_ident(n.nspname) || '.'
           || quote_ident(c.relname), pg_get_ruledef(w.oid)
  FROM pg_rewrite w
  JOIN pg_class c ON c.oid = w.ev_class
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE w.rulename <> '_RETURN' AND {{user_kinds}} AND {{user_schema}} AND {{is_in_scope}}
    AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                      AND d.refclassid = 'pg_class'::regclass
                      AND d.refobjid = ANY ({{locked}}))
)
SELECT w.kind, w.object, 'definition' AS property, 'md5:' || md5(w.text) AS value
FROM worded w WHERE w.text IS NOT NULL
UNION ALL
SELECT w.kind, w.object, 'definition (loose)', 'md5:' || md5(regexp_replace(regexp_replace(w.text,
         '(\m[[:alpha:]_][[:alnum:]_$]*|"[^"]*")\.', '', 'g'), '[[:space:]()]+', '', 'g'))
FROM worded w WHERE w.text IS NOT NULL
UNION ALL
SELECT 'rule', quote_ident(w.rulename) || ' on ' || quote_ident(n.nspname) || '.'
         || quote_ident(c.relname), 'enabled', w.ev_enabled::text
FROM pg_rewrite w
JOIN pg_class c ON c.oid = w.ev_class
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE w.rulename <> '_RETURN' AND {{user_kinds}} AND {{user_schema}} AND {{is_in_scope}})";

// Values of settings may be anything: "name=md5:...". Names of types say which function or operator
// it is, oids would not.
constexpr std::string_view kFunctionDefinitions = R"(
WITH listed AS MATERIALIZED (
  SELECT p.*, quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '('
           || pg_get_function_identity_arguments(p.oid) || ')' AS object
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE {{user_schema}} AND p.oid >= 16384
    AND p.oid NOT IN (SELECT x.objid FROM pg_depend x
                      WHERE x.refclassid = 'pg_extension'::regclass
                        AND x.classid = 'pg_proc'::regclass AND x.deptype = 'e')
)
SELECT 'function' AS kind, p.object, 'body' AS property,
       'md5:' || md5(p.prosrc || coalesce(' ' || p.probin, '')) AS value
FROM listed p WHERE p.prokind <> 'a' AND p.prosqlbody IS NULL
UNION ALL
SELECT 'function', p.object, x.property, 'md5:' || md5(x.value)
FROM (SELECT l.object, pg_get_function_sqlbody(l.oid) AS body FROM listed l
      WHERE l.prosqlbody IS NOT NULL
        AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = 'pg_proc'::regclass AND d.objid = l.oid
                          AND d.refclassid = 'pg_class'::regclass
                          AND d.refobjid = ANY ({{locked}}))) p
CROSS JOIN LATERAL (VALUES ('definition', p.body),
  ('definition (loose)', regexp_replace(regexp_replace(p.body,
     '(\m[[:alpha:]_][[:alnum:]_$]*|"[^"]*")\.', '', 'g'), '[[:space:]()]+', '', 'g')))
  x(property, value)
WHERE x.value IS NOT NULL
UNION ALL
SELECT 'function', p.object, 'result', pg_get_function_result(p.oid)
FROM listed p WHERE p.prorettype <> 0 AND p.prokind <> 'p'
UNION ALL
SELECT 'function', p.object, 'defaults', 'md5:' || md5(pg_get_function_arguments(p.oid))
FROM listed p WHERE p.pronargdefaults > 0
UNION ALL
SELECT 'function', p.object, 'options',
       concat_ws(', ', CASE WHEN p.proisstrict THEN 'strict' END,
                 CASE WHEN p.proleakproof THEN 'leakproof' END,
                 CASE p.proparallel WHEN 's' THEN 'parallel safe' WHEN 'r' THEN 'parallel restricted'
                 END, 'cost ' || p.procost, 'rows ' || p.prorows,
                 CASE WHEN p.prosupport <> 0 THEN 'support ' || p.prosupport::regproc END)
FROM listed p
UNION ALL
SELECT 'function', p.object, 'settings',
       (SELECT string_agg(split_part(c, '=', 1) || '=md5:' || md5(substr(c, strpos(c, '=') + 1)),
                          ', ' ORDER BY c) FROM unnest(p.proconfig) c)
FROM listed p WHERE p.proconfig IS NOT NULL
UNION ALL
SELECT 'function', p.object, 'definition', concat(
       'kind ', a.aggkind, ', direct ', a.aggnumdirectargs, ', step ', a.aggtransfn,
       ', final ', a.aggfinalfn, ' ', a.aggfinalextra, ' ', a.aggfinalmodify,
       ', combine ', a.aggcombinefn, ', serial ', a.aggserialfn,
       ', deserial ', a.aggdeserialfn, ', moving ', a.aggmtransfn, ', inverse ', a.aggminvtransfn,
       ', moving final ', a.aggmfinalfn, ' ', a.aggmfinalextra, ' ', a.aggmfinalmodify,
       ', sort ', nullif(a.aggsortop, 0)::regoperator,
       ', state ', format_type(a.aggtranstype, NULL), ' ', a.aggtransspace,
       ', moving state ', format_type(nullif(a.aggmtranstype, 0), NULL), ' ', a.aggmtransspace,
       ', initial md5:', md5(a.agginitval), ', moving initial md5:', md5(a.aggminitval))
FROM listed p JOIN pg_aggregate a ON a.aggfnoid = p.oid)";

// Those of constraints' own triggers are named by the server and say nothing. tgtype: bits of
// row/statement, before/after/instead, insert, delete, update, truncate. Only a condition needs to
// be put into words.
constexpr std::string_view kTriggerDefinitions = R"(
SELECT 'trigger' AS kind,
       quote_ident(t.tgname) || ' on ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname)
         AS object, 'definition' AS property,
       CASE WHEN t.tgqual IS NOT NULL THEN 'md5:' || md5(pg_get_triggerdef(t.oid))
            ELSE concat_ws(', ',
              concat_ws(' ', CASE WHEN t.tgtype & 2 <> 0 THEN 'before'
                                  WHEN t.tgtype & 64 <> 0 THEN 'instead of' ELSE 'after' END,
                        CASE WHEN t.tgtype & 4 <> 0 THEN 'insert' END,
                        CASE WHEN t.tgtype & 8 <> 0 THEN 'delete' END,
                        CASE WHEN t.tgtype & 16 <> 0 THEN 'update' END,
                        CASE WHEN t.tgtype & 32 <> 0 THEN 'truncate' END,
                        CASE WHEN t.tgtype & 1 <> 0 THEN 'for each row' END),
              'of ' || CASE WHEN cardinality(t.tgattr::int2[]) > 0 THEN
                (SELECT string_agg(quote_ident(a.attname), ' ' ORDER BY a.attname)
                 FROM pg_attribute a
                 WHERE a.attrelid = t.tgrelid AND a.attnum = ANY (t.tgattr::int2[])) END,
              CASE WHEN t.tgconstraint <> 0 THEN 'constraint' END,
              CASE WHEN t.tgdeferrable THEN 'deferrable' END,
              CASE WHEN t.tginitdeferred THEN 'initially deferred' END,
              'from ' || CASE WHEN t.tgconstrrelid <> 0 THEN
                (SELECT quote_ident(fn.nspname) || '.' || quote_ident(fc.relname) FROM pg_class fc
                 JOIN pg_namespace fn ON fn.oid = fc.relnamespace
                 WHERE fc.oid = t.tgconstrrelid) END,
              'old table ' || t.tgoldtable, 'new table ' || t.tgnewtable,
              CASE WHEN t.tgnargs > 0 THEN 'arguments md5:' || md5(t.tgargs) END)
       END AS value
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND {{user_kinds}} AND {{user_schema}} AND {{is_in_scope}}
UNION ALL
SELECT 'event trigger', quote_ident(e.evtname), x.property, x.value
FROM pg_event_trigger e
CROSS JOIN LATERAL (VALUES
  ('definition', concat_ws(', ', e.evtevent, e.evtfoid::regproc::text,
                           array_to_string(e.evttags, ' '))),
  ('enabled', e.evtenabled::text), ('owner', pg_get_userbyid(e.evtowner))) x(property, value)
WHERE e.oid NOT IN (SELECT d.objid FROM pg_depend d
                    WHERE d.refclassid = 'pg_extension'::regclass
                      AND d.classid = 'pg_event_trigger'::regclass AND d.deptype = 'e'))";

constexpr Reader kDefinitionReaders[] = {
    {.name = "view definitions",
     .facts = Facts::definitions,
     .title = "Digests of what views and rules say",
     .sql = kViews,
     .take = take_definitions},
    {.name = "function definitions",
     .facts = Facts::definitions,
     .title = "Digests of functions' bodies, and their options",
     .sql = kFunctionDefinitions,
     .take = take_definitions},
    {.name = "trigger definitions",
     .facts = Facts::definitions,
     .title = "When triggers and event triggers fire",
     .sql = kTriggerDefinitions,
     .take = take_definitions},
};

} // namespace

const std::span<const Reader> definition_readers{kDefinitionReaders};

void take_definitions(const postgres::Rows& rows, ReadState& state) {
  std::vector<Definition> more = decode_rows<Definition>(rows);
  state.db.definitions.insert(state.db.definitions.end(), std::make_move_iterator(more.begin()),
                              std::make_move_iterator(more.end()));
}

} // namespace pgkeep::catalog
