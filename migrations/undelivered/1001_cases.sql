-- The recipients of each order, sealed, and one row per parcel with what was seen of it and its case. A row is first
-- inserted blank (state NULL), so that it can be locked.
CREATE TABLE orders (
    key    text COLLATE "C" PRIMARY KEY,
    state  jsonb,
    status text GENERATED ALWAYS AS (state #>> '{order,status}') STORED,
    CONSTRAINT orders_status CHECK (status IN ('unseen', 'accepted'))
);

CREATE TABLE cases (
    key          text COLLATE "C" PRIMARY KEY,
    state        jsonb,
    -- `quiet`: nothing is wrong with the parcel, or not all is known yet.
    status       text GENERATED ALWAYS AS (state #>> '{case,status}') STORED,
    step         text GENERATED ALWAYS AS (state #>> '{case,step,name}') STORED,
    class        text GENERATED ALWAYS AS (state #>> '{case,file,class}') STORED,
    -- Reship or refund is this one field, so it cannot be both.
    resolution   text GENERATED ALWAYS AS (state #>> '{case,resolution}') STORED,
    order_number text GENERATED ALWAYS AS (split_part(key, '.', 1)) STORED,
    opened_at    text COLLATE "C" GENERATED ALWAYS AS (state #>> '{case,file,opened_at}') STORED,
    CONSTRAINT cases_status CHECK (status IN ('quiet', 'open', 'ended')),
    CONSTRAINT cases_step CHECK (step IN ('opened', 'asked', 'awaiting', 'person')),
    CONSTRAINT cases_step_while_open CHECK ((status = 'open') = (step IS NOT NULL)),
    CONSTRAINT cases_class CHECK (class IN (
        'address_fault', 'person_moved', 'refused_or_unclaimed', 'suspicious', 'deceased', 'damaged', 'lost'
    )),
    CONSTRAINT cases_class_of_a_case CHECK ((status = 'quiet') = (class IS NULL)),
    CONSTRAINT cases_resolution CHECK (resolution IN ('reship', 'refund', 'closed')),
    CONSTRAINT cases_one_end CHECK ((status = 'ended') = (resolution IS NOT NULL)),
    -- Only a first parcel is sent again.
    CONSTRAINT cases_reship_once CHECK (resolution <> 'reship' OR key LIKE '%.1'),
    -- The parcel must be back first; a lost one is not waited for.
    CONSTRAINT cases_reship_of_units CHECK (
        resolution <> 'reship' OR class = 'lost'
        OR state #> '{case,file,facts,returned_at}' IS NOT NULL OR state #> '{case,file,facts,received}' IS NOT NULL
    ),
    -- The recipient is deceased: nobody is asked.
    CONSTRAINT cases_deceased_not_asked CHECK (class <> 'deceased' OR step IS NULL OR step = 'person')
) WITH (fillfactor = 50);
CREATE INDEX cases_open ON cases (opened_at, key) WHERE status = 'open';
