-- One row per product: its definition and its units. The checks are the last fence: no bug may promise a unit above
-- the product limit, or reserve one that is not in the warehouse.

CREATE TABLE items (
    key           text   COLLATE "C" PRIMARY KEY,
    state         jsonb,
    name          text   GENERATED ALWAYS AS (state->'item'->'product'->>'name') STORED,
    pool          text   GENERATED ALWAYS AS (state->'item'->'product'->'mintage'->>'pool') STORED,
    product_limit bigint GENERATED ALWAYS AS ((state->'item'->'product'->>'product_limit')::bigint) STORED,
    on_hand       bigint GENERATED ALWAYS AS ((state->'item'->>'on_hand')::bigint) STORED,
    reserved      bigint GENERATED ALWAYS AS ((state->'item'->'promised'->>'reserved')::bigint) STORED,
    backordered   bigint GENERATED ALWAYS AS ((state->'item'->'promised'->>'backordered')::bigint) STORED,
    shipped       bigint GENERATED ALWAYS AS ((state->'item'->'promised'->>'shipped')::bigint) STORED,
    waitlisted    bigint GENERATED ALWAYS AS ((state->'item'->>'waitlisted')::bigint) STORED,
    CONSTRAINT items_not_negative CHECK (on_hand >= 0 AND reserved >= 0 AND backordered >= 0 AND shipped >= 0 AND waitlisted >= 0),
    CONSTRAINT items_on_the_shelf CHECK (reserved <= on_hand),
    CONSTRAINT items_product_limit CHECK (reserved + backordered + shipped <= product_limit)
);
CREATE INDEX items_pool ON items (pool);
