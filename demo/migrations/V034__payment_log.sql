-- Who changed a payment, and from what: the accountants want it in writing.
CREATE TABLE payment_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id bigint NOT NULL,
    old_amount_cents bigint NOT NULL,
    new_amount_cents bigint NOT NULL,
    changed_by text NOT NULL DEFAULT session_user,
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE FUNCTION log_payment() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  INSERT INTO public.payment_log (payment_id, old_amount_cents, new_amount_cents)
  VALUES (NEW.id, OLD.amount_cents, NEW.amount_cents);
  RETURN NULL;
END $$;
CREATE TRIGGER payments_log AFTER UPDATE ON payments FOR EACH ROW
    WHEN (OLD.amount_cents IS DISTINCT FROM NEW.amount_cents) EXECUTE FUNCTION log_payment();
