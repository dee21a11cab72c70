ALTER TYPE status ADD VALUE 'held';
ALTER TYPE shop.status ADD VALUE IF NOT EXISTS 'lost';
