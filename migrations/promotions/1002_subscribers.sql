-- Subscribers by the fingerprint of their address: what they consented to, and the ledger of these consents. The
-- contact is sealed, and stands here only while there is something to mail.

CREATE TABLE subscribers (
    key          text COLLATE "C" PRIMARY KEY,
    state        jsonb,
    has_contact  boolean GENERATED ALWAYS AS (state->'subscriber'->'contact' IS NOT NULL) STORED,
    -- Somebody who is asked or has consented; of all others the contact is erased.
    is_live      boolean GENERATED ALWAYS AS (
        jsonb_path_exists(state, '$.subscriber.topics.*.state ? (@ == "asked" || @ == "confirmed")')
    ) STORED,
    suppressed   text    GENERATED ALWAYS AS (state->'subscriber'->>'suppressed') STORED,
    CONSTRAINT contact_only_while_live CHECK (has_contact IS NOT TRUE OR is_live)
);
CREATE INDEX subscribers_live ON subscribers (key) WHERE is_live;
