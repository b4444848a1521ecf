-- One mail per campaign and subscriber; the key is both, so a second one has no place to stand.

CREATE TABLE mails (
    key      text COLLATE "C" PRIMARY KEY,
    state    jsonb,
    -- A campaign's name may hold a slash, a fingerprint none.
    campaign text GENERATED ALWAYS AS (regexp_replace(key, '/[^/]*$', '')) STORED,
    status   text GENERATED ALWAYS AS (state->'mail'->>'status') STORED,
    CONSTRAINT status_is_known CHECK (status IN ('pending', 'sending', 'sent', 'skipped', 'refused', 'unknown'))
);
CREATE INDEX mails_campaign_status ON mails (campaign, status);
