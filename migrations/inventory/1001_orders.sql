-- One row per order: its releases with the units that they still hold, lines that wait with what their releases need,
-- and facts that came before their release. An operator looks for orders that have facts but no terms, so that they wait
-- for their partner, and for orders with lines that wait, since only these keep sealed sections.

CREATE TABLE orders (
    key       text    COLLATE "C" PRIMARY KEY,
    state     jsonb,
    awaited   boolean GENERATED ALWAYS AS (state->'order'->'allotted' IS NULL AND state->'order'->'early' IS NOT NULL) STORED,
    waits     boolean GENERATED ALWAYS AS (state->'order'->'allotted'->'later' IS NOT NULL) STORED,
    cancelled boolean GENERATED ALWAYS AS (state->'order'->'cancelled' IS NOT NULL) STORED,
    CONSTRAINT orders_cancelled CHECK (NOT (cancelled AND waits))
) WITH (fillfactor = 50);
CREATE INDEX orders_awaited ON orders (key) WHERE awaited;
CREATE INDEX orders_waits ON orders (key) WHERE waits;
