-- One notice per order, kind and cause; the key is all three, so a second one has no place to stand.

CREATE TABLE notices (
    key          text COLLATE "C" PRIMARY KEY,
    state        jsonb,
    order_number text    GENERATED ALWAYS AS (split_part(key, '/', 1)) STORED,
    kind         text    GENERATED ALWAYS AS (split_part(key, '/', 2)) STORED,
    status       text    GENERATED ALWAYS AS (state #>> '{notice,status}') STORED,
    unclear      integer GENERATED ALWAYS AS ((state #>> '{notice,unclear}')::integer) STORED,
    CONSTRAINT status_is_known CHECK (status IN ('pending', 'sent', 'letter', 'unclear', 'failed', 'bounced', 'withheld')),
    -- Two unknown outcomes end it: nobody gets a third copy.
    CONSTRAINT no_third_copy CHECK (unclear <= 2 AND (unclear < 2 OR status <> 'pending'))
);
CREATE INDEX notices_kind_status ON notices (kind, status);
