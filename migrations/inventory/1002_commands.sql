-- What became of each command from outside, so that a repeat under the same reference is answered and not done again.

CREATE TABLE commands (
    key     text COLLATE "C" PRIMARY KEY,
    state   jsonb,
    refused text GENERATED ALWAYS AS (state->'command'->'refused'->>'code') STORED
);
