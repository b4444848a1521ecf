-- What was ever heard of an order, one row per fact, only added. The key is "<order number>/<event id>", so an
-- order's facts lie together; facts without an order (products, stock) have "-" for the number. Status is no column: it
-- follows from an order's facts by rank.

CREATE TABLE facts (
    key          text COLLATE "C" NOT NULL PRIMARY KEY,
    state        jsonb NOT NULL,
    order_number text COLLATE "C" GENERATED ALWAYS AS (state->>'order') STORED,
    kind         text GENERATED ALWAYS AS (state #>> '{what,kind}') STORED,
    -- RFC 3339 in UTC with six digits of a second, so it sorts as text; a cast to timestamptz is not immutable.
    time         text COLLATE "C" GENERATED ALWAYS AS (state->>'time') STORED,
    rank         integer GENERATED ALWAYS AS ((state->>'rank')::integer) STORED,
    sender       text GENERATED ALWAYS AS (state #>> '{what,sender}') STORED,
    channel      text GENERATED ALWAYS AS (state #>> '{what,channel}') STORED,
    reference    text COLLATE "C" GENERATED ALWAYS AS (state #>> '{what,reference}') STORED,
    tracking     text COLLATE "C" GENERATED ALWAYS AS (state #>> '{what,tracking}') STORED,
    -- The day of the order in US Eastern time.
    day          text COLLATE "C" GENERATED ALWAYS AS (state->>'day') STORED
);

-- Search by status: the latest facts of a rank.
CREATE INDEX facts_rank ON facts (rank, time, key) WHERE rank IS NOT NULL;
CREATE INDEX facts_reference ON facts (reference) WHERE reference IS NOT NULL;
CREATE INDEX facts_tracking ON facts (tracking) WHERE tracking IS NOT NULL;
CREATE INDEX facts_day ON facts (day, order_number) WHERE day IS NOT NULL;
