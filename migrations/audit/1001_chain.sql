-- Every message that rooms send, in one chain of hashes. The head row is locked by every batch, so there is one
-- chain however many replicas write it; the order of numbers is the order of commit.

CREATE TABLE head (
    key   text COLLATE "C" NOT NULL PRIMARY KEY,
    state jsonb,
    seq   bigint GENERATED ALWAYS AS ((state #>> '{head,seq}')::bigint) STORED,
    hash  text GENERATED ALWAYS AS (state #>> '{head,hash}') STORED,
    CONSTRAINT one_head CHECK (key = 'head')
);

-- The key is the number in 20 digits.
CREATE TABLE records (
    key      text COLLATE "C" NOT NULL PRIMARY KEY,
    state    jsonb NOT NULL,
    seq      bigint GENERATED ALWAYS AS ((state #>> '{record,seq}')::bigint) STORED,
    hash     text GENERATED ALWAYS AS (state #>> '{record,hash}') STORED,
    kind     text GENERATED ALWAYS AS (state #>> '{record,about,kind}') STORED,
    event_id text GENERATED ALWAYS AS (state #>> '{record,about,id}') STORED,
    subject  text COLLATE "C" GENERATED ALWAYS AS (state #>> '{record,about,subject}') STORED,
    user_id  text COLLATE "C" GENERATED ALWAYS AS (state #>> '{record,about,user}') STORED,
    CONSTRAINT key_is_number CHECK (key = lpad(seq::text, 20, '0'))
);
CREATE INDEX records_subject ON records (subject, key) WHERE subject IS NOT NULL;
CREATE INDEX records_user ON records (user_id, key) WHERE user_id IS NOT NULL;
