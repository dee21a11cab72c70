-- Refunds are a state of their own. The server lets a new word be used from the next transaction on.
ALTER TYPE order_state ADD VALUE IF NOT EXISTS 'refunded' AFTER 'done';
