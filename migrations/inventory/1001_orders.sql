-- One row per order: its releases with the units that they still hold, and facts that came before their release.
-- An order that has facts but no terms waits for its partner, which is what an operator looks for.

CREATE TABLE orders (
    key     text    COLLATE "C" PRIMARY KEY,
    state   jsonb,
    awaited boolean GENERATED ALWAYS AS (state->'order'->'allotted' IS NULL AND state->'order'->'early' IS NOT NULL) STORED
);
CREATE INDEX orders_awaited ON orders (key) WHERE awaited;
