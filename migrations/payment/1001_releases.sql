-- What is held and taken on a card, one row per release. Taking more than is held, holding more than the release
-- costs, or giving back more than was taken, must be impossible whatever the program believes.

CREATE TABLE releases (
    key          text COLLATE "C" PRIMARY KEY,
    state        jsonb,
    order_number text   GENERATED ALWAYS AS (split_part(key, '.', 1)) STORED,
    status       text   GENERATED ALWAYS AS (state #>> '{release,stage,status}') STORED,
    -- Minor units. The path says where each stage keeps it.
    amount       bigint GENERATED ALWAYS AS (COALESCE(
                     state #>> '{release,stage,folder,amount}', state #>> '{release,stage,charge,amount}',
                     state #>> '{release,stage,amount}')::bigint) STORED,
    authorized   bigint GENERATED ALWAYS AS ((state #>> '{release,stage,charge,authorized}')::bigint) STORED,
    captured     bigint GENERATED ALWAYS AS ((state #>> '{release,stage,charge,captured}')::bigint) STORED,
    refunded     bigint GENERATED ALWAYS AS ((state #>> '{release,stage,charge,refunded}')::bigint) STORED,
    currency     text   GENERATED ALWAYS AS (COALESCE(
                     state #>> '{release,stage,folder,currency}', state #>> '{release,stage,charge,currency}',
                     state #>> '{release,stage,currency}')) STORED,
    CHECK (amount >= 0),
    CHECK (authorized BETWEEN 0 AND amount),
    CHECK (captured BETWEEN 0 AND authorized),
    CHECK (refunded BETWEEN 0 AND captured)
) WITH (fillfactor = 50);

-- Which releases an order has, and which of them go on although it is cancelled.
CREATE TABLE orders (
    key         text COLLATE "C" PRIMARY KEY,
    state       jsonb,
    handed_over jsonb GENERATED ALWAYS AS (state #> '{order,cancelled}') STORED
);
CREATE INDEX orders_cancelled ON orders (key) WHERE handed_over IS NOT NULL;
