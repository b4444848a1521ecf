-- What every room needs around its decisions: which events it has seen, what it still has to send, what falls
-- due, which messages it tries alone, and what it handed to a person.

CREATE SEQUENCE batch_number;

-- The id begins with the event's own time, so it is key and partition key at once: unique, and old partitions drop.
CREATE TABLE inbox (
    id    uuid   NOT NULL PRIMARY KEY,
    batch bigint NOT NULL
) PARTITION BY RANGE (id);

-- One row is one AMQP message, exactly as it is sent.
CREATE TABLE outbox (
    id           bigint      NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch        bigint      NOT NULL,
    exchange     text        NOT NULL,
    routing_key  text        NOT NULL,
    content_type text        NOT NULL,
    message_id   text        NOT NULL,
    headers      jsonb       NOT NULL DEFAULT '{}',
    body         bytea       NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    attempts     integer     NOT NULL DEFAULT 0,
    next_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_batch ON outbox (batch);
-- Rows for rooms are swept by themselves, so that they never stand behind those for a full outsider.
CREATE INDEX outbox_inner ON outbox (next_at) WHERE exchange <> 'oms.out';
CREATE INDEX outbox_out ON outbox (split_part(routing_key, '.', 1), id) WHERE exchange = 'oms.out';

-- Timers and calls to the outside.
CREATE TABLE due (
    key         text COLLATE "C" NOT NULL,
    kind        text             NOT NULL,
    epoch       integer          NOT NULL,
    attempt     integer          NOT NULL,
    due_at      timestamptz      NOT NULL,
    body        jsonb            NOT NULL,
    -- The batch that wrote the row: the same words written again are another row.
    serial      bigint           NOT NULL,
    traceparent text,
    started_at  timestamptz,
    lease_until timestamptz,
    -- Who makes the call: the number of an advisory lock that goes with its process.
    owner       bigint,
    PRIMARY KEY (key, kind)
) WITH (fillfactor = 50);
CREATE INDEX due_kind_at ON due (kind, due_at);

-- A message that is tried alone leaves a mark before each try; a fifth without a result parks it unread.
CREATE TABLE mark (
    hash    bytea       NOT NULL PRIMARY KEY,
    tries   integer     NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);

-- What a person has to look into.
CREATE TABLE task (
    kind         text        NOT NULL,
    key          text        NOT NULL,
    order_number text,
    reason       text        NOT NULL,
    opened_at    timestamptz NOT NULL DEFAULT now(),
    closed_at    timestamptz,
    closed_by    text,
    close_reason text,
    PRIMARY KEY (kind, key)
);
CREATE INDEX task_open ON task (opened_at) WHERE closed_at IS NULL;
