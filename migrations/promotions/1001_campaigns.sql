-- Campaigns: the draft, who defined and who approved it, how far it has come. Mails that have not ended yet stand in
-- the state; what became of the others is counted there and stands in `mails`.

CREATE TABLE campaigns (
    key         text COLLATE "C" PRIMARY KEY,
    state       jsonb,
    status      text   GENERATED ALWAYS AS (state->'campaign'->>'state') STORED,
    defined_by  text   GENERATED ALWAYS AS (lower(state->'campaign'->>'defined_by')) STORED,
    approved_by text   GENERATED ALWAYS AS (lower(state->'campaign'->>'approved_by')) STORED,
    made        bigint GENERATED ALWAYS AS ((state->'campaign'->'counts'->>'made')::bigint) STORED,
    ended       bigint GENERATED ALWAYS AS (
        (state->'campaign'->'counts'->>'sent')::bigint + (state->'campaign'->'counts'->>'skipped')::bigint
        + (state->'campaign'->'counts'->>'refused')::bigint + (state->'campaign'->'counts'->>'unknown')::bigint
    ) STORED,
    CONSTRAINT status_is_known CHECK (status IN ('draft', 'approved', 'running', 'paused', 'stopped', 'finished')),
    -- A campaign that mails has two names on it (2010: 100,000 wrong mails in one go).
    CONSTRAINT a_second_person CHECK (approved_by <> defined_by),
    CONSTRAINT approved_before_it_runs CHECK (status NOT IN ('approved', 'running', 'paused', 'finished') OR approved_by IS NOT NULL),
    CONSTRAINT ended_were_made CHECK (ended <= made),
    CONSTRAINT finished_is_whole CHECK (status <> 'finished' OR ended = made)
);
CREATE INDEX campaigns_status ON campaigns (status);
