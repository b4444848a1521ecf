-- Units that an address, a card or an account got of an item while its household limit was in force. The limit may be
-- lowered later, so that only the sign is checked here.

CREATE TABLE households (
    key   text   COLLATE "C" PRIMARY KEY,
    state jsonb,
    units bigint GENERATED ALWAYS AS ((state->'household'->>'units')::bigint) STORED,
    CONSTRAINT households_not_negative CHECK (units >= 0)
);
