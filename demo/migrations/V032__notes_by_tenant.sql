-- A shop must not read the notes of another: the server sees to it, whatever the program asks.
ALTER TABLE customer_notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE customer_notes FORCE ROW LEVEL SECURITY;
CREATE POLICY customer_notes_of_tenant ON customer_notes
    USING (tenant_id = (SELECT nullif(current_setting('shop.tenant', true), '')::bigint))
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('shop.tenant', true), '')::bigint));
