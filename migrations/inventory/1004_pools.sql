-- One row per mintage pool, counted in coins. The check is the last fence: no bug may sell a coin that was never struck.

CREATE TABLE pools (
    key         text   COLLATE "C" PRIMARY KEY,
    state       jsonb,
    coin_limit  bigint GENERATED ALWAYS AS ((state->'pool'->>'limit')::bigint) STORED,
    reserved    bigint GENERATED ALWAYS AS ((state->'pool'->'promised'->>'reserved')::bigint) STORED,
    backordered bigint GENERATED ALWAYS AS ((state->'pool'->'promised'->>'backordered')::bigint) STORED,
    shipped     bigint GENERATED ALWAYS AS ((state->'pool'->'promised'->>'shipped')::bigint) STORED,
    promised    bigint GENERATED ALWAYS AS (
        (state->'pool'->'promised'->>'reserved')::bigint + (state->'pool'->'promised'->>'backordered')::bigint
            + (state->'pool'->'promised'->>'shipped')::bigint
    ) STORED,
    CONSTRAINT pools_not_negative CHECK (coin_limit >= 0 AND reserved >= 0 AND backordered >= 0 AND shipped >= 0),
    CONSTRAINT pools_mintage CHECK (promised <= coin_limit)
);
