-- What is held and taken on a card, one row per release. Taking more than is held, or holding more than the release
-- costs, must be impossible whatever the program believes.

CREATE TABLE releases (
    key          text COLLATE "C" PRIMARY KEY,
    state        jsonb,
    order_number text   GENERATED ALWAYS AS (split_part(key, '.', 1)) STORED,
    status       text   GENERATED ALWAYS AS (state #>> '{stage,status}') STORED,
    -- Minor units. The path says where each stage keeps it.
    amount       bigint GENERATED ALWAYS AS (COALESCE(
                     state #>> '{stage,folder,amount}', state #>> '{stage,charge,amount}', state #>> '{stage,amount}')::bigint) STORED,
    authorized   bigint GENERATED ALWAYS AS ((state #>> '{stage,charge,authorized}')::bigint) STORED,
    captured     bigint GENERATED ALWAYS AS ((state #>> '{stage,charge,captured}')::bigint) STORED,
    currency     text   GENERATED ALWAYS AS (COALESCE(
                     state #>> '{stage,folder,currency}', state #>> '{stage,charge,currency}', state #>> '{stage,currency}')) STORED,
    CHECK (amount >= 0),
    CHECK (authorized BETWEEN 0 AND amount),
    CHECK (captured BETWEEN 0 AND authorized)
);
CREATE INDEX releases_order ON releases (order_number);
CREATE INDEX releases_status ON releases (status);
