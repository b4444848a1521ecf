-- What is known of an e-mail address over all orders, by its keyed fingerprint: whether it takes mail, and whether
-- any may be sent to it.

CREATE TABLE addresses (
    key        text COLLATE "C" PRIMARY KEY,
    state      jsonb,
    silent     boolean GENERATED ALWAYS AS ((state->'address'->>'silent')::boolean) STORED,
    suppressed text    GENERATED ALWAYS AS (state->'address'->>'suppressed') STORED
);
