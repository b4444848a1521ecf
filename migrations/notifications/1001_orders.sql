-- What notices need of an order: its contact (sealed), what was ordered, its parcels, and the facts that came
-- before these and wait for them.

CREATE TABLE orders (
    key   text COLLATE "C" PRIMARY KEY,
    state jsonb
) WITH (fillfactor = 50);
